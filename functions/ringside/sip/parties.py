"""Who calls whom, as the INVITE's headers tell it. Pure.

Header values are raw and untrusted (guide, "Overview"; RFC 3261 section 20). A caller is one of

    +14255550112   a number, as E.164
    1001           an extension of a PBX: one to seven digits that are no number
    anonymous      withheld: by a wish for privacy, an anonymous address or a carrier's placeholder
    unknown        something is shown that cannot be read, or nothing; what is shown is kept beside it
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringside.calls import ANONYMOUS, UNKNOWN
from ringside.phone_numbers import read
from ringside.sip import privacy
from ringside.sip.headers import Address, Uri, addresses, values
from ringside.sip.placeholders import is_placeholder
from ringside.sip.trunk import Trunk

CALLER_IN = ("From", "P-Asserted-Identity", "Remote-Party-ID")
"""Where the caller may be, in this order."""

EXTENSION = re.compile(r"[0-9*#]{1,7}", re.ASCII)
LONGEST_SHOWN = 64

# Extensions that are written behind the number instead of as `;ext=` (RFC 3966 section 5.3).
_WRITTEN_EXTENSION = re.compile(r"([^x#]*[0-9])\s?(?:ext\.?|x|#)\s?([0-9]{1,11})", re.IGNORECASE | re.ASCII)
_VISUAL = re.compile(r"[-.()\s]")

Headers = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Caller:
    """`name`: see above. `shown`: the user part of a caller who is `unknown`, as it came. `extension`: behind the
    number. `withheld`: the number of a caller who is `anonymous`, where the carrier tells it all the same."""

    name: str = UNKNOWN
    shown: str = ""
    extension: str = ""
    withheld: str = ""


@dataclass(frozen=True)
class Dialled:
    """What may be the dialled number: as E.164, or None and the digits that stand there."""

    e164: str | None
    digits: str
    extension: str = ""


def caller(headers: Headers, trunk: Trunk, placeholders: Iterable[str] = ()) -> Caller:
    """Who calls. `placeholders`: what passes for a withheld number, besides the known ones."""
    more = tuple(placeholders)
    numbers: list[Caller] = []
    extensions: list[Caller] = []
    names: list[str] = []
    withheld = False
    for address in _callers(headers):
        if is_placeholder(address.uri.user, address.uri.host, more):
            withheld = True
            continue
        text, extension = _parts(address.uri)
        e164 = _number(text, address.uri, trunk)
        digits = _VISUAL.sub("", text)
        if e164:
            numbers.append(Caller(e164, "", extension))
        elif EXTENSION.fullmatch(digits):
            extensions.append(Caller(digits, "", extension))
        elif text:
            names.append(address.uri.user[:LONGEST_SHOWN])
    if privacy.is_wished(headers):
        return Caller(ANONYMOUS, withheld=numbers[0].name if numbers else "")
    # The carrier's word counts where From is anonymous and nobody asks for privacy (RFC 3325 section 7).
    if numbers or extensions:
        return (numbers or extensions)[0]
    if withheld:
        return Caller(ANONYMOUS)
    return Caller(UNKNOWN, names[0] if names else "")


def dialled(headers: Headers, trunk: Trunk) -> list[Dialled]:
    """All that may be the dialled number: of all configured headers, in their order, each one once.

    A carrier's own header (`X-Dialled`) may also stand as a parameter in `To`, where `<Dial><Sip>` of some leaves it.
    """
    found: dict[Dialled, None] = {}
    for name in trunk.dialled_in:
        for uri in _uris(headers, name):
            text, extension = _parts(uri)
            digits = _VISUAL.sub("", text)
            e164 = _number(text, uri, trunk)
            if e164 or re.fullmatch(r"[0-9]{2,20}", digits, re.ASCII):
                found[Dialled(e164, digits, extension)] = None
    return list(found)


def _callers(headers: Headers) -> Iterator[Address]:
    for name in CALLER_IN:
        for value in values(headers, name):
            yield from (address for address in addresses(value) if not privacy.is_of_called_party(address))


def _uris(headers: Headers, name: str) -> Iterator[Uri]:
    for value in values(headers, name):
        yield from (address.uri for address in addresses(value))
    wanted = name.casefold()
    for value in values(headers, "To"):
        for address in addresses(value):
            for holder in (address.uri.parameters, address.uri.headers, address.parameters):
                if wanted in holder:
                    yield Uri(user=holder[wanted])


def _parts(uri: Uri) -> tuple[str, str]:
    """The number's text, and the extension behind it."""
    user = uri.user.strip()
    written = _WRITTEN_EXTENSION.fullmatch(user[: LONGEST_SHOWN + 1])
    text, extension = (written[1], written[2]) if written else (user, "")
    given = _VISUAL.sub("", uri.parameters.get("ext", ""))
    return text, given if re.fullmatch(r"[0-9]{1,20}", given, re.ASCII) else extension


def _number(text: str, uri: Uri, trunk: Trunk) -> str | None:
    return read(text, trunk.plain, uri.parameters.get("phone-context", ""))
