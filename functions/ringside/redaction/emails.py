"""Mail addresses, written and read out: "alex dot rivera at example dot com". Pure."""

import re

_DOT = r"(?:\s*\.\s*|\s+(?:dot|punkt|punto|point)\s+)"
_NAMED = "minus|dash|hyphen|bindestrich|underscore|unterstrich|guion bajo|guión bajo|guion|guión|tiret"
_MARK = rf"(?:{_DOT}|\s*[_+-]\s*|\s+(?:{_NAMED})\s+)"
_AT = r"(?:\s*@\s*|\s+(?:at|ät|klammeraffe|arroba|arobase|arrobase)\s+)"
_WORD = r"[^\W_]{1,40}"
_ENDS = "com|org|net|edu|gov|info|io|co|eu|de|es|fr|uk|us|ca|at|ch|mx|ar|be|nl|it|test|example|invalid"
_SPOKEN = re.compile(
    rf"(?<![^\W_]){_WORD}(?:{_MARK}{_WORD}){{0,6}}{_AT}{_WORD}(?:{_MARK}{_WORD}){{0,4}}{_DOT}(?:{_ENDS})(?![^\W_])",
    re.IGNORECASE,
)
_WRITTEN = re.compile(r"[^\s@<>\"',;:()\[\]]{1,64}@[^\W_][\w-]{0,62}(?:\.[\w-]{1,63}){1,8}")


def emails(text: str) -> list[tuple[int, int]]:
    """Where the addresses in a text stand, as start and end."""
    return [match.span() for pattern in (_WRITTEN, _SPOKEN) for match in pattern.finditer(text)]
