"""SIP headers as they are typed, and how a deployment reads them."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cli import cloud
from cli.errors import UsageError
from ringside import phone_numbers
from ringside.calls import ANONYMOUS, UNKNOWN
from ringside.sip.parties import EXTENSION
from ringside.sip.trunk import DIALLED_IN, Trunk

if TYPE_CHECKING:
    from cli.options import Deployment


def rows(texts: Sequence[str]) -> list[dict[str, str]]:
    """`["Diversion: <sip:…>"]` as rows with `name` and `value`. Raises `UsageError` for what has no name."""
    found = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or any(character.isspace() for character in name.strip()):
            raise UsageError(
                f'--header: {text} is not a header (for example "Diversion: <sip:+14255550100@example.com>")'
            )
        found.append({"name": name.strip(), "value": value.strip()})
    return found


def trunk(variables: Mapping[str, str]) -> Trunk:
    """What the settings of a deployment say of its trunk, as far as they are known."""
    names = tuple(name.strip() for name in variables.get("RINGSIDE_DIALLED_IN", "").split(",") if name.strip())
    return Trunk(names or DIALLED_IN, variables.get("RINGSIDE_PLAIN_NUMBERS", ""))


def trunk_of(deployment: "Deployment") -> Trunk:
    """That of the deployment that somebody named; of the environment, if nobody did."""
    named = deployment.local or deployment.stack or os.environ.get("RINGSIDE_TABLE") or os.environ.get("RINGSIDE_STACK")
    return trunk(cloud.find(deployment).variables if named else os.environ)


def caller(text: str, option: str) -> str:
    """A caller as the record has it, of a number, `ext:1001`, `anonymous` or `unknown`; else `UsageError`."""
    if text in (ANONYMOUS, UNKNOWN):
        return text
    extension = text.removeprefix("ext:")
    if extension != text and EXTENSION.fullmatch(extension):
        return extension
    return number(text, option)


def number(text: str, option: str) -> str:
    """A number as E.164; `UsageError` for anything else."""
    found = phone_numbers.number(text)
    if found is None:
        raise UsageError(f"{option}: {text} is not an international number (for example +14255550112)")
    return found
