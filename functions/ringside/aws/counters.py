"""What admission counts: places among live calls, a caller's calls, money spent. In the record's table.

pk PLACES#<key>        sk PLACES  `members`: who has one of a limited number of places
pk SPENT#<agent>#<day> sk SPENT   `usd`: what the calls that ended on a UTC day have cost
"""

from collections.abc import Callable, Iterable

from ringside import calls
from ringside.aws.record import day_of
from ringside.aws.table import Conflict, Table

_ALWAYS = "attribute_not_exists(pk) OR attribute_exists(pk)"
_KEPT = 45 * 86_400
"""Seconds that an unused set of places is kept: longer than the longest span of a caller's limit."""


class Counters:
    def __init__(self, table: Table) -> None:
        self._table = table

    def take_place(self, key: str, member: str, most: int, stale: Callable[[set[str]], set[str]], now: float) -> bool:
        """Take one of `most` places; False if none is left. A member has one place, however often it asks.

        `stale` tells which members of a full set have no right to their place any more.
        """
        if most <= 0:
            return False
        place, names = {"pk": f"PLACES#{key}", "sk": "PLACES"}, {"#members": "members"}
        condition = "attribute_not_exists(#members) OR size(#members) < :most OR contains(#members, :member)"
        values = {":most": most, ":member": member}
        sets = {"expires_at": int(now) + _KEPT}
        for _ in range(3):
            try:
                self._table.update(place, sets, condition, values, names=names, add={"members": {member}})
            except Conflict as conflict:
                gone = stale(set(conflict.found["members"]))
                if not gone:
                    return False
                self.drop(key, gone)
            else:
                return True
        return False

    def join(self, key: str, member: str, now: float) -> None:
        """Have a place under this key, however many others have one."""
        place = {"pk": f"PLACES#{key}", "sk": "PLACES"}
        self._table.update(place, {"expires_at": int(now) + _KEPT}, _ALWAYS, add={"members": {member}})

    def drop(self, key: str, members: set[str]) -> None:
        """These have no place under this key any more."""
        if members:
            self._table.update({"pk": f"PLACES#{key}", "sk": "PLACES"}, {}, _ALWAYS, drop={"members": members})

    def give_back(self, keys: Iterable[str], member: str) -> None:
        for key in keys:
            self._table.update({"pk": f"PLACES#{key}", "sk": "PLACES"}, {}, _ALWAYS, drop={"members": {member}})

    def places(self, key: str) -> set[str]:
        """Who has a place under this key, stale ones included."""
        item = self._table.get({"pk": f"PLACES#{key}", "sk": "PLACES"})
        return set(item.get("members", ())) if item else set()

    def add_spending(self, agent: str, at: float, cost: float) -> None:
        """A call of this agent ended at that moment (Unix seconds), and cost so many US dollars."""
        key = {"pk": f"SPENT#{agent}#{day_of(at)}", "sk": "SPENT"}
        self._table.update(key, {"expires_at": int(at) + 7 * 86_400}, _ALWAYS, add={"usd": cost})

    def finished(self, call_ids: set[str]) -> set[str]:
        """Those of these calls that are over, or that nobody knows: they have no right to a place."""
        found = {call_id: self._table.get({"pk": f"CALL#{call_id}", "sk": "CALL"}) for call_id in call_ids}
        return {call_id for call_id, call in found.items() if call is None or calls.Status(call["status"]).is_final}

    def free_slots(self, now: float) -> int:
        """How many calls the living monitors could still take."""
        monitors = self._table.query(KeyConditionExpression="pk = :pk", values={":pk": "MONITORS"})
        return sum(max(0, item["slots"] - item["calls"]) for item in monitors if float(item["until"]) > now)

    def spent(self, agent: str, at: float) -> float:
        """What the agent's calls that ended on this UTC day have cost, as far as their prices are known."""
        item = self._table.get({"pk": f"SPENT#{agent}#{day_of(at)}", "sk": "SPENT"})
        return float(item["usd"]) if item else 0.0
