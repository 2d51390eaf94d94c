"""A call that is handed over goes on as if it had not been: feed, hand over, feed is feed, feed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Target
from tests.unit.conversation.sessions import Step, play, sessions
from tests.unit.conversation.talk import ANSWERED, BEHAVIOUR, Talk, unhurried

OFFICE = replace(
    BEHAVIOUR,
    transfers={"office": Target("tel:+14255550100", "Take a note.")},
    tool_patience=4.0,
    waiting_instructions="One moment.",
    max_duration=80.0,
    warn_before_end=30.0,
)

# --- what the caller gets ---------------------------------------------------------------------


@dataclass
class Given:
    """All that a call's effects come to, for the caller, the model and the reader of the record.

    The shell claims tools, transfers and hanging up, and the session refuses an item that it has: the second time does
    nothing. Responses have the names of their owners, and an answer of which no word came is not a turn.
    """

    prompts: list[tuple[float, str | None]] = field(default_factory=list)
    outputs: dict[str, tuple[float, str]] = field(default_factory=dict)
    facts: dict[object, tuple[float, str]] = field(default_factory=dict)
    approvals: list[tuple[float, str, bool]] = field(default_factory=list)
    tools: dict[str, float] = field(default_factory=dict)
    refers: dict[str, tuple[float, str]] = field(default_factory=dict)
    hang_ups: list[tuple[float, EndReason]] = field(default_factory=list)
    reattached: list[float] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    counts: list[tuple[float, str]] = field(default_factory=list)
    record: list[Mapping[str, Any]] = field(default_factory=list)
    unplaced: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # the call ended before they had a place
    attributes: dict[str, Any] = field(default_factory=dict)
    usage: e.Usage = field(default_factory=e.Usage)


def what_was_given(talk: Talk) -> Given:
    given = Given(usage=talk.conversation.usage)
    for time, effect in zip(talk.times, talk.effects, strict=True):
        match effect:
            case do.Send(e.Respond(instructions)):
                given.prompts.append((time, instructions))
            case do.Send(e.TellOutput(call, output)):
                given.outputs.setdefault(call, (time, output))
            case do.Send(e.TellFact(text, item)):
                given.facts.setdefault(item or len(given.facts), (time, text))
            case do.Send(e.Approve(item, approve)):
                given.approvals.append((time, item, approve))
            case do.RunTool(call):
                given.tools.setdefault(call, time)
            case do.Refer(call, uri):
                given.refers.setdefault(call, (time, uri))
            case do.HangUp(reason) if not given.hang_ups:
                given.hang_ups.append((time, reason))
            case do.Reattach():
                given.reattached.append(time)
            case do.Mark(step):
                given.marks.append((time, step))
            case do.Count(what):
                given.counts.append((time, what))
    nothing = {"kind": "turn", "role": "agent", "text": None}
    items = [{name: value for name, value in item.items() if name != "epoch"} for item in talk.table.items]
    items = [item for item in items if item | nothing != item]
    given.record = [item for item in items if item.get("role") != "caller" or item["item_id"] in talk.placed]
    given.unplaced = {item["item_id"]: item for item in items if item not in given.record}
    given.attributes = {name: talk.facts.get(name) for name in ("notes", "transfer")}
    return given


def with_markers(steps: Sequence[Step], cuts: Sequence[int], hand_over: Any) -> list[Step]:
    """The steps, with a hand-over at each of the cuts: the next owner's marker stands between the items."""
    found: list[Step] = []
    last, marker = None, None
    for number, step in enumerate((*steps, None)):
        if number in cuts:
            found += [hand_over, e.ItemAdded(f"marker_{number}", marker or last, "other")]
            marker = f"marker_{number}"
        if isinstance(step, e.ItemAdded):
            if step.previous_id == last and marker is not None:
                step = replace(step, previous_id=marker)
            last, marker = step.item_id, None
        if step is not None:
            found.append(step)
    return found


def lived(steps: Sequence[Step], *, greeted: bool = True) -> Given:
    talk = Talk(OFFICE, greeted=greeted)
    if not greeted:
        talk.begins()
    for step in steps:
        play(talk, step)
    talk.wait(3.0)
    talk.finish()
    return what_was_given(talk)


def cuts_of(steps: Sequence[Step], data: st.DataObject) -> list[int]:
    return data.draw(st.lists(st.integers(0, len(steps)), min_size=1, max_size=3, unique=True))


@settings(unhurried, max_examples=200)
@given(sessions(), st.data(), st.booleans())
def test_a_call_that_is_handed_over_goes_on_as_if_it_had_not_been(
    steps: list[Step], data: st.DataObject, greeted: bool
) -> None:
    cuts = cuts_of(steps, data)

    handed_over = lived(with_markers(steps, cuts, Talk.changes_hands), greeted=greeted)

    assert handed_over == lived(with_markers(steps, cuts, lambda talk: None), greeted=greeted)


@settings(unhurried, max_examples=200)
@given(sessions(), st.data(), st.booleans())
def test_a_gap_between_two_owners_is_like_a_gap_of_one(steps: list[Step], data: st.DataObject, greeted: bool) -> None:
    cuts = cuts_of(steps, data)

    def to_another(talk: Talk) -> None:
        talk.changes_hands()
        talk.is_reattached()

    handed_over = lived(with_markers(steps, cuts, to_another), greeted=greeted)

    assert handed_over == lived(with_markers(steps, cuts, Talk.is_reattached), greeted=greeted)
