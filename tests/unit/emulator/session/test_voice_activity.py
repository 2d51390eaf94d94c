"""Where sound begins and ends."""

from infra.emulator.session.voice_activity import BYTES_PER_MS, VoiceActivity

TONE = b"\x00\x40"


def sound(milliseconds: int, sample: bytes = TONE) -> bytes:
    return sample * (milliseconds * BYTES_PER_MS // 2)


def silence(milliseconds: int) -> bytes:
    return bytes(milliseconds * BYTES_PER_MS)


def test_sound_begins_a_turn_and_a_long_enough_silence_ends_it() -> None:
    activity = VoiceActivity()
    assert activity.feed(silence(500), 200) == []
    assert activity.feed(sound(300), 200) == ["started"]
    assert activity.feed(silence(180), 200) == []
    assert activity.feed(silence(20), 200) == ["stopped"]
    assert activity.spoken_ms == 300


def test_a_pause_between_words_ends_nothing_and_belongs_to_them() -> None:
    activity = VoiceActivity()
    assert activity.feed(sound(100) + silence(100) + sound(100) + silence(200), 200) == ["started", "stopped"]
    assert activity.spoken_ms == 300


def test_blocks_may_be_cut_anywhere() -> None:
    whole, activity = sound(100) + silence(300), VoiceActivity()
    changes = [change for at in range(0, len(whole), 7) for change in activity.feed(whole[at : at + 7], 200)]
    assert changes == ["started", "stopped"]


def test_what_is_soft_is_silence_whatever_its_sign() -> None:
    assert VoiceActivity().feed(sound(100, b"\xf3\x01"), 200) == []
    assert VoiceActivity().feed(sound(100, b"\x0c\xfe"), 200) == ["started"]
