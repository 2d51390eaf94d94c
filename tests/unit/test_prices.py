"""What calls cost, against figures computed by hand."""

import pytest

from ringside import prices
from ringside.conversation.events import Usage

TABLE = prices.Prices(
    as_of="2026-11-22",
    realtime={
        "talker": {"audio": [32.0, 0.4, 64.0], "text": [4.0, 0.4, 24.0], "image": [5.0, 0.5]},
        "deaf": {"text": [1.0, 0.1, 2.0]},
    },
    transcription={"writer": 0.006},
)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(), 0.0),
        (Usage(input_audio=1_000_000), 32.0),
        (Usage(output_audio=1_000_000), 64.0),
        (Usage(input_text=1_000_000), 4.0),
        (Usage(output_text=1_000_000), 24.0),
        (Usage(input_image=1_000_000), 5.0),
        (Usage(input_audio=1_000_000, cached_audio=1_000_000), 0.4),  # cached tokens are part of the input
        (Usage(input_audio=1_000_000, cached_audio=750_000), 8.3),  # 0.25 x 32 + 0.75 x 0.40
        (Usage(input_image=100_000, cached_image=60_000), 0.23),  # 0.04 x 5 + 0.06 x 0.50
        # A minute each way: 600 x 32 + 1,200 x 64, and text: 100 x 4 + 400 x 0.40 + 60 x 24, per million.
        (Usage(input_text=500, cached_text=400, input_audio=600, output_audio=1200, output_text=60), 0.098),
    ],
)
def test_tokens_cost_what_the_table_says(usage: Usage, dollars: float) -> None:
    assert TABLE.cost(usage, "talker", None) == pytest.approx(dollars, abs=1e-6)


def test_transcription_costs_by_the_minute() -> None:
    assert TABLE.cost(Usage(transcription_seconds=90), "talker", "writer") == pytest.approx(0.009)


def test_the_parts_of_a_call_add_up() -> None:
    parts = [Usage(input_audio=300, output_audio=200), Usage(input_text=40, cached_text=20, transcription_seconds=30)]
    whole = TABLE.cost(parts[0] + parts[1], "talker", "writer")
    assert whole == pytest.approx(sum(TABLE.cost(part, "talker", "writer") or 0 for part in parts), abs=2e-6)


@pytest.mark.parametrize(
    ("usage", "model", "transcription"),
    [
        (Usage(input_text=1), "unheard-of", None),
        (Usage(), "unheard-of", None),
        (Usage(unsplit=1), "talker", None),
        (Usage(input_audio=1), "deaf", None),
        (Usage(output_audio=1), "deaf", None),
        (Usage(transcription_seconds=1), "talker", "unheard-of"),
        (Usage(transcription_seconds=1), "talker", None),
    ],
)
def test_what_is_not_known_has_no_cost_and_never_none_at_all(
    usage: Usage, model: str, transcription: str | None
) -> None:
    assert TABLE.cost(usage, model, transcription) is None


def test_a_transcription_model_that_heard_nothing_costs_nothing() -> None:
    assert TABLE.cost(Usage(input_text=1_000_000), "talker", "unheard-of") == 4.0


def test_the_table_that_ships_prices_the_default_models() -> None:
    shipped = prices.load()
    usage = Usage(input_audio=600, output_audio=1200, transcription_seconds=60)
    cost = shipped.cost(usage, "gpt-realtime-2.1", "gpt-transcribe")
    assert cost == pytest.approx(0.0192 + 0.0768 + 0.0045)


@pytest.mark.parametrize("model", sorted(prices.load().realtime))
def test_every_model_that_ships_has_prices_that_make_sense(model: str) -> None:
    for kind, (fresh, cached, *out) in prices.load().realtime[model].items():
        assert 0 < cached < fresh, kind
        assert all(price > fresh for price in out), kind
        assert len(out) == (0 if kind == "image" else 1)
