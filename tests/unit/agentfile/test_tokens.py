"""Tokens without a tokenizer: a bound that is never too high, and an estimate that is not below it."""

import regex  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from ringside.agentfile import tokens

O200K = regex.compile(
    "|".join(
        [
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""\p{N}{1,3}""",
            r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
            r"""\s*[\r\n]+""",
            r"""\s+(?!\S)""",
            r"""\s+""",
        ]
    )
)
"""How o200k_base splits a text before it merges bytes in each piece (openai/tiktoken, `openai_public.py`)."""

PROSE = st.text(st.sampled_from(list("aB c1-2,. '\"s\nt_/é漢 \t{}")), min_size=1, max_size=60)


@settings(deadline=None)
@given(PROSE)
def test_a_text_has_at_least_as_many_tokens_as_it_is_said_to_have(text: str) -> None:
    long = text * (tokens.LIMIT // len(text) + 1)
    assert tokens.at_least(long) <= len(O200K.findall(long))


@settings(deadline=None)
@given(PROSE)
def test_an_estimate_is_not_below_the_bound(text: str) -> None:
    long = text * (tokens.LIMIT // len(text) + 1)
    assert tokens.about(long) >= tokens.at_least(long)


def test_what_is_surely_too_long_is_known() -> None:
    assert tokens.at_least("hello world " * 9000) > tokens.LIMIT
    assert tokens.at_least("hello world " * 800) == 0  # fewer characters than that are never too many tokens


def test_what_is_probably_too_long_is_known_in_other_scripts_too() -> None:
    assert tokens.about("你好世界" * 10_000) > tokens.LIMIT
    assert tokens.about("Грузия " * 10_000) > tokens.LIMIT
