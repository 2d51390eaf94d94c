"""A call as the emulator lived it, held against the record: every word, every effect, the end.

The emulator knows what was said and what was asked of it; the record is read without the code under test.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.emulator.client import Shown
from infra.emulator.session import speech
from infra.local.records import CallRecord
from tests.drills.talk import GREETING, Script

GAP_SLACK = 1.0
"""Seconds. The record's gap begins with the former owner's last sign of life, the emulator's turn with its sound."""


TRANSCRIBED_SECONDS = 3.0
"""At pace 1: how long after a caller's last word its transcript may still be on its way, behind the answer."""


@dataclass(frozen=True)
class Flaw:
    """Something about one call that is not as it should be."""

    kind: str
    call_id: str
    what: str


@dataclass(frozen=True)
class Lived:
    """One call, from all sides: the emulator's, the record's, and the ledger's of the tools."""

    known: Shown
    record: CallRecord
    runs: Mapping[str, int]  # a tool call's id -> how often its tool really ran

    @property
    def call_id(self) -> str:
        return str(self.known["call_id"])

    @property
    def turns(self) -> list[dict[str, Any]]:
        return [item for item in self.record.items if item["kind"] == "turn"]

    @property
    def gaps(self) -> list[tuple[float, float]]:
        found = [item for item in self.record.items if item["kind"] == "gap"]
        return [(float(item["started_at"]), float(item["ended_at"])) for item in found]

    @property
    def attached(self) -> list[tuple[float, float]]:
        """From when until when each of the sidebands was attached; one that still is, for ever."""
        return [(each["opened_at"], each["closed_at"] or float("inf")) for each in self.known["attachments"]]

    def asked(self, verb: str, *, done: bool = False) -> int:
        """How often accept, reject, refer or hangup was asked for, or was successful."""
        asked = [each for each in self.known["requests"] if each["path"].endswith(f"/{verb}")]
        return len([each for each in asked if not done or 200 <= (each["status"] or 0) < 300])

    @property
    def greetings(self) -> int:
        responses = (each["event"].get("response") or {} for each in self.known["commands"])
        return sum(GREETING in (response.get("instructions") or "") for response in responses)


def flaws_of(
    call: Lived, script: Script | None = None, *, pace: float = 1.0, reason: str = "agent_hung_up"
) -> list[Flaw]:
    """Everything that is wrong with one call; with `script`, also what was said beside it."""
    found = [*_words(call, pace), *_effects(call), *_end(call, reason)]
    if script is not None:
        found += _script(call, script)
    return [Flaw(kind, call.call_id, what) for kind, what in found]


def count(flaws: Iterable[Flaw], *kinds: str) -> int:
    return sum(flaw.kind in kinds for flaw in flaws)


def _words(call: Lived, pace: float) -> Iterable[tuple[str, str]]:
    said = [_words_of(turn) for turn in call.known["spoken"]]
    recorded = [(turn["role"], None if _is_all_that_came(turn, call) else turn["text"]) for turn in call.turns]
    for turn in call.known["spoken"]:
        if _words_of(turn) not in recorded:
            lasts = speech.audio_ms(turn["text"]) / 1000 * pace
            lasts += TRANSCRIBED_SECONDS * pace if turn["role"] == "caller" else 0.0
            in_gap = any(
                since - GAP_SLACK <= turn["at"] + lasts and turn["at"] <= until + GAP_SLACK
                for since, until in call.gaps
            )
            yield "lost in a gap" if in_gap else "lost words", f"{turn['role']}: {turn['text']}"
    for words, times in (Counter(recorded) - Counter(said)).items():
        yield "doubled words", f"{words} {times} times too often"
    both = Counter(said) & Counter(recorded)
    if [words for words in recorded if words in both] != [words for words in said if words in both]:
        yield "order", f"{recorded} instead of {said}"


def _words_of(turn: dict[str, Any]) -> tuple[str, str | None]:
    """Who said what; what a caller said is nothing that could be known until it was transcribed."""
    known = turn["role"] == "agent" or turn["transcribed"] == "completed"
    return turn["role"], turn["text"] if known else None


def _is_all_that_came(turn: dict[str, Any], call: Lived) -> bool:
    """Whether these are the first words of a transcript that never came to its end: none, some or all of them."""
    spoken = next((each for each in call.known["spoken"] if each["item_id"] == turn["item_id"]), None)
    if spoken is None or _words_of(spoken)[1] is not None:
        return False
    return str(spoken["text"]).startswith((turn["text"] or "").rstrip())


def _effects(call: Lived) -> Iterable[tuple[str, str]]:
    if call.greetings > 1:
        yield "doubled effects", f"{call.greetings} greetings"
    for verb in ("accept", "reject", "refer", "hangup"):
        if (times := call.asked(verb, done=True)) > 1:
            yield "doubled effects", f"{times} times {verb}"
    if call.asked("accept", done=True) and call.asked("reject", done=True):
        yield "doubled effects", "accepted and rejected"
    for tool in call.known["tool_calls"]:
        runs = call.runs.get(tool["call_id"], 0)
        if runs > 1 or tool["answers"] > 1:
            yield "doubled effects", f"{tool['name']} ran {runs} times and was answered {tool['answers']} times"
        if tool["answers"] == 0 and tool["name"] != "hang_up":
            yield "lost effects", f"{tool['name']} was never answered"


def _end(call: Lived, reason: str) -> Iterable[tuple[str, str]]:
    if call.known["state"] in ("accepted", "live", "ringing"):
        yield "left open", f"{call.known['state']} at the end"
    if not call.record.is_final:
        yield "not closed", f"the record says {call.record.status or 'nothing'}"
    elif call.record.call.get("end_reason") != reason:
        told = f"{call.record.call.get('end_reason')} ({call.record.call.get('end_detail')})"
        yield "wrong end", f"{told} instead of {reason}"
    last = next((turn for turn in reversed(call.known["spoken"]) if turn["role"] == "agent"), None)
    if reason == "agent_hung_up" and last is not None and last["interrupted"]:
        yield "cut goodbye", f"{last['text']} (heard for {last['heard_ms']} ms)"


def _script(call: Lived, script: Script) -> Iterable[tuple[str, str]]:
    """The words of the script and no others, in its order: a response too many says what nobody wrote."""
    written = [
        str(line.get("agent") or line.get("caller")) for line in script["lines"] if {"agent", "caller"} & set(line)
    ]
    said = [turn["text"] for turn in call.known["spoken"]]
    if said == written:
        return
    if written[-1] not in said:
        yield "dropped", f"ended by {(call.known['ended'] or {}).get('by')} after {len(said)} of {len(written)} turns"
    for words in said:
        if words not in written:
            yield "unasked words", words
