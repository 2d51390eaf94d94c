"""How many tokens a text has, without the model's tokenizer, whose tables would have to be downloaded. Pure.

`at_least` is a lower bound, to refuse what is surely too long; `about` is an estimate, to warn before.
"""

import re

LIMIT = 16_384
"""What OpenAI takes for instructions and tools together (API guide, Realtime: instructions); more is refused."""

_PIECE = re.compile(
    r"[^\r\nA-Za-z0-9]?[A-Za-z]+(?:'(?:s|t|re|ve|m|ll|d))?|[0-9]{1,3}| ?[^\sA-Za-z0-9]+[\r\n/]*|\s+",
    re.IGNORECASE | re.ASCII,
)
"""Coarser than the pieces that o200k_base splits a text into before it merges bytes (openai/tiktoken,
`tiktoken_ext/openai_public.py`): tokens never reach over such a piece, so a text has at least as many."""

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef\U0001f000-\U0003ffff]")


def at_least(text: str) -> int:
    """A number of tokens that the text surely has. What is not ASCII counts as letters of the word it is in."""
    if len(text) <= LIMIT:
        return 0  # it cannot exceed the limit, so nobody needs to know
    return len(_PIECE.findall(_NOT_ASCII.sub("a", text)))


def about(text: str) -> int:
    """Tokens, estimated: four characters of Latin text each, fewer of other scripts; rather too many than too few."""
    wide = len(_WIDE.findall(text))
    other = sum(map(len, _NOT_ASCII.findall(text))) - wide
    plain = len(text) - wide - other
    pieces = len(_PIECE.findall(_NOT_ASCII.sub("a", text)))
    return max(pieces, round(plain / 4 + other / 2 + wide))
