"""Running a tool: whatever a function does ends as an answer."""

import asyncio
import json
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ringside.conversation.events import ToolFinished
from ringside.tools import definition, runner
from ringside.tools.definition import Tool
from ringside.tools.loader import load_tools

LIMIT = 5.0


def load(folder: Path, source: str) -> dict[str, Tool]:
    (folder / "tools.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return load_tools(folder)


async def ran(folder: Path, source: str, arguments: str = "{}", limit: float = LIMIT) -> ToolFinished:
    """Run the one tool in this source."""
    (tool,) = load(folder, source).values()
    return await runner.run({tool.name: tool}, "fc_1", tool.name, arguments, limit)


def error(finished: ToolFinished) -> str:
    text: str = json.loads(finished.output)["error"]
    return text


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_text_is_told_as_it_is_and_anything_else_as_json(tmp_path: Path, kind: str) -> None:
    for result, told in (("'Grüß Gott'", "Grüß Gott"), ("{'a': [1, None]}", '{"a": [1, null]}'), ("None", "null")):
        finished = await ran(tmp_path, f"{kind} f() -> object:\n    'Doc.'\n    return {result}")
        assert (finished.outcome, finished.output, finished.tool_call_id) == ("ok", told, "fc_1")


async def test_dates_decimals_and_dataclasses_can_be_told(tmp_path: Path) -> None:
    finished = await ran(
        tmp_path,
        '''
        import datetime, decimal, dataclasses

        @dataclasses.dataclass
        class _Slot:
            day: datetime.date
            price: decimal.Decimal

        def free() -> list[_Slot]:
            """Free slots."""
            return [_Slot(datetime.date(2026, 11, 23), decimal.Decimal("9.50"))]
        ''',
    )
    assert json.loads(finished.output) == [{"day": "2026-11-23", "price": "9.50"}]


async def test_arguments_arrive_as_the_types_that_were_written(tmp_path: Path) -> None:
    source = '''
        import datetime

        def f(day: datetime.date, count: int = 2) -> str:
            """Doc."""
            return f"{day:%A} {count + 1}"
        '''
    assert (await ran(tmp_path, source, '{"day": "2026-11-23"}')).output == "Monday 3"
    assert (await ran(tmp_path, source, '{"day": "2026-11-23", "count": 4}')).output == "Monday 5"


async def test_a_tool_without_arguments_runs_on_an_empty_string_too(tmp_path: Path) -> None:
    assert (await ran(tmp_path, "def f() -> str:\n    'Doc.'\n    return 'done'", "")).output == "done"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"count": "many"}', "count: "),
        ("{}", "count: "),
        ('{"count": 1, "colour": "red"}', "colour: "),
        ("[1]", "arguments: "),
        ('{"count": 1', "arguments: "),
        ("[" * 100_000, "arguments: "),
    ],
)
async def test_wrong_arguments_are_refused_and_named(tmp_path: Path, arguments: str, told: str) -> None:
    finished = await ran(tmp_path, "def f(count: int) -> str:\n    'Doc.'\n    raise AssertionError", arguments)
    assert finished.outcome == "refused"
    assert error(finished).startswith(f"The arguments are wrong: {told}")
    assert len(finished.output) < 1000


async def test_a_tool_that_there_is_not_is_refused_with_the_names_that_there_are(tmp_path: Path) -> None:
    tools = load(tmp_path, "def opening_hours() -> str:\n    'Doc.'\n    return 'nine to six'")
    finished = await runner.run(tools, "fc_1", "functions.opening_hours", "{}", LIMIT, others=["hang_up"])
    assert finished.outcome == "refused"
    assert error(finished) == (
        "Nothing was done: there is no such tool. Call one of these, by its exact name: hang_up, opening_hours."
    )


async def test_where_there_are_no_tools_at_all_the_model_goes_on_without() -> None:
    finished = await runner.run({}, "fc_1", "rm_rf", "{}", LIMIT)
    assert finished.outcome == "refused"
    assert error(finished) == "Nothing was done: there is no such tool. Continue without one."


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    "raised",
    [
        "ValueError('secret')",
        "TimeoutError('secret')",
        "SystemExit('secret')",
        "KeyboardInterrupt('secret')",
        "__import__('asyncio').CancelledError('secret')",
        "__import__('concurrent.futures').futures.CancelledError('secret')",
        "StopIteration('secret')",
    ],
)
async def test_what_a_tool_raises_is_told_by_its_kind_and_harms_nothing(tmp_path: Path, kind: str, raised: str) -> None:
    finished = await ran(tmp_path, f"{kind} f() -> str:\n    'Doc.'\n    raise {raised}")
    assert finished.outcome == "error"
    assert "secret" not in finished.output
    again = await ran(tmp_path, f"{kind} f() -> str:\n    'Doc.'\n    return 'well'")
    assert again.output == "well"


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    "result", ["object()", "{1: object()}", "b'\\xff'", "float", "(lambda l: l.append(l) or l)([])"]
)
async def test_a_result_that_cannot_be_told_is_an_error(tmp_path: Path, kind: str, result: str) -> None:
    finished = await ran(tmp_path, f"{kind} f() -> object:\n    'Doc.'\n    return {result}")
    assert finished.outcome == "error"
    assert "is not JSON" in error(finished)


async def test_a_huge_result_is_cut_and_says_so(tmp_path: Path) -> None:
    finished = await ran(tmp_path, "def f() -> str:\n    'Doc.'\n    return 'x' * 10_000_000")
    assert finished.outcome == "ok"
    assert finished.output == "x" * definition.RESULT_LIMIT + " … (the rest was cut off)"


async def test_what_cannot_be_encoded_is_replaced(tmp_path: Path) -> None:
    finished = await ran(tmp_path, "def f() -> str:\n    'Doc.'\n    return 'a\\ud800b'")
    assert finished.output == "a?b"


class Beat:
    """Measures how long the event loop was held up while something ran on it or beside it."""

    async def __aenter__(self) -> "Beat":
        self.longest = 0.0
        self._task = asyncio.create_task(self._measure())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _measure(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            self.longest = max(self.longest, now - last)
            last = now


HANGS = {
    "a sync tool that sleeps": "import time\ndef f() -> str:\n    'Doc.'\n    time.sleep(1)\n    return ''",
    "an async tool that waits": "import asyncio\nasync def f() -> str:\n    'Doc.'\n    await asyncio.sleep(9)",
    "an async tool that will not be cancelled": """
import asyncio, time
async def f() -> str:
    'Doc.'
    end = time.monotonic() + 0.7
    while time.monotonic() < end:
        try:
            await asyncio.sleep(0.7)
        except asyncio.CancelledError:
            pass
    return ''
""",
    # Last: it holds up the tools that come after it.
    "an async tool that blocks": "import time\nasync def f() -> str:\n    'Doc.'\n    time.sleep(0.7)\n    return ''",
}


@pytest.mark.parametrize("source", HANGS.values(), ids=HANGS)
async def test_a_tool_that_hangs_is_given_up_and_never_holds_up_the_loop(tmp_path: Path, source: str) -> None:
    async with Beat() as beat:
        finished = await ran(tmp_path, source, limit=0.1)
    assert finished.outcome == "timeout"
    assert "took too long" in error(finished)
    assert 0.1 <= finished.seconds < 0.6
    assert beat.longest < 0.5


async def test_many_slow_tools_run_at_the_same_time(tmp_path: Path) -> None:
    (tool,) = load(
        tmp_path,
        '''
        import threading
        _together = threading.Barrier(50, timeout=5)

        def f() -> str:
            """Doc."""
            _together.wait()
            return "all here"
        ''',
    ).values()
    found = await asyncio.gather(*(runner.run({"f": tool}, f"fc_{n}", "f", "{}", LIMIT) for n in range(50)))
    assert {finished.output for finished in found} == {"all here"}


async def test_async_tools_share_one_loop_and_it_is_not_the_callers(tmp_path: Path) -> None:
    source = '''
        import asyncio, threading

        async def f() -> list[int]:
            """Doc."""
            return [id(asyncio.get_running_loop()), threading.get_ident()]
        '''
    first, second = [json.loads((await ran(tmp_path, source)).output) for _ in range(2)]
    assert first == second
    assert first != [id(asyncio.get_running_loop()), threading.get_ident()]


async def test_a_run_that_is_cancelled_is_cancelled(tmp_path: Path) -> None:
    (tool,) = load(tmp_path, HANGS["an async tool that waits"]).values()
    running: asyncio.Task[Any] = asyncio.create_task(runner.run({"f": tool}, "fc_1", "f", "{}", LIMIT))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_tool_that_outlives_its_loop_is_forgotten(tmp_path: Path) -> None:
    (tool,) = load(
        tmp_path,
        '''
        import threading
        _released, _done = threading.Event(), threading.Event()

        def f() -> str:
            """Doc."""
            _released.wait(5)
            _done.set()
            return ""
        ''',
    ).values()
    assert asyncio.run(runner.run({"f": tool}, "fc_1", "f", "{}", 0.01)).outcome == "timeout"
    tool.function.__globals__["_released"].set()
    assert tool.function.__globals__["_done"].wait(5)
    for thread in threading.enumerate():
        if thread.name == "tool f":
            thread.join(5)
