"""`python -m infra.scenarios.schema` writes docs/scenario.schema.json, by which editors check scenario files.

The shape is the model's (model.py), the words are those of the tables in docs/testing.md.
"""

import json
import sys

from infra.json_schema import Json, describe, untitled
from infra.local.template import REPOSITORY
from infra.scenarios.model import Scenario

DOCS = REPOSITORY / "docs"
PAGE = DOCS / "testing.md"
COLUMNS = 2  # of its tables of fields
FILE = DOCS / "scenario.schema.json"

HEADINGS = {
    "Scenario": "The file",
    "Call": "The call",
    "Fake": "Fakes",
    "CallerLine": "What the caller does",
    "AgentLine": "What the agent does",
    "Expect": "What is expected",
    "Played": "A played caller",
}
"""Parts of the file, and the chapters of docs/testing.md with their tables."""


def schema() -> Json:
    """The JSON schema of a scenario file."""
    made: Json = untitled(Scenario.model_json_schema())
    shapes = made["$defs"]
    for name, heading in HEADINGS.items():
        describe(made if name == "Scenario" else shapes[name], PAGE, heading, COLUMNS)
    # Where a list of texts may be, one may be.
    for name in ("said", "unsaid"):
        field = shapes["Expect"]["properties"][name]
        words = {"description": field.pop("description")} if "description" in field else {}
        shapes["Expect"]["properties"][name] = {
            **words,
            "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Pattern"}, field],
        }
    made["properties"]["fakes"]["anyOf"][1]["additionalProperties"] = {
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Fake"}]
    }
    lines = made["properties"]["script"]["anyOf"][0]["items"]
    lines.pop("discriminator", None)
    if "Unknown" in shapes:
        del shapes["Unknown"]
        lines["oneOf"] = [each for each in lines["oneOf"] if not each["$ref"].endswith("/Unknown")]
    shapes["AgentLine"]["anyOf"] = [{"required": [name]} for name in ("agent", "tool", "tools")]
    made["patternProperties"] = {"^x-": {"description": "for YAML anchors, and for other programs; ignored here"}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Ringside scenario", **made}


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {FILE.name}", file=sys.stderr)
