"""What an error of OpenAI's says of itself."""

from typing import Any

import pytest

from ringside.openai.error_details import code_of, retry_after


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached on tokens per min (TPM). Please try again in 1.5s.", 1.5),
        ("Rate limit reached. Please try again in 350ms. Visit https://example.com to learn more.", 0.35),
        ("Please try again in 1m2.25s.", 62.25),
        ("please try again in 2 s", 2.0),
        ("Please try again in 6s", 6.0),
        ("Please try again in a while.", None),
        ("Please try again in ...s.", None),
        ("No.", None),
        ("", None),
        (None, None),
    ],
)
def test_an_error_says_in_words_when_to_try_again(message: str | None, seconds: float | None) -> None:
    assert retry_after({"message": message}) == seconds
    assert retry_after({"message": message, "retry_after": 7}) == 7.0
    assert retry_after({"message": message, "reset_seconds": 0.5}) == 0.5


@pytest.mark.parametrize("nonsense", [True, "7", -1, float("nan"), 10**400, None, []])
def test_a_time_that_makes_no_sense_is_not_believed(nonsense: Any) -> None:
    assert retry_after({"retry_after": nonsense, "message": "Please try again in 2s."}) == 2.0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "rate_limit_exceeded", "type": "tokens"}, "rate_limit_exceeded"),
        ({"code": None, "type": "server_error"}, "server_error"),
        ({"code": "Ann said 1001"}, "error"),
        ({"code": "x" * 100}, "error"),
        ({"code": 7}, None),
        ({}, None),
    ],
)
def test_a_code_is_a_code_and_never_a_text(error: dict[str, Any], code: str | None) -> None:
    assert code_of(error) == code
