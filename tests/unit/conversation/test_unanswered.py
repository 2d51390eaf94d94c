"""What the model was given to react to, and has not reacted to."""

from ringside.conversation.unanswered import Unanswered


def test_a_response_answers_what_the_session_had_seen_when_it_began() -> None:
    unanswered = Unanswered()
    unanswered.add("seen")
    unanswered.add("under way")
    unanswered.seen("seen")

    assert unanswered.answered_by_any() == {"seen"}
    assert unanswered.all() == {"under way"}
    assert unanswered.unseen() == {"under way"}


def test_what_may_have_been_sent_before_counts_only_once_the_session_shows_it() -> None:
    unanswered = Unanswered()
    unanswered.may_have_been_sent("call_1")
    unanswered.sent("call_1")
    assert not unanswered

    unanswered.seen("call_1")
    assert unanswered.all() == {"call_1"}


def test_what_a_response_was_to_answer_that_did_not_come_is_unanswered_again() -> None:
    unanswered = Unanswered()
    unanswered.add("call_1")
    unanswered.drop({"call_1"})
    assert "call_1" not in unanswered
    unanswered.again({"call_1"})
    assert "call_1" in unanswered


def test_the_next_owner_knows_what_is_unanswered_and_what_was_seen_of_it() -> None:
    unanswered, following = Unanswered(), Unanswered()
    unanswered.add("call_1")
    unanswered.add("call_2")
    unanswered.seen("call_2")
    following.restore(unanswered.snapshot())

    assert following.unseen() == {"call_1"}
    assert following.answered_by_any() == {"call_2"}
