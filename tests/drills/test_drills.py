"""The short form of every drill, on one local cloud."""

from collections.abc import Iterator

import pytest

from tests.drills.ground import Ground
from tests.drills.registry import DRILLS
from tests.drills.report import Sheet, Size, as_text


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(monitors=0, lease=4, poll=1) as ground:
        yield ground


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(DRILLS, key=lambda name: name != "operations"))  # the longest is begun first
def test_the_short_form_of_the_drill_holds_every_bound(ground: Ground, name: str) -> None:
    drill = DRILLS[name]
    if reason := drill.missing():
        pytest.skip(reason)
    size = Size(drill.short_calls, short=True)
    sheet = Sheet(name, size)
    drill.run(ground, size, sheet)
    if not all(measure.ok for measure in sheet.measures):
        pytest.fail("\n".join([as_text(sheet.measures), *sheet.remarks]))
