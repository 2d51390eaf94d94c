"""How words become deltas, and what a model says that has no line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.emulator.session import speech


@given(st.text())
def test_deltas_joined_are_the_text(text: str) -> None:
    assert "".join(speech.pieces(text)) == text
    assert "".join(speech.fragments(text)) == text


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("Say to the user 'Thank you for calling, how can I help you'", "Thank you for calling, how can I help you"),
        ('Greet them with "Hello, it\'s me".', "Hello, it's me"),
        ("Say goodbye.", "Say goodbye."),
        ("Don't say 'I don't know'", "I don't know"),
        (None, speech.NEUTRAL),
        ("", speech.NEUTRAL),
    ],
)
def test_an_improvisation_says_what_the_instructions_quote(instructions: str | None, said: str) -> None:
    assert speech.improvised(instructions) == said
