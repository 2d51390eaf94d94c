"""docs/record.md against the table: what a set of calls writes is in the page, and what is in the page gets written."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from cli.cloud import Cloud
from cli.erasing import Eraser
from infra.local.cloud import LocalCloud
from ringside.aws import receipts
from ringside.aws.actions import Asked
from ringside.aws.counters import Counters
from ringside.aws.ownership import Ownership
from ringside.aws.record import Record
from ringside.aws.table import Table
from ringside.calls import End, Status, Step
from ringside.conversation.events import Usage
from ringside.conversation.items import Action, Remark, Turn
from tests import record_page
from tests.e2e.house import CHOOSY, FRONT, KEYPAD, TWENTY, agent, caller, script

NOON = 4102488000.0  # long from now: the sweeper leaves these calls alone


def calls_of_every_kind(house: LocalCloud) -> list[str]:
    """A transfer that fails and a note, keys, a place among twenty, a caller turned away, one who calls often."""
    wish = [
        agent("Front desk, how can I help?"),
        caller("Sales, please."),
        agent("One moment.", transfer={"to": "sales"}),
    ]
    note = agent("Noted. Goodbye!", note={"key": "message", "value": "Bob called"}, hang_up={})
    failed = script(*wish, agent("Nobody answers."), caller("Yes: Bob called."), note, stay=True)
    keys = script(agent("Your number?", collect_digits={"length": 3}), {"dtmf": "123"}, agent("Bye!", hang_up={}))
    talk = script(agent("Hello?"), caller("Goodbye."))
    ring = house.emulator.ring
    return [
        ring(failed, called=FRONT, faults={"refer": "no-effect"}),
        ring(keys, called=KEYPAD),
        ring(talk, called=TWENTY),
        ring(talk, "+493012345678", called=CHOOSY),
        ring(talk, "+14255550199", called=CHOOSY),
        ring(talk, "anonymous", called=FRONT),
    ]


def trouble(house: LocalCloud) -> None:
    """What is written only when something breaks, by those who write it."""
    dynamodb, table = house.aws.dynamodb, house.table
    record = Record(dynamodb, table, retention_days=1)
    shown = {"caller_shown": "desk", "caller_extension": "12", "withheld_caller": "+14255550112"}
    call = {"call_id": "rtc_trouble", "caller": "unknown", "steps": {Step.CREATED: NOON}, **shown}
    record.claim(call, NOON)
    record.unclaim("rtc_trouble", NOON)
    record.accepted("rtc_trouble", {Step.ACCEPTED: NOON}, "no clear answer (504)")
    record.take("rtc_trouble", "monitor-9", "message", {Step.TAKEN: NOON}, None)
    mine = Ownership("rtc_trouble", "monitor-9", 1)
    record.count_failure(mine)
    turn = Turn("item_1", "caller", NOON, "x" * 200_000, "final", NOON + 1)
    record.save(mine, 1, turn.as_item(), late=True)
    record.save(mine, 2, Remark("gap_1", "gap", NOON, NOON + 1, "the monitor crashed").as_item())
    wanted = Action("action_a1", "instruct", "arn:aws:iam::1:user/ada", NOON, NOON, "Hm.", True, "done", "why", NOON)
    record.save(mine, 3, wanted.as_item() | {"previous_item_id": "item_1"})
    asked = Asked("rtc_trouble", "a1", "transfer", "arn:aws:iam::1:user/ada", NOON, "+14255550199")
    record.ask(record.call("rtc_trouble") or {}, asked, "tel:+14255550199")
    record.save_share(mine, Usage(input_text=7))
    record.claim_effect(mine, "hang_up", facts={"hang_up_reason": "silence"})
    record.note(mine, {"conversation": {"epoch": 1, "at": NOON}, "usage": asdict(Usage())})
    record.release(mine, NOON, NOON)
    record.claim({**call, "call_id": "rtc_trouble_2"}, NOON)
    record.take("rtc_trouble_2", "monitor-9", "message", {}, None)
    record.analysed("rtc_trouble_2", {"state": "waiting", "reason": "HTTP 429", "run": "1"}, None)
    record.delivery("rtc_trouble_2", "crm__ended", {"state": "retrying"})
    Counters(Table(dynamodb, table)).reserve_live("live#trouble", "rtc_trouble", 9, NOON)
    house.cli("calls", "export", "--from-day", "2020-01-01", "--to-day", "2020-01-01")
    record.claim({**call, "call_id": "rtc_trouble_3", "steps": {Step.CREATED: 0}}, NOON)
    record.close_unanswered("rtc_trouble_3", End(Status.MISSED, None, 0), {})
    assert house.cli("erase", "--call", "rtc_trouble_3", "--yes").returncode == 0
    env = house.env
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": env["AWS_REGION"]}
    eraser = Eraser(Cloud("this test", {"RINGSIDE_TABLE": table}, access, house.aws_url))
    eraser.begin(eraser.calls(["rtc_trouble_2"]), "call", "request trouble")
    record.keep_facts("2020-01-01 trouble", [{"day": "2020-01-01"}], int(NOON))
    left = receipts.LeftReceipt("rtc_trouble", "message", "receipt", 2, 4)
    Table(dynamodb, table).run(receipts.leave("monitor-9", left, NOON))


@pytest.fixture
def troubled(house: LocalCloud) -> Iterator[LocalCloud]:
    """The cloud with that in its record, which is gone before others meet it."""
    trouble(house)
    yield house
    for item in every_item(house):
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        if "trouble" in pk + sk or pk in ("MAILBOX#monitor-9", "ERASURES"):
            key = {"pk": item["pk"], "sk": item["sk"]}
            house.aws.dynamodb.delete_item(TableName=house.table, Key=key)


def every_item(house: LocalCloud) -> Iterator[dict[str, Any]]:
    for page in house.aws.dynamodb.get_paginator("scan").paginate(TableName=house.table):
        yield from page["Items"]


def test_the_page_has_every_attribute_that_calls_write_with_its_type_and_no_other(troubled: LocalCloud) -> None:
    house = troubled
    for call_id in calls_of_every_kind(house):
        house.records.wait_for_end(call_id)
    documented = record_page.documented()
    written: dict[str, set[str]] = defaultdict(set)
    unknown, wrong = set(), set()
    for item in every_item(house):
        kind = record_page.kind_of(item)
        for name, value in item.items():
            written[kind].add(name)
            (type_,) = value
            if name not in documented[kind]:
                unknown.add(f"{kind}: {name}")
            elif record_page.TYPES[type_] not in documented[kind][name]:
                wrong.add(f"{kind}: {name} is a {record_page.TYPES[type_]}")
    entries = {"late", "cut", "full_bytes"}  # a turn has them here; the others get them in the same way
    never = {
        f"{kind}: {name}"
        for kind, names in documented.items()
        for name in set(names) - written[kind] - (entries if kind in ("tool", "digits", "gap", "action") else set())
    }

    assert unknown == set()
    assert wrong == set()
    assert never == set()
