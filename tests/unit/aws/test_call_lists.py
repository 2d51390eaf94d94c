"""Lists of calls out of a sharded index."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ringside.aws import call_lists
from ringside.aws.attributes import Item
from ringside.aws.table import Table

SHARDS = [f"DAY#2026-11-22#{shard}" for shard in range(8)]


class FakeTable:
    """Shards in memory, read page by page; each first page is answered once `together` are asked for."""

    def __init__(self, calls: list[Item], together: int = 1) -> None:
        self.read = 0
        self._calls = sorted(calls, key=lambda call: str(call["day_sk"]), reverse=True)
        self._barrier = threading.Barrier(together)

    def query(self, *, values: Mapping[str, Any], page_size: int | None, **_: Any) -> Iterator[Item]:
        mine = [call for call in self._calls if call["day_pk"] == values[":pk"]]
        self._barrier.wait(timeout=5)
        size = page_size or len(mine) or 1
        for start in range(0, len(mine), size):
            page = mine[start : start + size]
            self.read += len(page)
            yield from page


def of_a_day(count: int) -> list[Item]:
    return [{"day_pk": SHARDS[number * 5 % 8], "day_sk": f"{number:06d}"} for number in range(count)]


def listed(table: FakeTable, wanted: int | None) -> Iterator[Item]:
    return call_lists.newest_first(cast(Table, table), "by_day", SHARDS, "", None, wanted)


def test_the_shards_are_read_at_the_same_time() -> None:
    table = FakeTable(of_a_day(20), together=len(SHARDS))

    found = [call["day_sk"] for call in listed(table, None)]

    assert found == [f"{number:06d}" for number in reversed(range(20))]


def test_a_page_of_a_busy_day_reads_little_more_than_it_shows() -> None:
    table = FakeTable(of_a_day(10_000))

    found = [call["day_sk"] for _, call in zip(range(101), listed(table, 101), strict=False)]

    assert found == [f"{number:06d}" for number in range(9_999, 9_898, -1)]
    assert table.read < 250
