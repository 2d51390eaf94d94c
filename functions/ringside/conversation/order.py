"""The order of a conversation's items, and the positions that the record sorts them by. Pure.

Order is what `previous_item_id` says, not arrival (guide, Managing conversations): a caller's
transcript is often ready only after the agent has answered. Every item gets a position, a number
that sorts; the record's sort key is made of it, so a query returns the call as it was spoken.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ringside.conversation import snapshot

SPACING = 1 << 20
"""Room left between neighbours, for an item that turns out to belong between them."""

TAIL = 32
"""How many of the last items the next owner learns of: links lead to them, and not all are in the record."""


class Order:
    """Items in conversation order, each with a sortable position (an integer above 0).

    Runs of linked items always stand together and in order, whatever order the links arrive in.
    An item whose predecessor is unknown goes to the end until a link says otherwise. What is no item of the session's,
    such as a gap, is pinned: it stays behind what stood before it when it happened, and before whatever follows.
    """

    def __init__(self, positions: Mapping[str, int] | None = None, links: Mapping[str, str] | None = None) -> None:
        """`links`: of the items with a position, which item the session put them behind."""
        self._position = dict(positions or {})
        self._items = sorted(self._position, key=self._position.__getitem__)
        self._previous = dict(links or {})
        self._waiting = self._unseen()  # an item not seen yet -> the item that follows it
        self._strays_before: tuple[str, ...] = ()
        self._pinned: set[str] = set()
        self._pinned_behind: dict[str, str] = {}  # ... and the turn that had begun before it, and got its place later

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._position

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def position(self, item_id: str) -> int:
        return self._position[item_id]

    def place(self, item_id: str, previous_id: str | None, before: str | None = None) -> dict[str, int]:
        """Give the item its position; return the items that had to move, with their old positions.

        `before`: where no link says otherwise, it is older than this one.
        """
        known = item_id in self._position
        if known and (previous_id is None or previous_id == item_id or item_id in self._previous):
            return {}
        if item_id in self._pinned and previous_id is not None:
            self._pinned.discard(item_id)
            if self._unpinned_before(self._items.index(item_id)) == previous_id:
                self._previous[item_id] = previous_id
                return {}
        start = self._items.index(item_id) if known else None
        end = self._end_of_run(start) if start is not None else None
        run = self._items[start:end] if start is not None else [item_id]
        later = set(self._items[start:]) if start is not None else set()  # what happened when it had its place already
        if start is not None:
            del self._items[start:end]
        along = [pin for pin in self._items if self._pinned_behind.get(pin) == item_id]
        if along:
            self._items = [each for each in self._items if each not in along]
            with_it = [each for each in run[1:] if self._pinned_behind.get(each) == item_id]
            run = [item_id, *with_it, *along, *(each for each in run[1:] if each not in with_it)]
        follower = self._waiting.pop(item_id, None)
        if previous_id is not None and previous_id != item_id:
            self._previous[item_id] = previous_id
            if previous_id not in self._position:
                self._waiting[previous_id] = item_id
        if previous_id in self._position and previous_id in self._items:
            at = self._after_pinned(self._items.index(previous_id) + 1, later)
        elif start is not None:
            at = start  # its predecessor is still unknown: it stays where it was
        elif follower is not None:
            at = self._items.index(follower)
        else:
            older = (before, *self._strays_before) if before is not None else self._strays_before
            anchors = (self._items.index(anchor) for anchor in older if anchor in self._position)
            at = next(anchors, len(self._items)) if previous_id is None else len(self._items)
        self._items[at:at] = run
        moved = run
        if follower is not None and self._items[at + 1 : at + 2] != [follower]:
            start = self._items.index(follower)
            end = self._end_of_run(start)
            tail = self._items[start:end]
            if item_id not in tail:  # the links may run in a circle: then the other side stays where it is
                del self._items[start:end]
                at = self._items.index(item_id)
                self._items[at + 1 : at + 1] = tail
                moved = run + tail
        return self._number(self._items.index(moved[0]), len(moved))

    def pin(self, item_id: str, behind: str | None = None) -> None:
        """It happened just now: it stands last, until something follows. `behind`: the turn that had begun before."""
        self._pinned.add(item_id)
        if behind is not None:
            self._pinned_behind[item_id] = behind
        self._items.append(item_id)
        self._number(len(self._items) - 1, 1)

    def pinned_before_us(self, item_ids: Iterable[str]) -> None:
        """Known from the record: a former owner has pinned these, unless `restore` has links for them."""
        self._pinned.update(item_ids)

    def strays_before(self, *anchors: str) -> tuple[str, ...]:
        """From now on, put items without a link before the first of these that is known, not at the end.

        After a gap: what is heard of, but was not seen to be added, was added before the last item of the gap.
        Returns the anchors until now.
        """
        before, self._strays_before = self._strays_before, anchors
        return before

    def previous(self, item_id: str) -> str | None:
        """The item that the session put it behind, if that is known."""
        return self._previous.get(item_id)

    def hole(self, item_id: str) -> str | None:
        """The item before this one, if it was never seen."""
        previous = self._previous.get(item_id)
        return previous if previous is not None and previous not in self._position else None

    def holes(self) -> list[str]:
        """The items that were never seen, before the last ones."""
        return [hole for item_id in self._items[-TAIL:] if (hole := self.hole(item_id)) is not None]

    def snapshot(self) -> dict[str, Any]:
        tail = [[item_id, self._position[item_id], self._previous.get(item_id)] for item_id in self._items[-TAIL:]]
        pinned = [list(pair) for pair in list(self._pinned_behind.items())[-TAIL:]]
        return {"tail": tail, "strays_before": list(self._strays_before), "pinned_behind": pinned}

    def restore(self, value: object) -> None:
        """What the record does not have: items that are not written down, and the links."""
        given = snapshot.mapping(value)
        known = set(self._position.values())
        for entry in snapshot.sequence(given.get("tail")):
            match entry:
                case [str(item_id), int(position), previous] if position > 0:
                    if item_id not in self._position and position not in known:
                        self._position[item_id] = position
                        known.add(position)
                    if isinstance(previous, str) and item_id in self._position and previous != item_id:
                        self._previous[item_id] = previous
        self._items = sorted(self._position, key=self._position.__getitem__)
        self._pinned -= self._previous.keys()
        self._waiting = self._unseen()
        self._strays_before = tuple(snapshot.texts(given.get("strays_before")))
        self._pinned_behind = dict(snapshot.pairs(given.get("pinned_behind")))

    def _unseen(self) -> dict[str, str]:
        return {before: item_id for item_id, before in self._previous.items() if before not in self._position}

    def _end_of_run(self, start: int) -> int:
        """The index after the last of the items that are linked one to the next from `start`, and what is pinned."""
        last, end = self._items[start], start + 1
        for at in range(end, len(self._items)):
            item_id = self._items[at]
            if item_id not in self._pinned:
                if self._previous.get(item_id) != last:
                    break
                last = item_id
            end = at + 1
        return end

    def _after_pinned(self, at: int, later: Collection[str]) -> int:
        while at < len(self._items) and self._items[at] in self._pinned and self._items[at] not in later:
            at += 1
        return at

    def _unpinned_before(self, at: int) -> str | None:
        return next((item_id for item_id in reversed(self._items[:at]) if item_id not in self._pinned), None)

    def _number(self, at: int, count: int) -> dict[str, int]:
        """Give positions to `count` items from index `at`, and to those after them if there is no room."""
        before = self._position[self._items[at - 1]] if at else 0
        after = self._position[self._items[at + count]] if at + count < len(self._items) else None
        if after is not None and after - before <= count:
            count, after = len(self._items) - at, None
        step = SPACING if after is None else (after - before) // (count + 1)
        moved = {}
        for index, item_id in enumerate(self._items[at : at + count], start=1):
            old, new = self._position.get(item_id), before + step * index
            if old is not None and old != new:
                moved[item_id] = old
            self._position[item_id] = new
        return moved
