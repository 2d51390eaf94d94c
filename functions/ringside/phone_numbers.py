"""Phone numbers as E.164, and the countries they belong to. Pure."""

import re

import phonenumbers

_VISUAL = re.compile(r"[-.()\s]")  # RFC 3966 section 5.1.1: visual separators mean nothing


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


def is_possible(e164: str) -> bool:
    """Whether a number has a length that numbers of its country have; it need not be assigned to anybody."""
    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(e164, None)))
    except phonenumbers.NumberParseException:
        return False


def is_too_long(beginning: str) -> bool:
    """Whether no number of its country can begin so, for being longer than all of them."""
    try:
        parsed = phonenumbers.parse(beginning, None)
    except phonenumbers.NumberParseException:
        return False
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    return bool(reason == phonenumbers.ValidationResult.TOO_LONG)


def is_country(code: str) -> bool:
    """Whether this is the ISO 3166 code of a country with phone numbers of its own."""
    return code in phonenumbers.SUPPORTED_REGIONS


def country(e164: str) -> str | None:
    """The ISO 3166 country of a number, such as "DE"; None where it has none (satellite, premium)."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return None
    return None if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else region
