"""Call facts in an agent's instructions: `{{caller}}`, `{{header.X-Customer}}`. No logic, and safe. Pure.

Whatever comes from outside is inserted as a quoted string of limited length without line breaks: callers can
choose their display names, but must not be able to choose the instructions.
"""

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from ringside.calls import ANONYMOUS, UNKNOWN

FACTS = frozenset({"caller", "dialled", "agent", "local_time", "local_date", "weekday"})
MAX_VALUE = 200  # characters

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def unknown_placeholders(text: str, headers: Collection[str]) -> list[str]:
    """The placeholders in `text` that name neither a call fact nor one of `headers`."""
    allowed = {f"header.{name}".casefold() for name in headers}
    return [name for name in _PLACEHOLDER.findall(text) if name not in FACTS and name.casefold() not in allowed]


def render(text: str, facts: Mapping[str, str | None], headers: Mapping[str, str]) -> str:
    """Fill in the facts. `headers`: by name, in any case. Whatever is not known becomes `unknown`."""
    by_name = {name.casefold(): value for name, value in headers.items()}

    def value(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        if name in FACTS:
            fact = facts.get(name) or UNKNOWN
            return _quoted(fact) if name in ("caller", "dialled") and fact not in (ANONYMOUS, UNKNOWN) else fact
        return _quoted(by_name.get(name.casefold().removeprefix("header.")))

    return _PLACEHOLDER.sub(value, text)


def facts(agent: str, caller: str | None, dialled: str | None, at: float, zone: str) -> dict[str, str | None]:
    """The facts of a call. `at`: Unix seconds; `zone`: the agent's IANA time zone."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    return {
        "caller": caller,
        "dialled": dialled,
        "agent": agent,
        "local_time": local.strftime("%H:%M"),
        "local_date": local.date().isoformat(),
        "weekday": local.strftime("%A"),
    }


def _quoted(value: str | None) -> str:
    if value is None:
        return UNKNOWN
    plain = "".join(character if character.isprintable() else " " for character in value)
    shown = plain if len(plain) <= MAX_VALUE else plain[:MAX_VALUE] + "…"
    return json.dumps(shown.replace("{{", "{ {"), ensure_ascii=False)
