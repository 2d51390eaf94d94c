"""Admission that counts: places, callers, money and monitors, in a table on the wire."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import LocalCloud
from ringside.admission.decide import Admission, needs_counting, release_orphaned_reservations
from ringside.admission.policy import Decision
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.counters import Counters
from ringside.aws.record import Ownership, Record
from ringside.aws.table import Table
from ringside.calls import End, EndReason, Status, Step

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
ALICE, BOB = "+14255550112", "+4930123456"
IN, BUSY = "accept", 486


def admission_of(
    agent: Agent, counters: Counters, call_id: str, caller: str | None, at: float, **more: Any
) -> Admission:
    return Admission(counters, agent.name, agent.admission, agent.is_open(at), call_id, caller, at, **more)


@pytest.fixture
def counters(dynamodb: "DynamoDBClient", table: str) -> Counters:
    return Counters(Table(dynamodb, table))


def agent(name: str, *rules: dict[str, Any]) -> Agent:
    number = f"+1202555{sum(name.encode()) % 10_000:04}"
    return Agent.model_validate({"name": name, "answers": [number], "instructions": "Hi.", "admission": rules})


def busy(most: int, **conditions: Any) -> dict[str, Any]:
    return {"name": f"at most {most}", "agent_calls": most, "reject": BUSY, **conditions}


Ring = Callable[..., Decision]


@pytest.fixture
def ring(record: Record, counters: Counters) -> Ring:
    """Claim and decide a call, as the webhook does; a rejected one is closed."""

    def ring(call_id: str, agent: Agent, *others: Agent, caller: str | None = ALICE, at: float = NOON) -> Decision:
        record.claim({"call_id": call_id, "caller": caller, "steps": {Step.CREATED: at}}, at)
        agents = Agents({one.name: one for one in (agent, *others)})
        admission = admission_of(agent, counters, call_id, caller, at, count_the_stack=agents.count_the_stack)
        decision: Decision = admission.decide()
        record.decided(call_id, decision.as_item(), admission.reservations, at)
        if decision.verdict == "reject":
            record.close_unanswered(call_id, End(Status.REJECTED, None, at), {}, admission.reservations)
        return decision

    return ring


def ends(record: Record, call_id: str, *, crashed: bool = False) -> None:
    """The call is over; `crashed`: it was closed by something that gave nothing back."""
    call = record.call(call_id)
    assert call is not None
    reserved = [] if crashed else call["reservations"]
    record.close_unanswered(call_id, End(Status.FAILED, EndReason.SWEPT, NOON + 60), {}, reserved)


def costs(record: Record, agent: str, at: float, dollars: float, *, tries: int = 1) -> None:
    """A call of this agent ended then, and cost so much."""
    call_id = f"rtc_{agent}_{at}_{dollars}"
    record.claim({"call_id": call_id, "steps": {Step.CREATED: at}}, at)
    mine = Ownership(call_id, "me", record.take(call_id, "me", "", {}, None)["epoch"])
    for _ in range(tries):
        record.end(mine, End(Status.ENDED, EndReason.SILENCE, at), {"cost": dollars}, (), agent)


def verdicts(*decisions: Decision) -> list[object]:
    return [decision.sip_status or decision.verdict for decision in decisions]


# --- live calls -------------------------------------------------------------------------------


def test_a_full_line_is_busy_until_a_call_ends(ring: Ring, record: Record) -> None:
    desk = agent("desk", busy(2))
    assert verdicts(*(ring(f"rtc_{n}", desk) for n in range(3))) == [IN, IN, BUSY]
    ends(record, "rtc_0")
    assert verdicts(ring("rtc_3", desk), ring("rtc_4", desk)) == [IN, BUSY]


def test_the_reservation_of_a_call_that_crashed_is_released(ring: Ring, record: Record) -> None:
    desk = agent("desk", busy(2))
    assert verdicts(ring("rtc_0", desk), ring("rtc_1", desk)) == [IN, IN]
    ends(record, "rtc_0", crashed=True)
    assert verdicts(ring("rtc_2", desk), ring("rtc_3", desk)) == [IN, BUSY]


def test_orphaned_reservations_are_found_by_the_sweeper(ring: Ring, counters: Counters) -> None:
    desk = agent("desk", busy(20), {"name": "all", "stack_calls": 50, "reject": 503})
    ring("rtc_alive", desk)
    ring("rtc_listed", desk)
    for number in range(18):
        # The record has never heard of them.
        counters.reserve_live("live#agent#desk", f"rtc_lost_{number}", None, NOON)
    counters.reserve_live("live#stack", "rtc_lost_0", None, NOON)
    assert release_orphaned_reservations(counters, ["desk"], {"rtc_listed"}) == 19
    for key in ("live#agent#desk", "live#stack"):
        assert (counters.holders(key), counters.held(key)) == ({"rtc_alive", "rtc_listed"}, 2)
    assert release_orphaned_reservations(counters, ["desk"], ()) == 0


def test_a_call_that_asks_twice_holds_one_reservation(ring: Ring, counters: Counters) -> None:
    desk = agent("desk", busy(2))
    ring("rtc_0", desk)
    again = admission_of(desk, counters, "rtc_0", ALICE, NOON)
    assert again.decide().verdict == IN
    assert verdicts(ring("rtc_1", desk), ring("rtc_2", desk)) == [IN, BUSY]


def test_a_limit_of_no_calls_lets_nobody_in(ring: Ring) -> None:
    assert verdicts(ring("rtc_0", agent("closed", busy(0)))) == [BUSY]


def test_a_call_that_an_earlier_rule_lets_in_is_counted_too(ring: Ring) -> None:
    desk = agent("desk", {"name": "friends", "callers": [BOB], "accept": True}, busy(2))
    assert verdicts(ring("rtc_0", desk, caller=BOB), ring("rtc_1", desk), ring("rtc_2", desk)) == [IN, IN, BUSY]
    assert verdicts(ring("rtc_3", desk, caller=BOB)) == [IN]  # the file says so


def test_a_narrow_limit_holds_behind_a_generous_one(ring: Ring) -> None:
    desk = agent("desk", busy(9), busy(2, countries=["DE"]))
    assert verdicts(*(ring(f"rtc_{n}", desk, caller=BOB) for n in range(3))) == [IN, IN, BUSY]
    assert verdicts(ring("rtc_3", desk), ring("rtc_4", desk, caller=BOB)) == [IN, BUSY]


def test_a_limit_for_the_whole_stack_counts_the_calls_of_every_agent(ring: Ring) -> None:
    limited = agent("limited", {"name": "all lines", "stack_calls": 2, "reject": 503})
    other = agent("other")
    assert verdicts(ring("rtc_0", other, limited), ring("rtc_1", limited), ring("rtc_2", limited)) == [IN, IN, 503]
    assert verdicts(ring("rtc_3", other, limited)) == [IN]
    assert needs_counting(other.admission, Agents({"other": other, "limited": limited}).count_the_stack)
    assert not needs_counting(other.admission, Agents({"other": other}).count_the_stack)


def test_each_agent_has_its_own_limit(ring: Ring) -> None:
    assert verdicts(ring("rtc_0", agent("one", busy(1))), ring("rtc_1", agent("two", busy(1)))) == [IN, IN]


def test_a_call_that_a_later_rule_rejects_releases_its_reservation(ring: Ring, counters: Counters) -> None:
    desk = agent("desk", busy(1), {"name": "no germans", "countries": ["DE"], "reject": 603})
    assert verdicts(ring("rtc_0", desk, caller=BOB), ring("rtc_1", desk)) == [603, IN]
    assert counters.holders("live#agent#desk") == {"rtc_1"}


# --- callers, money, monitors -----------------------------------------------------------------

OFTEN = {"name": "too often", "caller_calls": {"calls": 2, "minutes": 10}, "reject": 480}


def test_a_caller_may_call_so_often_in_a_span(ring: Ring) -> None:
    desk = agent("desk", OFTEN)
    assert verdicts(*(ring(f"rtc_{n}", desk, at=NOON + n) for n in range(3))) == [IN, IN, 480]
    assert verdicts(ring("rtc_bob", desk, caller=BOB, at=NOON + 4)) == [IN]
    assert verdicts(ring("rtc_3", desk, at=NOON + 599), ring("rtc_4", desk, at=NOON + 600)) == [480, IN]


def test_that_a_caller_has_called_stays_true_when_the_call_is_over(ring: Ring, record: Record) -> None:
    desk = agent("desk", OFTEN)
    for number in range(2):
        ring(f"rtc_{number}", desk, at=NOON + number)
        ends(record, f"rtc_{number}")
    assert verdicts(ring("rtc_2", desk, at=NOON + 2)) == [480]


def test_a_short_span_does_not_shorten_a_long_one(ring: Ring) -> None:
    daily = {"name": "daily", "caller_calls": {"calls": 3, "minutes": 1440}, "reject": 603}
    desk = agent("desk", OFTEN, daily)
    moments = (0, 1, 2, 700, 1400)
    assert verdicts(*(ring(f"rtc_{n}", desk, at=NOON + n) for n in moments)) == [IN, IN, 480, IN, 603]


def test_anonymous_callers_count_as_one(ring: Ring) -> None:
    desk = agent("desk", OFTEN)
    assert verdicts(*(ring(f"rtc_{n}", desk, caller=None, at=NOON + n) for n in range(3))) == [IN, IN, 480]


def test_what_an_agent_may_spend_in_a_day_is_its_own_and_that_day_s(ring: Ring, record: Record) -> None:
    thrifty = agent("thrifty", {"name": "spent", "spent_today": 5, "reject": 480})
    costs(record, "thrifty", NOON, 4.999)
    costs(record, "somebody", NOON, 100.0)
    assert verdicts(ring("rtc_0", thrifty)) == [IN]
    costs(record, "thrifty", NOON + 1, 0.002)
    assert verdicts(ring("rtc_1", thrifty), ring("rtc_2", thrifty, at=NOON + 86_400)) == [480, IN]


def test_when_no_monitor_has_a_free_slot_callers_are_told_so(ring: Ring, record: Record) -> None:
    desk = agent("desk", {"name": "full", "monitors_full": True, "reject": 503})
    assert verdicts(ring("rtc_0", desk)) == [503]
    record.beat("gone", NOON - 1, calls=0, slots=500)
    record.beat("busy", NOON + 15, calls=7, slots=7)
    assert verdicts(ring("rtc_1", desk)) == [503]
    record.beat("idle", NOON + 15, calls=6, slots=7)
    assert verdicts(ring("rtc_2", desk)) == [IN]


def test_looking_reserves_nothing(ring: Ring, counters: Counters) -> None:
    desk = agent("desk", busy(1), {**OFTEN, "caller_calls": {"calls": 1, "minutes": 10}})
    looks = [admission_of(desk, counters, "-", ALICE, NOON, dry=True).decide() for _ in range(3)]
    assert verdicts(*looks, ring("rtc_0", desk)) == [IN] * 4
    assert verdicts(admission_of(desk, counters, "-", ALICE, NOON + 1, dry=True).decide()) == [BUSY]
    # Looked at as it was before that call came, the caller had not called; the line is busy now all the same.
    calm = agent("desk", OFTEN | {"caller_calls": {"calls": 1, "minutes": 10}})
    assert verdicts(admission_of(calm, counters, "-", ALICE, NOON - 1, dry=True).decide()) == [IN]


# --- how exact, and how small -----------------------------------------------------------------


def test_what_a_call_cost_counts_once_however_often_its_end_is_written(record: Record, counters: Counters) -> None:
    costs(record, "desk", NOON, 1.5, tries=3)

    assert counters.spent("desk", NOON) == 1.5


def test_a_call_gives_its_place_back_with_its_end_and_once(ring: Ring, record: Record, counters: Counters) -> None:
    desk = agent("desk", busy(2))
    ring("rtc_0", desk)
    ring("rtc_1", desk)
    mine = Ownership("rtc_0", "me", record.take("rtc_0", "me", "", {}, None)["epoch"])
    for _ in range(2):
        record.end(mine, End(Status.ENDED, EndReason.SILENCE, NOON + 60), {}, ["live#agent#desk"])

    assert (counters.held("live#agent#desk"), counters.holders("live#agent#desk")) == (1, {"rtc_1"})


def test_a_call_whose_place_the_sweeper_gave_back_ends_all_the_same(
    ring: Ring, record: Record, counters: Counters
) -> None:
    desk = agent("desk", busy(2), {"name": "all", "stack_calls": 9, "reject": 503})
    ring("rtc_0", desk)
    counters.give_back("live#agent#desk", "rtc_0")
    mine = Ownership("rtc_0", "me", record.take("rtc_0", "me", "", {}, None)["epoch"])
    record.end(mine, End(Status.ENDED, EndReason.SILENCE, NOON + 60), {}, ["live#agent#desk", "live#stack"])

    assert [counters.held(key) for key in ("live#agent#desk", "live#stack")] == [0, 0]


def test_two_hundred_callers_at_once_get_exactly_the_places_that_there_are() -> None:
    with LocalCloud(monitors=0) as cloud:  # one request at a time, as DynamoDB takes those for one item
        counters = Counters(Table(cloud.aws.dynamodb, cloud.table))

        def call(number: int) -> bool:
            return counters.reserve_live("live#stack", f"rtc_{number:03}", 20, NOON)

        with ThreadPoolExecutor(32) as threads:
            let_in = sum(threads.map(call, range(200)))
        assert (let_in, counters.held("live#stack"), len(counters.holders("live#stack"))) == (20, 20, 20)


class SlowTable:
    """A client whose transactions take a while, and meet each other at an item, as DynamoDB's do: the later one is
    refused (API reference, TransactWriteItems: TransactionConflict). Around moto, which takes one request at a time."""

    def __init__(self, client: Any, seconds: float) -> None:
        self._client, self._seconds = client, seconds
        self._marks, self._one = threading.Lock(), threading.Lock()
        self._under_way: set[str] = set()
        self.met = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(**request: Any) -> Any:
            with self._one:
                return getattr(self._client, name)(**request)

        return ask

    def transact_write_items(self, **request: Any) -> Any:
        parts = [part for write in request["TransactItems"] for part in write.values()]
        keys = {str([(part.get("Key") or part["Item"])[name] for name in ("pk", "sk")]) for part in parts}
        with self._marks:
            if keys & self._under_way:
                self.met += 1
                refused: Any = {
                    "Error": {"Code": "TransactionCanceledException", "Message": ""},
                    "CancellationReasons": [{"Code": "TransactionConflict"} for _ in parts],
                }
                raise ClientError(refused, "TransactWriteItems")
            self._under_way |= keys
        try:
            time.sleep(self._seconds)
            with self._one:
                return self._client.transact_write_items(**request)
        finally:
            with self._marks:
                self._under_way -= keys


def test_a_place_that_is_free_again_is_seen_at_once_beside_a_slow_table(dynamodb: "DynamoDBClient", table: str) -> None:
    """Twenty callers hang up, and twenty others ring as each of them does."""
    slow: Any = SlowTable(dynamodb, 0.01)
    record, counters = Record(slow, table, retention_days=90), Counters(Table(slow, table))
    desk, places = agent("desk", busy(20)), range(20)

    def comes(number: int) -> str:
        call_id = f"rtc_{number:02}"
        record.claim({"call_id": call_id, "caller": ALICE, "steps": {Step.CREATED: NOON}}, NOON)
        admission = admission_of(desk, counters, call_id, ALICE, NOON)
        decision = admission.decide()
        record.decided(call_id, decision.as_item(), admission.reservations, NOON)
        return str(decision.verdict)

    def goes_and_another_comes(number: int) -> str:
        ends(record, f"rtc_{number:02}")
        return comes(number + len(places))

    with ThreadPoolExecutor(len(places)) as threads:
        assert list(threads.map(comes, places)) == [IN] * 20
        assert list(threads.map(goes_and_another_comes, places)) == [IN] * 20
    assert slow.met > 0
    assert counters.held("live#agent#desk") == 20
    assert comes(40) == "reject"


def test_no_item_grows_with_the_calls(counters: Counters, dynamodb: "DynamoDBClient", table: str) -> None:
    for number in range(50):
        counters.reserve_live("live#stack", f"rtc_{number}", None, NOON)
    items = dynamodb.scan(TableName=table)["Items"]

    assert counters.held("live#stack") == 50
    assert max(len(str(item)) for item in items) < 300
