"""What the model was given to react to, and has not reacted to. Pure."""

from collections.abc import Collection
from typing import Any

from ringside.conversation import snapshot


class Unanswered:
    """Outputs of tools (by the function call's id), keys pressed, approvals (by their items' ids)."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._seen: set[str] = set()  # what the session has put into its conversation, until it was answered
        self._sent: set[str] = set()  # outputs that the session has not put into its conversation yet
        self._uncertain: set[str] = set()  # what an owner that died may have sent before us

    def __bool__(self) -> bool:
        return bool(self._ids)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._ids

    def includes_any(self, ids: Collection[str]) -> bool:
        return not self._ids.isdisjoint(ids)

    def all(self) -> set[str]:
        return set(self._ids)

    def unseen(self) -> set[str]:
        """What may not have arrived, be it to be answered or not."""
        return (self._ids - self._seen) | self._sent

    def add(self, item_id: str) -> None:
        self._ids.add(item_id)

    def again(self, ids: Collection[str]) -> None:
        """The response that was to answer these did not come."""
        self._ids.update(ids)

    def sent(self, tool_call_id: str) -> None:
        """An output was sent. One that may have been sent before counts only once the session shows it."""
        self._sent.add(tool_call_id)
        if tool_call_id not in self._uncertain:
            self._ids.add(tool_call_id)

    def may_have_been_sent(self, tool_call_id: str) -> None:
        self._uncertain.add(tool_call_id)

    def seen(self, item_id: str) -> None:
        """The session has put it into its conversation: whatever response begins from now on knows it."""
        self._seen.add(item_id)
        self._sent.discard(item_id)
        if item_id in self._uncertain:
            self._ids.add(item_id)

    def answered_by_any(self) -> set[str]:
        """A response has begun, whosever it is: it answers what the session had seen. Returns that."""
        answered = self._ids & self._seen
        self._ids -= answered
        self._seen -= answered
        return answered

    def drop(self, ids: Collection[str]) -> None:
        """These need no response."""
        self._ids.difference_update(ids)

    def snapshot(self) -> dict[str, Any]:
        return {
            "ids": sorted(self._ids),
            "seen": sorted(self._seen),
            "sent": sorted(self._sent),
            "uncertain": sorted(self._uncertain),
        }

    def restore(self, value: object) -> None:
        given = snapshot.mapping(value)
        self._ids.update(snapshot.texts(given.get("ids")))
        self._seen.update(snapshot.texts(given.get("seen")))
        self._sent.update(snapshot.texts(given.get("sent")))
        self._uncertain.update(snapshot.texts(given.get("uncertain")))
