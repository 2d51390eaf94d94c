"""Asking for an action, with a record that is a list of what was asked of it."""

from typing import Any

import pytest

from ringside.aws.actions import Asked, Known, wanted_of
from ringside.aws.requests import Conflict
from ringside.calls import Status
from ringside.records.acting import Acting, CannotAct, NoSuchCall, NotAllowed
from ringside.records.query import BadQuery

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
WHO = "arn:aws:iam::123456789012:user/ada"


class Record:
    """Stands for the record: one call, and what was written for it."""

    def __init__(self, status: str = Status.LIVE, conflicts: int = 0) -> None:
        self.status = status
        self.conflicts = conflicts
        self.asked: list[tuple[Asked, str | None]] = []
        self.tokens: dict[tuple[str, str], Known] = {}

    def call(self, call_id: str) -> dict[str, Any] | None:
        return {"call_id": call_id, "status": self.status, "epoch": 1} if call_id == "rtc_1" else None

    def asked_by_token(self, call_id: str, by: str, token: str) -> Known | None:
        return self.tokens.get((by, token))

    def ask(self, call: dict[str, Any], asked: Asked, uri: str | None, token: str) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict({})
        self.asked.append((asked, uri))
        if token:
            self.tokens[asked.by, token] = Known(asked.action_id, asked.asked_at, wanted_of(asked))


def acting(record: Record, **more: Any) -> Acting:
    return Acting(record, lambda: NOON, lambda seconds: None, **more)  # type: ignore[arg-type]


def test_whoever_asks_twice_by_one_token_has_asked_once() -> None:
    record = Record()
    first = acting(record).ask("rtc_1", "say", WHO, "Please hold the line.", token="t")

    again = acting(record).ask("rtc_1", "say", WHO, " Please hold  the line. ", token="t")

    assert again == first
    assert len(record.asked) == 1


def test_asked_again_when_the_call_is_over_it_is_still_known_what_was_asked() -> None:
    record = Record()
    first = acting(record).ask("rtc_1", "hang_up", WHO, token="t")
    record.status = Status.ENDED

    assert acting(record).ask("rtc_1", "hang_up", WHO, token="t") == first


def test_a_token_is_its_callers_own_and_for_one_action() -> None:
    record = Record()
    acting(record).ask("rtc_1", "hold", WHO, token="t")
    acting(record).ask("rtc_1", "hold", "arn:aws:iam::123456789012:user/bob", token="t")

    assert len(record.asked) == 2
    with pytest.raises(BadQuery, match="Idempotency-Key: this key was used for another action"):
        acting(record).ask("rtc_1", "resume", WHO, token="t")


def test_two_that_ask_by_one_token_in_the_same_moment_ask_for_one_action() -> None:
    """The slower one's write is refused, and it finds what the other one has asked for."""
    record = Record()

    class Slower(Record):
        def ask(self, call: dict[str, Any], asked: Asked, uri: str | None, token: str) -> None:
            if not record.asked:
                acting(record).ask("rtc_1", "hold", WHO, token=token)
                self.tokens = record.tokens
                raise Conflict({})
            super().ask(call, asked, uri, token)

    slower = Slower()

    assert acting(slower).ask("rtc_1", "hold", WHO, token="t") == record.asked[0][0]
    assert slower.asked == []


def test_a_call_that_changes_hands_is_asked_again() -> None:
    record = Record(conflicts=2)
    acting(record).ask("rtc_1", "hold", WHO)

    assert [asked.action for asked, _ in record.asked] == ["hold"]


@pytest.mark.parametrize(
    ("record", "call_id", "kind", "says"),
    [
        (Record(), "rtc_2", NoSuchCall, "there is no call rtc_2"),
        (Record(Status.ENDED), "rtc_1", CannotAct, "is over"),
        (Record(Status.ACCEPTED), "rtc_1", CannotAct, "has no monitor yet"),
        (Record(conflicts=9), "rtc_1", CannotAct, "is changing hands"),
    ],
)
def test_a_call_that_takes_no_actions_says_why(record: Record, call_id: str, kind: Any, says: str) -> None:
    with pytest.raises(kind, match=says):
        acting(record).ask(call_id, "hold", WHO)


@pytest.mark.parametrize(("to", "uri"), [("+14255550199", "tel:+14255550199"), ("sip:a@b.example", "sip:a@b.example")])
def test_where_only_the_agents_targets_are_for_whoever_asks_no_number_is_taken(to: str, uri: str) -> None:
    record = Record()
    with pytest.raises(NotAllowed, match="only transfers to targets of the agent's file"):
        acting(record, anywhere=False).ask("rtc_1", "transfer", WHO, to)
    acting(record, anywhere=False).ask("rtc_1", "transfer", WHO, "reception")
    acting(record).ask("rtc_1", "transfer", WHO, to)

    assert [uri for _, uri in record.asked] == [None, uri]
