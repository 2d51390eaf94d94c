"""The built-in tools: what an agent may do to its own call, as the model is shown it. Pure.

They are not functions: the conversation acts on them itself, for they need what only it knows (what was
heard, which keys were pressed, whether the transfer took).
"""

from collections.abc import Mapping
from typing import Any

HANG_UP = "hang_up"
TRANSFER = "transfer"
COLLECT_DIGITS = "collect_digits"
NOTE = "note"

NAMES = frozenset({HANG_UP, TRANSFER, COLLECT_DIGITS, NOTE})


def functions(names: frozenset[str], targets: Mapping[str, str]) -> list[dict[str, Any]]:
    """The named ones as the session's `tools` want them. `targets`: where a call may go, with descriptions."""
    known = {
        HANG_UP: _function(
            HANG_UP,
            "End the phone call. Say goodbye first, in the same response: the call ends once the goodbye was heard.",
        ),
        TRANSFER: _function(
            TRANSFER,
            "Transfer the caller to someone else. Announce it first, in the same response. Targets: "
            + "; ".join(f"{name}: {description}" if description else name for name, description in targets.items()),
            to={"type": "string", "enum": list(targets)},
        ),
        COLLECT_DIGITS: _function(
            COLLECT_DIGITS,
            "Wait for the caller to press keys on the phone. First say which ones, in the same response.",
            length={"type": "integer", "minimum": 1, "maximum": 40, "description": "how many digits are expected"},
            optional={"secret": {"type": "boolean", "description": "true for a PIN or the like: it is not recorded"}},
        ),
        NOTE: _function(
            NOTE,
            "Write down a fact for the record of this call, such as the caller's name.",
            key={"type": "string", "description": "what it is, in a word or two"},
            value={"type": "string"},
        ),
    }
    return [known[name] for name in known if name in names and (name != TRANSFER or targets)]


def _function(
    name: str, description: str, optional: dict[str, Any] | None = None, **arguments: dict[str, Any]
) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {**arguments, **(optional or {})},
        "required": list(arguments),
        "additionalProperties": False,
    }
    return {"type": "function", "name": name, "description": description, "parameters": schema}
