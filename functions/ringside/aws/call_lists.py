"""Lists of calls out of an index: newest first, read as they are wanted, from all shards at the same time."""

import heapq
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

from ringside.aws.table import Item, Table

MAX_PAGE_SIZE = 200
"""Calls of one partition that are read at once for a list that has an end."""


def newest_first(
    table: Table, index: str, partitions: Sequence[str], begins: str, before: str | None, wanted: int | None
) -> Iterator[Item]:
    """The calls of these partitions of `by_day`, `by_caller` or `live` whose sort key begins so.

    `before`: only those that come after this place in the list, which is a call's `started_at#call_id`. `wanted`: how
    many calls the list is to have; more can be read, in more requests.
    """
    key = index.removeprefix("by_")
    condition, more = f"{key}_pk = :pk", {}
    if before is not None:  # BETWEEN includes its ends: the place itself is left out below
        condition += f" AND {key}_sk BETWEEN :begins AND :before"
        more = {":begins": begins or "0", ":before": before}
    elif begins:
        condition += f" AND begins_with({key}_sk, :begins)"
        more = {":begins": begins}
    shard_by_shard = [
        table.query(
            IndexName=index,
            KeyConditionExpression=condition,
            ScanIndexForward=False,
            values={":pk": partition, **more},
            page_size=None if wanted is None else page_size(wanted, len(partitions)),
        )
        for partition in partitions
    ]
    merged = heapq.merge(*_begun(shard_by_shard), key=lambda call: str(call[f"{key}_sk"]), reverse=True)
    return (call for call in merged if call[f"{key}_sk"] != before)


def page_size(wanted: int, partitions: int) -> int:
    """Calls of each partition that are read at once for a list of so many: of several partitions twice a fair share,
    so that hardly a list needs a second page of one.
    """
    return min(wanted + 1 if partitions == 1 else 2 * wanted // partitions + 4, MAX_PAGE_SIZE)


def _begun(reads: Sequence[Iterator[Item]]) -> Sequence[Iterator[Item]]:
    """The same, each with its first page read, at the same time: a merge needs the first call of every one."""
    if len(reads) < 2:
        return reads
    with ThreadPoolExecutor(len(reads), "read") as pool:
        firsts = list(pool.map(lambda read: list(islice(read, 1)), reads))
    return [chain(first, read) for first, read in zip(firsts, reads, strict=True)]
