"""Options that several commands share, and how their values are read. Light: imported whenever help is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token

OPTIONS = Group("Options", sort_key=1)
WHICH = Group("Which deployment", sort_key=2)


@Parameter(name="*")
@dataclass(frozen=True)
class Deployment:
    """Which deployment a command looks at, as far as the command line says so."""

    stack: Annotated[
        str | None,
        Parameter(group=WHICH, metavar="NAME", help="The CloudFormation stack's name (default: $RINGSIDE_STACK)."),
    ] = None
    local: Annotated[
        bool,
        Parameter(group=WHICH, show_default=False, help="The local cloud that is running in this directory."),
    ] = False
    region: Annotated[
        str | None,
        Parameter(group=WHICH, metavar="REGION", help="The AWS region (default: $AWS_REGION, then the profile's)."),
    ] = None
    profile: Annotated[
        str | None, Parameter(group=WHICH, metavar="NAME", help="The AWS profile (default: $AWS_PROFILE).")
    ] = None


ANY = Deployment()
"""Nothing was said about the deployment."""

Json = Annotated[
    bool, Parameter(name="--json", show_default=False, help="Print JSON for programs (fields: docs/cli.md).")
]
Utc = Annotated[bool, Parameter(show_default=False, help="Show times in UTC instead of your local time zone.")]
CallId = Annotated[
    str,
    Parameter(help="The call's id, an unambiguous beginning of it, or `last` for the newest call.", metavar="CALL_ID"),
]
AgentFiles = Annotated[
    Path | None,
    Parameter(
        name="--agents",
        metavar="FOLDER",
        help="The folder of agent files (default: $RINGSIDE_AGENTS, then the shipped ones).",
    ),
]


def read_day(_: type, tokens: Sequence[Token]) -> str:
    """An ISO date, of `2026-11-22`, `today` or `yesterday`, in UTC."""
    text, today = tokens[0].value, datetime.now(UTC).date()
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return (named.get(text) or date.fromisoformat(text)).isoformat()
    except ValueError:
        raise ValueError(f"{text} is not a date (for example {today})") from None


def read_caller(_: type, tokens: Sequence[Token]) -> str:
    """A caller as the record has it, of a number, `ext:1001`, `anonymous` or `unknown`."""
    text = tokens[0].value
    if text in ("anonymous", "unknown"):
        return text
    return text.removeprefix("ext:") if text.startswith("ext:") else read_number(_, tokens)


def read_number(_: type, tokens: Sequence[Token]) -> str:
    """A phone number as E.164."""
    from ringside import phone_numbers  # its package takes as long to import as everything else here

    text = tokens[0].value
    found = phone_numbers.number(text)
    if found is None:
        raise ValueError(f"{text} is not an international number (for example +14255550112)")
    return found


def read_count(_: type, tokens: Sequence[Token]) -> int:
    """A whole number above 0."""
    text: Any = tokens[0].value
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 100_000):
        raise ValueError(f"{text} is not a whole number from 1 to 100000")
    return int(text)


def read_port(_: type, tokens: Sequence[Token]) -> int:
    """A TCP port; 0 is any that is free."""
    text: Any = tokens[0].value
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise ValueError(f"{text} is not a port (0 to 65535)")
    return int(text)
