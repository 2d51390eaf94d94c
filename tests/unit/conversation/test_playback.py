"""What the caller can still hear, and what comes of it."""

from hypothesis import given
from hypothesis import strategies as st

from ringside.calls import EndReason, Step
from ringside.conversation import events as e
from ringside.conversation.playback import BEFORE, Playback
from tests.unit.conversation.talk import BEHAVIOUR, STILL_THERE, Talk, unhurried


def test_the_first_audio_is_marked_once() -> None:
    talk = Talk()
    talk.agent_says("Anything else?", response="r1")
    assert talk.marked == [Step.FIRST_AUDIO]


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


def test_silence_is_counted_from_the_end_of_what_was_heard() -> None:
    talk = Talk()
    talk.agent_says("A very long answer.", response="r1", heard=False)
    talk.wait(BEHAVIOUR.silence_after * 2)
    assert talk.asked == []
    talk.feed(e.PlaybackStopped("r1"))
    talk.wait(BEHAVIOUR.silence_after - 0.1)
    assert talk.asked == []
    talk.wait(0.1)
    assert talk.asked == [STILL_THERE]


@unhurried
@given(order=st.permutations(["cleared", "transcript", "done"]))
def test_silence_after_an_interruption_is_silence(order: list[str]) -> None:
    """What was interrupted still gets its transcript, but will not be heard any more."""
    talk = Talk()
    agent = talk.agent_begins("We have", response="r1")
    events: dict[str, e.Event] = {
        "cleared": e.PlaybackCleared("r1"),
        "transcript": e.AgentTranscript(agent, "r1", "We have"),
        "done": e.ResponseEnded("r1", "cancelled", "turn_detected", None, e.Usage()),
    }
    caller = talk.caller_starts()
    talk.feed(*[events[name] for name in order])
    talk.caller_stops(caller)
    talk.transcribed(caller, "Hm.")
    talk.wait(BEHAVIOUR.silence_after)
    assert talk.asked == [STILL_THERE]


def test_silence_after_an_answer_that_was_cancelled_before_it_could_be_heard_is_silence() -> None:
    talk = Talk()
    talk.feed(e.ResponseStarted("r1"), e.AgentWords("a1", "r1", "We"))
    caller = talk.caller_starts()
    talk.interrupted("r1")
    talk.caller_stops(caller)
    talk.wait(BEHAVIOUR.silence_after)
    assert talk.asked == [STILL_THERE]


def test_a_goodbye_that_failed_halfway_is_heard_as_far_as_it_goes() -> None:
    talk = Talk()
    talk.agent_begins("Good", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.response_ends("r1", "failed")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_a_goodbye_that_was_cancelled_by_a_client_goes_on_playing() -> None:
    talk = Talk()
    talk.agent_begins("Good", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.response_ends("r1", "cancelled", reason="client_cancelled")
    assert talk.hung_up == []
    talk.feed(e.PlaybackStopped("r1"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


def test_an_answer_whose_end_was_not_told_has_ended_when_the_next_is_played() -> None:
    talk = Talk()
    talk.agent_says("We have", response="r1", heard=False)
    talk.agent_generated("Goodbye!", response="r2")
    talk.calls_tool("hang_up", "call_1", "r2")
    talk.response_ends("r2")
    talk.feed(e.PlaybackStopped("r2"))
    assert talk.hung_up == [EndReason.AGENT_HUNG_UP]


# --- the part by itself -----------------------------------------------------------------------


def test_words_are_unheard_until_they_are_played_to_their_end() -> None:
    playback = Playback()
    playback.speaks("r1")
    assert playback.started("r1")
    assert playback.is_playing
    playback.stopped("r1")
    assert not playback.is_playing
    assert not playback.started("r2"), "not the first of the call"


def test_what_is_cleared_takes_along_what_waited_behind_it() -> None:
    playback = Playback()
    playback.started("r1")
    playback.speaks("r2")

    assert playback.cleared("r1") == ["r1", "r2"]
    playback.speaks("r1")  # its transcript comes late
    assert not playback.is_playing


def test_after_a_gap_something_may_still_be_playing_until_anything_is_heard_of() -> None:
    playback = Playback()
    playback.lost(may_play=True)
    assert playback.unheard == {BEFORE}
    playback.stopped("r7")
    assert not playback.is_playing


def test_the_next_owner_knows_what_is_playing_and_what_never_will() -> None:
    playback, following = Playback(), Playback()
    playback.started("r1")
    playback.cleared("r1")
    playback.started("r2")
    following.restore(playback.snapshot())
    following.speaks("r1")

    assert following.unheard == {"r2"}
    assert not following.started("r3")
    assert following.unheard == {"r3"}, "one is played at a time"
