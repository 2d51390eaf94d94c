"""`python -m cli.schema` writes docs/agent.schema.json, by which editors check agent files.

The shape is the model's (ringside/agentfile/agent.py), the words are those of docs/agents.md.
"""

import json
import sys

from infra.json_schema import Json, describe, untitled
from infra.local.template import REPOSITORY
from ringside.admission.opening_hours import DAYS
from ringside.agentfile import schema_keywords, templates
from ringside.agentfile.agent import Agent
from ringside.agentfile.sections import URI

DOCS = REPOSITORY / "docs"
PAGE = DOCS / "agents.md"
COLUMNS = 3  # of its tables of fields
FILE = DOCS / "agent.schema.json"

HEADINGS = {
    "Transcription": "transcription",
    "TurnDetection": "turn_detection",
    "NoiseReduction": "noise_reduction",
    "RetentionRatio": "truncation",
    "Tracing": "tracing",
    "Prompt": "prompt",
    "McpServer": "mcp_servers",
    "LambdaTool": "AWS Lambda functions",
    "Transfer": "Transfers",
    "Limits": "Limits",
    "Digits": "Keys",
    "Rule": "Admission",
    "OpeningHours": "Opening hours",
    "Events": "Events",
    "Analysis": "Analysis",
    "Receiver": "Webhooks",
    "AnalysedField": "Fields of an analysis",
}
"""The parts of an agent file, and the chapters of docs/agents.md with their tables."""


def schema() -> Json:
    """The JSON schema of an agent file."""
    made: Json = untitled(Agent.model_json_schema())
    for name, heading in HEADINGS.items():
        describe(made["$defs"][name], PAGE, heading, COLUMNS)
    describe(made, PAGE, "The agent", COLUMNS)
    describe(made, PAGE, "The session", COLUMNS)
    # The loader also takes the name from the file's, one value in place of a list, true for 603, and a target's address
    # or the kinds of `redact` alone.
    made["required"] = ["answers"]
    made["anyOf"] = [{"required": [name]} for name in ("instructions", "instructions_file", "prompt")]
    made["patternProperties"] = {"^x-": {"description": "for YAML anchors, and for other programs; ignored here"}}
    made["$defs"]["ToolSchema"] = schema_keywords.shape()
    parameters = made["$defs"]["LambdaTool"]["properties"]["parameters"]
    kept = {name: parameters[name] for name in ("description", "default") if name in parameters}
    without_facts = {"properties": {"properties": {"properties": {"ringside": False}}}}
    made["$defs"]["LambdaTool"]["properties"]["parameters"] = kept | schema_keywords.parameters_shape()
    made["$defs"]["LambdaTool"]["properties"]["parameters"]["allOf"].append(without_facts)
    rejecting = made["$defs"]["Rule"]["properties"]["reject"]
    rejecting["anyOf"].append({"const": True})
    for holder, names in ((made, ("answers",)), (made["$defs"]["OpeningHours"], DAYS)):
        for name in names:
            field = holder["properties"][name]
            holder["properties"][name] = {
                "description": field.pop("description", ""),
                "anyOf": [{"type": "string"}, field],
            }
    kinds = made["$defs"]["Redact"]["properties"]["kinds"]
    made["properties"]["redact"]["anyOf"].append({name: kinds[name] for name in ("type", "items")})
    target = made["properties"]["transfer"]
    target["patternProperties"] = {
        pattern: {"anyOf": [{"type": "string", "pattern": URI}, shape]}
        for pattern, shape in target["patternProperties"].items()
    }
    _tighten(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Ringside agent", **made}


NUMBER = r"^\s*(\+[0-9 ()./\u2010-\u2015-]{4,30}|default)\s*$"
CALLERS = r"^(\+[0-9]{1,15}|ext:[0-9*#]{1,7}|anonymous|unknown)$"
HOURS = r"^([01][0-9]|2[0-3]):[0-5][0-9]\s*-\s*(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
HOLIDAY = r"^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
ZONE = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"
ZONES = ["UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/Chicago", "America/Los_Angeles"]


def _tighten(made: Json) -> None:
    """What the loader checks with code, as far as a pattern can say it: none of these refuses what the loader takes."""
    properties, hours = made["properties"], made["$defs"]["OpeningHours"]["properties"]
    _each_text(properties["answers"], {"pattern": NUMBER, "examples": ["+14255550112", "default"]})
    _each_text(made["$defs"]["Rule"]["properties"]["callers"], {"pattern": CALLERS, "examples": ["+1900", "anonymous"]})
    for day in DAYS:
        _each_text(hours[day], {"pattern": HOURS, "examples": ["09:00-18:00"]})
    _each_text(hours["holidays"], {"pattern": HOLIDAY, "examples": ["12-25", "2026-12-24"]})
    properties["time_zone"] |= {"pattern": ZONE, "examples": ZONES}
    facts = "|".join([*sorted(templates.FACTS), r"header\.[^{}]+"])
    properties["instructions"]["not"] = {"pattern": rf"(^|[^\\])\{{\{{(?!\s*({facts})\s*\}}\}})[^{{}}]*\}}\}}"}
    known = ", ".join(f"{{{{{name}}}}}" for name in sorted(templates.FACTS))
    properties["instructions"]["description"] += f". Call facts: {known}, {{{{header.NAME}}}}"


def _each_text(shape: Json, more: Json) -> None:
    """Say more of a text, and of each text in a list, wherever a shape has one."""
    if shape.get("type") == "string":
        shape |= more
    for inner in (*shape.get("anyOf", ()), *([shape["items"]] if "items" in shape else [])):
        _each_text(inner, more)


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {FILE.name}", file=sys.stderr)
