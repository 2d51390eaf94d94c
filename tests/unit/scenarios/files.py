"""Scenario files and their agents, written for a test."""

from pathlib import Path

AGENT = """
answers: ["+12025550110"]
greeting: Desk.
instructions: Be brief.
tools: [book, look_up, transfer, note, hang_up]
transfer: {sales: "tel:+14255550100"}
"""

TOOLS = '''
from ringside.tools import tool


def book(time: str, who: str = "") -> str:
    """Book a time."""
    raise RuntimeError("the real tool ran")


@tool(repeatable=True)
def look_up(day: int) -> list[str]:
    """Free times."""
    raise RuntimeError("the real tool ran")
'''

FAKES = "fakes: {book: {returns: booked}, look_up: {returns: []}}\n"
END = "expect: {end: agent_hung_up}\n"
HELLO = "  - agent: Desk.\n"
BYE = "  - agent: Goodbye.\n    tool: {name: hang_up}\n"


def write(folder: Path, text: str, name: str = "desk", **more: str) -> Path:
    """A scenario of an agent `desk`, in the place that it belongs; `more` are other files beside it."""
    tests = folder / "tests"
    tests.mkdir(exist_ok=True)
    (folder / "desk.yaml").write_text(AGENT)
    (folder / "tools.py").write_text(TOOLS)
    for file, content in more.items():
        (tests / f"{file}.py").write_text(content)
    path = tests / f"{name}.scenario.yaml"
    path.write_text(text)
    return path
