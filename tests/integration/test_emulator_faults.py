"""What goes wrong on OpenAI's side, on demand: webhooks, REST, sideband, ends."""

import asyncio
import json
import time
from typing import Any

import aiohttp
import openai
import pytest
from websockets.exceptions import InvalidStatus

from infra.emulator.testing import SESSION, Supervisor, World, emulated

pytestmark = pytest.mark.asyncio

OPEN = {"lines": [{"agent": "Hello, this is Alex, how can I help you today?"}], "then": "stay"}
AT_ONCE = {"timeout_s": 0.3, "backoff": [0.01, 0.01, 0.01]}


# ---------------------------------------------------------------------- webhooks


async def test_a_webhook_is_repeated_under_its_id_until_it_is_answered() -> None:
    async with emulated() as world:
        world.receiver.statuses = [500, 302, 204]
        call_id = await world.control.ring(faults={"webhook": {"retry": {"backoff": [0.01, 1.1]}}})
        deliveries = await world.receiver.until(3)
        ids = {headers["webhook-id"] for headers, _ in deliveries}
        assert len(ids) == 1
        assert len({body for _, body in deliveries}) == 1
        stamps = [int(headers["webhook-timestamp"]) for headers, _ in deliveries]
        assert stamps[2] > stamps[0]
        for headers, body in deliveries:
            world.openai.webhooks.unwrap(body, headers)
        call = await world.control.until(call_id, lambda call: len(call["webhooks"]) == 3)
        assert [attempt["status"] for attempt in call["webhooks"]] == [500, 302, 204]


async def test_a_webhook_that_nobody_answers_in_time_is_repeated() -> None:
    async with emulated() as world:
        world.receiver.answer_after_s = 5
        call_id = await world.control.ring(faults={"webhook": {"retry": {"timeout_s": 0.05, "backoff": [0.01]}}})
        call = await world.control.until(call_id, lambda call: len(call["webhooks"]) == 2)
        assert [attempt["error"] for attempt in call["webhooks"]] == ["no answer within 0.05 s"] * 2


async def test_a_webhook_can_come_three_times_or_not_at_first() -> None:
    async with emulated() as world:
        await world.control.ring(faults={"webhook": {"duplicates": 2}})
        deliveries = await world.receiver.until(3)
        assert len({headers["webhook-id"] for headers, _ in deliveries}) == 1
        await world.control.ring(faults={"webhook": {"drop_first": 2, "retry": AT_ONCE}})
        await world.receiver.until(4)
        assert len(world.receiver.deliveries) == 4


async def test_a_webhook_can_be_late_and_out_of_order() -> None:
    async with emulated() as world:
        first = await world.control.ring(faults={"webhook": {"reorder": True}})
        second = await world.control.ring(faults={"webhook": {"delay_s": 0.1}})
        deliveries = await world.receiver.until(2)
        assert [json.loads(body)["data"]["call_id"] for _, body in deliveries] == [second, first]


@pytest.mark.parametrize("fault", [{"bad_signature": True}, {"timestamp_offset_s": -301}, {"timestamp_offset_s": 302}])
async def test_a_webhook_can_be_one_that_must_be_refused(fault: dict[str, Any]) -> None:
    async with emulated() as world:
        await world.control.ring(faults={"webhook": fault})
        headers, body = (await world.receiver.until(1))[0]
        with pytest.raises(openai.InvalidWebhookSignatureError):
            world.openai.webhooks.unwrap(body, headers)


async def test_a_webhook_can_carry_the_signatures_of_a_rotation() -> None:
    async with emulated() as world:
        await world.control.ring(faults={"webhook": {"two_signatures": True, "sip_media_security": "srtp"}})
        headers, body = (await world.receiver.until(1))[0]
        assert len(headers["webhook-signature"].split()) == 2
        event = world.openai.webhooks.unwrap(body, headers)
        assert event.type == "realtime.call.incoming"
        assert event.data.sip_media_security == "srtp"


async def test_one_invite_can_fire_two_webhooks_and_others_can_be_sent() -> None:
    async with emulated() as world:
        await world.control.ring(faults={"webhook": {"twin": True}})
        await world.control.send_webhook("realtime.call.ended", {"call_id": "rtc_x"})
        deliveries = await world.receiver.until(3)
        types = {json.loads(body)["type"] for _, body in deliveries}
        assert types == {"realtime.call.incoming", "live.transport.incoming", "realtime.call.ended"}
        for headers, body in deliveries:
            world.openai.webhooks.unwrap(body, headers)


# ---------------------------------------------------------------------- REST


async def test_an_endpoint_can_fail_a_number_of_times() -> None:
    async with emulated() as world:
        call_id = await world.control.ring(faults={"accept": {"status": 500, "times": 1}})
        with pytest.raises(openai.InternalServerError):
            await world.openai.realtime.calls.accept(call_id, **SESSION)
        await world.openai.realtime.calls.accept(call_id, **SESSION)
        call = await world.control.shown(call_id)
        assert [request["status"] for request in call["requests"]] == [500, 200]


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, openai.AuthenticationError), (404, openai.NotFoundError), (429, openai.RateLimitError)],
)
async def test_an_accept_can_be_refused(status: int, error: type[Exception]) -> None:
    async with emulated() as world:
        call_id = await world.control.ring(faults={"accept": {"status": status}})
        with pytest.raises(error):
            await world.openai.realtime.calls.accept(call_id, **SESSION)
        assert (await world.control.shown(call_id))["state"] == "ringing"


async def test_an_accept_can_work_and_still_look_broken() -> None:
    async with emulated() as world:
        call_id = await world.control.ring(script=OPEN, faults={"accept": {"status": 500, "effect": True, "times": 1}})
        with pytest.raises(openai.InternalServerError):
            await world.openai.realtime.calls.accept(call_id, **SESSION)
        with pytest.raises(openai.ConflictError):
            await world.openai.realtime.calls.accept(call_id, **SESSION)


async def test_an_accept_can_go_unanswered() -> None:
    async with emulated() as world:
        call_id = await world.control.ring(faults={"accept": {"hang": True, "times": 1}})
        with pytest.raises(openai.APITimeoutError):
            await world.openai.with_options(timeout=0.2).realtime.calls.accept(call_id, **SESSION)
        await world.openai.realtime.calls.accept(call_id, **SESSION)
        assert (await world.control.shown(call_id))["requests"][0]["status"] is None


async def test_an_accept_can_answer_200_and_be_dead() -> None:
    async with emulated() as world:
        call_id = await world.control.ring(faults={"accept": "200-but-dead"})
        await world.openai.realtime.calls.accept(call_id, **SESSION)
        with pytest.raises(InvalidStatus, match="404"):
            await world.openai.realtime.connect(call_id=call_id).enter()
        call = await world.control.shown(call_id)
        assert (call["state"], call["ended"]["by"]) == ("ended", "failed")


async def test_a_wrong_session_can_be_accepted_and_be_dead() -> None:
    async with emulated(bad_accept="200-but-dead") as world:
        call_id = await world.control.ring()
        await world.openai.post(f"/realtime/calls/{call_id}/accept", body={"voice": "marin"}, cast_to=object)
        with pytest.raises(InvalidStatus, match="404"):
            await world.openai.realtime.connect(call_id=call_id).enter()


async def test_a_caller_who_gave_up_is_not_found_slowly() -> None:
    async with emulated(not_found_delay_s=0.2) as world:
        call_id = await world.control.ring(faults={"gone_before_accept": True})
        await world.receiver.until(1)
        began = time.monotonic()
        with pytest.raises(openai.NotFoundError, match="No session found"):
            await world.openai.realtime.calls.accept(call_id, **SESSION)
        assert time.monotonic() - began >= 0.2
        assert (await world.control.shown(call_id))["state"] == "missed"


async def test_a_caller_who_gave_up_can_leave_a_ghost() -> None:
    async with emulated() as world:
        call_id = await world.accepted(faults={"gone_before_accept": "ghost"}, script={"lines": [{"caller": "Hi."}]})
        async with Supervisor(world.openai, call_id) as supervisor:
            await supervisor.until_type("output_audio_buffer.stopped")
            assert not supervisor.of("input_audio_buffer.speech_started")
            await world.openai.realtime.calls.hangup(call_id)
            await supervisor.until_closed()


async def test_a_call_that_nobody_answers_is_missed() -> None:
    async with emulated(ring_limit_s=0.05) as world:
        call_id = await world.control.ring()
        call = await world.control.until_ended(call_id)
        assert (call["state"], call["ended"]["by"]) == ("missed", "timeout")
        with pytest.raises(openai.NotFoundError):
            await world.openai.realtime.calls.accept(call_id, **SESSION)


@pytest.mark.parametrize(("fault", "error"), [("500", openai.InternalServerError), ("404", openai.NotFoundError)])
async def test_a_refer_can_fail(fault: str, error: type[Exception]) -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"refer": fault})
        with pytest.raises(error):
            await world.openai.realtime.calls.refer(call_id, target_uri="tel:+14155550123")


async def test_a_refer_can_succeed_without_any_effect() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"refer": "no-effect"})
        async with Supervisor(world.openai, call_id) as supervisor:
            await world.openai.realtime.calls.refer(call_id, target_uri="tel:+14155550123")
            await supervisor.until_type("output_audio_buffer.stopped")
            assert (await world.control.shown(call_id))["state"] == "live"


async def test_one_target_of_a_refer_can_turn_out_otherwise_than_another() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"refer_to": {"tel:+14155550123": 500}})
        async with Supervisor(world.openai, call_id):
            with pytest.raises(openai.InternalServerError):
                await world.openai.realtime.calls.refer(call_id, target_uri="tel:+14155550123")
            await world.openai.realtime.calls.refer(call_id, target_uri="tel:+14155550124")
            call = await world.control.until_ended(call_id)
            assert call["ended"]["by"] == "refer"


# ---------------------------------------------------------------------- sideband and ends


async def attach(world: World, call_id: str) -> aiohttp.ClientWebSocketResponse:
    """A bare client: it tells a close frame from a connection that just ends."""
    session = aiohttp.ClientSession(headers={"authorization": "Bearer sk-test-0123456789abcdef"})
    world.clients.append(session)  # type: ignore[arg-type]
    return await session.ws_connect(f"{world.emulator.base_url}/realtime?call_id={call_id}")


async def test_the_sideband_can_refuse_at_first() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"sideband": {"refuse": {"times": 2}}})
        for _ in range(2):
            with pytest.raises(InvalidStatus, match="404"):
                await world.openai.realtime.connect(call_id=call_id).enter()
        async with Supervisor(world.openai, call_id) as supervisor:
            await supervisor.until_type("response.done")
        refused = [request["status"] for request in (await world.control.shown(call_id))["requests"][1:]]
        assert refused == [404, 404]


@pytest.mark.parametrize(("code", "seen"), [("abrupt", None), (1011, 1011)])
async def test_the_sideband_can_break_while_the_call_goes_on(code: str | int, seen: int | None) -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"sideband": {"close": {"after_events": 5, "code": code}}})
        async with Supervisor(world.openai, call_id) as first:
            await first.until_closed()
        assert first.close_code == seen
        assert len(first.events) <= 6
        async with Supervisor(world.openai, call_id, greet=False) as second:
            await world.control.say(call_id, "Are you still there?")
            await second.until_type("conversation.item.input_audio_transcription.completed")
        call = await world.control.shown(call_id)
        assert [attachment["code"] for attachment in call["attachments"]] == [seen or 1006, 1000]


async def test_an_abrupt_end_has_no_close_frame() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN)
        socket = await attach(world, call_id)
        await world.control.drop(call_id)
        async for message in socket:
            assert message.type is aiohttp.WSMsgType.TEXT
        assert socket.close_code == 1006
        assert (await world.control.shown(call_id))["state"] == "live"


async def test_the_first_events_can_stay_away() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"sideband": {"no_session_created": True}})
        async with Supervisor(world.openai, call_id) as supervisor:
            await supervisor.until_type("response.done")
        assert supervisor.types()[0] == "response.created"


async def test_the_end_of_a_call_can_go_unnoticed_on_the_sideband() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"sideband": {"never_close": True}})
        async with Supervisor(world.openai, call_id) as supervisor:
            await supervisor.until_type("response.done")
            await world.openai.realtime.calls.hangup(call_id)
            with pytest.raises(openai.NotFoundError):
                await world.openai.realtime.calls.hangup(call_id)
            await supervisor.connection.response.create()
            with pytest.raises(TimeoutError):
                await supervisor.until_closed(within_s=0.2)
        assert (await world.control.shown(call_id))["state"] == "ended"


async def test_a_session_expires_with_an_error_and_1001() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"expires_s": 0.3})
        async with Supervisor(world.openai, call_id) as supervisor:
            await supervisor.until_closed()
        assert supervisor.of("error")[-1]["error"]["code"] == "session_expired"
        assert supervisor.close_code == 1001
        assert (await world.control.shown(call_id))["ended"]["by"] == "expired"


@pytest.mark.parametrize(("codes", "seen"), [({}, None), ({"caller": 1000}, 1000), ({"caller": 1001}, 1001)])
async def test_the_close_code_of_a_callers_hang_up_is_a_choice(codes: dict[str, int], seen: int | None) -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN, faults={"close_codes": codes})
        async with Supervisor(world.openai, call_id) as supervisor:
            await supervisor.until_type("session.created")
            await world.control.hang_up(call_id)
            await supervisor.until_closed()
        assert supervisor.close_code == seen


async def test_a_second_sideband_can_be_refused() -> None:
    async with emulated(max_attachments=1, attach_refusal_status=403) as world:
        call_id = await world.accepted(OPEN)
        async with Supervisor(world.openai, call_id):
            with pytest.raises(InvalidStatus, match="403"):
                await world.openai.realtime.connect(call_id=call_id).enter()
        await world.control.until(call_id, lambda call: call["attachments"][0]["closed_at"])
        async with Supervisor(world.openai, call_id, greet=False) as next_one:
            await next_one.until_type("session.created")


async def test_a_frozen_sideband_says_nothing_and_answers_no_ping() -> None:
    script = {"lines": [{"freeze": 0.4}, {"agent": "Hello."}], "then": "stay"}
    async with emulated() as world:
        call_id = await world.accepted(script)
        async with Supervisor(world.openai, call_id) as supervisor:
            began = time.monotonic()
            pong = await supervisor.connection._connection.ping()
            await pong
            assert time.monotonic() - began >= 0.2
            await supervisor.until_type("response.done")


async def test_a_flood_arrives_whole() -> None:
    flood = {"events_per_s": 2000, "seconds": 0.3, "event": {"type": "future.event", "n": 1}}
    async with emulated() as world:
        played = await world.played({"lines": [{"agent": "Hello."}, {"flood": flood}]})
        assert 500 <= len(played.of("future.event")) <= 601


async def test_slow_frames_keep_their_order() -> None:
    async with emulated() as world:
        played = await world.played(
            {"lines": [{"agent": "Hello."}], "hang_up_after_s": 30}, faults={"sideband": {"slow_frames_ms": 20}}
        )
        assert played.types("delta")[-2:] == ["response.done", "output_audio_buffer.stopped"]


async def test_the_beta_header_finds_no_session() -> None:
    async with emulated() as world:
        call_id = await world.accepted(OPEN)
        with pytest.raises(InvalidStatus, match="404"):
            await world.openai.realtime.connect(
                call_id=call_id, websocket_connection_options={}, extra_headers={"OpenAI-Beta": "realtime=v1"}
            ).enter()


async def test_a_call_ends_with_the_emulator_and_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with emulated() as world:
        call_id = await world.accepted(OPEN)
        socket = await attach(world, call_id)
        await socket.receive()
        await world.emulator.stop()
    assert {task for task in asyncio.all_tasks() - before if "emulator" in repr(task)} == set()
