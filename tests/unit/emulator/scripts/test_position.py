"""Whose turn it is in a script."""

from typing import Any

from infra.emulator.scripts import script
from infra.emulator.scripts.position import Position


def position(*lines: dict[str, Any]) -> Position:
    return Position(script.parse({"lines": list(lines)}).lines)


def said(place: Position) -> str | None:
    line = place.next_line()
    return line.agent if line else None


def test_the_models_lines_come_in_order_and_each_once() -> None:
    place = position({"agent": "One."}, {"agent": "Two."})
    assert [said(place), said(place), said(place)] == ["One.", "Two.", None]


def test_it_is_not_the_models_turn_before_the_caller_has_done_what_comes_first() -> None:
    for line in ({"caller": "Hi."}, {"dtmf": "1"}, {"silence": 1}, {"hang_up": "caller"}):
        place = position(line, {"agent": "Hello."})
        assert said(place) is None
        place.past(0)
        assert said(place) == "Hello."


def test_what_the_wire_does_keeps_nobody_waiting() -> None:
    assert said(position({"drop": {}}, {"freeze": 1}, {"agent": "Hello."})) == "Hello."


def test_a_line_that_was_overtaken_is_not_played_again() -> None:
    place = position({"caller": "Hi."}, {"silence": 1}, {"agent": "Hello."})
    place.past(1)
    place.past(0)
    assert place.here == 2
