"""What was said is kept, once, in the conversation's order, and marked for what it is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.calls import Step
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Target
from ringside.conversation.conversation import Conversation
from tests.unit.conversation.talk import ANSWERED, BEHAVIOUR, Talk, sent, unhurried

# --- turns ------------------------------------------------------------------------------------


def test_a_conversation_reads_as_it_was_spoken() -> None:
    talk = Talk()
    talk.caller_says("A table for two.")
    talk.agent_says("At what time?", response="r1")
    talk.caller_says("At eight.")
    assert talk.lines == ["agent: Hello!", "caller: A table for two.", "agent: At what time?", "caller: At eight."]
    assert {turn["state"] for turn in talk.turns} == {"final"}


def test_a_turn_is_saved_with_the_event_that_finishes_it() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    saved = [effect for effect in talk.transcribed(caller, "Hi.") if isinstance(effect, do.Save)]
    assert [(save.item["text"], save.item["state"]) for save in saved] == [("Hi.", "final")]
    agent = talk.agent_begins("Good", response="r1")
    saved = [effect for effect in talk.feed(e.AgentTranscript(agent, "r1", "Good day.")) if isinstance(effect, do.Save)]
    assert [(save.item["text"], save.item["state"]) for save in saved] == [("Good day.", "final")]


def test_a_turn_knows_when_it_began_and_ended() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.wait(3)
    talk.caller_stops(caller)
    talk.wait(1)
    talk.transcribed(caller, "Hi.")
    turn = talk.turn(caller)
    assert (turn["started_at"], turn["ended_at"]) == (ANSWERED, ANSWERED + 3)


def test_a_caller_s_words_that_come_after_the_answer_stand_before_it() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.agent_says("At eight then.", response="r1")
    talk.transcribed(caller, "At eight.")
    assert talk.lines == ["agent: Hello!", "caller: At eight.", "agent: At eight then."]


def test_a_caller_s_words_that_come_before_their_item_find_its_place() -> None:
    talk = Talk()
    talk.transcribed("early", "At eight.")
    talk.caller_starts("early")
    talk.caller_stops("early")
    talk.agent_says("At eight then.", response="r1")
    assert talk.lines == ["agent: Hello!", "caller: At eight.", "agent: At eight then."]


def test_words_for_an_item_that_nobody_announced_are_kept() -> None:
    talk = Talk()
    talk.transcribed("unheard_of", "Are you there?")
    talk.feed(e.AgentTranscript("also_unheard_of", "r9", "Yes."))
    assert talk.lines == ["agent: Hello!", "caller: Are you there?", "agent: Yes."]


def test_without_any_item_added_the_order_is_that_of_arrival() -> None:
    talk = Talk(greeted=False)
    talk.feed(e.AgentTranscript("a1", "r1", "Hello!"), e.CallerTranscript("c1", "Hi.", e.Usage()))
    talk.feed(e.AgentTranscript("a2", "r2", "Bye."))
    assert talk.lines == ["agent: Hello!", "caller: Hi.", "agent: Bye."]


def test_a_caller_who_said_nothing_intelligible_has_an_empty_turn() -> None:
    talk = Talk()
    turn = talk.turn(talk.caller_says(""))
    assert (turn["text"], turn["state"]) == ("", "final")


def test_what_the_caller_said_is_written_before_its_words_are_known() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    assert talk.turn(caller)["state"] == "pending"
    talk.transcribed(caller, "At eight.")
    assert talk.turn(caller)["state"] == "final"
    assert talk.lines == ["agent: Hello!", "caller: At eight."]


def test_a_transcription_that_failed_is_marked() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.feed(e.CallerTranscriptFailed(caller, "audio_unintelligible"))
    turn = talk.turn(caller)
    assert (turn["text"], turn["state"]) == (None, "untranscribed")
    assert "transcription_failed" in talk.counted


def test_a_transcription_that_fails_halfway_keeps_what_it_had() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.feed(e.CallerWords(caller, "At "), e.CallerWords(caller, "ei"), e.CallerTranscriptFailed(caller, "oops"))
    assert talk.turn(caller)["text"] == "At ei"


def test_a_transcript_that_comes_twice_or_after_its_failure_is_the_last_word() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.caller_stops(caller)
    talk.feed(e.CallerTranscriptFailed(caller, "oops"))
    talk.transcribed(caller, "At eight.")
    talk.transcribed(caller, "At ei")
    talk.feed(e.CallerTranscriptFailed(caller, "oops"))
    assert talk.lines == ["agent: Hello!", "caller: At eight."]


def test_an_answer_of_several_parts_is_one_turn_with_all_its_words() -> None:
    talk = Talk()
    agent = talk.agent_begins("At", response="r1")
    talk.feed(e.AgentTranscript(agent, "r1", "At eight.", 0))
    assert talk.turn(agent)["text"] == "At eight."
    talk.feed(e.AgentWords(agent, "r1", "Any"), e.AgentTranscript(agent, "r1", "Anything else?", 1))
    assert talk.turn(agent)["text"] == "At eight. Anything else?"
    talk.feed(e.AgentTranscript(agent, "r1", "At eight.", 0))
    assert talk.turn(agent)["text"] == "At eight. Anything else?"


def test_the_first_audio_is_marked_once() -> None:
    talk = Talk()
    talk.agent_says("Anything else?", response="r1")
    assert talk.marked == [Step.FIRST_AUDIO]


def test_pieces_of_sentences_cost_nothing_but_memory() -> None:
    talk = Talk()
    agent = talk.agent_begins("Good", response="r1")
    assert talk.feed(e.AgentWords(agent, "r1", " day"), e.CallerWords("caller", "Hi")) == []


# --- interruptions ----------------------------------------------------------------------------


def interruption(agent: str) -> dict[str, e.Event]:
    return {
        "cleared": e.PlaybackCleared("r1"),
        "truncated": e.AgentCutOff(agent, 700),
        "transcript": e.AgentTranscript(agent, "r1", "We have tables at six, at seven and"),
        "done": e.ResponseEnded("r1", "cancelled", "turn_detected", None, e.Usage()),
    }


@pytest.mark.parametrize("late", [None, "transcript", "done", "truncated", "cleared"])
@unhurried
@given(order=st.permutations(["cleared", "truncated", "transcript", "done"]))
def test_whom_the_caller_interrupts_is_marked_so_in_whatever_order_it_is_told(
    late: str | None, order: list[str]
) -> None:
    """The order of these events is not documented."""
    talk = Talk()
    agent = talk.agent_begins("We have tables at six", response="r1")
    caller = talk.caller_starts()
    events = interruption(agent)
    talk.feed(*[events[name] for name in order if name != late])
    talk.caller_stops(caller)
    if late is not None:
        talk.feed(events[late])
    talk.transcribed(caller, "Seven!")
    turn = talk.turn(agent)
    assert (turn["state"], turn["heard_ms"]) == ("interrupted", 700)
    assert talk.lines[-2:] == ["agent: We have tables at six, at seven and", "caller: Seven!"]
    assert talk.finish() == [do.SaveUsage(talk.conversation.usage)], "nothing is left open"


def test_a_finished_answer_is_interrupted_while_it_is_still_played() -> None:
    talk = Talk()
    agent = talk.agent_says("We have tables at six, at seven and at eight.", response="r1", heard=False)
    caller = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"), e.AgentCutOff(agent, 700))
    talk.caller_stops(caller)
    assert talk.turn(agent)["state"] == "interrupted"
    assert talk.turn(agent)["heard_ms"] == 700


def test_an_answer_that_waited_behind_the_interrupted_one_is_interrupted_too() -> None:
    talk = Talk()
    talk.agent_says("One moment.", response="r1", heard=False)
    waiting = talk.item()
    talk.feed(e.ResponseStarted("r2"), talk.added(waiting, "agent"), e.AgentTranscript(waiting, "r2", "It is eight."))
    talk.response_ends("r2")
    talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    assert talk.turn(waiting)["state"] == "interrupted"


def test_an_answer_that_was_heard_stays_final_when_the_next_is_interrupted() -> None:
    talk = Talk()
    heard = talk.agent_says("Good day.", response="r1")
    talk.agent_begins("We have", response="r2")
    talk.caller_starts()
    talk.feed(e.PlaybackCleared("r2"))
    talk.interrupted("r2")
    assert talk.turn(heard)["state"] == "final"


# --- usage ------------------------------------------------------------------------------------

counts = st.integers(0, 1000)
usages = st.builds(e.Usage, *[counts] * 9, st.integers(0, 100).map(float))


@unhurried
@given(st.lists(st.tuples(usages, st.booleans())))
def test_usage_adds_up_and_every_total_is_the_whole_so_far(reports: list[tuple[e.Usage, bool]]) -> None:
    talk = Talk()
    total = e.Usage()
    for number, (usage, by_caller) in enumerate(reports):
        if by_caller:
            talk.feed(e.CallerTranscript(f"c{number}", "Hi.", usage))
        else:
            talk.response_begins(f"r{number}")
            talk.response_ends(f"r{number}", usage=usage)
        total += usage
        saved = [effect.usage for effect in talk.effects if isinstance(effect, do.SaveUsage)]
        assert talk.conversation.usage == total
        assert by_caller or usage == e.Usage() or saved[-1] == total
    assert talk.finish()[-1] == do.SaveUsage(total)


# --- the end ----------------------------------------------------------------------------------


def test_the_end_keeps_an_answer_that_was_cut_off() -> None:
    talk = Talk()
    agent = talk.agent_begins("We have tables at ", response="r1")
    talk.feed(e.AgentWords(agent, "r1", "six"))
    talk.wait(1)
    talk.finish()
    turn = talk.turn(agent)
    assert (turn["text"], turn["state"], turn["ended_at"]) == ("We have tables at six", "cut", ANSWERED + 1)


def test_the_end_marks_an_answer_that_was_not_heard_to_its_end() -> None:
    talk = Talk()
    agent = talk.agent_says("We have tables at six.", response="r1", heard=False)
    talk.finish()
    assert (talk.turn(agent)["text"], talk.turn(agent)["state"]) == ("We have tables at six.", "cut")


def test_the_end_keeps_the_second_part_of_an_answer_that_was_cut_off() -> None:
    talk = Talk()
    agent = talk.agent_generated("At eight.", response="r1")
    talk.feed(e.AgentWords(agent, "r1", "Anything el"))
    talk.finish()
    assert (talk.turn(agent)["text"], talk.turn(agent)["state"]) == ("At eight. Anything el", "cut")


def test_the_end_keeps_the_words_of_an_interrupted_answer_whose_transcript_never_came() -> None:
    talk = Talk()
    agent = talk.agent_begins("We have tables at six", response="r1")
    talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"), e.AgentCutOff(agent, 700))
    talk.finish()
    turn = talk.turn(agent)
    assert (turn["text"], turn["state"], turn["heard_ms"]) == ("We have tables at six", "interrupted", 700)


def test_the_end_keeps_a_caller_who_was_still_speaking() -> None:
    talk = Talk()
    caller = talk.caller_starts()
    talk.feed(e.CallerWords(caller, "And then"))
    talk.finish()
    assert (talk.turn(caller)["text"], talk.turn(caller)["state"]) == ("And then", "cut")


def test_the_end_keeps_half_transcribed_words_as_cut_and_none_as_untranscribed() -> None:
    talk = Talk()
    half, none = talk.caller_starts(), talk.caller_starts()
    talk.caller_stops(half)
    talk.caller_stops(none)
    talk.feed(e.CallerWords(half, "And th"))
    talk.finish()
    assert (talk.turn(half)["text"], talk.turn(half)["state"]) == ("And th", "cut")
    assert (talk.turn(none)["text"], talk.turn(none)["state"]) == (None, "untranscribed")


def test_the_end_keeps_words_of_an_item_that_nobody_announced() -> None:
    talk = Talk()
    talk.feed(e.CallerWords("unheard_of", "Hel"))
    talk.finish()
    assert (talk.turn("unheard_of")["text"], talk.turn("unheard_of")["state"]) == ("Hel", "cut")


def test_the_end_leaves_what_was_finished_alone() -> None:
    talk = Talk()
    talk.caller_says("Bye.")
    before = dict(talk.table.at)
    talk.finish()
    assert talk.table.at == before


def test_a_tool_that_was_running_at_the_end_has_an_unknown_outcome() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.finish()
    assert talk.tool("call_1")["outcome"] == "unknown"


def test_a_tool_that_finishes_after_the_end_changes_nothing() -> None:
    talk = Talk()
    talk.response_begins("r1")
    talk.calls_tool("book", "call_1", "r1")
    talk.finish()
    assert talk.tool_returns("call_1") == []


def test_after_the_end_nothing_wants_to_be_woken() -> None:
    talk = Talk()
    talk.finish()
    assert talk.conversation.deadline is None


def test_finishing_twice_adds_nothing() -> None:
    talk = Talk()
    talk.agent_begins("We have", response="r1")
    talk.caller_starts()
    talk.finish()
    before = dict(talk.table.at)
    talk.finish()
    assert talk.table.at == before


# --- order, whatever happens ------------------------------------------------------------------

Item = tuple[str, str]  # kind, id


def news_of(item: Item, previous: str | None, response: str) -> list[e.Event]:
    """Everything that is ever told about an item."""
    kind, item_id = item
    match kind:
        case "caller":
            added = e.ItemAdded(item_id, previous, "caller")
            words = e.CallerTranscript(item_id, f"I am {item_id}.", e.Usage())
            return [e.CallerStarted(item_id), e.CallerStopped(item_id), added, added, words]
        case "agent":
            words_too = e.AgentTranscript(item_id, response, f"I am {item_id}.")
            return [e.ItemAdded(item_id, previous, "agent"), e.AgentWords(item_id, response, "I am"), words_too]
        case "tool_call":
            call = e.ToolCalled(item_id, response, f"call_{item_id}", "look_up", "{}")
            return [e.ItemAdded(item_id, previous, "tool_call", f"call_{item_id}"), call, call]
    return [e.ItemAdded(item_id, previous, "tool_output", f"call_{item_id}")]


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[Item], list[e.Event]]:
    """A chain of items, and all the news about them in any order at all."""
    kinds = draw(st.lists(st.sampled_from(["caller", "agent", "tool_call", "tool_output"]), min_size=1, max_size=7))
    items = [(kind, f"{kind}_{number}") for number, kind in enumerate(kinds)]
    news = []
    for number, item in enumerate(items):
        previous = items[number - 1][1] if number else None
        news += news_of(item, previous, f"r{number}")
    return items, draw(st.permutations(news))


def recorded(talk: Talk, kinds: Sequence[str]) -> list[str]:
    return [str(item["item_id"]) for item in talk.table.items if item["kind"] in kinds]


@unhurried
@given(calls(), st.booleans())
def test_replayed_into_a_table_the_saves_give_the_conversation_s_order(
    call: tuple[list[Item], list[e.Event]], finished: bool
) -> None:
    """Late transcripts, links before and after the words, tools between: whatever comes when."""
    items, news = call
    talk = Talk(greeted=False)
    talk.feed(*news)
    if finished:
        talk.finish()
    assert recorded(talk, ["turn", "tool"]) == [item_id for kind, item_id in items if kind != "tool_output"]


@unhurried
@given(calls(), st.data())
def test_at_every_moment_the_table_is_in_order_and_holds_everything_once(
    call: tuple[list[Item], list[e.Event]], data: st.DataObject
) -> None:
    _, news = call
    news = news[: data.draw(st.integers(0, len(news)))]
    talk = Talk(greeted=False)
    for event in news:
        talk.feed(event)
        if data.draw(st.booleans()):
            talk.wait(2.0)
        assert_consistent(talk)


def assert_consistent(talk: Talk) -> None:
    order = talk.conversation.transcript.order
    for position, item in talk.table.at.items():
        assert order.position(item["item_id"]) == position
    ids = [item["item_id"] for item in talk.table.items]
    assert len(set(ids)) == len(ids)
    assert ids == [item_id for item_id in order if item_id in ids]


def test_a_transcript_placed_too_early_moves_to_where_its_link_says() -> None:
    talk = Talk(greeted=False)
    talk.feed(e.CallerTranscript("c2", "Second.", e.Usage()))
    talk.feed(e.CallerTranscript("c1", "First.", e.Usage()))
    talk.feed(e.ItemAdded("c1", None, "caller"))
    assert talk.lines == ["caller: Second.", "caller: First."]
    talk.feed(e.ItemAdded("c2", "c1", "caller"))
    assert talk.lines == ["caller: First.", "caller: Second."]


# --- garbage ----------------------------------------------------------------------------------

some_item = st.sampled_from(["i1", "i2", "i3"])
some_previous = st.none() | some_item | st.just("never_seen")
some_response = st.sampled_from(["r1", "r2", ""])
some_ref = st.none() | st.sampled_from([f"ringside_1_{number}" for number in range(1, 6)])
some_text = st.sampled_from(["", "Hi."])
any_tool = st.builds(
    lambda call, name, response: e.ToolCalled(f"item_{call}", response, call, name, "{}"),
    st.sampled_from(["c1", "c2", "c3"]),
    st.sampled_from(["book", "hang_up", "transfer", "collect_digits", "note"]),
    some_response,
)
any_event: st.SearchStrategy[e.Event] = st.one_of(
    st.builds(e.SessionStarted, st.none()),
    st.builds(e.CallerStarted, some_item),
    st.builds(e.CallerStopped, some_item),
    st.builds(
        e.ItemAdded,
        some_item,
        some_previous,
        st.sampled_from(["caller", "agent", "tool_call", "tool_output", "other"]),
        st.sampled_from(["c1", "c2", None]),
    ),
    st.builds(e.CallerWords, some_item, some_text),
    st.builds(e.CallerTranscript, some_item, some_text, usages),
    st.builds(e.CallerTranscriptFailed, some_item, st.just("oops")),
    st.builds(e.ResponseStarted, some_response),
    st.builds(e.AgentWords, some_item, some_response, some_text),
    st.builds(e.AgentTranscript, some_item, some_response, some_text, st.integers(0, 1)),
    any_tool,
    st.builds(
        e.ResponseEnded,
        some_response,
        st.sampled_from(["completed", "cancelled", "incomplete", "failed"]),
        st.sampled_from([None, "turn_detected", "client_cancelled"]),
        st.none(),
        usages,
        st.lists(any_tool, max_size=2).map(tuple),
    ),
    st.builds(e.PlaybackStarted, some_response),
    st.builds(e.PlaybackStopped, some_response),
    st.builds(e.PlaybackCleared, some_response),
    st.builds(e.AgentCutOff, some_item, st.integers(0, 1000)),
    st.builds(e.DigitPressed, st.sampled_from("12#")),
    st.builds(e.ItemRetrieved, some_item, st.sampled_from(["caller", "agent", None]), st.none() | some_text),
    st.builds(e.ApprovalAsked, st.sampled_from(["a1", "a2"]), st.just("shop"), st.just("buy")),
    st.builds(
        e.RemoteToolCalled,
        st.sampled_from(["m1", "m2"]),
        st.just("shop"),
        st.just("buy"),
        st.just("{}"),
        st.none(),
        st.booleans(),
    ),
    st.builds(
        e.SessionError, st.sampled_from(["conversation_already_has_active_response", "oops"]), st.just(""), some_ref
    ),
    st.builds(e.ToolFinished, st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["ok", "error"]), some_text),
)
any_pause = st.sampled_from([0.0, 0.5, 2.0, 15.0])
GARBAGE_MANNERS = replace(BEHAVIOUR, max_duration=120.0, transfers={"office": Target("tel:+15550100")})


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=30), st.booleans())
def test_no_order_of_events_raises_or_puts_the_record_into_disorder(
    events: list[tuple[e.Event, float]], greeted: bool
) -> None:
    talk = Talk(GARBAGE_MANNERS, greeted=greeted)
    for event, pause in events:
        talk.feed(event)
        talk.wait(pause)
        assert_consistent(talk)
    talk.finish()
    assert_consistent(talk)
    assert len(talk.hung_up) <= 1


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=20), st.floats(0, 0.99))
def test_the_deadline_is_the_next_alarm_and_before_it_nothing_is_due(
    events: list[tuple[e.Event, float]], part: float
) -> None:
    talk = Talk(GARBAGE_MANNERS)
    for event, pause in events:
        talk.feed(event)
        deadline = talk.conversation.deadline
        if deadline is None:
            assert talk.hung_up
            assert talk.conversation.wake(talk.now + 1000) == []
        elif deadline > talk.now:
            early = talk.now + (deadline - talk.now) * part
            if early < deadline:
                assert talk.conversation.wake(early) == []
                assert talk.conversation.deadline == deadline
        talk.wait(pause)
        assert talk.conversation.deadline is None or talk.conversation.deadline > talk.now


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=20))
def test_no_order_of_events_keeps_a_call_alive_beyond_its_limit(events: list[tuple[e.Event, float]]) -> None:
    talk = Talk(GARBAGE_MANNERS)
    for event, pause in events:
        talk.feed(event)
        talk.wait(pause)
    talk.wait(ANSWERED + GARBAGE_MANNERS.max_duration + GARBAGE_MANNERS.farewell_limit - talk.now)
    assert len(talk.hung_up) == 1


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=30))
def test_whatever_happens_no_tool_runs_twice(events: list[tuple[e.Event, float]]) -> None:
    talk = Talk(GARBAGE_MANNERS)
    for event, pause in events:
        talk.feed(event)
        talk.wait(pause)
    assert len(set(talk.tools_run)) == len(talk.tools_run)
    outputs = [command.tool_call_id for command in sent(talk.effects, e.TellOutput)]
    assert len(set(outputs)) == len(outputs)


def test_an_event_of_a_kind_that_does_not_matter_does_nothing() -> None:
    talk = Talk()
    event: Any = e.SessionStarted(None)
    assert talk.feed(event) == []
    assert BEHAVIOUR.greeting == "Greet."


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


def test_after_a_gap_it_catches_up_until_the_last_item_is_known_and_retrieved() -> None:
    talk = Talk()
    (fact,) = [
        effect.command
        for effect in talk.conversation.reattached(talk.now, "for a test", talk.now)
        if isinstance(effect, do.Send) and isinstance(effect.command, e.TellFact)
    ]
    assert fact.item_id is not None
    assert talk.conversation.transcript.gap.is_open

    talk.feed(e.ItemAdded(fact.item_id, "missed", "other"))
    assert talk.conversation.transcript.gap.is_open

    talk.feed(e.ItemRetrieved("missed", "agent", "I am booking seat 3."))
    assert not talk.conversation.transcript.gap.is_open


def response_ended(response: str, *items: str, calls: tuple[e.ToolCalled, ...] = ()) -> e.ResponseEnded:
    """The end of a response that said something, by the ids of its items; what its first item said is `Missed.`"""
    said = (e.AgentTranscript(items[0], response, "Missed."),)
    return e.ResponseEnded(response, "completed", None, None, e.Usage(), calls, said, items)


def test_words_that_were_said_in_a_gap_are_taken_from_the_end_of_their_response() -> None:
    talk = Talk()
    talk.feed(response_ended("r9", "a9"))

    assert talk.lines == ["agent: Hello!", "agent: Missed."]
    assert talk.turn("a9")["recovered"]


def test_a_response_that_was_heard_is_not_written_again_at_its_end() -> None:
    talk = Talk()
    talk.feed(e.ResponseStarted("r9"), talk.added("a9", "agent"), e.AgentTranscript("a9", "r9", "Heard."))

    effects = talk.feed(response_ended("r9", "a9"))

    assert [effect for effect in effects if isinstance(effect, do.Save)] == []
    assert talk.lines == ["agent: Hello!", "agent: Heard."]


def test_missed_words_stand_before_the_tool_that_their_response_called() -> None:
    talk = Talk()
    call = e.ToolCalled("f9", "r9", "call_9", "book", "{}")
    talk.feed(e.ItemRetrieved("f9", None, None, call))  # the last item of a gap

    talk.feed(response_ended("r9", "a9", "f9", calls=(call,)))

    assert [item["item_id"] for item in talk.table.items[-2:]] == ["a9", "f9"]


def test_it_is_owed_an_answer_from_asking_for_one_until_that_begins() -> None:
    talk = Talk()
    assert not talk.conversation.awaits_the_session
    talk.feed(e.ToolCalled("f9", "r9", "call_9", "book", "{}"))
    talk.feed(e.ToolFinished("call_9", "ok", "booked"))
    assert talk.conversation.awaits_the_session

    talk.feed(e.ResponseStarted("r10", "ringside_1_2"))

    assert not talk.conversation.awaits_the_session


def test_what_two_owners_ask_for_has_different_names() -> None:
    refs = {
        effect.command.ref
        for owner in (1, 2)
        for effect in Conversation(BEHAVIOUR, 0.0, owner=owner).begin()
        if isinstance(effect, do.Greet)
    }
    assert len(refs) == 2


def test_words_that_come_after_a_gap_stand_before_the_answer_that_was_still_being_given() -> None:
    talk = Talk()
    talk.conversation.reattached(talk.now, "for a test", talk.now)
    talk.feed(e.AgentTranscript("a9", "r9", "I am booking it."))

    talk.transcribed("c9", "Please book it.")

    assert talk.lines == ["agent: Hello!", "caller: Please book it.", "agent: I am booking it."]


def go_on_with(talk: Talk, *, dead: bool = False) -> Talk:
    """The conversation as the next owner has it: from what was written, and from nothing else."""
    notes = [dict(effect.facts) for effect in ([] if dead else talk.hands_over()) if isinstance(effect, do.Note)]
    facts = {name: value for note in notes for name, value in note.items()}
    history = [(position, talk.table.at[position]) for position in sorted(talk.table.at)]
    following = Talk(greeted=False)
    following.conversation = Conversation(BEHAVIOUR, ANSWERED, owner=2)
    following.effects = list(following.conversation.resume(history, True, following.now, facts))
    return following


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


def test_an_answer_of_which_no_word_had_come_before_a_gap_is_asked_for_after_it() -> None:
    talk = Talk()
    talk.feed(e.ResponseStarted("r9"), talk.added("a9", "agent"))

    effects = talk.conversation.reattached(talk.now, "for a test", talk.now)

    assert do.Send(e.RetrieveItem("a9")) in effects
