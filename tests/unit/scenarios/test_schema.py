"""docs/testing.md is complete, its example is a scenario, and editors know what a scenario may say."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from infra.json_schema import documented
from infra.scenarios import schema
from infra.scenarios.model import Scenario

PAGE = (schema.DOCS / "testing.md").read_text(encoding="utf-8")
EXAMPLES = sorted(schema.DOCS.glob("examples/agents/tests/*.scenario.yaml"))


def test_the_schema_for_editors_is_up_to_date() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run python -m infra.scenarios.schema"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_valid_by_it(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), json.loads(schema.text()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent": "desk", "script": [{"agnt": "Hello"}], "expect": {"end": "silence"}},
        {"agent": "desk", "script": [{"agent": "Hello"}], "expect": {"ends": "silence"}},
        {"agent": "desk", "fakes": {"book": {"return": 1}}, "script": [{"agent": "x"}], "expect": {"end": "silence"}},
    ],
)
def test_an_editor_marks_what_the_command_refuses(wrong: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(schema.text()))


@pytest.mark.parametrize("model", schema.HEADINGS)
def test_every_field_is_explained(model: str) -> None:
    shape = schema.schema() if model == "Scenario" else schema.schema()["$defs"][model]
    described = documented(schema.PAGE, schema.HEADINGS[model], schema.COLUMNS)
    assert described.keys() == shape["properties"].keys()


def test_the_examples_of_the_page_are_scenarios() -> None:
    texts = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "agent: " in text]
    assert len(texts) == 2
    for text in texts:
        Scenario.model_validate(yaml.safe_load(text))
        jsonschema.validate(yaml.safe_load(text), json.loads(schema.text()))
