"""What the calls of these tests are read by: the record, and OpenAI's side."""

from typing import Any

from infra.local.cloud import LocalCloud

FRONT, KEYPAD, TWENTY, PATIENT = "+12025550101", "+12025550102", "+12025550103", "+12025550104"
BRIEF, THRIFTY, WORKSHOP, CHOOSY = "+12025550105", "+12025550106", "+12025550107", "+12025550108"
DISCREET, CURIOUS, SILENT = "+12025550109", "+12025550110", "+12025550111"
STEERED = "+12025550112"

Json = dict[str, Any]


def script(*lines: Json, stay: bool = False) -> Json:
    """A conversation; afterwards the caller hangs up, or stays and is silent."""
    return {"lines": list(lines), "then": "stay" if stay else "hang_up"}


def agent(text: str | None = None, **tools: Json) -> Json:
    """What the model says in one response, and the tools it calls in it: `transfer={"to": "sales"}`."""
    called = [{"name": name, "arguments": arguments} for name, arguments in tools.items()]
    return {"agent": text, "tools": called} if called else {"agent": text}


def caller(text: str, **more: Any) -> Json:
    return {"caller": text, **more}


def ended(cloud: LocalCloud, call_id: str) -> tuple[Json, Json]:
    """The call's item, and what OpenAI's side knows of it, once it is over."""
    call = cloud.records.wait_for_end(call_id).call
    return call, cloud.emulator.until_ended(call_id)


def tools(cloud: LocalCloud, call_id: str) -> dict[str, Json]:
    """The tool runs of a call by the tool's name."""
    return {item["name"]: item for item in cloud.records.get(call_id).items if item["kind"] == "tool"}


def words(known: Json, role: str = "agent") -> list[str]:
    """What was said on the line, in order."""
    return [turn["text"] for turn in known["spoken"] if turn["role"] == role]


def outputs(known: Json) -> dict[str, str]:
    """What the model was told of each tool that it called."""
    return {call["name"]: call["output"] for call in known["tool_calls"]}


def asked(known: Json, verb: str) -> list[Json]:
    """The requests of one kind for a call."""
    return [request for request in known["requests"] if request["path"].endswith(f"/{verb}")]


def responses(known: Json) -> list[Json]:
    """Every response that was asked for."""
    return [sent["event"] for sent in known["commands"] if sent["event"]["type"] == "response.create"]
