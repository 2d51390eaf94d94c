"""The order of items."""

import pytest

from infra.emulator.session.conversation import Conversation, ItemNotFound


def test_items_keep_their_order_wherever_they_are_put() -> None:
    conversation = Conversation()
    assert conversation.add({"id": "a", "type": "message"}) is None
    assert conversation.add({"id": "b", "type": "message"}) == "a"
    assert conversation.add({"id": "c", "type": "message"}, after="a") == "a"
    assert conversation.add({"id": "d", "type": "message"}, after="root") is None
    assert conversation.order == ["d", "a", "c", "b"]
    with pytest.raises(ItemNotFound):
        conversation.add({"id": "e", "type": "message"}, after="z")
