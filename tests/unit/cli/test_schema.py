"""docs/agents.md is complete, its examples are agent files, and editors know what it says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import schema
from cli.schema import COLUMNS
from cli.schema import PAGE as AGENTS_PAGE
from infra.json_schema import documented
from infra.local.agents import DEMO_AGENTS
from ringside.admission.opening_hours import OpeningHours
from ringside.admission.rules import Rule
from ringside.agentfile.agent import Agent
from ringside.agentfile.loader import load_agents
from ringside.agentfile.mcp_server import McpServer
from ringside.agentfile.sections import Digits, LambdaTool, Limits, Transfer
from ringside.agentfile.session import (
    NoiseReduction,
    Prompt,
    RetentionRatio,
    SessionConfig,
    Tracing,
    Transcription,
    TurnDetection,
)
from ringside.conversation.builtin_tools import NAMES
from ringside.strict_model import Strict
from ringside.tools.loader import load_tools
from tests.unit.agentfile.files import LINE

DOCS = Path(__file__).parents[3] / "docs"


EXAMPLES = DOCS / "examples" / "agents"


PAGE = (DOCS / "agents.md").read_text(encoding="utf-8")


CHAPTERS: dict[str, Any] = {
    "The session": SessionConfig,
    "transcription": Transcription,
    "turn_detection": TurnDetection,
    "noise_reduction": NoiseReduction,
    "truncation": RetentionRatio,
    "tracing": Tracing,
    "prompt": Prompt,
    "mcp_servers": McpServer,
    "AWS Lambda functions": LambdaTool,
    "Transfers": Transfer,
    "Limits": Limits,
    "Keys": Digits,
    "Admission": Rule,
    "Opening hours": OpeningHours,
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_field_is_documented_and_nothing_else(chapter: str) -> None:
    assert set(documented(AGENTS_PAGE, chapter, COLUMNS)) == set(CHAPTERS[chapter].model_fields)


def test_so_are_the_agent_s_own_fields_and_the_built_in_tools() -> None:
    assert set(documented(AGENTS_PAGE, "The agent", COLUMNS)) == set(Agent.model_fields) - set(
        SessionConfig.model_fields
    )
    chapter = PAGE.partition("### Built in\n")[2].partition("\n#")[0]
    assert set(re.findall(r"^\| `([a-z_]+)`", chapter, re.MULTILINE)) == NAMES


@pytest.mark.parametrize(("chapter", "model"), [("Limits", Limits), ("Keys", Digits)])
def test_the_documented_defaults_are_the_defaults(chapter: str, model: type[Strict]) -> None:
    text = PAGE.partition(f"# {chapter}\n")[2]
    for name, field in model.model_fields.items():
        (shown,) = re.findall(rf"^\| `{name}` \| (.*?) \|", text, re.MULTILINE)[:1]
        assert shown.startswith("`") is (name not in ("max_cost", "told"))
        if shown.startswith("`"):
            default = str(field.default).lower() if isinstance(field.default, bool) else field.default  # as in YAML
            assert shown == f"`{default}`"


EXAMPLES_IN_THE_PAGE = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES_IN_THE_PAGE)
def test_every_example_of_the_page_is_a_part_of_an_agent_file(tmp_path: Path, example: str) -> None:
    values = {"answers": "default", "instructions": "Hi.", **yaml.safe_load(example)}
    (tmp_path / "desk.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert load_agents(tmp_path, set()).named("desk") is not None


def test_the_python_example_of_the_page_is_a_tool(tmp_path: Path) -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "tools.py").write_text(source, encoding="utf-8")
    (tool,) = load_tools(tmp_path).values()
    assert (tool.name, tool.context, tool.options.repeatable) == ("order_status", "call", True)


jsonschema = pytest.importorskip("jsonschema")


def mistakes(values: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(schema.schema()).iter_errors(values)]


def test_the_schema_is_current() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run python -m cli.schema"


@pytest.mark.parametrize("path", sorted([*EXAMPLES.glob("*.yaml"), *DEMO_AGENTS.glob("*.yaml")]), ids=str)
def test_every_agent_file_here_is_right_to_an_editor(path: Path) -> None:
    assert mistakes(yaml.safe_load(path.read_text(encoding="utf-8"))) == []
    assert f"$schema={'../../' if 'examples' in path.parts else '../../docs/'}agent.schema.json" in path.read_text()


@pytest.mark.parametrize("example", EXAMPLES_IN_THE_PAGE)
def test_so_is_every_example_of_the_page(example: str) -> None:
    assert mistakes({"answers": "default", "instructions": "Hi.", **yaml.safe_load(example)}) == []


def test_whoever_is_rejected_without_a_status_is_declined(tmp_path: Path) -> None:
    content = LINE + "admission: [{name: nobody, reject: true}]\n"
    (tmp_path / "desk.yaml").write_text(content, encoding="utf-8")
    (agent,) = load_agents(tmp_path)
    assert agent.admission[0].reject == 603
    assert mistakes(yaml.safe_load(content)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"instructions": "Hi."},
        {"answers": "default"},
        {"answers": "default", "instructions": "Hi.", "vioce": "marin"},
        {"answers": "default", "instructions": "Hi.", "voice": "marine"},
        {"answers": "default", "instructions": "Hi.", "limits": {"silence": 0}},
        {"answers": "default", "instructions": "Hi.", "transfer": {"sales": "555"}},
        {"answers": ["555-0112"], "instructions": "Hi."},
        {"answers": "default", "instructions": "Hi.", "time_zone": "Central European Time"},
        {"answers": "default", "instructions": "Hi.", "opening_hours": {"monday": "9-17"}},
        {"answers": "default", "instructions": "Hi.", "opening_hours": {"monday": ["09:00-25:00"]}},
        {"answers": "default", "instructions": "Hi.", "opening_hours": {"holidays": ["24.12."]}},
        {"answers": "default", "instructions": "Hi.", "admission": [{"name": "n", "callers": ["1900"], "reject": 603}]},
        {"answers": "default", "instructions": "Hi {{callers}}."},
        {"answers": "default", "instructions": "It is {{local_time}}, {{ day }}."},
    ],
)
def test_an_editor_sees_these_mistakes(wrong: object) -> None:
    assert mistakes(wrong) != []


@pytest.mark.parametrize(
    "right",
    [
        {"answers": ["+1 (425) 555-0112", "default"]},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"time_zone": "Etc/GMT+5"},
        {"opening_hours": {"monday": ["09:00 - 12:00", "20:00-24:00"], "holidays": ["12-25", "2026-12-24"]}},
        {"admission": [{"name": "n", "callers": ["+1900", "ext:1001", "unknown"], "reject": 603}]},
        {"instructions": "{{caller}} {{ header.X-Tier }} \\{{name}} {one} {{weekday}}", "headers": ["X-Tier"]},
    ],
)
def test_an_editor_takes_what_the_loader_takes(tmp_path: Path, right: dict[str, Any]) -> None:
    values = {"answers": "default", "instructions": "Hi.", **right}
    (tmp_path / "desk.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert load_agents(tmp_path).named("desk") is not None
    assert mistakes(values) == []


def test_every_field_is_explained_to_an_editor() -> None:
    shown = schema.schema()["properties"]
    assert [name for name in Agent.model_fields if not shown[name].get("description")] in ([], ["model"])
