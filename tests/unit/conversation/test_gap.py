"""What was missed while nobody listened is asked for, and finds its place."""

import pytest

from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.gap import Gap
from tests.unit.conversation.talk import Talk, called, outputs


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


def test_words_that_come_after_a_gap_stand_before_the_answer_that_was_still_being_given() -> None:
    talk = Talk()
    talk.conversation.reattached(talk.now, "for a test", talk.now)
    talk.feed(e.AgentTranscript("a9", "r9", "I am booking it."))

    talk.transcribed("c9", "Please book it.")

    assert talk.lines == ["agent: Hello!", "caller: Please book it.", "agent: I am booking it."]


def test_an_answer_of_which_no_word_had_come_before_a_gap_is_asked_for_after_it() -> None:
    talk = Talk()
    talk.feed(e.ResponseStarted("r9"), talk.added("a9", "agent"))

    effects = talk.conversation.reattached(talk.now, "for a test", talk.now)

    assert do.Send(e.RetrieveItem("a9")) in effects


def kinds(talk: Talk) -> list[str]:
    """The record's entries: words, the names of tools, gaps and keys."""
    return [str(item.get("text") or item.get("name")) for item in talk.table.items]


def test_a_gap_stands_between_the_turns_between_which_nobody_listened() -> None:
    talk = Talk()
    talk.caller_says("Hi.")
    talk.is_reattached()
    for number in range(4):
        talk.agent_says(f"Answer {number}.", response=f"r{number}")
        talk.caller_says(f"Question {number}.")

    said = [text for number in range(4) for text in (f"Answer {number}.", f"Question {number}.")]
    assert kinds(talk) == ["Hello!", "Hi.", "for a test", *said]


def test_what_was_missed_in_a_gap_stands_behind_it() -> None:
    talk = Talk()
    talk.is_reattached()
    (fact,) = talk.sent(e.TellFact)
    assert fact.item_id is not None
    talk.feed(e.ItemAdded(fact.item_id, "missed", "other"))
    talk.feed(e.ItemRetrieved("missed", "caller", "Are you there?"))
    talk.feed(e.ItemAdded("a9", fact.item_id, "agent"), e.AgentTranscript("a9", "r9", "I am."))

    assert kinds(talk) == ["Hello!", "for a test", "Are you there?", "I am."]


def added_probe(talk: Talk, previous: str | None) -> str:
    """The session shows our latest probe, and what it stands behind. Returns its id."""
    probe = talk.sent(e.TellFact)[-1].item_id
    assert probe is not None
    talk.feed(e.ItemAdded(probe, previous, "other"))
    return probe


def test_a_probe_of_an_owner_that_died_does_not_hide_what_was_missed_before_it() -> None:
    talk = Talk()
    dead = "ringside_gap_2_1"
    talk.is_taken_over()
    talk.is_reattached()
    ours = added_probe(talk, dead)
    assert talk.sent(e.DeleteItem) == [e.DeleteItem(dead), e.DeleteItem(ours)]
    again = added_probe(talk, "call_item")
    assert again != ours
    assert len(again) <= 32, "as long as an item's id may be"
    assert talk.sent(e.RetrieveItem)[-1] == e.RetrieveItem("call_item")
    talk.feed(e.ItemRetrieved("call_item", None, None, called("call_9")))
    assert talk.tools_run == ["call_9"]
    talk.is_reattached()
    assert e.RetrieveItem(dead) not in talk.sent(e.RetrieveItem)


def test_what_two_owners_died_with_is_found_behind_both() -> None:
    talk = Talk()
    talk.is_reattached()
    first = added_probe(talk, "ringside_owner_2")
    second = added_probe(talk, "ringside_gap_3_1")
    third = added_probe(talk, None)
    assert len({first, second, third}) == 3
    deleted = [each.item_id for each in talk.sent(e.DeleteItem)]
    assert deleted == ["ringside_owner_2", first, "ringside_gap_3_1", second]


def test_the_probe_comes_before_anything_else_that_we_tell() -> None:
    talk = Talk()
    talk.calls_tool("book", "a", "r1")
    talk.tool_returns("a")
    told = [effect.command for effect in talk.is_reattached() if isinstance(effect, do.Send)]
    kinds_told = [type(each) for each in told if isinstance(each, e.TellFact | e.TellOutput)]
    assert kinds_told == [e.TellFact, e.TellOutput]


@pytest.mark.parametrize("dead", [True, False])
def test_a_gap_between_two_owners_stands_where_it_was(dead: bool) -> None:
    talk = Talk()
    talk.caller_says("Hi.")
    if not dead:
        talk.hands_over()
    talk.is_taken_over()
    talk.is_reattached()
    talk.agent_says("At your service.", response="r2")
    talk.caller_says("Thanks.")
    talk.is_taken_over()
    talk.agent_says("Goodbye.", response="r3")

    assert kinds(talk) == ["Hello!", "Hi.", "for a test", "At your service.", "Thanks.", "Goodbye."]


def test_an_output_that_was_sent_into_the_lost_connection_is_sent_again_and_one_that_arrived_is_not() -> None:
    talk = Talk()
    talk.response_begins("r1")
    for call in ("a", "b"):
        talk.calls_tool("book", call, "r1")
    talk.response_ends("r1")
    talk.tool_returns("a")
    talk.tool_returns("b")
    talk.output_added("a")
    talk.is_reattached()

    assert outputs(talk) == ["a", "b", "b"]


# --- the part by itself -----------------------------------------------------------------------


def test_an_item_is_asked_for_once_and_awaited_until_it_comes() -> None:
    gap = Gap()
    assert gap.retrieve("a1") == [do.Send(e.RetrieveItem("a1"))]
    assert gap.retrieve("a1") == []
    assert gap.is_open
    gap.came("a1")
    assert not gap.is_open


def test_the_next_owner_asks_again_for_what_did_not_come_and_awaits_the_probe() -> None:
    gap, following = Gap(), Gap()
    gap.opened("gap_1_1")
    gap.retrieve("a1")
    gap.retrieve("a2")
    gap.came("a2")

    assert following.restore(gap.snapshot()) == [do.Send(e.RetrieveItem("a1"))]
    following.came("a1")
    assert following.is_open
    following.came("ringside_gap_1_1")
    assert not following.is_open


def lost_on_the_way(talk: Talk, item: str) -> None:
    """The write of an entry was overtaken by later ones, and its owner died before it was done."""
    (position,) = [position for position, each in talk.table.at.items() if each["item_id"] == item]
    del talk.table.at[position]


def test_a_turn_that_its_owner_died_with_is_asked_for_and_stands_where_it_was_said() -> None:
    talk = Talk()
    question = talk.caller_says("When are you open?")
    talk.agent_says("Until six.", response="r1")
    lost_on_the_way(talk, question)

    talk.is_taken_over()
    assert do.Send(e.RetrieveItem(question)) in talk.is_reattached()
    talk.feed(e.ItemRetrieved(question, "caller", "When are you open?"))

    assert [line for line in talk.lines if not line.startswith("gap")] == [
        "agent: Hello!",
        "caller: When are you open?",
        "agent: Until six.",
    ]


def test_words_that_come_late_stand_where_the_session_put_them_also_with_the_next_owner() -> None:
    talk = Talk()
    question = talk.caller_starts()
    talk.caller_stops(question)
    talk.agent_says("Until six.", response="r1")
    lost_on_the_way(talk, question)

    talk.is_taken_over()
    talk.transcribed(question, "When are you open?")

    assert talk.lines == ["agent: Hello!", "caller: When are you open?", "agent: Until six."]
