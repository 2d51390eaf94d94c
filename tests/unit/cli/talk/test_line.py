"""What a line makes of a session in text, fed by hand."""

from typing import Any

from cli.talk.line import Line, Moves


def _created(response_id: str = "resp_1", ref: str | None = None) -> dict[str, Any]:
    metadata = {"metadata": {"ref": ref}} if ref else {}
    return {"type": "response.created", "response": {"id": response_id, **metadata}}


def _done(status: str = "completed", response_id: str = "resp_1", *kinds: str) -> dict[str, Any]:
    output = [{"type": kind} for kind in kinds]
    return {"type": "response.done", "response": {"id": response_id, "status": status, "output": output}}


def _delta(response_id: str = "resp_1") -> dict[str, Any]:
    return {"type": "response.output_text.delta", "response_id": response_id, "delta": "Hel"}


def _types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def _added(line: Line, moves: Moves) -> Moves:
    """The session has taken the caller's item."""
    [created] = moves.sent
    return line.receives({"type": "conversation.item.added", "previous_item_id": None, "item": created["item"]})


def test_typed_words_are_shown_as_speech_with_its_transcript_and_then_answered() -> None:
    line = Line()
    said = line.caller_says("Hello")
    assert _types(said.shown) == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]
    assert line.is_busy
    moves = _added(line, said)
    assert _types(moves.shown) == [
        "conversation.item.added",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert moves.shown[0]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert moves.shown[1]["transcript"] == "Hello"
    assert _types(moves.sent) == ["response.create"]
    assert line.is_busy
    line.receives(_created())
    line.receives(_done())
    assert not line.is_busy


def test_an_agent_that_does_not_answer_by_itself_is_not_asked_to() -> None:
    line = Line(creates_response=False)
    assert _added(line, line.caller_says("Hello")).sent == []
    assert not line.is_busy


def test_text_is_heard_when_it_was_written() -> None:
    line = Line()
    line.receives(_created())
    assert _types(line.receives(_delta()).shown) == ["output_audio_buffer.started", "response.output_text.delta"]
    assert _types(line.receives(_delta()).shown) == ["response.output_text.delta"]
    done = line.receives(_done("completed", "resp_1", "message"))
    assert _types(done.shown) == ["response.done", "output_audio_buffer.stopped"]


def test_a_response_of_tools_alone_is_not_heard() -> None:
    line = Line()
    line.receives(_created())
    assert _types(line.receives(_done("completed", "resp_1", "function_call")).shown) == ["response.done"]


def test_words_over_the_agents_cancel_the_response_and_are_said_after_it() -> None:
    line = Line()
    line.receives(_created())
    line.receives(_delta())
    cutting = line.caller_says("Stop!")
    assert (cutting.shown, _types(cutting.sent)) == ([], ["response.cancel"])
    assert line.caller_says("Really!").sent == []  # it is cancelled already
    after = line.receives(_done("cancelled"))
    assert _types(after.shown)[:2] == ["output_audio_buffer.cleared", "response.done"]
    assert after.shown[1]["response"]["status_details"]["reason"] == "turn_detected"
    assert after.sent[0]["item"]["content"][0]["text"] == "Stop!"


def test_an_agent_that_may_not_be_interrupted_finishes_first() -> None:
    line = Line(interrupts_response=False)
    line.receives(_created())
    assert line.caller_says("But").sent == []
    assert line.receives(_done()).sent[0]["item"]["content"][0]["text"] == "But"


def test_a_response_that_is_refused_is_no_longer_waited_for() -> None:
    line = Line()
    asked = line.sends({"type": "response.create", "event_id": "ringside_1_1"})
    assert line.is_busy
    line.receives({"type": "error", "error": {"code": "nonsense", "event_id": asked["event_id"]}})
    assert not line.is_busy


def test_words_that_are_refused_are_no_longer_waited_for() -> None:
    line = Line()
    [created] = line.caller_says("Hello").sent
    line.receives({"type": "error", "error": {"code": "nonsense", "event_id": created["event_id"]}})
    assert not line.is_busy


def test_keys_come_one_by_one() -> None:
    assert [event["event"] for event in Line().caller_presses("12#").shown] == ["1", "2", "#"]


def test_whatever_else_the_session_sends_is_passed_on() -> None:
    for event in (
        {"type": "brand.new"},
        {},
        {"type": "error"},
        {"type": "response.done"},
        {"type": "response.created"},
    ):
        assert event in Line().receives(event).shown
