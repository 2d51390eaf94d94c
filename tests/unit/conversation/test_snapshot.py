"""A call that is handed over goes on as if it had not been: feed, hand over, feed is feed, feed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation import snapshot
from ringside.conversation.behaviour import Target
from tests.unit.conversation.sessions import Step, play, sessions
from tests.unit.conversation.talk import (
    BEHAVIOUR,
    FAREWELL,
    Talk,
    assert_consistent,
    from_record,
    learned,
    outputs,
    press,
    quiet,
    saying_goodbye,
    unhurried,
)

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


def without_owner(item_id: str) -> str:
    """An item of our own has its owner in its id: owners that know nothing of each other never give the same id."""
    return re.sub(r"^((?:ringside_)?(?:gap|digits)_)[0-9]+_", r"\1", item_id)


def what_was_given(talk: Talk) -> Given:
    given = Given(usage=talk.conversation.usage)
    for time, effect in zip(talk.times, talk.effects, strict=True):
        match effect:
            case do.Send(e.Respond(instructions)):
                given.prompts.append((time, instructions))
            case do.Send(e.TellOutput(call, output)):
                given.outputs.setdefault(call, (time, output))
            case do.Send(e.TellFact(text, item)):
                given.facts.setdefault(without_owner(item) if item else len(given.facts), (time, text))
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
    items = [{**item, "item_id": without_owner(item["item_id"])} for item in items if item | nothing != item]
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


@unhurried
@given(sessions(), st.data(), st.booleans())
def test_a_call_that_is_handed_over_goes_on_as_if_it_had_not_been(
    steps: list[Step], data: st.DataObject, greeted: bool
) -> None:
    cuts = cuts_of(steps, data)

    handed_over = lived(with_markers(steps, cuts, Talk.changes_hands), greeted=greeted)

    assert handed_over == lived(with_markers(steps, cuts, lambda talk: None), greeted=greeted)


@unhurried
@given(sessions(), st.data(), st.booleans())
def test_a_gap_between_two_owners_is_like_a_gap_of_one(steps: list[Step], data: st.DataObject, greeted: bool) -> None:
    cuts = cuts_of(steps, data)

    def to_another(talk: Talk) -> None:
        talk.changes_hands()
        talk.is_reattached()

    handed_over = lived(with_markers(steps, cuts, to_another), greeted=greeted)

    assert handed_over == lived(with_markers(steps, cuts, Talk.is_reattached), greeted=greeted)


@unhurried
@given(sessions())
def test_what_is_restored_is_what_was_taken(steps: list[Step]) -> None:
    """Nothing that a part writes down is left unread."""
    talk = Talk(OFFICE)
    for step in steps:
        play(talk, step)

    taken = []
    for _ in range(2):
        talk.hands_over()
        taken.append(from_record(talk.facts["conversation"]))
        taken[-1]["timers"].pop("max_duration", None)  # it is the behaviour's
        talk.is_taken_over()

    assert taken[1] == taken[0] | {"epoch": 2}


# --- what used to be lost ---------------------------------------------------------------------


def test_keys_that_nobody_asked_for_and_that_two_owners_heard_are_one_row() -> None:
    talk = Talk()
    press(talk, "12")
    talk.changes_hands()
    press(talk, "34")
    talk.wait(BEHAVIOUR.digit_pause)

    assert [fact.text for fact in talk.sent(e.TellFact)] == ["The caller pressed 1234 on the phone's keypad."]


def test_keys_that_are_collected_across_a_hand_over_are_one_number() -> None:
    talk = Talk()
    talk.calls_tool("collect_digits", "d1", "r1", arguments='{"length": 4}')
    press(talk, "12")
    talk.changes_hands()
    press(talk, "34")

    assert learned(talk, "d1") == {"digits": "1234", "ended_by": "length"}


def test_a_goodbye_for_silence_that_is_being_said_is_followed_by_hanging_up() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    talk.agent_begins("Well then, good", response="goodbye")
    talk.changes_hands()
    talk.response_ends("goodbye")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("goodbye"))

    assert talk.hung_up == [EndReason.SILENCE]
    assert talk.asked.count(FAREWELL) == 1


def test_the_end_is_announced_once() -> None:
    talk = Talk(replace(BEHAVIOUR, silence_after=1e6))
    talk.wait(BEHAVIOUR.max_duration - BEHAVIOUR.warn_before_end)
    talk.changes_hands()
    talk.wait(20)

    assert len(talk.sent(e.TellFact)) == 1


def test_an_announcement_that_comes_late_says_how_many_seconds_are_really_left() -> None:
    talk = Talk(replace(BEHAVIOUR, silence_after=1e6))
    talk.now += BEHAVIOUR.max_duration - 45  # nobody woke it: its owner was gone
    go_on_with(talk, dead=True).wait(0)

    (fact,) = talk.sent(e.TellFact)
    assert fact.text == "This call ends in 45 seconds. Bring the conversation to a close."


@pytest.mark.parametrize("said", ["asked for", "begun", "heard"])
def test_the_goodbye_at_the_time_limit_is_said_once(said: str) -> None:
    talk = Talk(replace(BEHAVIOUR, silence_after=1e6))
    talk.wait(BEHAVIOUR.max_duration)
    if said != "asked for":
        talk.agent_begins("Good", response="goodbye")
    if said == "heard":
        talk.response_ends("goodbye")
    talk.changes_hands()
    if said == "asked for":
        talk.agent_begins("Good", response="goodbye")
    if said != "heard":
        talk.response_ends("goodbye")
    talk.feed(e.PlaybackStopped("goodbye"))

    assert talk.asked == [FAREWELL]
    assert talk.hung_up == [EndReason.MAX_DURATION]


def test_an_answer_of_several_parts_is_one_turn_across_a_hand_over() -> None:
    talk = Talk()
    agent = talk.agent_begins("At", response="r1")
    talk.feed(e.AgentTranscript(agent, "r1", "At eight.", 0), e.AgentTranscript(agent, "r1", "Or at nine.", 1))
    talk.changes_hands()
    talk.feed(e.AgentTranscript(agent, "r1", "Which?", 2), e.AgentTranscript(agent, "r1", "Or at ten.", 1))

    assert talk.turn(agent)["text"] == "At eight. Or at ten. Which?"


def test_an_interruption_just_before_a_hand_over_is_kept() -> None:
    talk = Talk()
    agent = talk.agent_begins("We have tables", response="r1")
    talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"), e.AgentCutOff(agent, 700))
    talk.changes_hands()
    talk.feed(e.AgentTranscript(agent, "r1", "We have tables at"))

    turn = talk.turn(agent)
    assert (turn["text"], turn["state"], turn["heard_ms"]) == ("We have tables at", "interrupted", 700)


def test_an_answer_that_was_still_played_when_the_call_changed_hands_and_ended_is_cut() -> None:
    talk = Talk()
    agent = talk.agent_says("We have tables at six.", response="r1", heard=False)
    talk.changes_hands()
    talk.finish()

    assert talk.turn(agent)["state"] == "cut"


def test_what_happens_after_the_hand_over_is_the_next_owner_s_business() -> None:
    talk = Talk()
    talk.calls_tool("book", "call_1", "r1")
    talk.hands_over()

    assert talk.tool_returns("call_1") == []
    talk.is_taken_over()
    talk.tool_returns("call_1")
    assert outputs(talk) == ["call_1"]


def test_an_output_that_may_not_have_left_is_sent_again() -> None:
    talk = with_a_finished_tool()

    assert outputs(go_on_with(talk)) == ["call_9"]


def test_an_output_that_the_session_has_shown_is_not_sent_again() -> None:
    talk = with_a_finished_tool()
    talk.output_added("call_9")

    assert outputs(go_on_with(talk)) == []


# --- hanging up -------------------------------------------------------------------------------


@pytest.mark.parametrize("dead", [True, False])
def test_a_hang_up_that_was_claimed_is_done_again_and_nothing_else(dead: bool) -> None:
    talk = saying_goodbye()
    talk.feed(e.PlaybackStopped("r1"))
    talk.facts["hang_up_reason"] = "agent_hung_up"
    following = go_on_with(talk, dead=dead)
    following.wait(100)

    assert following.effects == [do.HangUp(EndReason.AGENT_HUNG_UP)]


def test_a_hang_up_that_was_not_claimed_yet_is_done_by_the_next_owner() -> None:
    talk = saying_goodbye()
    talk.feed(e.PlaybackStopped("r1"))

    assert go_on_with(talk).hung_up == [EndReason.AGENT_HUNG_UP]


# --- after a crash ----------------------------------------------------------------------------


def crashed(talk: Talk) -> Talk:
    """The second owner has died: what is in the record of the parts is the first one's."""
    talk.is_taken_over()
    return talk


def test_keys_of_an_old_snapshot_are_not_believed() -> None:
    talk = Talk()
    press(talk, "12")
    talk.changes_hands()
    talk.wait(BEHAVIOUR.digit_pause)
    crashed(talk).wait(BEHAVIOUR.digit_pause)

    assert len(talk.sent(e.TellFact)) == 1


def test_an_answer_that_an_old_snapshot_asks_for_is_not_asked_for_again() -> None:
    talk = with_a_finished_tool()
    talk.changes_hands()
    talk.output_added("call_9")
    talk.agent_says("It is booked.", response="r10")
    crashed(talk).wait(11)

    assert talk.asked == [None]


def test_a_goodbye_for_silence_in_an_old_snapshot_was_taken_back_for_all_we_know() -> None:
    talk = Talk()
    quiet(talk)
    quiet(talk)
    talk.wait(BEHAVIOUR.silence_after)
    talk.changes_hands()
    talk.caller_says("I am here!")
    talk.agent_says("How can I help?", response="r1")
    crashed(talk).wait(BEHAVIOUR.silence_after - 0.1)

    assert talk.hung_up == []


def test_what_nobody_can_have_taken_back_is_believed_of_an_old_snapshot_too() -> None:
    talk = Talk(replace(BEHAVIOUR, silence_after=1e6))
    talk.wait(BEHAVIOUR.max_duration)
    talk.changes_hands()
    talk.agent_begins("Good", response="goodbye")
    crashed(talk).wait(BEHAVIOUR.farewell_limit)

    assert talk.asked == [FAREWELL]
    assert talk.hung_up == [EndReason.MAX_DURATION]
    assert len(talk.sent(e.TellFact)) == 1, "the announcement of the end"


@pytest.mark.parametrize("epoch", [0, 2, 3, 1.0, True, "1", None])
def test_a_snapshot_of_anybody_but_the_owner_just_before_is_not_current(epoch: object) -> None:
    assert not snapshot.is_current({"epoch": epoch, "at": 5.0}, 2, [])


def test_a_snapshot_is_not_current_if_its_owner_wrote_something_later() -> None:
    given = {"epoch": 1, "at": 5.0}

    assert snapshot.is_current(given, 2, [{"epoch": 1, "started_at": 5}, {"epoch": 0, "started_at": 9}])
    assert not snapshot.is_current(given, 2, [{"epoch": 1, "started_at": 5.5}])


def died_after(*happenings: str) -> Talk:
    """The record of an owner that died, in the hands of the next one. Tools `a` and `b` ran beside each other."""
    talk = Talk()
    talk.response_begins("r9")
    for call in ("a", "b"):
        talk.calls_tool("book", call, "r9")
    talk.response_ends("r9")
    for happening in happenings:
        talk.wait(1.0)
        match happening:
            case "a" | "b":
                talk.tool_returns(happening)
            case "gap":
                talk.is_reattached(0.5)
            case "keys":
                press(talk, "12")
                talk.wait(BEHAVIOUR.digit_pause)
            case "caller":
                talk.caller_says("Well?")
            case "agent":
                talk.agent_says("It is booked.", response="r10")
    return go_on_with(talk, dead=True)


@pytest.mark.parametrize(
    ("happenings", "retold"),
    [
        (["a", "b"], ["a", "b"]),
        (["a"], ["a"]),
        (["gap", "a", "b"], ["a", "b"]),
        (["a", "b", "gap"], ["a", "b"]),
        (["a", "b", "keys"], ["a", "b"]),
        (["a", "b", "caller"], ["a", "b"]),
        (["a", "agent", "b"], ["b"]),
        (["a", "b", "agent"], []),
        (["a", "b", "gap", "agent"], ["a", "b"]),
    ],
)
def test_every_outcome_that_may_not_have_reached_the_session_is_told_once_by_the_next_owner(
    happenings: list[str], retold: list[str]
) -> None:
    """The session refuses one that it has; of those that it had not, one answer is asked for."""
    following = died_after(*happenings)
    assert sorted(outputs(following)) == retold
    following.is_reattached()
    assert sorted(outputs(following)) == retold, "once"

    for call in retold:
        following.output_added(call)
    running = [run for run in ("a", "b") if run not in happenings]
    for call in running:
        following.tool_returns(call)
        following.output_added(call)
    assert len(following.asked) == (1 if retold or running else 0)


def test_an_outcome_that_the_record_has_and_that_is_run_by_openai_is_not_told() -> None:
    talk = Talk()
    talk.feed(e.RemoteToolCalled("mcp_1", "shop", "buy", "{}", "bought", False))

    assert outputs(go_on_with(talk, dead=True)) == []


def test_ids_of_what_two_owners_add_are_never_the_same() -> None:
    """The first owner told the session of keys and of a gap, and died before it had written them down."""
    talk = Talk()
    press(talk, "12")
    talk.wait(BEHAVIOUR.digit_pause)
    talk.is_reattached()
    told = {fact.item_id for fact in talk.sent(e.TellFact)}
    for position in [at for at, item in talk.table.at.items() if item["kind"] in ("gap", "digits")]:
        del talk.table.at[position]

    following = go_on_with(talk, dead=True)
    press(following, "34")
    following.wait(BEHAVIOUR.digit_pause)
    following.is_reattached()
    told_again = {fact.item_id for fact in following.sent(e.TellFact)}

    assert len(told) == len(told_again) == 2
    assert not told & told_again
    assert all(item_id is not None and len(item_id) <= 32 for item_id in told | told_again)


# --- another version's snapshot ---------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**15) | st.floats(allow_nan=False) | st.sampled_from(["", "c1", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["c1", "silence", "x"]), inner),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """The value with fields that are missing, unknown, or of another type."""
    if isinstance(value, dict) and draw(st.integers(0, 5)):
        kept = {name: draw(spoilt(inner)) for name, inner in value.items() if draw(st.integers(0, 5))}
        return kept | ({"smell": draw(anything)} if draw(st.booleans()) else {})
    return value if draw(st.integers(0, 3)) else draw(anything)


@unhurried
@given(sessions(), sessions(10), st.data())
def test_whatever_a_snapshot_holds_the_call_goes_on_and_ends_in_time(
    steps: list[Step], more: list[Step], data: st.DataObject
) -> None:
    talk = Talk(OFFICE)
    for step in steps:
        play(talk, step)
    talk.hands_over()
    talk.facts["conversation"] = data.draw(spoilt(talk.facts["conversation"]))
    if isinstance(talk.facts["conversation"], dict):
        talk.facts["conversation"] |= {"epoch": 1, "at": talk.now}
    talk.is_taken_over()
    for step in more:
        play(talk, step)
    talk.wait(OFFICE.max_duration + OFFICE.farewell_limit)

    assert talk.hung_up
    assert_consistent(talk)
    talk.finish()


# --- what is left to the next owner -----------------------------------------------------------


def test_whoever_goes_on_is_left_the_turn_that_was_being_spoken() -> None:
    talk = Talk()
    talk.feed(e.CallerStarted("c9"), e.CallerWords("c9", "I would like"))

    talk.hands_over()

    assert talk.turn("c9")["state"] == "pending"
    assert talk.turn("c9")["text"] == "I would like"


def test_whoever_goes_on_is_left_the_answer_of_which_no_word_has_come() -> None:
    talk = Talk()
    talk.feed(e.ResponseStarted("r9"), talk.added("a9", "agent"))

    talk.hands_over()

    assert talk.turn("a9")["state"] == "pending"


def go_on_with(talk: Talk, *, dead: bool = False) -> Talk:
    """The talk, in the hands of the next owner; what it does comes of the record, and of nothing else."""
    if not dead:
        talk.hands_over()
    talk.effects.clear()
    talk.times.clear()
    talk.is_taken_over()
    return talk


def asked_for(effects: Sequence[do.Effect]) -> int:
    """How many responses."""
    return sum(isinstance(effect, do.Send) and isinstance(effect.command, e.Respond) for effect in effects)


def with_a_finished_tool(*, response: str | None = None) -> Talk:
    """Its output was told, and an answer asked for, unless a response was still running."""
    talk = Talk()
    if response:
        talk.feed(e.ResponseStarted(response))
    talk.feed(e.ToolCalled("f9", "r9", "call_9", "book", "{}"), e.ToolFinished("call_9", "ok", "booked"))
    return talk


def test_the_next_owner_does_not_ask_again_for_the_answer_that_was_asked_for() -> None:
    following = go_on_with(with_a_finished_tool())
    effects = following.feed(
        e.ItemAdded("out", None, "tool_output", "call_9"), e.ResponseStarted("r10", "ringside_1_2")
    )
    effects += following.feed(e.ResponseEnded("r10", "completed", None, None, e.Usage()))

    assert asked_for(effects) == 0


def test_the_next_owner_asks_for_the_answer_that_nobody_could_ask_for_yet() -> None:
    following = go_on_with(with_a_finished_tool(response="r8"))

    effects = following.feed(e.ResponseEnded("r8", "completed", None, None, e.Usage()))

    assert asked_for(effects) == 1


def test_an_answer_that_was_asked_for_and_never_began_is_asked_for_by_the_next_owner() -> None:
    following = go_on_with(with_a_finished_tool())

    assert asked_for(following.wait(11)) == 1


def test_what_was_owed_and_paid_is_not_left_to_the_owner_after_the_next() -> None:
    following = go_on_with(with_a_finished_tool())
    following.feed(e.ResponseStarted("r10"))

    (note,) = [effect for effect in following.hands_over() if isinstance(effect, do.Note)]
    assert note.facts["conversation"]["unanswered"]["ids"] == []


def test_a_tool_that_a_dead_owner_may_have_told_of_is_answered_once() -> None:
    """The session refuses an output that it has; one that it had not is added, and then it is to be answered."""
    talk = Talk()
    talk.feed(e.ToolCalled("f9", "r9", "call_9", "book", "{}"))
    following = go_on_with(talk, dead=True)

    effects = following.feed(e.ToolFinished("call_9", "unknown", "nobody knows"))
    assert asked_for(effects) == 0
    effects = following.feed(e.ItemAdded("out", None, "tool_output", "call_9"))
    assert asked_for(effects) == 1
