"""A spoken conversation without a phone: a microphone and a loudspeaker that are no devices, and the emulator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cli.talk import admitted
from cli.talk.call import PlainCall
from cli.talk.loudspeaker import Loudspeaker
from cli.talk.session import open_session
from cli.talk.sound_card import BLOCK_BYTES, BLOCK_MS
from cli.talk.voice_line import OPEN_AGAIN_SECONDS, VoiceLine
from infra.emulator.testing import KEY, World, emulated
from ringside import prices
from ringside.agentfile.agents import Agents
from ringside.calls import EndReason, Step
from tests.integration.test_plain_call import AT, NUMBER, Fakes, _agent, _said

SPEED = 4
"""Of the conversation, as in a film that runs faster."""

TONE, SILENCE = b"\x00\x40" * (BLOCK_BYTES // 2), bytes(BLOCK_BYTES)
HANG_UP = {"tool": {"name": "hang_up", "arguments": {}}}


class Room:
    """Somebody with a microphone, who speaks for a while whenever a test says so."""

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        self._loudspeaker = loudspeaker
        self._left = 0
        self.now = 0.0  # seconds of the conversation

    def speaks(self, milliseconds: int) -> None:
        self._left = milliseconds // BLOCK_MS

    async def quiet(self, seconds: float) -> None:
        until_then = self.now + seconds
        await until(lambda: self.now >= until_then)

    async def block(self) -> bytes:
        await asyncio.sleep(BLOCK_MS / 1000 / SPEED)
        self.now += BLOCK_MS / 1000
        self._loudspeaker.take(BLOCK_BYTES)
        self._left, speaking = max(0, self._left - 1), self._left > 0
        return TONE if speaking else SILENCE


@asynccontextmanager
async def spoken_call(*lines: dict[str, Any], headphones: bool = False) -> AsyncIterator[tuple[PlainCall, Room, World]]:
    agent = _agent(turn_detection={"type": "server_vad"}, limits={"farewell": 5})
    async with emulated(pace=1 / SPEED, session_script={"lines": list(lines)}) as world:
        came = admitted.admit(Agents({agent.name: agent}), admitted.headers_of("+12025550143", NUMBER), AT)
        accepted = admitted.accept_body(agent, {}, came)
        session = await open_session(world.emulator.base_url, KEY, accepted, voice=True)
        loudspeaker = Loudspeaker()
        line, room = VoiceLine(loudspeaker, headphones=headphones, interrupts_response=True), Room(loudspeaker)
        call = PlainCall(agent, admitted.call_item(came), session, Fakes(), prices.load(), line=line)

        async def listen() -> None:
            while not call.is_over:
                call.follow(line.hears(await room.block(), room.now))

        async with asyncio.timeout(30), call:
            tasks = [asyncio.create_task(call.begin()), asyncio.create_task(listen())]
            try:
                yield call, room, world
            finally:
                await call.hangs_up()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def heard_out(call: PlainCall) -> None:
    """The greeting was heard to its end."""
    await until(lambda: call._line.is_playing)
    await until(lambda: not call._line.is_playing)


async def test_a_spoken_call_is_heard_answered_and_hung_up_after_its_goodbye() -> None:
    goodbye = {"agent": "Goodbye, and thank you for calling.", **HANG_UP}
    async with spoken_call({"agent": "Desk, hello."}, {"caller": "That was all."}, goodbye) as (call, room, _):
        await heard_out(call)
        await room.quiet(OPEN_AGAIN_SECONDS)
        room.speaks(600)
        await until(lambda: call.is_over)
    assert _said(call) == ["agent: Desk, hello.", "caller: That was all.", "agent: Goodbye, and thank you for calling."]
    assert call.record.call["end_reason"] == EndReason.AGENT_HUNG_UP
    assert Step.FIRST_AUDIO in call.record.call["steps"]
    assert not call._line.is_playing, "the goodbye was heard to its end"
    assert call.usage.output_audio > 0


async def test_with_headphones_the_agent_is_interrupted_and_the_record_knows_what_was_heard() -> None:
    story = {"agent": "Once upon a time there was a desk. " * 6}
    lines = ({"agent": "Hello."}, {"caller": "A story, please."}, story, {"caller": "Stop!"}, {"agent": "Fine."})
    async with spoken_call(*lines, headphones=True) as (call, room, world):
        await heard_out(call)
        room.speaks(600)
        await until(lambda: call._line.is_playing)
        await asyncio.sleep(0.2)
        room.speaks(600)
        await until(lambda: "agent: Fine." in _said(call))
        (session,) = await world.control.sessions()
    (told,) = [turn for turn in call.record.items if turn["kind"] == "turn" and str(turn["text"]).startswith("Once")]
    assert told["state"] == "interrupted"
    assert 0 < told["heard_ms"] < 5000
    assert [sent for sent in session["commands"] if sent["type"] == "conversation.item.truncate"]


async def test_the_session_is_the_accepts_with_a_format_for_the_microphone() -> None:
    async with spoken_call({"agent": "Desk, hello."}) as (call, _, world):
        await until(lambda: call._line.is_playing)
        (session,) = await world.control.sessions()
    (update,) = [sent["session"] for sent in session["commands"] if sent["type"] == "session.update"]
    assert update["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert update["output_modalities"] == ["audio"]


pytestmark = pytest.mark.timeout(90)
