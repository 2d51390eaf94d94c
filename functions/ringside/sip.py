"""Who calls whom, as the INVITE's headers tell it. Pure.

Header values are raw and untrusted (guide, "Overview"; RFC 3261 section 20): display names, angle
brackets, tags, `tel:` and `sip:` URIs, repeats, any case. What comes out is an E.164 number or None.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import phonenumbers

DIALLED_IN = ("Diversion", "To")
"""Where the dialled number is: a Twilio trunk writes OpenAI's project id into `To` and the number into `Diversion`."""

CALLER_IN = ("From", "P-Asserted-Identity", "Remote-Party-ID")

# RFC 3261 section 25.1: the user part ends at "@"; RFC 3966 section 3: a tel: number ends at ";".
_USER = re.compile(r"(?:sips?|tel):([^@;>?\s]{1,100})", re.IGNORECASE)
_VISUAL = re.compile(r"[-.()\s]")  # RFC 3966 section 5.1.1: visual separators mean nothing


@dataclass(frozen=True)
class Parties:
    """Both numbers as E.164. `caller` None: anonymous or unreadable. `dialled` None: not found."""

    caller: str | None
    dialled: str | None


def parties(headers: Sequence[Mapping[str, str]], dialled_in: Iterable[str] = DIALLED_IN) -> Parties:
    """Read caller and dialled number out of `[{"name": …, "value": …}, …]`."""
    return Parties(_first_number(headers, CALLER_IN), _first_number(headers, dialled_in))


def number(text: str) -> str | None:
    """`+1 (425) 555-0112` to `+14255550112`; None for what is no international number."""
    digits = _VISUAL.sub("", text)
    if not re.fullmatch(r"\+[0-9]{4,15}", digits, re.ASCII):
        return None
    try:
        parsed = phonenumbers.parse(digits, None)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: test numbers (+1 425 555 0112) and new ranges must get through.
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def country(e164: str) -> str | None:
    """The ISO 3166 country of a number, such as "DE"; None where it has none (satellite, premium)."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return None


def _first_number(headers: Sequence[Mapping[str, str]], names: Iterable[str]) -> str | None:
    for name in names:
        for header in headers:
            if header["name"].casefold() == name.casefold():
                found = _USER.search(header["value"])
                e164 = number(found[1]) if found else number(header["value"])
                if e164 is not None:
                    return e164
    return None
