"""The control API, the command line and TLS."""

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import pytest_asyncio

from infra.emulator import Emulator
from infra.emulator.client import Control, NotInTime
from infra.emulator.errors import BadInput
from infra.emulator.testing import Supervisor, World, emulated
from tests import certificate

pytestmark = pytest.mark.asyncio

AUTHORIZED = {"authorization": "Bearer sk-any"}
ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with emulated() as world:
        yield world


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"to": "+2"}, "from is missing."),
        ({"from": 1, "to": "+2"}, "from must be a text, not 1."),
        ({"from": "+1", "to": "+2", "colour": "red"}, "colour is not a known field."),
        ({"from": "+1", "to": "+2", "sip_headers": [{"name": "X"}]}, "sip_headers[0].value is missing."),
        ({"from": "+1", "to": "+2", "faults": {"acept": "500"}}, "faults.acept is not a known field."),
        (
            {"from": "+1", "to": "+2", "faults": {"accept": {"status": 99}}},
            "faults.accept.status must be greater than or equal to 200, not 99.",
        ),
        (
            {"from": "+1", "to": "+2", "faults": {"webhook": {"delay_s": "long"}}},
            "faults.webhook.delay_s must be a number, not 'long'.",
        ),
        (
            {"from": "+1", "to": "+2", "script": {"lines": [{"agent": "Hi"}, {"caller": "Hi", "interupts": True}]}},
            "script.lines[1].interupts is not a known field.",
        ),
        ({"from": "+1", "to": "+2", "script": {"lines": "Hi"}}, "script.lines must be a list, not 'Hi'."),
        ({"from": "+1", "to": "+2", "script": 7}, "script must be an object, not 7."),
        ([], "The body must be an object."),
    ],
)
async def test_a_wrong_ring_is_answered_with_one_sentence(world: World, body: Any, sentence: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{world.emulator.control_url}/calls", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


async def test_an_unknown_script_is_told_which_ones_there_are(world: World) -> None:
    with pytest.raises(ValueError, match=r"There is no script 'nope'; there are caller-hangs-up, dtmf, .*"):
        await world.control.ring(script="nope")


async def test_what_is_no_json_and_who_is_no_call(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.emulator.control_url) as http:
        answer = await http.post("/calls", content=b"{")
        assert (answer.status_code, answer.json()) == (400, {"error": "The body is not JSON."})
        answer = await http.get("/calls/rtc_nobody")
        assert (answer.status_code, answer.json()) == (404, {"error": "There is no call rtc_nobody."})


async def test_every_call_is_listed_with_its_state(world: World) -> None:
    one = await world.control.ring("+1", "+2")
    two = await world.accepted()
    listed = {call["call_id"]: call for call in await world.control.calls()}
    assert listed[one] == {"call_id": one, "state": "ringing", "from": "+1", "to": "+2"}
    assert listed[two]["state"] == "accepted"


async def test_a_call_shows_everything_that_was_asked_of_it(world: World) -> None:
    call_id = await world.control.ring()
    assert set(await world.control.shown(call_id)) == {
        *("call_id", "from", "to", "script", "state", "session", "requests", "commands", "spoken", "tool_calls"),
        *("attachments", "webhooks", "events_sent", "usage", "ended"),
    }


async def test_headers_are_passed_on_as_they_are(world: World) -> None:
    headers = [
        {"name": "From", "value": '"Jo" <sip:+1@example.com>;tag=a'},
        {"name": "X-Twilio-CallSid", "value": "CA1"},
        {"name": "X-Twilio-CallSid", "value": "CA2"},
    ]
    await world.control.ring(sip_headers=headers)
    received, body = (await world.receiver.until(1))[0]
    event = world.openai.webhooks.unwrap(body, received)
    assert event.type == "realtime.call.incoming"
    assert [header.to_dict() for header in event.data.sip_headers] == headers


async def test_the_caller_can_speak_press_keys_and_hang_up_on_demand(world: World) -> None:
    call_id = await world.accepted({"lines": [], "then": "stay"})
    async with Supervisor(world.openai, call_id, greet=False) as supervisor:
        await world.control.say(call_id, "Anybody there?")
        await supervisor.until_type("response.done")
        await world.control.press(call_id, "12#")
        await supervisor.until_type("input_audio_buffer.dtmf_event_received", 3)
        await world.control.hang_up(call_id)
        await supervisor.until_closed()
    call = await world.control.shown(call_id)
    assert call["spoken"][0]["text"] == "Anybody there?"
    with pytest.raises(ValueError, match="is ended: the caller cannot be heard"):
        await world.control.say(call_id, "Hello?")


async def test_half_a_surrogate_pair_is_refused_and_half_a_call_does_not_begin(world: World) -> None:
    ring = '{"from": "+1", "to": "+2", "sip_headers": [{"name": "X", "value": "\\ud83d"}]}'
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{world.emulator.control_url}/calls", content=ring)
    sentence = "sip_headers[0].value has half of a surrogate pair in it, which is not a character."
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert await world.control.calls() == []


async def test_the_calls_that_ended_first_are_forgotten_and_those_that_go_on_are_not(world: World) -> None:
    await world.control.settings(kept_calls=2)
    first = await world.accepted({"lines": [], "then": "stay"})
    ended = [await world.accepted({"lines": [], "then": "stay"}) for _ in range(4)]
    for call_id in reversed(ended):
        await world.control.hang_up(call_id)
    assert [call["call_id"] for call in await world.control.calls()] == [first, *ended[:2]]
    with pytest.raises(ValueError, match=f"There is no call {ended[3]}"):
        await world.control.shown(ended[3])
    assert (await world.control.shown(first))["state"] == "accepted"


async def test_a_call_that_was_missed_or_rejected_is_forgotten_like_any_other(world: World) -> None:
    await world.control.settings(kept_calls=1)
    await world.control.ring(faults={"gone_before_accept": True})
    rejected = await world.control.ring()
    await world.openai.realtime.calls.reject(rejected)
    assert [call["call_id"] for call in await world.control.calls()] == [rejected]


async def test_settings_change_and_wrong_ones_are_refused(world: World) -> None:
    assert (await world.control.settings(pace=0.5))["pace"] == 0.5
    assert (await world.control.settings(rest_faults={"accept": "500"}))["pace"] == 0.5
    with pytest.raises(ValueError, match=r"^pase is not a known field.$"):
        await world.control.settings(pase=1)
    with pytest.raises(ValueError, match=r"^max_attachments must be greater than or equal to 1, not 0.$"):
        await world.control.settings(max_attachments=0)


async def test_waiting_in_vain_says_how_far_the_call_came(world: World) -> None:
    call_id = await world.control.ring()
    with pytest.raises(NotInTime, match="'state': 'ringing'"):
        await world.control.until_ended(call_id, within_s=0.05)


async def test_a_ring_without_a_webhook_url_is_refused() -> None:
    async with Emulator() as emulator, Control(emulator.control_url) as control:
        with pytest.raises(ValueError, match="webhook_url is missing"):
            await control.ring()


async def test_a_wrong_script_file_names_file_line_and_field(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("name: broken\nlines:\n  - agent: Hi\n  - caller: Hi\n    pause_ms: soon\n")
    with pytest.raises(BadInput) as refused:
        Emulator(scripts=tmp_path)
    assert str(refused.value) == "broken.yaml, line 5: lines[1].pause_ms must be a whole number, not 'soon'."


# ---------------------------------------------------------------------- the program


async def started(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.emulator", "--port", "0", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert program.stdout
    line = (await program.stdout.readline()).decode()
    return program, line.strip()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_says_where_it_listens_and_stops_cleanly(by: signal.Signals) -> None:
    program, line = await started("--webhook-url", "http://127.0.0.1:9/webhook", "--pace", "0.02")
    assert line.startswith("emulator listening on http://127.0.0.1:")
    async with Control(f"{line.rsplit(' ', 1)[1]}/_emulator") as control:
        await control.ring()
    program.send_signal(by)
    _, complaints = await asyncio.wait_for(program.communicate(), 10)
    assert (program.returncode, complaints) == (0, b"")


async def test_an_abrupt_end_is_abrupt_in_the_program_too() -> None:
    """The program runs on uvloop, whose transports are of another kind than asyncio's."""
    program, line = await started("--webhook-url", "http://127.0.0.1:9/webhook", "--pace", "0.02")
    origin = line.rsplit(" ", 1)[1]
    async with Control(f"{origin}/_emulator") as control, aiohttp.ClientSession(headers=AUTHORIZED) as session:
        call_id = await control.ring(script={"lines": [], "then": "stay"})
        await session.post(f"{origin}/v1/realtime/calls/{call_id}/accept", json={"type": "realtime"})
        socket = await session.ws_connect(f"{origin}/v1/realtime?call_id={call_id}")
        await socket.receive()
        await control.hang_up(call_id)
        async with asyncio.timeout(5):
            async for message in socket:
                assert message.type is aiohttp.WSMsgType.TEXT
        assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    program.terminate()
    await asyncio.wait_for(program.communicate(), 10)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scripts", "/nowhere"], "/nowhere is not a folder of scripts."),
        (["--pace", "0"], "pace must be greater than or equal to 0.001, not 0.0."),
        (["--tls-cert", "x.pem"], "--tls-cert and --tls-key belong together."),
        (["--webhook-secret", "whsec_???"], "webhook_secret must be whsec_ and base64."),
        (["--pase", "1"], "Unknown option: --pase. Did you mean --pace?"),
    ],
)
async def test_wrong_arguments_end_in_one_sentence(arguments: list[str], sentence: str) -> None:
    program, _ = await started(*arguments)
    _, complaints = await asyncio.wait_for(program.communicate(), 10)
    assert program.returncode == 2
    assert complaints.decode().strip().endswith(sentence)


async def test_it_can_listen_with_tls(tmp_path: Path) -> None:
    trusted, server = certificate.for_loopback(tmp_path)
    async with Emulator(tls=server, host="127.0.0.1") as emulator:
        assert emulator.base_url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(trusted))
        async with Control(emulator.control_url, trusting) as control:
            assert await control.calls() == []
