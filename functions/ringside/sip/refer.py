"""What a REFER may name: a tel or SIP URI by the grammar of RFC 3966 section 3 and RFC 3261 section 25.1. Pure."""

import re

LONGEST = 255

# Each pattern is linear: no two of its neighbours can match the same character.
_TEL = re.compile(
    r"(?P<number>\+[0-9().-]*+)(?P<parameters>(?:;[a-z0-9-]+(?:=(?:[a-z0-9\[\]/:&+$_.!~*'()-]|%[0-9a-f]{2})+)?)*+)",
    re.IGNORECASE | re.ASCII,
)
_SIP = re.compile(
    r"(?:(?:[a-z0-9_.!~*'()&=+$,;?/-]|%[0-9a-f]{2})+(?::(?:[a-z0-9_.!~*'()&=+$,-]|%[0-9a-f]{2})*)?@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?"
    r"(?:;(?:[a-z0-9\[\]/:&+$_.!~*'()-]|%[0-9a-f]{2})+(?:=(?:[a-z0-9\[\]/:&+$_.!~*'()-]|%[0-9a-f]{2})+)?)*"
    r"(?:\?(?:[a-z0-9\[\]/?:+$_.!~*'()=&-]|%[0-9a-f]{2})+)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE | re.ASCII)
_SEPARATORS = re.compile(r"[().-]")

_WRONG = "neither a number (for example tel:+14255550100) nor a SIP address (for example sip:desk@example.com)"


def target(text: str) -> str:
    """The URI as it is sent: its scheme in lower case, a number without visual separators.

    Raises `ValueError` for anything that no call could be sent to.
    """
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if len(text) > LONGEST or not colon or scheme not in ("tel", "sip", "sips"):
        raise ValueError(_WRONG)
    if scheme == "tel":
        tel = _TEL.fullmatch(rest)
        number = _SEPARATORS.sub("", tel["number"]) if tel else ""
        if not tel or not 5 <= len(number) <= 16:
            raise ValueError(_WRONG)
        return f"tel:{number}{tel['parameters']}"
    sip = _SIP.fullmatch(rest)
    if not sip or not _is_host(sip["host"]):
        raise ValueError(_WRONG)
    return f"{scheme}:{rest}"


def _is_host(host: str) -> bool:
    """A name whose last label begins with a letter, or an IP address (RFC 3261 section 25.1).

    An underscore is against the grammar, and in the field.
    """
    if host.startswith("["):
        return ":" in host
    labels = host.removesuffix(".").split(".")
    if all(label.isdigit() for label in labels):
        return len(labels) == 4 and all(int(label) <= 255 and len(label) <= 3 for label in labels)
    return all(_LABEL.fullmatch(label) for label in labels) and labels[-1][0].isalpha()
