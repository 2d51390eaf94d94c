"""The conversation's order: whatever order the news arrives in, the call reads as it was spoken."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.conversation.items import Remark, ToolRun, Turn
from ringside.conversation.order import SPACING, Order
from tests.unit.conversation.talk import unhurried

Link = tuple[str, str | None]

LINKS: list[Link] = [("a", None), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")]
NAMES = [name for name, _ in LINKS]


class Shelf:
    """A reader who hears of positions only: each new item, and what `place` says has moved."""

    def __init__(self, order: Order | None = None) -> None:
        self.order = order or Order()
        self.at: dict[str, int] = {name: self.order.position(name) for name in self.order}

    def place(self, item_id: str, previous_id: str | None) -> dict[str, int]:
        moved = self.order.place(item_id, previous_id)
        for name, old in moved.items():
            assert self.at[name] == old, "moved from where it never was"
            assert self.order.position(name) != old, "reported as moved, but did not"
            self.at[name] = self.order.position(name)
        self.at.setdefault(item_id, self.order.position(item_id))
        assert self.at == {name: self.order.position(name) for name in self.order}, "moved without a word"
        assert sorted(self.at, key=self.at.__getitem__) == list(self.order), "positions do not sort like the order"
        assert len(set(self.at.values())) == len(self.at), "two items at one position"
        assert all(position > 0 for position in self.at.values())
        return moved


def order_of(links: Sequence[Link]) -> list[str]:
    shelf = Shelf()
    for item_id, previous_id in links:
        shelf.place(item_id, previous_id)
    return list(shelf.order)


@unhurried
@given(st.permutations(LINKS))
def test_a_chain_stands_in_its_order_whatever_order_the_links_come_in(links: list[Link]) -> None:
    assert order_of(links) == NAMES


@unhurried
@given(st.permutations(LINKS * 2))
def test_links_may_be_told_twice(links: list[Link]) -> None:
    assert order_of(links) == NAMES


@unhurried
@given(st.permutations([*LINKS, *[(name, None) for name in NAMES]]))
def test_items_heard_of_before_their_link_find_their_place_later(links: list[Link]) -> None:
    assert order_of(links) == NAMES


@unhurried
@given(st.permutations([*LINKS, ("x", None), ("y", None)]))
def test_an_item_that_never_gets_a_link_disturbs_nobody(links: list[Link]) -> None:
    found = order_of(links)
    assert [name for name in found if name in NAMES] == NAMES
    assert {"x", "y"} <= set(found)


@unhurried
@given(st.permutations(LINKS), st.sets(st.sampled_from(NAMES)))
def test_what_hangs_together_stays_together_around_a_hole(links: list[Link], lost: set[str]) -> None:
    """Links of lost items never come; those of their followers do."""
    found = order_of([link for link in links if link[0] not in lost])
    for item_id, previous_id in LINKS:
        if previous_id is not None and {item_id, previous_id}.isdisjoint(lost):
            assert found.index(item_id) == found.index(previous_id) + 1


@unhurried
@given(st.permutations(LINKS), st.integers(0, len(LINKS)))
def test_an_order_can_be_taken_over_with_its_positions(links: list[Link], handed_over: int) -> None:
    shelf = Shelf()
    for item_id, previous_id in LINKS[:handed_over]:
        shelf.place(item_id, previous_id)
    next_owner = Shelf(Order(shelf.at))
    assert list(next_owner.order) == NAMES[:handed_over]
    for item_id, previous_id in links:
        next_owner.place(item_id, previous_id)
    assert list(next_owner.order) == NAMES


@unhurried
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.none() | st.sampled_from("abcdefg")), max_size=12))
def test_even_links_that_make_no_sense_lose_and_break_nothing(links: list[Link]) -> None:
    """Circles, forks, items before themselves: every item has one position all the same."""
    found = order_of(links)
    assert sorted(found) == sorted({item_id for item_id, _ in links})


def test_a_circle_of_links_is_survived() -> None:
    assert sorted(order_of([("a", "b"), ("b", "a")])) == ["a", "b"]


def test_an_item_can_be_put_into_the_middle() -> None:
    assert order_of([("a", None), ("b", "a"), ("between", "a")]) == ["a", "between", "b"]


def test_an_item_between_two_others_moves_neither() -> None:
    shelf = Shelf()
    shelf.place("a", None)
    shelf.place("b", "a")
    assert shelf.place("between", "a") == {}
    assert shelf.order.position("a") < shelf.order.position("between") < shelf.order.position("b")


def test_a_tentative_item_moves_and_says_from_where() -> None:
    shelf = Shelf()
    for item_id in ("late", "a"):
        shelf.place(item_id, None)
    before = shelf.order.position("late")
    assert shelf.place("late", "a") == {"late": before}
    assert list(shelf.order) == ["a", "late"]


def test_followers_move_along_with_the_item_they_follow() -> None:
    shelf = Shelf()
    for item_id, previous_id in [("b", None), ("c", "b"), ("x", None), ("a", None)]:
        shelf.place(item_id, previous_id)
    assert shelf.place("b", "a").keys() == {"b", "c"}
    assert list(shelf.order) == ["x", "a", "b", "c"]


def test_a_link_once_told_is_not_taken_back() -> None:
    assert order_of([("a", None), ("b", "a"), ("c", "b"), ("c", "a")]) == ["a", "b", "c"]


def test_an_item_does_not_follow_itself() -> None:
    assert order_of([("a", "a"), ("b", "a"), ("a", "a")]) == ["a", "b"]


def test_those_after_it_make_room_when_there_is_none() -> None:
    """Halving the room 21 times uses a gap of 2^20 up: then all that follow are spread out anew."""
    shelf = Shelf()
    shelf.place("first", None)
    shelf.place("last", "first")
    moved: dict[str, int] = {}
    inserted = [f"i{number}" for number in range(60)]
    for item_id in inserted:
        moved |= shelf.place(item_id, "first")
    assert list(shelf.order) == ["first", *reversed(inserted), "last"]
    assert "last" in moved


def test_a_call_without_surprises_moves_nothing() -> None:
    shelf = Shelf()
    positions = []
    for number in range(500):
        assert shelf.place(f"i{number}", f"i{number - 1}" if number else None) == {}
        positions.append(shelf.order.position(f"i{number}"))
    assert positions == [SPACING * (number + 1) for number in range(500)]


def test_a_hole_is_named_until_it_is_filled() -> None:
    order = Order()
    order.place("a", None)
    order.place("c", "b")
    assert order.hole("a") is None
    assert order.hole("c") == "b"
    order.place("b", "a")
    assert order.hole("c") is None
    assert list(order) == ["a", "b", "c"]


def test_an_item_before_a_hole_goes_before_those_that_wait_for_it() -> None:
    assert order_of([("a", None), ("d", "c"), ("c", None)]) == ["a", "c", "d"]


def test_strays_go_before_the_first_known_anchor() -> None:
    order = Order()
    for item_id in ("a", "probe"):
        order.place(item_id, None)
    order.strays_before("missed", "probe")
    order.place("stray", None)
    assert list(order) == ["a", "stray", "probe"]
    order.place("linked", "probe")
    assert list(order) == ["a", "stray", "probe", "linked"]


# --- what is no item of the session's ---


def test_what_is_pinned_stays_between_what_was_and_what_follows() -> None:
    order = Order()
    order.place("a", None)
    for name in ("gap", "keys"):
        order.pin(name)
    order.place("b", "a")
    order.place("c", "b")
    assert list(order) == ["a", "gap", "keys", "b", "c"]


def test_what_is_pinned_moves_with_what_it_stands_behind() -> None:
    order = Order()
    for item_id in ("c", "a"):
        order.place(item_id, None)
    order.pin("gap")
    order.place("b", "a")
    order.place("a", "c")
    assert list(order) == ["c", "a", "gap", "b"]
    order.place("c", "z")
    order.place("z", None)
    assert list(order) == ["z", "c", "a", "gap", "b"]


def test_keys_that_the_session_knows_stand_where_it_puts_them() -> None:
    order = Order()
    for item_id in ("a", "b"):
        order.place(item_id, None)
    order.pin("keys")
    order.pin("gap")
    order.place("keys", "b")
    order.place("c", "keys")
    assert list(order) == ["a", "b", "keys", "gap", "c"] or list(order) == ["a", "b", "keys", "c", "gap"]
    order = Order()
    for item_id in ("a", "b"):
        order.place(item_id, None)
    order.pin("keys")
    order.place("keys", "a")
    assert list(order) == ["a", "keys", "b"]


@unhurried
@given(st.permutations(LINKS), st.sets(st.integers(0, 6), min_size=1))
def test_chains_stand_in_their_order_with_pins_between_them(links: list[Link], at: set[int]) -> None:
    shelf = Shelf()
    for number, (item_id, previous_id) in enumerate([*links, ("end", None)]):
        if number in at:
            shelf.order.pin(f"pin_{number}")
            shelf.at[f"pin_{number}"] = shelf.order.position(f"pin_{number}")
        shelf.place(item_id, previous_id)
    assert [item_id for item_id in shelf.order if item_id in NAMES] == NAMES


@unhurried
@given(st.sets(st.integers(1, 6)))
def test_what_happens_in_order_stands_in_order_pins_and_all(at: set[int]) -> None:
    shelf, happened = Shelf(), []
    for number, (item_id, previous_id) in enumerate(LINKS):
        if number in at:
            happened.append(f"pin_{number}")
            shelf.order.pin(happened[-1])
            shelf.at[happened[-1]] = shelf.order.position(happened[-1])
        happened.append(item_id)
        assert shelf.place(item_id, previous_id) == {}
    assert list(shelf.order) == happened


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (Turn("i", "caller", 1.0, text="Hi"), "turn"),
        (ToolRun("c", "i", "book", "{}", 1.0), "tool"),
        (Remark("i", "gap", 1.0, 2.0, "lost"), "gap"),
    ],
)
def test_entries_become_items_that_name_their_kind_and_all_their_fields(
    entry: Turn | ToolRun | Remark, kind: str
) -> None:
    item = entry.as_item()
    assert item["kind"] == kind
    assert item["item_id"] == "i"
    assert set(entry.__slots__) <= set(item)


def test_what_happened_while_somebody_spoke_goes_along_with_their_turn() -> None:
    order = Order()
    order.place("turn", None)
    order.place("first", None)
    order.pin("keys", "turn")
    order.place("second", "first")
    order.place("turn", "second")
    assert list(order) == ["first", "second", "turn", "keys"]
