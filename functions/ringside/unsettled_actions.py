"""What operators wanted of a call that is closed without an owner: what the record says came of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ringside.aws.actions import Asked
from ringside.conversation.items import ACTION, Action
from ringside.conversation.order import SPACING

TOO_LATE = "the call ended first"
DIED = "its monitor died, and it may have been done"


def settled(
    history: Sequence[tuple[int, Mapping[str, Any]]], asked: Iterable[Asked], now: float
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries to be written, with their positions. `history`: what the record has; `asked`: what is still open.

    What an owner had taken may have been done; what nobody took was not.
    """
    taken = {str(item["item_id"]): (at, item) for at, item in history if item.get("kind") == "action"}
    names = Action.__slots__
    for at, item in taken.values():
        if item.get("outcome") == "under_way":
            action = Action(**{name: item[name] for name in names if name in item})
            action.outcome, action.detail, action.ended_at = "unknown", DIED, now
            yield at, action.as_item()
    last = max((at for at, _ in history), default=0)
    for each in asked:
        if ACTION + each.action_id not in taken:
            last += SPACING
            item_id = ACTION + each.action_id
            given = (item_id, each.action, each.by, each.asked_at, now, each.text, each.silent)
            yield last, Action(*given, "expired", TOO_LATE, now).as_item()
