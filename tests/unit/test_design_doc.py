"""The design's drawings and the code name the same things."""

import ast
import re
from pathlib import Path

from ringside.aws.call_queue import CallQueue
from ringside.aws.record import Record
from ringside.calls import EndReason, Status, Step
from ringside.monitor.supervision_state import SupervisionResult
from ringside.monitor.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return DESIGN.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_the_states_that_are_drawn_are_those_of_the_code() -> None:
    drawn = set(re.findall(r"^    (\w+) --> ", section("A call's states"), re.MULTILINE))

    assert drawn == set(Status)


def test_every_end_reason_is_drawn_and_no_other() -> None:
    labels = " ".join(re.findall(r": (.*)", section("A call's states")))

    assert set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\btransferred\b|\bsilence\b|\bswept\b", labels)) == set(EndReason)


def test_every_step_of_ownership_that_is_drawn_is_a_method_of_the_code() -> None:
    steps = set(re.findall(r" --> [^:]+: (\w+)", section("Who owns a call")))

    assert steps == {"send", "take", "beat", "offer", "release", "end", "delete"}
    methods = {name for part in (CallQueue, Record, Supervisor) for name in vars(part)}
    assert steps <= methods


def test_the_results_of_a_supervision_that_are_listed_are_those_of_the_code() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", section("Who owns a call"), re.MULTILINE)) == set(SupervisionResult)


def test_every_step_of_the_answer_budget_is_listed() -> None:
    (row,) = re.findall(r"^\| `steps` \| (.*) \|$", section("The record"), re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", row)) == set(Step)


def test_every_step_belongs_to_a_status() -> None:
    rows = re.findall(r"^\| (`.*`) \| (`.*) \| the .* \|$", section("A call's states"), re.MULTILINE)
    steps = [name for _, cell in rows for name in re.findall(r"`(\w+)`", cell)]

    assert sorted(steps) == sorted(Step)
    assert {name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)} == set(Status) - {Status.MISSED}


def test_every_module_has_its_layer() -> None:
    ringside = ROOT / "functions" / "ringside"
    modules = {str(path.relative_to(ringside).with_suffix("")) for path in ringside.rglob("*.py")}
    listed = set(re.findall(r"`([\w/]+)`", section("Layers")))

    assert listed == {module for module in modules if not module.endswith("__init__")}


def test_the_tree_of_errors_that_is_drawn_is_that_of_the_code() -> None:
    defined = {
        (base.id, node.name)
        for path in (ROOT / "functions").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }
    errors, found = {"RingsideError"}, set[tuple[str, str]]()
    while more := {(base, name) for base, name in defined if base in errors} - found:
        found |= more
        errors |= {name for _, name in more}

    assert set(re.findall(r"(\w+) <\|-- (\w+)", section("Errors"))) == found


def test_every_decision_is_in_the_list_of_decisions() -> None:
    decisions = {path.name for path in (ROOT / "docs" / "adr").glob("0*.md")}
    listed = set(re.findall(r"\((0\d+[^)]*\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")))

    assert listed == decisions
