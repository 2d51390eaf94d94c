"""The minutes of a conversation: what was said and done, each at its place, written as it happens. Pure.

Words come in pieces, late, or never; items come before or after the links that order them. The minutes
keep what is known of each turn, and say with every news which items of the record are to be written.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from ringside.conversation import events as e
from ringside.conversation.effects import Effect, Save, Send
from ringside.conversation.items import Remark, ToolRun, Turn
from ringside.conversation.order import Order


class Transcript:
    """Times are Unix seconds; `effects` gets the writes, in order."""

    def __init__(self) -> None:
        self.order = Order()
        self.turns: dict[str, Turn] = {}
        self.tools: dict[str, ToolRun] = {}  # by the function call's id
        self.remarks: dict[str, Remark] = {}
        self._words: dict[str, list[str]] = {}  # parts of sentences that are not finished
        self._parts: dict[str, dict[int, str]] = {}  # the agent's item -> what it said, by the parts of its content
        self._response_of: dict[str, str] = {}  # the agent's item -> its response
        self._saved: set[str] = set()
        self._begun: set[str] = set()  # the agent's items that were added, and of which no word has come
        self._retrieved: set[str] = set()
        self._awaited: set[str] = set()  # ... and what of it has not come
        self._probe: str | None = None  # the item that shows the end of the conversation after a gap
        self._stray: str | None = None  # the first item that the agent went on with after a gap, not seen to be added

    def load(self, history: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, Any]:
        """Take over what another owner wrote, with the positions; returns the last of its items."""
        entries = [(position, dict(item)) for position, item in history]
        self.order = Order({item["item_id"]: position for position, item in entries})
        self._saved = {item["item_id"] for _, item in entries}
        for _, item in entries:
            match item["kind"]:
                case "turn":
                    self.turns[item["item_id"]] = Turn(**_known(item, Turn))
                case "tool":
                    self.tools[item["tool_call_id"]] = ToolRun(**_known(item, ToolRun))
                case "gap" | "digits":
                    self.remarks[item["item_id"]] = Remark(**_known(item, Remark))
        return entries[-1][1] if entries else {}

    # --- places ---

    def added(self, event: e.ItemAdded, effects: list[Effect]) -> None:
        """An item got its place; one before it that was never seen is asked for."""
        self.place(event.item_id, event.previous_id, effects)
        missed = self.order.hole(event.item_id)
        if event.kind == "agent" and event.item_id not in self.turns:
            self._begun.add(event.item_id)
        self._awaited.discard(event.item_id)
        if event.item_id == self._probe:
            self.order.strays_before(*((event.previous_id,) if event.previous_id and missed else ()), event.item_id)
        if missed is not None:
            self._retrieve(missed, effects)

    def place(self, item_id: str, previous_id: str | None, effects: list[Effect], before: str | None = None) -> None:
        moved = self.order.place(item_id, previous_id, before)
        if moved:
            entries: Iterable[Turn | ToolRun | Remark]
            entries = (*self.turns.values(), *self.tools.values(), *self.remarks.values())
            for entry in entries:
                if entry.item_id in moved and entry.item_id in self._saved:
                    self.save(entry, effects, moved[entry.item_id])

    def save(self, entry: Turn | ToolRun | Remark, effects: list[Effect], replaces: int | None = None) -> None:
        if entry.item_id not in self.order:
            self.place(entry.item_id, None, effects)
        self._saved.add(entry.item_id)
        effects.append(Save(self.order.position(entry.item_id), entry.as_item(), replaces))

    # --- the caller ---

    def turn(self, item_id: str, role: e.Role, now: float) -> Turn:
        return self.turns.setdefault(item_id, Turn(item_id, role, now))

    def words(self, item_id: str, delta: str) -> None:
        self._words.setdefault(item_id, []).append(delta)

    def caller_said(self, item_id: str, text: str | None, now: float, effects: list[Effect]) -> None:
        """The caller's turn is transcribed; None: that failed, and what came before it failed is kept."""
        begun = "".join(self._words.pop(item_id, ()))
        turn = self.turn(item_id, "caller", now)
        if turn.state == "final":
            return
        turn.text = (begun or None) if text is None else text
        turn.state = "untranscribed" if turn.text is None else "final"
        turn.ended_at = turn.ended_at or now
        # Words that come late, after a gap, were said before what the agent still goes on with.
        self.place(item_id, None, effects, self._stray)
        self.save(turn, effects)

    def caller_committed(self, item_id: str, now: float, effects: list[Effect]) -> None:
        """The caller has said something, which is written before its words are known: whoever comes after us
        can ask for them, as long as it knows the item's id."""
        turn = self.turn(item_id, "caller", now)
        turn.ended_at = turn.ended_at or now
        if turn.state == "pending" and item_id not in self._saved:
            self.save(turn, effects)

    # --- the agent ---

    def agent_turn(self, item_id: str, response_id: str, now: float, effects: list[Effect]) -> Turn:
        self._response_of[item_id] = response_id
        self._begun.discard(item_id)
        turn = self.turn(item_id, "agent", now)
        if item_id not in self.order:
            self.place(item_id, None, effects)
            if self._probe is not None and self._stray is None:
                self._stray = item_id
        return turn

    def agent_said(self, event: e.AgentTranscript, now: float, effects: list[Effect]) -> None:
        self._words.pop(event.item_id, None)
        turn = self.agent_turn(event.item_id, event.response_id, now, effects)
        parts = self._parts.setdefault(event.item_id, {})
        parts[event.part] = event.text
        turn.text, turn.ended_at = " ".join(text for _, text in sorted(parts.items()) if text), now
        if turn.state == "pending":
            turn.state = "final"
        self.save(turn, effects)

    def missed_of(self, event: e.ResponseEnded, now: float, effects: list[Effect]) -> None:
        """A response that ended tells its words again: those that were said while nobody listened are taken from it."""
        missed = [said for said in event.said if not self._has_words(said.item_id)]
        if not missed:
            return
        for item_id, following in pairwise(event.items):
            if item_id not in self.order and following in self.order:
                self.place(following, item_id, effects)
        for said in missed:
            known = said.item_id in self.turns
            self.agent_turn(said.item_id, said.response_id, now, effects).recovered = not known
            self.agent_said(said, now, effects)

    def _has_words(self, item_id: str) -> bool:
        turn = self.turns.get(item_id)
        return turn is not None and turn.text is not None and turn.state != "pending"

    def cut_off(self, event: e.AgentCutOff, effects: list[Effect]) -> None:
        """The caller heard only so much of it."""
        turn = self.turns.get(event.item_id)
        if turn is not None and turn.role == "agent":
            turn.heard_ms, turn.state = event.heard_ms, "interrupted"
            if turn.text is not None:
                self.save(turn, effects)

    def interrupted(self, response_id: str, effects: list[Effect]) -> None:
        for item_id, response in self._response_of.items():
            turn = self.turns[item_id]
            if response == response_id and turn.state in ("pending", "final"):
                turn.state = "interrupted"
                if turn.text is not None:
                    self.save(turn, effects)

    # --- gaps ---

    def gap(self, since: float, until: float, why: str, effects: list[Effect]) -> str:
        """Nobody listened for a while: write that, and ask for the words of turns that are known of.

        Returns an id for an item of our own, which will show what the last item of the gap is.
        """
        self.remark("gap", since, until, why, effects)
        for turn in self.turns.values():
            if turn.state == "pending" and turn.item_id in self.order:
                self._retrieve(turn.item_id, effects)
        for item_id in sorted(self._begun):
            self._retrieve(item_id, effects)
        self._probe, self._stray = f"ringside_gap_{len(self.remarks)}", None
        self._awaited.add(self._probe)
        return self._probe

    @property
    def is_catching_up(self) -> bool:
        """Whether something that was asked for after a gap is still to come. The next owner could not ask for
        it: the last item that it would find is the one that we added."""
        return bool(self._awaited)

    def retrieved(self, event: e.ItemRetrieved, now: float, effects: list[Effect]) -> None:
        self._awaited.discard(event.item_id)
        self._begun.discard(event.item_id)
        if event.role is None:
            return
        known = event.item_id in self.turns
        turn = self.turn(event.item_id, event.role, now)
        turn.recovered = turn.recovered or not known
        turn.ended_at = turn.ended_at or now
        if turn.state == "pending" and event.text is not None:
            turn.text, turn.state = event.text, "final"
            self._words.pop(event.item_id, None)
        if turn.state != "pending" or (turn.role == "caller" and turn.item_id not in self._saved):
            self.save(turn, effects)

    def _retrieve(self, item_id: str, effects: list[Effect]) -> None:
        if item_id not in self._retrieved:
            self._retrieved.add(item_id)
            self._awaited.add(item_id)
            effects.append(Send(e.RetrieveItem(item_id)))

    def remark(self, kind: Any, since: float, until: float, text: str, effects: list[Effect]) -> Remark:
        """Their ids only have to be new in this call."""
        remark = Remark(f"{kind}_{len(self.remarks) + 1}", kind, since, until, text)
        self.remarks[remark.item_id] = remark
        self.save(remark, effects)
        return remark

    # --- the end ---

    def pause(self, now: float, effects: list[Effect]) -> None:
        """Another owner goes on: leave it the ids of turns whose words are still to come."""
        self.order.strays_before()  # these have just begun: they are no strays of an earlier gap
        for item_id in self._begun:
            self.turn(item_id, "agent", now)
        for turn in self.turns.values():
            if turn.state == "pending" and turn.item_id not in self._saved:
                turn.text = "".join(self._words.get(turn.item_id, ())) or None
                self.save(turn, effects)

    def close(self, unheard: Iterable[str], now: float, effects: list[Effect]) -> None:
        """The call is over: keep and mark what was cut off. `unheard`: responses that were not played to their end."""
        silent = set(unheard)
        for item_id in list(self._words):
            self.turn(item_id, "caller", now)  # begun, but never given a place
        for turn in list(self.turns.values()):
            begun = "".join(self._words.pop(turn.item_id, ()))
            if begun:
                turn.text = f"{turn.text} {begun}" if turn.text else begun
            if turn.state == "pending":
                placed = turn.role == "caller" and turn.ended_at is not None
                turn.state = "untranscribed" if placed and not turn.text else "cut"
            elif turn.state == "final" and (begun or self._response_of.get(turn.item_id) in silent):
                turn.state = "cut"
            elif not begun:
                continue
            turn.ended_at = turn.ended_at or now
            self.save(turn, effects)

    def running(self) -> Iterator[ToolRun]:
        return (run for run in self.tools.values() if run.outcome == "running")


def _known(item: Mapping[str, Any], entry: type) -> dict[str, Any]:
    """Of an item of the record, what this version of the entry knows. Entries are dataclasses with slots."""
    return {name: item[name] for name in entry.__slots__ if name in item}  # type: ignore[attr-defined]
