"""JSON on standard output: nothing in it that a terminal would obey."""

import json
from typing import Any

from cli.terminal import safe_json
from ringside.aws.record import as_json


def dumps(value: Any) -> str:
    """For people and programs: indented, and safe on a terminal."""
    return safe_json(json.dumps(json.loads(as_json(value)), ensure_ascii=False, indent=2))


def dumps_line(value: Any) -> str:
    """One value a line, for programs that read on."""
    return safe_json(as_json(value))
