"""Phone numbers as E.164, in whatever form they are written, and the countries they belong to. Pure."""

import re

import phonenumbers

E164 = "E164"
"""What plain digits may mean to `read`, beside a country: E.164 whose plus sign is missing."""

_LONGEST = 64  # characters of a text that may be a number
_PREFIXES = ("00", "011")  # international prefixes (ITU-T E.164 section 3.1): of most countries, of North America
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


def read(text: str, plain: str = "", context: str = "") -> str | None:
    """The E.164 number that a text is, with or without a plus sign; None for what cannot be told.

    `plain`: what digits without a prefix mean, a country's numbers (ISO 3166, such as "US") or `E164`; empty: nobody
    knows. `context`: the `phone-context` of the number, which completes it where it is one of digits (RFC 3966
    section 5.1.5).
    """
    digits = _VISUAL.sub("", text[: _LONGEST + 1])
    if digits.startswith("+"):
        return number(digits)
    if not re.fullmatch(r"[0-9]{2,20}", digits, re.ASCII) or len(text) > _LONGEST:
        return None
    code = re.fullmatch(r"\+([0-9]{1,10})", _VISUAL.sub("", context[:_LONGEST]), re.ASCII)
    if code:
        region = phonenumbers.region_code_for_country_code(int(code[1]))
        return _possible(digits, region) or number(f"+{code[1]}{digits}")
    if plain and plain != E164:
        return _possible(digits, plain) or _with_prefix(digits, _PREFIXES[:1])
    return _with_prefix(digits, _PREFIXES) or (_possible(f"+{digits}") if plain == E164 else None)


def is_same(digits: str, e164: str) -> bool:
    """Whether plain digits are this number: without its plus sign, or as its own country writes it."""
    return f"+{digits}" == e164 or read(digits, country(e164) or "") == e164


def is_country(code: str) -> bool:
    """Whether numbers of this country (ISO 3166, such as "US") can be read."""
    return code in phonenumbers.SUPPORTED_REGIONS


def _with_prefix(digits: str, prefixes: tuple[str, ...]) -> str | None:
    rests = (digits.removeprefix(prefix) for prefix in prefixes if digits.startswith(prefix))
    return next((found for found in (_possible(f"+{rest}") for rest in rests) if found), None)


def _possible(text: str, region: str | None = None) -> str | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # A subscriber's number without its area code is no number that can be told from others.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def country(e164: str) -> str | None:
    """The ISO 3166 country of a number, such as "DE"; None where it has none (satellite, premium)."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return None
    return None if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else region
