"""Facts of a call in an agent's instructions: `{{caller}}`, `{{header.X-Customer}}`. No logic, and safe. Pure.

Whatever comes from outside goes in as a quoted string of limited length without line breaks: a caller
can choose their display name, and shall not choose their instructions.
"""

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from ringside.calls import ANONYMOUS, UNKNOWN

FACTS = frozenset({"caller", "dialled", "agent", "local_time", "local_date", "weekday"})
LONGEST_VALUE = 200  # characters

_PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def wrong_places(text: str, headers: Collection[str]) -> list[str]:
    """The names in `text` that are neither facts nor headers that the agent may use."""
    allowed = {f"header.{name}".casefold() for name in headers}
    return [name for name in _PLACE.findall(text) if name not in FACTS and name.casefold() not in allowed]


def render(text: str, facts: Mapping[str, str | None], headers: Mapping[str, str]) -> str:
    """Fill in the facts. `headers`: by name, in any case; what is not known is said to be unknown."""
    by_name = {name.casefold(): value for name, value in headers.items()}

    def value(place: re.Match[str]) -> str:
        name = place[1]
        if name in FACTS:
            fact = facts.get(name) or UNKNOWN
            return _quoted(fact) if name in ("caller", "dialled") and fact not in (ANONYMOUS, UNKNOWN) else fact
        return _quoted(by_name.get(name.casefold().removeprefix("header.")))

    return _PLACE.sub(value, text)


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
    shown = plain if len(plain) <= LONGEST_VALUE else plain[:LONGEST_VALUE] + "…"
    return json.dumps(shown.replace("{{", "{ {"), ensure_ascii=False)
