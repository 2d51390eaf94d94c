"""What admission counts: reservations among live calls, a caller's calls, money spent. In the record's table.

Reservations among live calls are in `reservations`. Beside them:

    pk CALLERS#<key>        sk CALLERS   `members`: a caller's calls in a span, as many as may be at most
    pk SPENT#<agent>#<day>  sk <shard>   `usd`: what the calls that ended on a UTC day have cost
"""

import zlib
from collections.abc import Callable

from ringside import calls
from ringside.aws import requests, reservations
from ringside.aws.attributes import Item
from ringside.aws.call_writes import call_key, day_of
from ringside.aws.requests import Conflict, Request, Sentence
from ringside.aws.table import Table

CALLERS_KEPT = 45 * 86_400
"""Seconds that an unused set of a caller's calls is kept: longer than the longest span of a caller's limit."""

SPENDING_KEPT = 7 * 86_400  # seconds
SPENDING_SHARDS = 8
"""Calls of one agent that end at the same moment meet at one of these, and not at one item."""


class Counters:
    """Exact counts by conditional writes. All methods block."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # --- live calls ---

    def reserve_live(self, key: str, call_id: str, limit: int | None, now: float) -> bool:
        """See `reservations.reserve`."""
        return self._table.run(reservations.reserve(key, call_id, limit, now))

    def give_back(self, key: str, call_id: str) -> None:
        """This call no longer holds a reservation under this key."""
        self._table.run(reservations.give_back(key, call_id))

    def held(self, key: str) -> int:
        """How many reservations there are under this key, including those of calls that crashed."""
        return self._table.run(reservations.held(key))

    def holds(self, key: str, call_id: str) -> bool:
        return self._table.run(reservations.holds(key, call_id))

    def holders(self, key: str, most: int | None = None) -> set[str]:
        """Who holds a reservation under this key, or some of them."""
        return set(self._table.run(reservations.holders(key, most)))

    def finished(self, call_ids: set[str]) -> set[str]:
        """Those of these calls that are over or unknown: their reservations no longer count."""
        found = {call_id: self._table.send(requests.get(call_key(call_id))) for call_id in call_ids}
        return {call_id for call_id, call in found.items() if call is None or calls.Status(call["status"]).is_final}

    # --- a caller's calls ---

    def count_caller(
        self, key: str, member: str, limit: int, outdated: Callable[[set[str]], set[str]], now: float
    ) -> bool:
        """Count one of at most `limit` calls; False if there were so many. A member counts once.

        `outdated` picks the members of a full set that no longer count.
        """
        return self._table.run(count_caller(key, member, limit, outdated, now))

    def callers_calls(self, key: str) -> set[str]:
        """The members under this key, including outdated ones."""
        item = self._table.send(requests.get(_callers(key)))
        return set(item.get("members", ())) if item else set()

    # --- money ---

    def spent(self, agent: str, at: float) -> float:
        """US dollars for the agent's calls that ended on this UTC day, as far as their prices are known."""
        items = self._table.run(requests.partition(f"SPENT#{agent}#{day_of(at)}"))
        return float(sum(item["usd"] for item in items))

    # --- monitors ---

    def free_slots(self, now: float) -> int:
        """How many more calls the living monitors could take."""
        monitors = self._table.run(requests.partition("MONITORS"))
        return sum(max(0, item["slots"] - item["calls"]) for item in monitors if float(item["until"]) > now)


def spending(agent: str, call_id: str, at: float, cost: float | None) -> Request | None:
    """The write that counts what a call has cost, when it ended (Unix seconds); None if there is nothing to count.

    It is part of the write that ends the call (`call_writes.end`), so it is done once.
    """
    if not cost:
        return None
    shard = zlib.crc32(call_id.encode()) % SPENDING_SHARDS
    key = {"pk": f"SPENT#{agent}#{day_of(at)}", "sk": str(shard)}
    return requests.update(key, {"expires_at": int(at) + SPENDING_KEPT}, add={"usd": cost})


def count_caller(
    key: str, member: str, limit: int, outdated: Callable[[set[str]], set[str]], now: float
) -> Sentence[bool]:
    if limit <= 0:
        return False
    condition = "attribute_not_exists(#members) OR size(#members) < :limit OR contains(#members, :member)"
    values, names = {":limit": limit, ":member": member}, {"#members": "members"}
    sets = {"expires_at": int(now) + CALLERS_KEPT}
    for _ in range(3):
        try:
            yield requests.update(_callers(key), sets, condition, values, names=names, add={"members": {member}})
        except Conflict as conflict:
            gone = outdated(set(conflict.found["members"]))
            if not gone:
                return False
            yield requests.update(_callers(key), {}, drop={"members": gone})
        else:
            return True
    return False


def _callers(key: str) -> Item:
    return {"pk": f"CALLERS#{key}", "sk": "CALLERS"}
