"""What admission counts: reservations among live calls, a caller's calls, money spent. In the record's table.

pk RESERVATIONS#<key>  sk RESERVATIONS  `members`: who holds a reservation under this key
pk SPENT#<agent>#<day> sk SPENT         `usd`: what the calls that ended on a UTC day have cost
"""

from collections.abc import Callable

from ringside import calls
from ringside.aws.record import day_of
from ringside.aws.table import Conflict, Item, Table

RESERVATIONS_KEPT = 45 * 86_400
"""Seconds that an unused set of reservations is kept: longer than the longest span of a caller's limit."""

SPENDING_KEPT = 7 * 86_400  # seconds


class Counters:
    """Exact counts by conditional writes. All methods block."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def reserve(self, key: str, member: str, limit: int, stale: Callable[[set[str]], set[str]], now: float) -> bool:
        """Reserve one of `limit` slots; False if none is free. A member holds one, however often it asks.

        `stale` picks the members of a full set whose reservations no longer count.
        """
        if limit <= 0:
            return False
        condition = "attribute_not_exists(#members) OR size(#members) < :limit OR contains(#members, :member)"
        values, names = {":limit": limit, ":member": member}, {"#members": "members"}
        sets = {"expires_at": int(now) + RESERVATIONS_KEPT}
        for _ in range(3):
            try:
                self._table.update(_reservations(key), sets, condition, values, names=names, add={"members": {member}})
            except Conflict as conflict:
                gone = stale(set(conflict.found["members"]))
                if not gone:
                    return False
                self.release(key, gone)
            else:
                return True
        return False

    def reserve_beyond_limit(self, key: str, member: str, now: float) -> None:
        """Hold a reservation under this key, however many others do."""
        self._table.update(_reservations(key), {"expires_at": int(now) + RESERVATIONS_KEPT}, add={"members": {member}})

    def release(self, key: str, members: set[str]) -> None:
        """These members no longer hold a reservation under this key."""
        if members:
            self._table.update(_reservations(key), {}, drop={"members": members})

    def reservations(self, key: str) -> set[str]:
        """Who holds a reservation under this key, including stale ones."""
        item = self._table.get(_reservations(key))
        return set(item.get("members", ())) if item else set()

    def add_spending(self, agent: str, at: float, cost: float) -> None:
        """A call of this agent ended at that moment (Unix seconds) and cost that many US dollars."""
        self._table.update(_spending(agent, at), {"expires_at": int(at) + SPENDING_KEPT}, add={"usd": cost})

    def spent(self, agent: str, at: float) -> float:
        """US dollars for the agent's calls that ended on this UTC day, as far as their prices are known."""
        item = self._table.get(_spending(agent, at))
        return float(item["usd"]) if item else 0.0

    def finished(self, call_ids: set[str]) -> set[str]:
        """Those of these calls that are over or unknown: their reservations no longer count."""
        found = {call_id: self._table.get({"pk": f"CALL#{call_id}", "sk": "CALL"}) for call_id in call_ids}
        return {call_id for call_id, call in found.items() if call is None or calls.Status(call["status"]).is_final}

    def free_slots(self, now: float) -> int:
        """How many more calls the living monitors could take."""
        monitors = self._table.query(KeyConditionExpression="pk = :pk", values={":pk": "MONITORS"})
        return sum(max(0, item["slots"] - item["calls"]) for item in monitors if float(item["until"]) > now)


def _reservations(key: str) -> Item:
    return {"pk": f"RESERVATIONS#{key}", "sk": "RESERVATIONS"}


def _spending(agent: str, at: float) -> Item:
    return {"pk": f"SPENT#{agent}#{day_of(at)}", "sk": "SPENT"}
