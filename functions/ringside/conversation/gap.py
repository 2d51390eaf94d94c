"""What was said while we were not listening: asked for item by item, until the session has answered. Pure."""

from typing import Any

from ringside.conversation import events as e
from ringside.conversation import snapshot
from ringside.conversation.effects import Effect, Send

OURS = "ringside_"
"""Begins the ids of our probes, and of the markers with which owners begin (monitor.handover)."""

TEXT = "(The connection to your tools was interrupted for a moment and is back.)"


class Gap:
    """Items can be retrieved by their ids. The last item of a gap shows by the probe, an item of our own that is
    added after it: the session names the item before it."""

    def __init__(self) -> None:
        self.probe: str | None = None
        self._probes = 0  # in this gap
        self.stray: str | None = None  # the first item that the agent went on with after it, not seen to be added
        self._retrieved: set[str] = set()
        self._awaited: set[str] = set()  # ... and what of it has not come

    @property
    def is_open(self) -> bool:
        """Whether something that was asked for is still to come. Answers reach the owner that asked, not the next."""
        return bool(self._awaited)

    def opened(self, name: str) -> list[Effect]:
        """Send the probe. `name`: new in this call, whoever owned it before."""
        self.stray, self._probes = None, 1
        return self._send(f"{OURS}{name}")

    def _send(self, probe: str) -> list[Effect]:
        self.probe = probe
        self._awaited.add(probe)
        return [Send(e.TellFact(TEXT, probe))]

    def is_hidden_by(self, previous_id: str) -> bool:
        """Whether the item before the probe is one of an owner that died before it told what was before that."""
        return previous_id.startswith(OURS)

    def probe_again(self, hidden_by: str) -> list[Effect]:
        """Take both out of the conversation, and send another probe: only the last item has a predecessor to tell."""
        if self.probe is None:
            return []
        former, self._probes = self.probe, self._probes + 1
        self._awaited.discard(former)
        name = former.partition("x")[0]
        return [Send(e.DeleteItem(hidden_by)), Send(e.DeleteItem(former)), *self._send(f"{name}x{self._probes}")]

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
