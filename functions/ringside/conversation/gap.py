"""What was said while we were not listening: asked for item by item, until the session has answered. Pure."""

from typing import Any

from ringside.conversation import events as e
from ringside.conversation import snapshot
from ringside.conversation.effects import Effect, Send


class Gap:
    """Items can be retrieved by their ids. The last item of a gap shows by the probe, an item of our own that is
    added after it: the session names the item before it."""

    def __init__(self) -> None:
        self.probe: str | None = None
        self.stray: str | None = None  # the first item that the agent went on with after it, not seen to be added
        self._retrieved: set[str] = set()
        self._awaited: set[str] = set()  # ... and what of it has not come

    @property
    def is_open(self) -> bool:
        """Whether something that was asked for is still to come. Answers reach the owner that asked, not the next."""
        return bool(self._awaited)

    def opened(self, name: str) -> str:
        """Returns the id of the probe. `name`: new in this call, whoever owned it before."""
        self.probe, self.stray = f"ringside_{name}", None
        self._awaited.add(self.probe)
        return self.probe

    def retrieve(self, item_id: str) -> list[Effect]:
        """Ask for an item, once."""
        if item_id in self._retrieved:
            return []
        self._retrieved.add(item_id)
        self._awaited.add(item_id)
        return [Send(e.RetrieveItem(item_id))]

    def came(self, item_id: str) -> None:
        self._awaited.discard(item_id)

    def snapshot(self) -> dict[str, Any]:
        return {"probe": self.probe, "stray": self.stray, "awaited": sorted(self._awaited)}

    def restore(self, value: object) -> list[Effect]:
        """What the former owner asked for, and did not get, is asked for again."""
        given = snapshot.mapping(value)
        self.probe, self.stray = snapshot.text(given.get("probe")), snapshot.text(given.get("stray"))
        awaited = snapshot.texts(given.get("awaited"))
        self._awaited.update({self.probe} & set(awaited) if self.probe else ())
        return [effect for item_id in awaited if item_id != self.probe for effect in self.retrieve(item_id)]
