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

_PLACEHOLDER = re.compile(r"(\\?)\{\{\s*([^{}]*?)\s*\}\}")
"""A backslash before it makes it plain text: `\\{{name}}`."""


def placeholders(text: str) -> list[str]:
    """The names of the placeholders in `text`, except those that are escaped."""
    return [name for escape, name in _PLACEHOLDER.findall(text) if not escape]


def unknown_placeholders(text: str, headers: Collection[str], facts: Collection[str] = FACTS) -> list[str]:
    """The placeholders in `text` that name neither one of `facts` nor one of `headers`."""
    allowed = {f"header.{name}".casefold() for name in headers}
    return [name for name in placeholders(text) if name not in facts and name.casefold() not in allowed]


def render(text: str, facts: Mapping[str, str | None], headers: Mapping[str, str]) -> str:
    """Fill in the facts. `headers`: by name, in any case. Whatever is not known becomes `unknown`."""
    by_name = {name.casefold(): value for name, value in headers.items()}

    def value(placeholder: re.Match[str]) -> str:
        if placeholder[1]:
            return placeholder[0].removeprefix("\\")
        name = placeholder[2]
        if name in FACTS:
            fact = facts.get(name) or UNKNOWN
            return _quoted(fact) if name in ("caller", "dialled") and fact not in (ANONYMOUS, UNKNOWN) else fact
        return _quoted(by_name.get(name.casefold().removeprefix("header.")))

    return _PLACEHOLDER.sub(value, text)


def unescape(text: str) -> str:
    """Text without placeholders: `\\{{x}}` is `{{x}}`."""
    return _PLACEHOLDER.sub(lambda found: found[0].removeprefix("\\"), text)


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
