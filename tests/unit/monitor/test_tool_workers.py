"""The process that runs tools: real ones, and tools that spoil them."""

import asyncio
import json
import logging
import os
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ringside import settings
from ringside.conversation.events import ToolFinished
from ringside.monitor import tool_worker, tool_workers
from ringside.monitor.tool_worker import ToolWorker, WorkerSettings
from ringside.monitor.tool_workers import AT_ONCE, ToolWorkers
from ringside.settings import SHIPPED
from ringside.tools.definition import CallContext, Options, ToolError
from tests.unit.monitor.fakes import CALL, Counts

SECRET = "sk-secret"

SOURCE = '''
import asyncio, ctypes, os, re, threading, time
from ringside.tools import CallContext, tool

_kept = []
_lock = asyncio.Lock()

def remember(word: str) -> list[str]:
    """Keep a word."""
    _kept.append(word)
    return _kept

async def remember_async(word: str) -> list[str]:
    """Keep a word, under a lock of the loop's."""
    async with _lock:
        await asyncio.sleep(0.01)
        _kept.append(word)
    return _kept

def pid() -> int:
    """This process."""
    return os.getpid()

@tool(repeatable=True)
def pid_later(seconds: float = 0.3) -> int:
    """This process, later."""
    time.sleep(seconds)
    return os.getpid()

def environment() -> list[str]:
    """What a tool can see."""
    return sorted(os.environ)

def threads() -> int:
    """How many there are here."""
    return threading.active_count()

def hang() -> str:
    """Never return."""
    threading.Event().wait()

def spin() -> str:
    """Never return, and never rest."""
    while True:
        pass

def hold() -> str:
    """Keep the interpreter for itself, as a library in C may."""
    ctypes.PyDLL(None).sleep(60)

async def block() -> str:
    """Let no other async tool run."""
    time.sleep(60)

async def quick() -> str:
    """Done at once."""
    return "done"

def leave() -> str:
    """End the process."""
    os._exit(7)

def crash() -> str:
    """End the process, badly."""
    ctypes.string_at(0)

def fail() -> str:
    """Fail."""
    raise ValueError("sk-secret")
'''

Run = Callable[..., Awaitable[ToolFinished]]


def settings_for(folder: Path, source: str = SOURCE, **environment: str) -> WorkerSettings:
    (folder / "tools.py").write_text(textwrap.dedent(source), encoding="utf-8")
    given = settings.for_tools({**os.environ, **environment})
    return WorkerSettings(folder, None, {**given, "PYTHONPATH": str(SHIPPED)})


class Bench:
    def __init__(self, folder: Path) -> None:
        self.metrics = Counts()
        given = settings_for(
            folder, OPENAI_API_KEY=SECRET, RINGSIDE_SECRET_ID="arn", TOOLS_CRM="crm", RINGSIDE_STACK="s"
        )
        self.worker = ToolWorker.start(given)
        self.workers = ToolWorkers(given, self.metrics, self.worker)

    async def run(self, name: str, limit: float = 20.0, **arguments: object) -> ToolFinished:
        options = self.worker.options.get(name, Options())
        context = CallContext(CALL, f"fc_{time.monotonic_ns()}", "desk", None, None)
        return await self.workers.run(name, options, json.dumps(arguments), limit, context)

    async def pid(self) -> int:
        return int((await self.run("pid")).output)

    def replaced(self) -> float:
        return sum(self.metrics.values.get("ToolWorkersReplaced", ()))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.workers.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_worker, "PING_SECONDS", 0.2)


async def test_what_a_tool_keeps_is_there_for_the_next_call(bench: Bench) -> None:
    await bench.run("remember", word="one")
    await bench.run("remember_async", word="two")
    found = await bench.run("remember_async", word="three")

    assert (found.outcome, json.loads(found.output)) == ("ok", ["one", "two", "three"])
    assert bench.metrics.values["ToolsRunning"] == [1, 0] * 3


async def test_tools_run_in_another_process_which_sees_no_secret(bench: Bench) -> None:
    seen = set(json.loads((await bench.run("environment")).output))

    assert await bench.pid() == bench.worker.pid != os.getpid()
    assert {"PATH", "TOOLS_CRM", "RINGSIDE_STACK"} <= seen
    assert not {"OPENAI_API_KEY", "RINGSIDE_SECRET_ID"} & seen


async def test_wrong_arguments_are_refused_however_deep_they_are(bench: Bench) -> None:
    for arguments in ('{"word": 7}', "[" * 200_000, '{"word": ' + '{"a":' * 100_000):
        context = CallContext(CALL, "fc_1", "desk", None, None)
        refused = await bench.workers.run("remember", Options(), arguments, 20, context)
        assert refused.outcome == "refused"


@pytest.mark.parametrize("tool", ["leave", "crash"])
async def test_a_tool_that_ends_its_process_costs_only_what_ran_beside_it(
    bench: Bench, caplog: pytest.LogCaptureFixture, tool: str
) -> None:
    before = bench.worker.pid
    repeatable = asyncio.create_task(bench.run("pid_later", seconds=0.5))
    beside = asyncio.create_task(bench.run("hang"))
    await asyncio.sleep(0.2)
    spoilt = await bench.run(tool)

    assert (spoilt.outcome, (await beside).outcome) == ("unknown", "unknown")
    assert "not known" in spoilt.output
    again = await repeatable
    assert (again.outcome, int(again.output) != before) == ("ok", True)
    assert bench.replaced() == 1
    (died,) = [record for record in caplog.records if record.message == "tool_worker.died"]
    assert vars(died)["tools"] == sorted(["hang", "pid_later", tool])


@pytest.mark.usefixtures("impatient")
async def test_a_tool_that_holds_the_interpreter_is_ended_and_named(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """While the monitor's own loop does not notice."""
    before, longest, last = bench.worker.pid, 0.0, time.monotonic()
    holding = asyncio.create_task(bench.run("hold"))
    while not holding.done():
        await asyncio.sleep(0.005)
        now = time.monotonic()
        longest, last = max(longest, now - last), now

    assert ((await holding).outcome, await bench.pid() != before) == ("unknown", True)
    assert longest < 0.5
    (stuck,) = [record for record in caplog.records if record.message == "tool_worker.stuck"]
    assert vars(stuck)["tools"] == ["hold"]


@pytest.mark.parametrize("tool", ["hang", "spin"])
async def test_a_tool_that_never_returns_costs_its_worker_after_what_runs_beside_it_has_ended(
    bench: Bench, caplog: pytest.LogCaptureFixture, tool: str
) -> None:
    before = bench.worker.pid
    beside = asyncio.create_task(bench.run("pid_later", seconds=2.0))
    late = await bench.run(tool, limit=0.2)

    assert late.outcome == "timeout"
    async with asyncio.timeout(15):
        while not bench.replaced():
            await asyncio.sleep(0.02)
    assert await bench.pid() != before
    assert (await beside).output == str(before)
    async with asyncio.timeout(5):
        while bench.worker.status is None:
            await asyncio.sleep(0.02)
    (replaced,) = [record for record in caplog.records if record.message == "tool_worker.replaced"]
    assert vars(replaced)["tool"] == tool


async def test_an_async_tool_that_blocks_starves_the_others_for_moments_only(bench: Bench) -> None:
    blocking = asyncio.create_task(bench.run("block", limit=4))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(15):
        while not bench.replaced():
            await asyncio.sleep(0.02)
    assert (await bench.run("quick", limit=4)).outcome == "ok"
    assert (await blocking).outcome == "timeout"


async def test_tools_that_never_return_pile_up_nowhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    hung = await asyncio.gather(*(bench.run("hang", limit=0.3) for _ in range(160)))

    assert {finished.outcome for finished in hung} <= {"timeout", "unknown"}
    assert threading.active_count() - before < 10  # the executor's, which start and reap processes
    assert int((await bench.run("threads")).output) <= AT_ONCE + 5
    assert len(bench.workers._workers) <= tool_workers.MAX_LEAVING + 1


async def test_more_tools_than_run_at_once_wait_and_their_limit_begins_when_they_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.workers, "_slots", asyncio.Semaphore(1))
    found = await asyncio.gather(*(bench.run("pid_later", limit=2.0) for _ in range(8)))

    assert {finished.outcome for finished in found} == {"ok"}


async def test_a_tool_for_which_there_is_no_room_is_given_up_unrun(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.workers, "_slots", asyncio.Semaphore(0))
    monkeypatch.setattr(tool_workers, "QUEUE_SECONDS", 0.05)
    refused = await bench.run("pid")

    assert refused.outcome == "error"
    assert "too much" in refused.output


async def test_a_run_that_is_cancelled_takes_no_room(bench: Bench) -> None:
    running = asyncio.create_task(bench.run("hang"))
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (bench.worker.running, bench.metrics.values["ToolsRunning"][-1]) == ([], 0)


async def test_a_worker_that_does_not_start_again_is_tried_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tool_workers, "START_PAUSE", 0.05)
    source = (tmp_path / "tools.py").read_text(encoding="utf-8")
    (tmp_path / "tools.py").write_text("raise ValueError", encoding="utf-8")
    await bench.run("leave")
    later = asyncio.create_task(bench.run("pid"))
    async with asyncio.timeout(20):
        while not any(record.message == "tool_worker.not_started" for record in caplog.records):
            await asyncio.sleep(0.02)
    (tmp_path / "tools.py").write_text(source, encoding="utf-8")

    assert (await later).outcome == "ok"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("from ringside.tools import tool\n@tool\ndef f() -> str: ...", "needs a docstring"),
        ("import os\nos._exit(3)", "ended while"),
    ],
)
def test_tools_that_cannot_be_read_are_refused_before_anything_starts(tmp_path: Path, source: str, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        ToolWorker.start(settings_for(tmp_path, source))


async def test_the_log_names_a_tool_that_failed_and_not_what_it_said(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bench = Bench(tmp_path)  # which inherits standard output as it is now
    assert (await bench.run("fail")).outcome == "error"
    bench.workers.close()
    written = capfd.readouterr()
    (line,) = [json.loads(line) for line in written.out.splitlines() if "tool.failed" in line]

    assert (line["tool"], line["exception"], line["level"]) == ("fail", "ValueError", "WARNING")
    assert line["stack"][-1].endswith("fail")
    assert SECRET not in written.out + written.err


async def test_on_the_laptop_a_traceback_is_shown_whole(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = settings_for(tmp_path)
    shown = WorkerSettings(given.agents, None, given.environment, tracebacks=True)
    workers = ToolWorkers(shown, Counts())
    await workers.run("fail", Options(), "{}", 20, CallContext(CALL, "fc_1", "desk", None, None))
    workers.close()

    assert f"ValueError: {SECRET}" in capfd.readouterr().err
    assert logging.getLogger("ringside.tools.runner").handlers == []
