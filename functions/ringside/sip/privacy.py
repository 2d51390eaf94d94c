"""A caller's wish not to be known (RFC 3323, RFC 3325), and hiding what the headers tell all the same. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from ringside.calls import ANONYMOUS
from ringside.sip.headers import Address, addresses, values
from ringside.sip.placeholders import is_placeholder

WISHES = frozenset({"id", "header", "user"})
"""Of the Privacy header: RFC 3325 section 9.3 (`id`), RFC 3323 section 4.2. `session` and `critical` hide no name."""

_OF_ADDRESS = frozenset({"full", "uri"})  # Remote-Party-ID and Diversion (RFC 5806): `name` hides the name alone

IDENTITY = ("from", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "identity", "contact")
"""Headers that say who calls. `Identity` holds the number in its token (RFC 8225 section 5.2.1)."""

_SEPARATORS = re.compile(r'[;,"\s]+')
_NO_DIGIT = re.compile(r"[^0-9]")


def is_wished(headers: Sequence[Mapping[str, str]]) -> bool:
    """Whether the caller, or the caller's carrier, asks that nobody learns who calls."""
    asked = {word for value in values(headers, "Privacy") for word in _words(value)}
    if asked & WISHES:
        return True
    return any(
        _is_private(address) and not is_of_called_party(address)
        for name in ("Remote-Party-ID", "P-Asserted-Identity", "From")
        for value in values(headers, name)
        for address in addresses(value)
    )


def is_of_called_party(address: Address) -> bool:
    """Whether it names the one who is called: Remote-Party-ID may name either."""
    return address.parameters.get("party", "").casefold() == "called"


def without_identity(headers: Iterable[Mapping[str, str]], withheld: str) -> list[dict[str, str]]:
    """The headers of an anonymous call, without what tells who calls, such as the number in any of them."""
    digits = _NO_DIGIT.sub("", withheld)
    # A number may stand there without its country code: nine digits are enough to know it.
    telling = digits[-9:] if len(digits) >= 9 else digits
    return [{"name": row["name"], "value": ANONYMOUS if _tells(row, telling) else row["value"]} for row in headers]


def is_kept_secret(value: str) -> bool:
    """Whether a header's value names somebody who wishes not to be known, such as one who forwarded the call."""
    return any(_is_private(address) for address in addresses(value))


def _tells(row: Mapping[str, str], telling: str) -> bool:
    if row["name"].casefold() in IDENTITY:
        return not all(map(_names_nobody, addresses(row["value"])))
    return bool(telling) and telling in _NO_DIGIT.sub("", row["value"])


def _names_nobody(address: Address) -> bool:
    """Whether it could stand in any anonymous call: `"Anonymous" <sip:anonymous@anonymous.invalid>`."""
    name = address.display_name
    return is_placeholder(address.uri.user, address.uri.host) and (not name or is_placeholder(name))


def _is_private(address: Address) -> bool:
    return bool(_OF_ADDRESS & _words(address.parameters.get("privacy", "")))


def _words(text: str) -> set[str]:
    return set(_SEPARATORS.split(text.casefold()))
