"""A deployment that waits for calls to end, with the real monitor and an ECS that listens on a port."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import monitor
from infra.local.agents import DEMO_AGENTS
from infra.local.cloud import LocalCloud
from ringside import settings
from ringside.aws.counters import Counters
from ringside.aws.table import Table
from ringside.monitor.task_protection import Pace, TaskProtection, Worker
from ringside.wiring import Wiring
from tests.drills.talk import endless
from tests.integration.ecs import Ecs

QUICK = Pace(look=0.1, ask=0.1)
OFF = {"ProtectionEnabled": False}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(monitors=0, pace=0.1, environment={"Monitor": {"RINGSIDE_POLL": "1"}}) as cloud:
        yield cloud


@pytest.fixture
async def ecs() -> AsyncIterator[Ecs]:
    async with Ecs() as ecs:
        yield ecs


@pytest.fixture
def environment(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A monitor's environment, and this process's: boto3 reads its part by itself."""
    found = cloud.component_environment("Monitor")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in [name for name in found if name.startswith("AWS_") or name.lower() == "no_proxy"]:
        monkeypatch.setenv(name, found[name])
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    return found


@asynccontextmanager
async def at_work(
    environment: dict[str, str], ecs: Ecs, minutes: float, forced: float = 50.0
) -> AsyncIterator["asyncio.Task[None]"]:
    """The monitor's process, but for its pace: the task in which it works."""

    class Task(Wiring):
        def task_protection(self, monitor: Worker) -> TaskProtection:
            return TaskProtection(ecs.task(), monitor, self.metrics, minutes, QUICK)

    own = {"RINGSIDE_DRAIN": str(minutes), "RINGSIDE_AGENTS": str(DEMO_AGENTS)}
    loaded = settings.load({**environment, **ecs.environment, **own})
    wiring = Task(loaded, "monitor")
    working = asyncio.create_task(monitor.work(wiring, forced))
    try:
        yield working
    finally:
        if not working.done():
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        wiring.control.close()


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def ring(cloud: LocalCloud) -> str:
    """A call whose caller has been greeted, and stays."""
    call_id = await asyncio.to_thread(cloud.emulator.ring, endless())
    await asyncio.to_thread(cloud.records.wait, call_id, lambda record: "greeted" in record.call.get("steps", {}), 20)
    return call_id


async def hang_up(cloud: LocalCloud, call_id: str) -> None:
    async with cloud.emulator.control() as control:
        await control.hang_up(call_id)


def call_item(cloud: LocalCloud, call_id: str) -> dict[str, Any]:
    return cloud.records.get(call_id).call


async def replaced(ecs: Ecs, caplog: pytest.LogCaptureFixture) -> None:
    """A deployment, and the monitor has noticed."""
    caplog.set_level("INFO", "ringside")
    ecs.deploy(running=1)
    await until(lambda: "monitor.draining" in caplog.messages)


async def test_a_deployment_waits_for_a_call_to_end(
    cloud: LocalCloud, environment: dict[str, str], ecs: Ecs, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(environment, ecs, minutes=20) as working:
        call_id = await ring(cloud)
        await until(lambda: ecs.protected)
        await replaced(ecs, caplog)
        counters = Counters(Table(cloud.aws.dynamodb, cloud.table))
        await until(lambda: counters.free_slots(time.time()) == 0)  # nobody is to count on those that it has
        assert (call_item(cloud, call_id)["status"], ecs.protected, working.done()) == ("live", True, False)

        await hang_up(cloud, call_id)
        await asyncio.wait_for(working, 20)

    call = call_item(cloud, call_id)
    assert (call["end_reason"], call["epoch"]) == ("caller_hung_up", 1)
    # To take it away may be asked twice, when the work ends while it is being asked.
    assert list(dict.fromkeys(asked["ProtectionEnabled"] for asked in ecs.protections)) == [True, False]


async def test_a_waiting_monitor_takes_no_call_and_hands_over_what_has_not_ended_in_time(
    cloud: LocalCloud, environment: dict[str, str], ecs: Ecs, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(environment, ecs, minutes=0.05) as working:
        first = await ring(cloud)
        await replaced(ecs, caplog)
        second = await asyncio.to_thread(cloud.emulator.ring, endless())
        await asyncio.wait_for(working, 30)
    assert ecs.protections[-1] == OFF
    assert "owner" not in call_item(cloud, first)
    assert "owner" not in call_item(cloud, second)

    next_one = await asyncio.to_thread(cloud.add_monitor)
    await until(lambda: call_item(cloud, first).get("epoch") == 2 and call_item(cloud, second).get("epoch") == 1)
    for call_id in (first, second):
        await hang_up(cloud, call_id)
        await asyncio.to_thread(cloud.records.wait_for_end, call_id)
    await asyncio.to_thread(next_one.stop, 30)


async def test_a_signal_shortens_the_waiting(
    cloud: LocalCloud, environment: dict[str, str], ecs: Ecs, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(environment, ecs, minutes=60, forced=0.5) as working:
        call_id = await ring(cloud)
        await replaced(ecs, caplog)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(working, 20)

    assert "owner" not in call_item(cloud, call_id)
    await hang_up(cloud, call_id)


async def test_a_deployment_does_not_lengthen_what_a_signal_left(
    cloud: LocalCloud, environment: dict[str, str], ecs: Ecs, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(environment, ecs, minutes=60, forced=2.0) as working:
        call_id = await ring(cloud)
        os.kill(os.getpid(), signal.SIGTERM)
        await replaced(ecs, caplog)
        await asyncio.wait_for(working, 20)

    assert "monitor.replaced" in caplog.messages
    await hang_up(cloud, call_id)


async def test_a_signal_alone_lets_calls_end_as_long_as_ecs_allows(
    cloud: LocalCloud, environment: dict[str, str], ecs: Ecs
) -> None:
    process = await asyncio.to_thread(cloud.add_monitor, {**ecs.environment, "RINGSIDE_DRAIN": "20"})
    call_id = await ring(cloud)
    await until(lambda: ecs.protected)

    process.terminate()
    await until(lambda: any("monitor.draining" in line for line in process.lines))
    await hang_up(cloud, call_id)
    status = await asyncio.to_thread(process.wait)

    call = call_item(cloud, call_id)
    assert (status, call["end_reason"], call["epoch"]) == (0, "caller_hung_up", 1)
    assert ecs.protections[-1] == OFF


async def test_without_waiting_ecs_is_never_asked_and_a_signal_hands_over_at_once(cloud: LocalCloud, ecs: Ecs) -> None:
    process = await asyncio.to_thread(cloud.add_monitor, ecs.environment)
    call_id = await ring(cloud)

    told = time.monotonic()
    process.terminate()
    status = await asyncio.to_thread(process.wait)

    assert (status, ecs.asked, ecs.protections) == (0, [], [])
    assert "owner" not in call_item(cloud, call_id)
    assert time.monotonic() - told < 20
    await hang_up(cloud, call_id)
