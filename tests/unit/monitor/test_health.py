"""The container's health check: the monitor's own word for it, out of its event loop."""

import asyncio
import subprocess
import sys
import uuid

import pytest

from ringside.monitor import health

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")


@pytest.fixture
def address() -> str:
    return f"\0ringside-test-{uuid.uuid4()}"


async def ask(address: str, seconds: float = 5.0) -> bytes:
    return await asyncio.to_thread(health.ask, address, seconds)


async def test_a_monitor_that_holds_its_lease_is_healthy_and_one_that_lost_it_is_not(address: str) -> None:
    lease = [True]
    async with health.answering(lambda: lease[0], address):
        assert await ask(address) == health.HOLDS
        lease[0] = False
        assert await ask(address) == b"has lost its lease"
        lease[0] = True
        assert await ask(address) == health.HOLDS


async def test_a_monitor_that_is_gone_answers_nobody(address: str) -> None:
    async with health.answering(lambda: True, address):
        pass

    with pytest.raises(OSError, match="refused"):
        await ask(address)


def test_a_loop_that_is_stuck_does_not_answer(address: str) -> None:
    async def stuck() -> None:
        async with health.answering(lambda: True, address):
            with pytest.raises(TimeoutError):
                health.ask(address, 0.2)  # in the loop's own thread, so that it cannot turn

    asyncio.run(stuck())


async def test_where_the_address_is_taken_the_monitor_works_all_the_same(address: str) -> None:
    async with health.answering(lambda: True, address):
        async with health.answering(lambda: False, address):
            assert await ask(address) == health.HOLDS
        assert await ask(address) == health.HOLDS


@pytest.mark.parametrize("holds", [True, False, None])
async def test_the_check_is_a_program_that_says_it_with_its_exit_status(
    holds: bool | None, address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(health.ask, "__defaults__", (address, 1.0))
    if holds is None:
        status = await asyncio.to_thread(health.main)
    else:
        async with health.answering(lambda: holds, address):
            status = await asyncio.to_thread(health.main)

    said = "".join(capfd.readouterr())
    assert (status, said.partition(": ")[0].strip()) == {
        True: (0, "the monitor holds its lease"),
        False: (1, "the monitor has lost its lease"),
        None: (1, "the monitor does not answer"),
    }[holds]


def test_asking_imports_next_to_nothing() -> None:
    """It is a process of its own every few seconds, on a quarter of a processor."""
    code = "import sys; from ringside.monitor import health; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": health.__file__.rpartition("/ringside/")[0]},
    ).stdout.split()

    assert not {"asyncio", "logging", "pydantic", "boto3", "json"} & set(modules)
