"""Who calls whom, as the INVITE's headers tell it. Pure.

Header values are raw and untrusted (guide, "Overview"; RFC 3261 section 20): display names, angle
brackets, tags, `tel:` and `sip:` URIs, repeats, any case. What comes out is an E.164 number or None.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ringside.phone_numbers import number

DIALLED_IN = ("Diversion", "To")
"""Where the dialled number is: a Twilio trunk writes OpenAI's project id into `To` and the number into `Diversion`."""

CALLER_IN = ("From", "P-Asserted-Identity", "Remote-Party-ID")

# RFC 3261 section 25.1: a quoted display name may hold anything, URIs included; `\"` does not end it.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ANGLED = re.compile(r"<([^<>]*)>")
# The user part ends at "@", its password begins at ":"; RFC 3966 section 3: a tel: number ends at ";".
_USER = re.compile(r"(?:sips?|tel):([^@:;>?\s]{1,100})", re.IGNORECASE)


@dataclass(frozen=True)
class Parties:
    """Both numbers as E.164. `caller` None: anonymous or unreadable. `dialled` None: not found."""

    caller: str | None
    dialled: str | None


def parties(headers: Sequence[Mapping[str, str]], dialled_in: Iterable[str] = DIALLED_IN) -> Parties:
    """Read caller and dialled number out of `[{"name": …, "value": …}, …]`.

    `dialled_in`: the headers to look into, in this order; one of the carrier's own (`X-Dialled`) may
    also stand as a parameter in `To`, where `<Dial><Sip>` of some carriers leaves it.
    """
    return Parties(_first_number(headers, CALLER_IN), _first_number(headers, dialled_in))


def _first_number(headers: Sequence[Mapping[str, str]], names: Iterable[str]) -> str | None:
    for name in names:
        parameters = (_parameter(value, name) for value in _values(headers, "To"))
        for value in (*_values(headers, name), *filter(None, parameters)):
            e164 = _number_in(value)
            if e164 is not None:
                return e164
    return None


def _values(headers: Sequence[Mapping[str, str]], name: str) -> list[str]:
    """The values of all headers of this name, in any case, in their order."""
    found = (header.get("value") for header in headers if str(header.get("name")).casefold() == name.casefold())
    return [value for value in found if isinstance(value, str)]


def _number_in(value: str) -> str | None:
    """The number in a header's value: of the URI in angle brackets, of a bare URI, or the value itself."""
    unquoted = _QUOTED.sub("", value)
    angled = _ANGLED.search(unquoted)
    uri = angled[1] if angled else unquoted
    user = _USER.search(uri)
    return number(unquote(user[1])) if user else number(uri)


def _parameter(value: str, name: str) -> str | None:
    """A parameter or header of the URI in a header's value: `;name=…` or `?name=…&name=…`."""
    found = re.search(rf"[;?&]{re.escape(name)}=([^;?&>\s]{{1,200}})", value, re.IGNORECASE)
    return unquote(found[1]) if found else None
