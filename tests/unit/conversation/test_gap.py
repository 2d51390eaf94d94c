"""What was missed while nobody listened is asked for, and finds its place."""

from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.gap import Gap
from tests.unit.conversation.talk import Talk


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
    probe = gap.opened(1)
    gap.retrieve("a1")
    gap.retrieve("a2")
    gap.came("a2")

    assert following.restore(gap.snapshot()) == [do.Send(e.RetrieveItem("a1"))]
    following.came("a1")
    assert following.is_open
    following.came(probe)
    assert not following.is_open
