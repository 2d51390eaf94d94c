"""What the model writes down for the call's record. Pure."""

from collections.abc import Mapping

from ringside.conversation import snapshot
from ringside.conversation.effects import Note
from ringside.conversation.items import ToolRun
from ringside.conversation.tool_result import Progress, ToolResult, arguments, refused

MAX_NOTES = 50
MAX_KEY, MAX_VALUE = 60, 1000  # characters


class Notes:
    """They are in the record, on the call item, and need no snapshot of their own."""

    def __init__(self) -> None:
        self._notes: Mapping[str, str] = {}

    def take(self, run: ToolRun) -> Progress:
        given = arguments(run)
        key, value = _storable(given.get("key"), MAX_KEY), _storable(given.get("value"), MAX_VALUE)
        notes = {**self._notes, key: value}
        if not key or not value:
            return [], refused(run, "A note needs a key and a value.")
        if len(notes) > MAX_NOTES:
            return [], refused(run, f"There are {MAX_NOTES} notes already. Replace one by using its key.")
        self._notes = notes
        return [Note({"notes": notes})], ToolResult(run, "ok", {"noted": key})

    def noted(self, value: object) -> None:
        """What the record has."""
        self._notes = snapshot.mapping(value)


def _storable(value: object, limit: int) -> str:
    """Of what the model wrote, what the record can hold: halves of surrogate pairs can be written in JSON."""
    return str(value or "").encode("utf-8", "replace").decode()[:limit].strip()
