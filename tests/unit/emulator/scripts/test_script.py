"""Scripts as data, and complaints that name their place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from infra.emulator.errors import BadInput
from infra.emulator.scripts import script
from tests.unit.emulator.json_values import json_like


def test_the_shipped_scripts_are_well_formed_and_described() -> None:
    scripts = script.load_all(script.SHIPPED)
    assert set(scripts) == {
        *("opening-hours", "caller-hangs-up", "interruption", "late-transcripts", "dtmf", "silent-caller"),
        *("parallel-tools", "long-call", "transfer", "garbage", "small-talk"),
    }
    assert all(each.description for each in scripts.values())


def test_repeats_are_written_out() -> None:
    inner = {"repeat": 2, "lines": [{"caller": "Hi."}]}
    lines = script.parse({"lines": [{"repeat": 3, "lines": [inner, {"agent": "Hello."}]}]}).lines
    assert [type(line).__name__ for line in lines] == ["Caller", "Caller", "Agent"] * 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lines: [", "bad.yaml, line 1: not valid YAML"),
        ("- agent: Hi", "bad.yaml: a script is a mapping"),
        ("lines:\n  - agnt: Hi", "bad.yaml, line 2: lines[0]: a line has one of agent, tool, "),
        ("lines:\n  - agent: Hi\n    tol: x", "bad.yaml, line 3: lines[0].tol is not a known field."),
        ("speed: fast", "bad.yaml, line 1: speed must be a number, not 'fast'."),
        (
            "lines:\n  - repeat: 2\n    lines:\n      - dtmf: 'x'",
            "bad.yaml, line 4: lines[0].lines[0].dtmf must match ^[0-9*#A-D]+$, not 'x'.",
        ),
        (
            "lines:\n  - caller: Hi\n    transcription: sometimes",
            "bad.yaml, line 3: lines[0].transcription must be 'before', 'after', 'never' or 'failed', not 'sometimes'.",
        ),
        (
            "lines:\n  - repeat: 20000\n    lines:\n      - {agent: a}\n      - {agent: b}",
            "bad.yaml, line 1: lines: a script has at most 20000 lines once its repeats are unrolled.",
        ),
    ],
)
def test_a_wrong_script_names_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(BadInput) as refused:
        script.load_all(tmp_path)
    assert str(refused.value).startswith(complaint)


@given(json_like("agent", "caller", "tool", "repeat", "lines", "raw", "drop"))
def test_whatever_is_given_as_a_script_is_a_script_or_one_sentence(value: Any) -> None:
    for data in (value, {"lines": value}, {"lines": [value]}):
        assert _parsed(data).startswith("script")


def _parsed(data: Any) -> str:
    try:
        return f"script {script.parse(data).name}"
    except BadInput as refused:
        return str(refused)
