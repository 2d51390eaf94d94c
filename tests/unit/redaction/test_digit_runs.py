"""Digits as people read them out, with where they stand."""

import pytest

from ringside.redaction.digit_runs import runs


@pytest.mark.parametrize(
    ("language", "said", "digits"),
    [
        ("en", "four one one one, double one 1 1 uh one", "411111111"),
        ("en", "oh two oh seven, nine four six", "0207946"),
        ("en", "eight hundred five five five twelve twelve", "8005551212"),
        ("en", "forty-two, forty two", "4242"),
        ("en", "triple seven", "777"),
        ("de", "null eins sieben sechs, zweiundzwanzig und fünf", "0176225"),
        ("de", "dreißig dreissig zwo", "30302"),
        ("de", "vierhundertfünfzehn", "415"),
        ("es", "seiscientos doce, treinta y cuatro", "61234"),
        ("es", "veintidós y uno", "221"),
        ("fr", "zéro six, quatre-vingt-dix-sept, soixante et onze, vingt et un", "06977121"),
        ("fr", "cent vingt-six, nonante-neuf", "12699"),
    ],
)
def test_a_number_that_is_read_out_is_one_run(language: str, said: str, digits: str) -> None:
    (run,) = runs(f"so: {said}!" if language == "en" else f"{said}!", language)
    assert run.digits == digits
    assert run.end == len(said) + (4 if language == "en" else 0)


@pytest.mark.parametrize(
    ("language", "said", "digits"),
    [
        ("en", "one of them came", ["1"]),
        ("en", "oh, I see, oh", []),
        ("en", "is it 12? 34 more", ["12", "34"]),
        ("en", "four apples and two pears", ["4", "2"]),
        ("de", "ein Termin, eine Frage", []),
        ("es", "un momento, una pregunta", []),
        ("fr", "un instant, une question", []),
    ],
)
def test_everyday_words_and_other_words_between_end_it(language: str, said: str, digits: list[str]) -> None:
    assert [run.digits for run in runs(said, language)] == digits


def test_a_plus_before_it_is_known_written_and_spoken() -> None:
    assert [(run.digits, run.plus, run.start) for run in runs("ring +44 20 or plus four four", "en")] == [
        ("4420", True, 5),
        ("44", True, 15),
    ]
