"""Calls as `calls show --json` has them, by hand."""

import json
from itertools import count
from typing import Any

Json = dict[str, Any]


def turn(role: str, text: str, state: str = "final") -> Json:
    return {"kind": "turn", "role": role, "text": text, "state": state}


def tool(name: str, outcome: str = "ok", output: Any = None, **arguments: Any) -> Json:
    text = output if isinstance(output, str) or output is None else json.dumps(output)
    return {"kind": "tool", "name": name, "arguments": json.dumps(arguments), "outcome": outcome, "output": text}


def call(*items: Json, **facts: Any) -> Json:
    moments = count(1000.0)
    accepted = {"verdict": "accept", "rule": "no rule matched", "sip_status": None}
    placed = [{"started_at": next(moments), **item} for item in items]
    return {"items": placed, "decision": accepted, "end_reason": "agent_hung_up", "notes": None, **facts}
