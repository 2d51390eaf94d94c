"""The close look at a folder of agents: what would be refused, or missing, only where it runs."""

from pathlib import Path

import pytest

from cli import check
from infra.local.agents import DEMO_AGENTS
from ringside.settings import SHIPPED
from tests.unit.agentfile.files import LINE

TOOL = "def f(city: str) -> str:\n    'Doc.'\n    return city\n"


def found(folder: Path, content: str = "", tools: str | None = None) -> list[str]:
    """What is said of `desk.yaml` and `tools.py`, warnings marked with a `?`."""
    (folder / "desk.yaml").write_text(LINE + content, encoding="utf-8")
    if tools is not None:
        (folder / "tools.py").write_text(tools, encoding="utf-8")
    problems = check.check(folder).problems
    return [("" if each.is_wrong else "?") + each.text.replace(f"{folder}/", "") for each in problems]


@pytest.mark.parametrize("folder", [DEMO_AGENTS, SHIPPED.parent / "docs" / "examples" / "agents"], ids=str)
def test_the_agents_here_are_as_they_should_be(folder: Path) -> None:
    checked = check.check(folder)
    assert checked.problems == []
    assert checked.agents


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    told = found(tmp_path, "model: gpt-4o\ntools: [f, g]\n", "import hypothesis\n" + TOOL)
    assert [line.split(": ")[0:2] for line in told] == [
        ["tools.py:1", "import hypothesis"],
        ["desk.yaml:4", "tools"],
        ["desk.yaml:3", "model"],
    ]


# --- what is not where it runs ---


@pytest.mark.parametrize(
    "statement",
    [
        "import hypothesis",
        "from hypothesis import strategies",
        "import hypothesis.strategies as st",
        "import json, pytest",
        "def _later() -> None:\n    import moto",
        "try:\n    import pytest\nfinally:\n    pass",
        "_module = __import__('pytest')",
        "import importlib\n_module = importlib.import_module('hypothesis.strategies')",
    ],
)
def test_a_package_that_only_this_machine_has_is_told_with_its_line(tmp_path: Path, statement: str) -> None:
    (told,) = found(tmp_path, "tools: [f]\n", f"{statement}\n{TOOL}")
    assert "is not among the packages that ship; add it with `.venv/bin/uv add --group agents " in told


@pytest.mark.parametrize(
    "statement",
    [
        "import json, asyncio, sqlite3",
        "import httpx, boto3, pydantic, yaml, phonenumbers",
        "from botocore.exceptions import ClientError",
        "import typing_extensions",
        "from ringside.tools import tool",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pytest",
        "try:\n    import hypothesis\nexcept ImportError:\n    hypothesis = None",
    ],
)
def test_what_ships_may_be_imported(tmp_path: Path, statement: str) -> None:
    assert found(tmp_path, "tools: [f]\n", f"{statement}\n{TOOL}") == []


def test_tools_in_other_files_of_the_folder_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "helpers.py").write_text("import hypothesis\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_tools.py").write_text("import hypothesis\n")
    (told,) = found(tmp_path)
    assert told.startswith("more/helpers.py:1: import hypothesis: ")


# --- what openai would not take ---


def test_a_session_that_is_surely_too_long_is_wrong_and_one_that_may_be_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("word " * 17_000)
    (tmp_path / "desk.yaml").write_text("answers: default\ninstructions_file: prompt.md\n")
    (problem,) = check.check(tmp_path).problems
    assert problem.is_wrong
    assert "at least 17,000 tokens; OpenAI takes 16,384" in problem.text
    (tmp_path / "prompt.md").write_text("word " * 13_000)
    (problem,) = check.check(tmp_path).problems
    assert not problem.is_wrong
    assert "tokens; OpenAI takes 16,384 (estimated)" in problem.text


def test_tools_count_as_well(tmp_path: Path) -> None:
    long = "a word " * 4500
    content = "".join(f"  - {{name: t{n}, function: f, description: {long}}}\n" for n in range(2))
    (told,) = found(tmp_path, f"lambda_tools:\n{content}")
    assert "instructions and tools have at least 18," in told


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("{n: {type: integer, minimum: 5, default: 3}}", "default 3 does not fit"),
        ("{n: {type: string, pattern: '^[0-9]$', examples: ['12']}}", 'examples "12" does not fit'),
        (
            "{n: {type: object, properties: {m: {type: string, maxLength: 1, default: ab}}}}",
            'default "ab" does not fit',
        ),
    ],
)
def test_defaults_and_examples_are_what_their_schema_says(tmp_path: Path, schema: str, expected: str) -> None:
    entry = f"{{name: t, function: f, description: d, parameters: {{type: object, properties: {schema}}}}}"
    (told,) = found(tmp_path, f"lambda_tools: [{entry}]\n")
    assert told.startswith("desk.yaml:3: lambda_tools.0.parameters: is not a JSON schema: ")
    assert expected in told


# --- helpers, marks and the command ---


def test_what_no_agent_lists_may_be_anything(tmp_path: Path) -> None:
    helpers = (
        "def retry(times):\n    'Retry a function.'\n    return lambda f: f\n\ndef _x(): ...\n\ndef helper(a): ...\n"
    )
    assert found(tmp_path, "tools: [f]\n", f"{helpers}\n@retry(3)\n{TOOL}") == []
    (told,) = found(tmp_path, "tools: [retry]\n", helpers)
    assert told == "tools.py:1: retry: the argument times needs a type"


def test_a_helper_that_an_agent_lists_needs_a_docstring(tmp_path: Path) -> None:
    (told,) = found(tmp_path, "tools: [helper]\n", "def helper(a: str) -> str:\n    return a\n")
    assert told == "tools.py:1: helper: a tool needs a docstring: it tells the model when to use the tool"


def test_the_command_fails_for_what_is_wrong_and_not_for_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "desk.yaml").write_text(LINE + "headers: [X-Tier]\n")
    assert check.main([str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith(f"warning: {tmp_path}/desk.yaml:3: headers.0: X-Tier is not used")
    (tmp_path / "desk.yaml").write_text(LINE + "model: gpt-4o\n")
    assert check.main([str(tmp_path)]) == 1


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = check.check(tmp_path / "nowhere").problems
    assert problem.text.endswith("nowhere: contains no agent file (*.yaml)")
