"""What is made in a process's first second is not searched for garbage, then or later."""

import gc
from collections.abc import Iterator

import pytest

from ringside.cold_start import without_collection


@pytest.fixture(autouse=True)
def collector_as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_meanwhile_and_what_was_made_never_is() -> None:
    with without_collection():
        assert not gc.isenabled()
        kept = [[] for _ in range(100)]  # type: ignore[var-annotated]

    assert gc.isenabled()
    assert gc.get_freeze_count() >= 100
    searched = {id(each) for each in gc.get_objects()}
    assert not searched & {id(each) for each in kept}


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), without_collection():
        raise ImportError

    assert gc.isenabled()
