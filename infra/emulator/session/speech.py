"""How long words take to say, and what they cost: the numbers everything else is timed by."""

import itertools
import math
import re
from collections.abc import Iterator

CHARACTERS_PER_SECOND = 15.0
MIN_AUDIO_MS = 300
# The model writes faster than it speaks: its text and its response.done arrive well
# before the last word is heard (facts 3.4, "playback goes on after response.done").
GENERATION_SPEED = 4.0
WORDS_IN_A_DELTA = 3


def audio_ms(text: str) -> int:
    """How long this text takes to say."""
    return max(MIN_AUDIO_MS, round(len(text) / CHARACTERS_PER_SECOND * 1000))


def pieces(text: str, words: int = WORDS_IN_A_DELTA) -> Iterator[str]:
    """Cut a text into deltas of a few words; joined again they are the text."""
    found = re.findall(r"\s*\S+\s*$|\s*\S+", text) or [text]
    for start in range(0, len(found), words):
        yield "".join(found[start : start + words])


def fragments(text: str, size: int = 12) -> Iterator[str]:
    """Cut JSON arguments into deltas of a few characters."""
    for start in range(0, len(text), size):
        yield text[start : start + size]


def text_tokens(text: str) -> int:
    return math.ceil(len(text) / 4)


def caller_tokens(milliseconds: float) -> int:
    """1 audio token per 100 ms of the caller (facts 5)."""
    return math.ceil(milliseconds / 100)


def agent_tokens(milliseconds: float) -> int:
    """1 audio token per 50 ms of the model (facts 5)."""
    return math.ceil(milliseconds / 50)


_QUOTED = re.compile(r"(?<!\w)'(.+?)'(?!\w)|\"(.+?)\"|“(.+?)”|«(.+?)»", re.DOTALL)
NEUTRAL = "I see. Please go on."


def improvised(instructions: str | None) -> str:
    """What the model says when the script has no line for it.

    The guide's greeting is `Say to the user 'Thank you for calling, ...'`: the quoted
    part is what a real model would say, so that is what we say.
    """
    if not instructions:
        return NEUTRAL
    quoted = list(itertools.chain.from_iterable(filter(None, match) for match in _QUOTED.findall(instructions)))
    return max(quoted, key=len) if quoted else instructions
