"""pytest with scenario files among its tests, and with the fixture `call`."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

from tests.unit.scenarios.files import BYE, END, FAKES, HELLO, write

PASSES = "agent: desk\n" + FAKES + "script:\n" + HELLO + BYE + END
FAILS = "agent: desk\n" + FAKES + "script:\n" + HELLO + "  - caller: Bye.\n" + END

IN_PYTHON = """
import pytest

MODEL = [
    "Desk.",
    {"tool": {"name": "book", "arguments": {"time": "9"}}},
    {"agent": "One moment.", "tool": {"name": "transfer", "arguments": {"to": "sales"}}},
    "Nobody picks up.",
    "Are you still there?",
    {"agent": "Goodbye.", "tool": {"name": "hang_up"}},
]


def book(state, time):
    state["booked"].append(time)
    return "booked"


@pytest.mark.asyncio
async def test_a_booking(call):
    made = call(
        "desk", agents=".", model=MODEL, state={"booked": []}, fakes={"book": book}, transfers={"sales": "stays"}
    )
    async with made as c:
        await c.says("At nine, and then sales.")
        await c.silence(30)
        await c.silence(30)
        await c.says("Bye.")
    assert c.tools("book") == [{"time": "9"}]
    assert c.state == {"booked": ["9"]}
    assert (c.end, c.transfer["verdict"], c.problems) == ("agent_hung_up", "failed", [])
    assert c.said[-1] == "Goodbye."


@pytest.mark.asyncio
async def test_a_fake_that_does_not_fit(call):
    with pytest.raises(Exception, match="desk has no tool bok"):
        async with call("desk", agents=".", model=["Desk."], fakes={"bok": book}):
            pass
"""


def test_scenarios_are_collected_beside_tests_in_python(tmp_path: Path) -> None:
    write(tmp_path, PASSES, "good")
    write(tmp_path, FAILS, "bad")
    write(tmp_path, PASSES.replace("end:", "ends:"), "wrong")
    write(tmp_path, "pending: later\n" + FAILS, "later")
    caller = "caller: {who: Lee, opens: Hello., wants: A time}\n"
    write(tmp_path, "agent: desk\n" + FAKES + caller + END, "by-a-model")
    (tmp_path / "test_in_python.py").write_text(IN_PYTHON)
    options = ["-q", "-p", "no:cacheprovider", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function"]
    command = [sys.executable, "-m", "pytest", *options, "--junit-xml=out.xml", "."]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False
    )
    assert "2 failed, 3 passed, 1 deselected, 1 xfailed" in done.stdout, done.stdout + done.stderr
    assert "end: expected agent_hung_up, got caller_hung_up" in done.stdout
    assert "line 2   caller Bye." in done.stdout
    assert "wrong.scenario.yaml:7: expect.ends: there is no such field; did you mean end?" in done.stdout
    assert "Traceback" not in done.stdout
    cases = {case.get("name"): case for case in Xml.parse(tmp_path / "out.xml").getroot().iter("testcase")}
    assert "by-a-model" not in cases
    properties = {each.get("name"): each.get("value") for each in cases["good"].iter("property")}
    assert properties["agent"] == "desk"
    assert float(str(properties["cost"])) > 0


def test_what_needs_a_model_is_skipped_without_a_key(tmp_path: Path) -> None:
    caller = "caller: {who: Lee, opens: Hello., wants: A time}\n"
    write(tmp_path, "agent: desk\n" + FAKES + caller + END, "by-a-model")
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--live", "."]
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    done = subprocess.run(
        command, cwd=tmp_path, env={**environment, "COLUMNS": "200"}, capture_output=True, text=True, check=False
    )
    assert "1 skipped" in done.stdout, done.stdout + done.stderr
    assert "--live needs OPENAI_API_KEY" in done.stdout
