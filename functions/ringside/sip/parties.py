"""Who calls whom, as the INVITE's headers tell it. Pure.

Header values are raw and untrusted (guide, "Overview"; RFC 3261 section 20). What comes out is an E.164 number
or None.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringside.phone_numbers import number
from ringside.sip.headers import addresses, values

DIALLED_IN = ("Diversion", "To")
"""Where the dialled number is: a Twilio trunk writes OpenAI's project id into `To` and the number into `Diversion`."""

CALLER_IN = ("From", "P-Asserted-Identity", "Remote-Party-ID")


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
    candidates = (user for name in names for user in _users(headers, name))
    return next((found for found in map(number, candidates) if found is not None), None)


def _users(headers: Sequence[Mapping[str, str]], name: str) -> Iterator[str]:
    """The user parts that may be a number: of the addresses in this header, then of its namesake within `To`."""
    for value in values(headers, name):
        for address in addresses(value):
            yield address.uri.user
    for value in values(headers, "To"):
        for address in addresses(value):
            for holder in (address.uri.parameters, address.uri.headers, address.parameters):
                if name.casefold() in holder:
                    yield holder[name.casefold()]
