"""What does not fit is cut between two characters, and says so."""

from hypothesis import given
from hypothesis import strategies as st

from ringside.aws import limits


@given(st.text(), st.integers(min_value=0, max_value=40))
def test_what_is_cut_is_a_beginning_that_fits(text: str, most: int) -> None:
    kept = limits.cut(text, most)

    assert len(kept.encode()) <= most
    assert text.encode("utf-8", "replace").decode().startswith(kept)
    assert len(kept.encode()) > most - 4 or kept == text.encode("utf-8", "replace").decode()


def test_an_entry_that_fits_is_left_as_it_is() -> None:
    entry = {"kind": "turn", "text": "Grüß Gott.", "started_at": 7.5, "heard_ms": None}

    assert limits.entry(entry) == entry


def test_an_entry_says_what_was_cut_and_how_long_it_was() -> None:
    entry = limits.entry({"kind": "tool", "name": "n" * 3000, "output": "ü" * limits.TEXT_BYTES})

    assert (entry["cut"], entry["full_bytes"]) == (True, {"name": 3000, "output": 2 * limits.TEXT_BYTES})


def test_a_snapshot_that_does_not_fit_is_left_out_whole() -> None:
    assert limits.facts({"conversation": {"at": 1.5}}) == {"conversation": {"at": 1.5}}
    assert limits.facts({"conversation": {"words": "x" * limits.SNAPSHOT_BYTES}}) == {"conversation": None}
