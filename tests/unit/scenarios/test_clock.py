"""The clock that does not wait: it is later as soon as nothing is under way, and not before."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from infra.scenarios.clock import UnhurriedLoop


def run(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=UnhurriedLoop) as runner:
        return runner.run(work)


def test_an_hour_passes_in_no_time_and_in_order() -> None:
    rang: list[float] = []

    async def sleepers() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def sleeper(seconds: float) -> None:
            await asyncio.sleep(seconds)
            rang.append(seconds)

        await asyncio.gather(*map(sleeper, (3600, 60, 0.1, 1800)))
        return loop.time() - began

    before = time.monotonic()
    assert 3600 <= run(sleepers()) < 3630
    assert rang == [0.1, 60, 1800, 3600]
    assert time.monotonic() - before < 30


def test_while_a_thread_works_the_clock_is_the_walls() -> None:
    async def race() -> str:
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(loop.run_in_executor(None, time.sleep, 0.2))
        timer = asyncio.ensure_future(asyncio.sleep(60))
        await asyncio.wait([work, timer], return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        return "work" if work.done() else "timer"

    assert run(race()) == "work"


def test_bytes_between_sockets_of_this_loop_arrive_before_a_timer() -> None:
    async def talk() -> list[bytes]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        heard = []
        for number in range(200):
            writer.write(b"line %d\n" % number)
            async with asyncio.timeout(1):  # of the loop's clock
                heard.append(await reader.readline())
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(1)
        return heard

    assert run(talk()) == [b"LINE %d\n" % number for number in range(200)]
