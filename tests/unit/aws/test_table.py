"""A transaction that meets others at an item is tried until it is its turn."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ringside.aws import requests, table
from ringside.aws.async_table import AsyncTable
from ringside.aws.table import Table

SENTENCE_KEY = {"pk": "RESERVATIONS#live#stack", "sk": "COUNT"}
MET = 20
"""How many others have been faster, one after the other."""


def met_another() -> ClientError:
    refused: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": "TransactionConflict"}],
    }
    return ClientError(refused, "TransactWriteItems")


class Busy:
    """A table in which so many others are faster."""

    def __init__(self, others: int) -> None:
        self.others = others
        self.done = 0

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        if self.others:
            self.others -= 1
            raise met_another()
        self.done += 1
        return {}

    async def call(self, operation: str, params: Any, *more: Any) -> dict[str, Any]:
        return self.transact_write_items(**params)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("ringside.aws.table.time.sleep", pauses.append)
    monkeypatch.setattr("ringside.aws.async_table.asyncio.sleep", sleep)
    return pauses


COUNTED = requests.transaction("token", requests.update(SENTENCE_KEY, {}, add={"n": 1}))


def test_twenty_callers_who_were_faster_cost_time_and_not_the_call(slept: list[float]) -> None:
    busy: Any = Busy(MET)

    Table(busy, "calls").send(COUNTED)

    assert (busy.done, len(slept)) == (1, MET)
    assert max(slept) <= table.MAX_PAUSE


async def test_nor_does_it_where_calls_end(slept: list[float]) -> None:
    busy: Any = Busy(MET)

    await AsyncTable(busy, "calls").send(COUNTED)

    assert (busy.done, len(slept)) == (1, MET)


def test_a_table_that_is_always_busy_is_given_up(slept: list[float]) -> None:
    busy: Any = Busy(1000)

    with pytest.raises(ClientError):
        Table(busy, "calls").send(COUNTED)

    assert (busy.done, len(slept)) == (0, table.TRIES - 1)
