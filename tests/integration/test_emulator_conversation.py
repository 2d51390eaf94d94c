"""What comes over the sideband, in which order: turns, tools, barge-in, transcriptions, keys, silence."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from infra.emulator.scripts import lines
from infra.emulator.session.stand_in import WHO_I_AM
from infra.emulator.testing import SESSION, Supervisor, World, emulated

pytestmark = pytest.mark.asyncio

GREETING = {"agent": "Hello, this is Alex."}
LONG = "You can return anything within thirty days, if you put it back into its box and bring it to any of our shops."
RESPONSE = [
    "response.created",
    "rate_limits.updated",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "output_audio_buffer.started",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]
HEARD = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]


def session(**audio_input: Any) -> dict[str, Any]:
    return SESSION | {"audio": {"input": SESSION["audio"]["input"] | audio_input}}


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with emulated() as world:
        yield world


async def test_a_turn_comes_in_the_order_of_the_api(world: World) -> None:
    played = await world.played({"lines": [GREETING, {"caller": "Hi."}, {"agent": "How can I help?"}]})
    spoken = played.types("delta", "transcription.completed")
    once = [*RESPONSE, "output_audio_buffer.stopped"]
    assert spoken == ["session.created", "conversation.created", *once, *HEARD, *once]


async def test_deltas_add_up_to_the_transcript(world: World) -> None:
    played = await world.played({"lines": [{"agent": LONG}]})
    deltas = "".join(event["delta"] for event in played.of("response.output_audio_transcript.delta"))
    done = played.of("response.output_audio_transcript.done")[0]
    assert deltas == done["transcript"] == LONG
    assert played.of("response.done")[0]["response"]["output"][0]["content"][0]["transcript"] == LONG


async def test_items_form_one_chain_in_conversation_order(world: World) -> None:
    played = await world.played("interruption")
    added = played.of("conversation.item.added")
    ids = [event["item"]["id"] for event in added]
    assert [event["previous_item_id"] for event in added] == [None, *ids[:-1]]
    committed = {event["item_id"]: event["previous_item_id"] for event in played.of("input_audio_buffer.committed")}
    assert committed.items() <= dict(zip(ids, [None, *ids], strict=False)).items()


async def test_a_tool_is_called_and_the_next_line_answers(world: World) -> None:
    call_id = await world.accepted(
        {"lines": [{"agent": "Let me see.", "tool": {"name": "look", "arguments": {"a": 1}}}, {"agent": "Found it."}]}
    )
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_closed()
    done = supervisor.of("response.function_call_arguments.done")[0]
    assert (done["name"], done["arguments"]) == ("look", '{"a": 1}')
    assert "".join(event["delta"] for event in supervisor.of("response.function_call_arguments.delta")) == '{"a": 1}'
    output = supervisor.of("response.done")[0]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call"]
    assert output[1]["call_id"] == done["call_id"]
    call = await world.control.shown(call_id)
    assert call["spoken"][-1]["text"] == "Found it."
    assert call["tool_calls"][0]["output"] == '{"ok": true}'


async def test_no_response_follows_a_tool_result_by_itself(world: World) -> None:
    call_id = await world.accepted({"lines": [{"tool": {"name": "look"}}, {"agent": "Found it."}], "then": "stay"})
    async with Supervisor(world.openai, call_id, follow_up=lambda _: False) as supervisor:
        await world.control.until(call_id, lambda call: call["tool_calls"] and call["tool_calls"][0]["answers"])
        await world.control.press(call_id, "1")
        await supervisor.until_type("input_audio_buffer.dtmf_event_received")
        assert len(supervisor.of("response.created")) == 1


async def test_parallel_tools_come_in_one_response(world: World) -> None:
    call_id = await world.accepted("parallel-tools")
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until(lambda _: len(supervisor.of("response.function_call_arguments.done")) == 5)
        await world.control.until(call_id, lambda call: all(tool["answers"] == 1 for tool in call["tool_calls"]))
        await world.control.hang_up(call_id)
    outputs = [event["response"]["output"] for event in supervisor.of("response.done")]
    names = [[item["name"] for item in output if item["type"] == "function_call"] for output in outputs]
    assert ["stock", "price", "delivery"] in names


async def test_barge_in_while_the_model_still_generates(world: World) -> None:
    script = {"lines": [{"agent": LONG * 10}, {"caller": "Stop!", "interrupts": True, "after_ms": 1000}]}
    call_id = await world.accepted(script)
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_closed()
    types = supervisor.types("delta")
    start = types.index("input_audio_buffer.speech_started")
    assert types[start : start + 9] == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    response = supervisor.of("response.done")[0]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert response["output"][0]["status"] == "incomplete"
    words = (await world.control.shown(call_id))["spoken"][0]
    assert words["interrupted"]
    assert words["heard_ms"] == supervisor.of("conversation.item.truncated")[0]["audio_end_ms"]
    assert 1000 <= words["heard_ms"] < len(words["text"]) / 15 * 1000


async def test_barge_in_during_playback_leaves_the_response_completed(world: World) -> None:
    played = await world.played("interruption")
    cut = played.of("conversation.item.truncated")[0]
    answer = next(event for event in played.of("response.done") if _item(event) == cut["item_id"])
    assert answer["response"]["status"] == "completed"
    assert [event["response_id"] for event in played.of("output_audio_buffer.cleared")] == [answer["response"]["id"]]
    stopped = {event["response_id"] for event in played.of("output_audio_buffer.stopped")}
    assert answer["response"]["id"] not in stopped


def _item(done: dict[str, Any]) -> str:
    return str(done["response"]["output"][0]["id"])


async def test_the_model_talks_on_when_it_may_not_be_interrupted(world: World) -> None:
    script = {"lines": [{"agent": LONG}, {"caller": "Hm.", "interrupts": True}, {"agent": "As I said."}]}
    detection = {"type": "server_vad", "interrupt_response": False}
    played = await world.played(script, session(turn_detection=detection))
    assert not played.of("output_audio_buffer.cleared")
    assert [event["response"]["status"] for event in played.of("response.done")] == ["completed", "completed"]


async def test_the_client_answers_when_create_response_is_off(world: World) -> None:
    script = {"lines": [GREETING, {"caller": "Hi."}, {"agent": "How can I help?"}], "then": "stay"}
    detection = {"type": "semantic_vad", "create_response": False}
    call_id = await world.accepted(script, session(turn_detection=detection))
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_type("conversation.item.input_audio_transcription.completed")
        assert len(supervisor.of("response.created")) == 1
        await supervisor.connection.response.create()
        await supervisor.until_type("response.done", 2)
    assert supervisor.of("response.output_audio_transcript.done")[1]["transcript"] == "How can I help?"


async def test_without_turn_detection_the_client_commits(world: World) -> None:
    script = {"lines": [GREETING, {"caller": "Hi there."}, {"dtmf": "1"}], "then": "stay"}
    call_id = await world.accepted(script, session(turn_detection=None))
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_type("input_audio_buffer.dtmf_event_received")
        assert not supervisor.of("input_audio_buffer.speech_started")
        await supervisor.connection.input_audio_buffer.commit()
        completed = await supervisor.until_type("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "Hi there."


async def test_transcriptions_come_before_after_late_broken_or_never(world: World) -> None:
    script = yaml.safe_load(Path(lines.__file__).with_name("late-transcripts.yaml").read_text(encoding="utf-8"))
    (late_line,) = (line for line in script["lines"] if isinstance(line.get("transcription"), dict))
    late_line["transcription"]["late_ms"] *= 10  # at this pace a busy machine takes longer for what is said meanwhile
    call_id = await world.accepted({**script, "hang_up_after_s": 90})
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_closed()
    before, after, late, failed, never = [event["item_id"] for event in supervisor.of("input_audio_buffer.committed")]
    kind = "conversation.item.input_audio_transcription"
    places = {event["item_id"]: n for n, event in enumerate(supervisor.events) if event["type"] == f"{kind}.completed"}
    created = [n for n, event in enumerate(supervisor.events) if event["type"] == "response.created"]
    done = [n for n, event in enumerate(supervisor.events) if event["type"] == "response.done"]
    assert places[before] < created[1]
    assert places[after] > done[2]
    assert places[late] > created[4]
    assert [event["item_id"] for event in supervisor.of(f"{kind}.failed")] == [failed]
    assert set(places) == {before, after, late}
    call = await world.control.until_ended(call_id)
    marks = [words["transcribed"] for words in call["spoken"] if words["role"] == "caller"]
    assert marks == ["completed", "completed", "completed", "failed", "never"]
    assert [words["item_id"] for words in call["spoken"] if words["role"] == "caller"][-1] == never


async def test_nothing_is_transcribed_unless_it_was_asked_for(world: World) -> None:
    played = await world.played({"lines": [GREETING, {"caller": "Hi."}]}, {"type": "realtime"})
    assert not [kind for kind in played.types() if "transcription" in kind]


@pytest.mark.parametrize("variant", ["tokens", "duration"])
async def test_transcriptions_report_tokens_or_a_duration(world: World, variant: str) -> None:
    script = {"lines": [GREETING, {"caller": "Fifteen chars."}], "transcription_usage": variant, "hang_up_after_s": 5}
    played = await world.played(script)
    usage = played.of("conversation.item.input_audio_transcription.completed")[0]["usage"]
    assert usage["type"] == variant
    if variant == "tokens":
        assert usage["input_tokens"] == 10  # 14 characters are 933 ms, 1 token per 100 ms
    else:
        assert usage["seconds"] == 0.93


async def test_usage_counts_the_conversation_again_with_each_response(world: World) -> None:
    call_id = await world.accepted("interruption")
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_closed()
    usages = [event["response"]["usage"] for event in supervisor.of("response.done")]
    inputs = [usage["input_token_details"]["audio_tokens"] for usage in usages]
    assert inputs == sorted(inputs)
    assert inputs[0] == 0
    assert usages[2]["input_token_details"]["cached_tokens_details"]["audio_tokens"] > 0
    for usage in usages:
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["input_token_details"]["cached_tokens"] <= usage["input_tokens"]
    totals = (await world.control.shown(call_id))["usage"]
    assert totals["total_tokens"] == sum(usage["total_tokens"] for usage in usages)


async def test_keys_have_no_event_id_and_start_no_response(world: World) -> None:
    call_id = await world.accepted("dtmf")
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_type("input_audio_buffer.dtmf_event_received", 5)
        keys = supervisor.of("input_audio_buffer.dtmf_event_received")
        assert "".join(event["event"] for event in keys) == "4711#"
        assert all("event_id" not in event for event in keys)
        assert len(supervisor.of("response.created")) == 1
        await supervisor.connection.response.create()
        done = await supervisor.until_type("response.output_audio_transcript.done", 2)
        assert done["transcript"] == "Thank you, I have found your account. Goodbye!"


async def test_silence_makes_the_model_ask_when_it_may(world: World) -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 6000}
    call_id = await world.accepted("silent-caller", session(turn_detection=detection))
    async with Supervisor(world.openai, call_id) as supervisor:
        timed_out = await supervisor.until_type("input_audio_buffer.timeout_triggered")
        await supervisor.until_type("response.done", 2)
        await world.control.hang_up(call_id)
    assert 5900 <= timed_out["audio_end_ms"] - timed_out["audio_start_ms"] <= 6100
    assert supervisor.of("input_audio_buffer.committed")[0]["item_id"] == timed_out["item_id"]


async def test_the_stand_in_speaks_where_the_script_has_no_line_for_the_model(world: World) -> None:
    call_id = await world.accepted({"lines": [], "then": "stay"})
    async with Supervisor(world.openai, call_id, greet=False) as supervisor:
        await supervisor.connection.response.create(
            response={"instructions": "Say to the user 'Thank you for calling, how can I help you'"}
        )
        await supervisor.until_type("response.done")
        await world.control.say(call_id, "Hello?")
        await supervisor.until_type("response.done", 2)
    said = [event["transcript"] for event in supervisor.of("response.output_audio_transcript.done")]
    assert said == ["Thank you for calling, how can I help you", WHO_I_AM]


async def test_a_response_asked_for_between_two_side_effects_still_says_its_line(world: World) -> None:
    script = {"lines": [{"mcp_tools": {"server_label": "crm"}}, {"raw": {"type": "x"}}, GREETING, {"caller": "Hi."}]}
    played = await world.played(script)
    assert played.of("response.output_audio_transcript.done")[0]["transcript"] == "Hello, this is Alex."


async def test_no_line_is_said_twice_while_the_script_is_busy_elsewhere(world: World) -> None:
    busy = {"flood": {"events_per_s": 10, "seconds": 1}}
    call_id = await world.accepted({"lines": [busy, {"agent": "One."}, {"agent": "Two."}], "then": "stay"})
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_type("response.done")
        await supervisor.connection.response.create()
        await supervisor.until_type("response.done", 2)
    said = [event["transcript"] for event in supervisor.of("response.output_audio_transcript.done")]
    assert said == ["One.", "Two."]


async def test_text_only_responses_make_no_sound(world: World) -> None:
    played = await world.played({"lines": [GREETING]}, SESSION | {"output_modalities": ["text"]})
    assert played.of("response.output_text.done")[0]["text"] == "Hello, this is Alex."
    assert not [kind for kind in played.types() if "audio" in kind]


async def test_the_last_words_of_a_caller_who_hangs_up_are_lost(world: World) -> None:
    script = {"lines": [GREETING, {"caller": "I only wanted to say that", "hangs_up": True}]}
    call_id = await world.accepted(script)
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_closed()
    assert supervisor.types()[-1] == "input_audio_buffer.speech_started"
    assert supervisor.close_code is None
    words = (await world.control.shown(call_id))["spoken"][-1]
    assert (words["text"], words["transcribed"], words["interrupted"]) == ("I only wanted to say that", "never", True)


async def test_a_hang_up_in_the_middle_of_an_answer_leaves_no_response_done(world: World) -> None:
    call_id = await world.accepted("caller-hangs-up")
    async with Supervisor(world.openai, call_id) as supervisor:
        await supervisor.until_closed()
    assert len(supervisor.of("response.created")) == 2
    assert len(supervisor.of("response.done")) == 1
    call = await world.control.until_ended(call_id)
    assert call["ended"]["by"] == "caller"
    assert call["spoken"][-1]["interrupted"]


async def test_garbage_between_turns_harms_nothing(world: World) -> None:
    played = await world.played("garbage")
    assert "this is not JSON" in played.frames
    assert max(len(frame) for frame in played.frames) >= 1_500_000
    assert played.of("response.output_audio_transcript.done")[-1]["transcript"] == "Loud and clear. Goodbye!"
