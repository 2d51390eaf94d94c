"""What was played, and how much of it was heard."""

from cli.talk.loudspeaker import BYTES_PER_MS, Cut, Loudspeaker, Playback

STARTED, STOPPED = Playback("started", "r1"), Playback("stopped", "r1")


def pcm(milliseconds: int) -> bytes:
    return b"\x01" * (milliseconds * BYTES_PER_MS)


def test_a_response_begins_with_its_first_sound_and_ends_with_its_last() -> None:
    loudspeaker = Loudspeaker()
    loudspeaker.add("r1", "a1", pcm(60))
    loudspeaker.complete("r1")
    assert loudspeaker.happened() == []
    assert loudspeaker.take(len(pcm(40))) == pcm(40)
    assert loudspeaker.happened() == [STARTED]
    assert loudspeaker.take(len(pcm(40))) == pcm(20) + bytes(len(pcm(20)))
    assert loudspeaker.happened() == [STOPPED]
    assert not loudspeaker.is_audible


def test_a_pause_in_what_comes_is_silence_and_no_end() -> None:
    loudspeaker = Loudspeaker()
    loudspeaker.add("r1", "a1", pcm(20))
    loudspeaker.take(len(pcm(40)))
    assert loudspeaker.happened() == [STARTED]
    loudspeaker.add("r1", "a1", pcm(20))
    loudspeaker.complete("r1")
    loudspeaker.take(len(pcm(40)))
    assert loudspeaker.happened() == [STOPPED]


def test_a_response_that_is_complete_after_it_was_played_has_been_heard_then() -> None:
    loudspeaker = Loudspeaker()
    loudspeaker.add("r1", "a1", pcm(20))
    loudspeaker.take(len(pcm(40)))
    loudspeaker.complete("r1")
    assert loudspeaker.happened() == [STARTED, STOPPED]


def test_responses_and_their_items_follow_one_another() -> None:
    loudspeaker = Loudspeaker()
    for response, item in (("r1", "a1"), ("r1", "a2"), ("r2", "a3")):
        loudspeaker.add(response, item, pcm(20))
    loudspeaker.complete("r1")
    loudspeaker.complete("r2")
    loudspeaker.take(len(pcm(100)))
    assert loudspeaker.happened() == [STARTED, STOPPED, Playback("started", "r2"), Playback("stopped", "r2")]


def test_a_response_without_sound_is_never_heard_of() -> None:
    loudspeaker = Loudspeaker()
    loudspeaker.complete("r1")
    loudspeaker.take(len(pcm(20)))
    assert loudspeaker.happened() == []


def test_what_is_cut_short_was_heard_as_far_as_it_was_played() -> None:
    loudspeaker = Loudspeaker()
    loudspeaker.add("r1", "a1", pcm(500))
    loudspeaker.add("r2", "a2", pcm(100))
    loudspeaker.take(len(pcm(120)))
    assert loudspeaker.cut() == [Cut("r1", "a1", 120), Cut("r2", "a2", 0)]
    assert loudspeaker.take(4) == bytes(4)
    assert not loudspeaker.is_audible
