"""Many items read at once: all of them, also when DynamoDB gives only some at a time."""

from typing import Any

from ringside.aws.table import Table


class Half:
    """Stands for DynamoDB: gives half of what is asked, rounded up, and says what is left."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((name, wanted),) = RequestItems.items()
        keys = wanted["Keys"]
        self.asked.append(len(keys))
        given, left = keys[: (len(keys) + 1) // 2], keys[(len(keys) + 1) // 2 :]
        return {"Responses": {name: given}, "UnprocessedKeys": {name: {**wanted, "Keys": left}} if left else {}}


def read(client: Half, count: int) -> list[str]:
    keys = [{"pk": f"CALL#{number}"} for number in range(count)]
    return [str(item["pk"]) for item in Table(client, "calls").batch(keys, ("pk", "analysis.state"))]  # type: ignore[arg-type]


def test_what_was_not_given_is_asked_for_again() -> None:
    client = Half()

    assert read(client, 5) == [f"CALL#{number}" for number in range(5)]
    assert client.asked == [5, 2, 1]


def test_for_nothing_nobody_is_asked() -> None:
    client = Half()

    assert (read(client, 0), client.asked) == ([], [])
