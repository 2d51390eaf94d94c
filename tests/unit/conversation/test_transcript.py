"""What was said is kept, once, in the conversation's order, and marked for what it is."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.conversation import effects as do
from ringside.conversation import events as e
from tests.unit.conversation.talk import (
    ANSWERED,
    Talk,
    assert_consistent,
    unhurried,
)

# --- turns -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("transcript", ["", " . "])
def test_a_noise_is_a_turn_that_is_untranscribed(transcript: str) -> None:
    talk = Talk()
    turn = talk.turn(talk.caller_says(transcript))
    assert (turn["text"], turn["state"]) == (None, "untranscribed")


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


def test_pieces_of_sentences_cost_nothing_but_memory() -> None:
    talk = Talk()
    agent = talk.agent_begins("Good", response="r1")
    assert talk.feed(e.AgentWords(agent, "r1", " day"), e.CallerWords("caller", "Hi")) == []


# --- interruptions ---------------------------------------------------------------------------


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


# --- the end ---------------------------------------------------------------------------------


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


def test_finishing_twice_adds_nothing() -> None:
    talk = Talk()
    talk.agent_begins("We have", response="r1")
    talk.caller_starts()
    talk.finish()
    before = dict(talk.table.at)
    talk.finish()
    assert talk.table.at == before


# --- order, whatever happens -----------------------------------------------------------------


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


def test_a_transcript_placed_too_early_moves_to_where_its_link_says() -> None:
    talk = Talk(greeted=False)
    talk.feed(e.CallerTranscript("c2", "Second.", e.Usage()))
    talk.feed(e.CallerTranscript("c1", "First.", e.Usage()))
    talk.feed(e.ItemAdded("c1", None, "caller"))
    assert talk.lines == ["caller: Second.", "caller: First."]
    talk.feed(e.ItemAdded("c2", "c1", "caller"))
    assert talk.lines == ["caller: First.", "caller: Second."]
