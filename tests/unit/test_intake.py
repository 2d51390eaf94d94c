"""One decision a call: whatever is delivered, how often, in which order, and wherever the function dies."""

import itertools
import json
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.emulator.webhooks.signature import sign
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.counters import Counters
from ringside.aws.secrets import Keys, SecretsError
from ringside.aws.table import Conflict, Item
from ringside.calls import CLAIM_SECONDS, End, Status, Step
from ringside.intake import BODY_LIMIT, Answer, Intake
from ringside.openai.call_control import DECIDED, Outcome, Reply
from ringside.sip.trunk import Trunk
from ringside.telemetry import Metrics

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NEXT_SECRET = "whsec_bmV4dG5leHRuZXh0bmV4dG5leHRuZXh0bmV4dG5leHQ="
RING_LIMIT = 60.0
T0 = 1_750_287_018.0
AGENT = Agent.model_validate(
    {
        "name": "concierge",
        "answers": ["+18005551212"],
        "instructions": "Be brief.",
        "admission": [{"name": "no premium", "callers": ["+1900"], "reject": 603}],
    }
)


class Crash(BaseException):
    """The function is killed: no line of it runs any more."""


class World:
    """Time, and what goes wrong. Every step of a neighbour passes here before and after it is done."""

    def __init__(self) -> None:
        self.now = T0 + 1
        self.steps: list[str] = []
        self.fault: Callable[[str], None] = lambda step: None

    def step(self, name: str) -> None:
        self.steps.append(name)
        self.fault(name)


@dataclass
class FakeSecrets:
    world: World
    webhook_secrets: tuple[str, ...] = (SECRET,)
    fresh: tuple[str, ...] | None = None
    reads: int = 0
    credentials: dict[str, str] = field(default_factory=dict)

    def mcp_credentials(self, names: Collection[str]) -> dict[str, str]:
        return {name: text for name, text in self.credentials.items() if name in names}

    def keys(self, refresh: bool = False) -> Keys:
        self.reads += 1
        self.world.step("secrets")
        return Keys(api_key="sk-1", webhook_secrets=self.webhook_secrets)

    def reread(self) -> Keys | None:
        return Keys(api_key="sk-1", webhook_secrets=self.fresh) if self.fresh else None


@dataclass
class FakeRecord:
    """The call items, and the same conditions as the real record's."""

    world: World
    items: dict[str, Item] = field(default_factory=dict)
    writes: int = 0

    def _write(self, name: str, call_id: str, condition: Callable[[Item], bool], changes: Mapping[str, Any]) -> None:
        self.world.step(f"{name}?")
        # The condition is looked at when it is written, not before.
        found = self.items.get(call_id, {})
        if not condition(found):
            raise Conflict(json.loads(json.dumps(found)))
        self.writes += 1
        self.items[call_id] = {**found, **changes, "steps": {**found.get("steps", {}), **changes.get("steps", {})}}
        self.world.step(f"{name}!")

    def claim(self, call: Item, now: float, retention_days: int | None = None) -> None:
        self.retention_days = retention_days
        new = {**call, "status": Status.RINGING, "claimed_at": now}
        self._write("claim", call["call_id"], lambda item: not item, new)

    def claim_again(self, call_id: str, found: Item, now: float) -> None:
        self._write("claim_again", call_id, claimed_at(found["claimed_at"]), {"claimed_at": now})

    def unclaim(self, call_id: str, at: float) -> None:
        self._write("unclaim", call_id, claimed_at(at), {"claimed_at": 0})

    def decided(self, call_id: str, decision: Mapping[str, Any], reservations: list[str], at: float) -> None:
        changes = {"decision": decision, "reservations": reservations, "steps": {Step.DECIDED: at}}
        self._write("decided", call_id, bool, changes)

    def accepted(self, call_id: str, steps: Mapping[Step, float], detail: str = "") -> None:
        changes: Item = {"steps": dict(steps), **({"accept_detail": detail} if detail else {})}
        try:
            self._write("accepted", call_id, is_one_of(Status.RINGING), {**changes, "status": Status.ACCEPTED})
        except Conflict:
            self._write("accepted late", call_id, bool, changes)

    def close_unanswered(
        self, call_id: str, end: End, steps: Mapping[Step, float], reserved: Sequence[str] = ()
    ) -> None:
        changes = {"status": end.status, "end_reason": end.reason, "end_detail": end.detail, "steps": dict(steps)}
        with suppress(Conflict):
            self._write("close", call_id, is_one_of(Status.RINGING, Status.ACCEPTED), changes)


def is_one_of(*statuses: Status) -> Callable[[Item], bool]:
    return lambda item: bool(item) and item["status"] in statuses


def claimed_at(moment: float) -> Callable[[Item], bool]:
    return lambda item: item["status"] == Status.RINGING and item["claimed_at"] == moment


@dataclass
class FakeQueue:
    world: World
    sent: list[str] = field(default_factory=list)

    def send(self, call_id: str) -> None:
        self.world.step("queue?")
        self.sent.append(call_id)
        self.world.step("queue!")


@dataclass
class FakeOpenAI:
    """The first decision on a call wins; the others hear that it is made."""

    world: World
    decided: dict[str, str] = field(default_factory=dict)
    effects: list[tuple[str, str]] = field(default_factory=list)
    sip_statuses: list[int] = field(default_factory=list)
    sessions: list[Mapping[str, Any]] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)  # by call: ok, lost, down, gone, refused, silent

    def accept(self, call_id: str, session: Mapping[str, Any], before: float) -> Reply:
        self.sessions.append(session)
        return self._decide(call_id, "accept")

    def reject(self, call_id: str, sip_status: int, before: float) -> Reply:
        self.sip_statuses.append(sip_status)
        return self._decide(call_id, "reject")

    def _decide(self, call_id: str, verdict: str) -> Reply:
        self.world.step(f"{verdict}?")
        answers = self.answers.get(call_id, [])
        answer = answers.pop(0) if answers else "ok"
        if answer == "down":
            return Reply(Outcome.UNAVAILABLE, "500")
        if answer == "gone":
            return Reply(Outcome.GONE, "call_id_not_found")
        if answer == "refused":
            return Reply(Outcome.REFUSED, "unknown_parameter")
        if call_id in self.decided:
            return Reply(Outcome.REFUSED, DECIDED)
        self.decided[call_id] = verdict
        self.effects.append((call_id, verdict))
        self.world.step(f"{verdict}!")
        if answer == "lost":  # it worked, but every answer was a 500
            return Reply(Outcome.UNAVAILABLE, "500")
        return Reply(Outcome.UNKNOWN, "ReadTimeout") if answer == "silent" else Reply(Outcome.DONE)


def as_if(fake: object) -> Any:
    """It has the methods that are needed, and no base class."""
    return fake


class Bench:
    """An intake with neighbours in memory."""

    def __init__(self) -> None:
        self.world = World()
        self.secrets = FakeSecrets(self.world)
        self.record = FakeRecord(self.world)
        self.queue = FakeQueue(self.world)
        self.openai = FakeOpenAI(self.world)
        self.metrics = Counts()
        self.intake = Intake(
            secrets=as_if(self.secrets),
            record=as_if(self.record),
            counters=Counters(as_if(None)),
            queue=as_if(self.queue),
            control=as_if(self.openai),
            agents=Agents({AGENT.name: AGENT}),
            tools={},
            metrics=self.metrics,
            ring_limit=RING_LIMIT,
            trunk=Trunk(),
            clock=lambda: self.world.now,
        )

    def deliver(self, call_id: str = "rtc_1", caller: str = "+14255550112", **more: Any) -> Answer:
        return self.post(event(call_id, caller, **more))

    def post(self, content: Any, secret: str = SECRET) -> Answer:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        at = int(self.world.now)
        headers = {
            "webhook-id": "wh_1",
            "webhook-timestamp": str(at),
            "webhook-signature": sign(secret, "wh_1", at, body),
        }
        return self.intake.handle(headers, body)

    def item(self, call_id: str = "rtc_1") -> Item:
        return self.record.items[call_id]


class Counts(Metrics):
    def __init__(self) -> None:
        super().__init__("webhook")
        self.counts: Counter[str] = Counter()

    def count(self, name: str, value: float = 1) -> None:
        self.counts[name] += int(value)

    def milliseconds(self, name: str, value: float) -> None:
        self.counts[name] += 1


def event(call_id: Any = "rtc_1", caller: str = "+14255550112", **more: Any) -> dict[str, Any]:
    headers = [
        {"name": "From", "value": f"<sip:{caller}@sip.example.com>;tag=1"},
        {"name": "To", "value": "sip:+18005551212@sip.example.com"},
    ]
    data = {"call_id": call_id, "sip_headers": headers, **more.pop("data", {})}
    content = {"object": "event", "id": "evt_1", "type": "realtime.call.incoming", "created_at": int(T0), "data": data}
    return content | more


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- one delivery -----------------------------------------------------------------------------


def test_a_call_is_claimed_accepted_queued_and_written_down_in_this_order(bench: Bench) -> None:
    assert bench.deliver().status == 200

    done = [step for step in bench.world.steps if step.endswith("!")]
    assert done == ["claim!", "accept!", "queue!", "accepted!"]
    item = bench.item()
    assert (item["status"], item["agent"], item["webhook_id"]) == ("accepted", "concierge", "wh_1")
    assert (item["caller"], item["dialled"]) == ("+14255550112", "+18005551212")
    assert set(item["steps"]) == {"created", "received", "claimed", "decided", "accept_sent", "accepted", "queued"}
    assert bench.openai.sessions[0]["instructions"] == "Be brief."
    assert bench.metrics.counts == {"CallsAccepted": 1, "WebhookDelayMs": 1, "AcceptMs": 1}


GUARDED = {"server_label": "crm", "server_url": "https://mcp.example.com", "authorization": {"secret": "crm"}}


@pytest.mark.parametrize("stored", [{"crm": "t0ken"}, {}])
def test_an_mcp_server_s_credential_goes_to_openai_and_nowhere_else(
    bench: Bench, stored: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A server whose credential is missing is left out: the call is answered without it, and the log says so."""
    caplog.set_level(logging.DEBUG)
    agent = Agent.model_validate({**AGENT.model_dump(exclude_unset=True), "mcp_servers": [GUARDED]})
    bench.intake.agents, bench.secrets.credentials = Agents({agent.name: agent}), stored

    assert bench.deliver().status == 200

    servers = [tool for tool in bench.openai.sessions[0]["tools"] if tool["type"] == "mcp"]
    assert [server["authorization"] for server in servers] == list(stored.values())
    left_out = [record for record in caplog.records if record.message == "call.without_mcp_server"]
    assert [record.__dict__["credentials"] for record in left_out] == ([] if stored else [["crm"]])
    assert "t0ken" not in f"{bench.item()} {[record.__dict__ for record in caplog.records]}"


def test_a_caller_whom_a_rule_refuses_hears_the_rules_sip_status(bench: Bench) -> None:
    assert bench.deliver(caller="+19005550000").status == 200

    assert bench.openai.sip_statuses == [603]
    item = bench.item()
    assert (item["status"], item["end_reason"], item["end_detail"]) == ("rejected", None, "")
    assert item["decision"] == {"verdict": "reject", "rule": "no premium", "sip_status": 603}
    assert "rejected" in item["steps"]
    assert bench.queue.sent == []


def test_a_number_nobody_answers_is_not_found(bench: Bench) -> None:
    assert bench.deliver(data={"sip_headers": []}).status == 200

    assert bench.openai.sip_statuses == [404]
    assert bench.item()["agent"] is None


@pytest.mark.parametrize(
    ("answer", "status", "reason", "http", "count"),
    [
        ("ok", "accepted", None, 200, "CallsAccepted"),
        ("silent", "accepted", None, 200, "CallsAccepted"),
        ("gone", "missed", "caller_gone_before_accept", 200, "CallsMissed"),
        ("refused", "failed", "accept_failed", 200, "AcceptsFailed"),
        ("down", "ringing", None, 503, "AcceptsUnavailable"),
        ("lost", "ringing", None, 503, "AcceptsUnavailable"),
    ],
)
def test_what_openai_says_to_an_accept_decides_the_record_and_the_answer(
    bench: Bench, answer: str, status: str, reason: str | None, http: int, count: str
) -> None:
    bench.openai.answers["rtc_1"] = [answer]

    assert bench.deliver().status == http

    assert (bench.item()["status"], bench.item().get("end_reason")) == (status, reason)
    assert bench.metrics.counts[count] == 1
    assert bench.queue.sent == (["rtc_1"] if status == "accepted" else [])


def test_an_accept_without_an_answer_is_left_to_the_sideband_and_says_so(bench: Bench) -> None:
    bench.openai.answers["rtc_1"] = ["silent"]
    bench.deliver()

    assert bench.item()["accept_detail"] == "no clear answer (ReadTimeout)"


@pytest.mark.parametrize(
    ("answer", "status", "detail", "counts"),
    [
        ("gone", "missed", "", {"CallsMissed": 1}),
        ("refused", "rejected", "reject failed (unknown_parameter): the call rings out", {"RejectsFailed": 1}),
        ("down", "rejected", "reject failed (500): the call rings out", {"RejectsFailed": 1}),
        ("silent", "rejected", "rejected without a clear answer (ReadTimeout): it may ring out", {}),
    ],
)
def test_a_reject_that_fails_is_written_down_as_a_call_that_rings_out(
    bench: Bench, answer: str, status: str, detail: str, counts: dict[str, int]
) -> None:
    bench.openai.answers["rtc_1"] = [answer]

    assert bench.deliver(caller="+19005550000").status == 200

    assert (bench.item()["status"], bench.item()["end_detail"]) == (status, detail)
    assert "rejected" not in bench.item()["steps"]
    assert counts.items() <= bench.metrics.counts.items()


# --- not ours, too late, unusable -------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "answered"), [(0, "accepted"), (RING_LIMIT, "accepted"), (RING_LIMIT + 1, "too late, the caller has gone")]
)
def test_a_call_older_than_callers_wait_is_left_alone(bench: Bench, age: float, answered: str) -> None:
    bench.world.now = T0 + age

    assert bench.deliver() == Answer(200, answered)
    assert bool(bench.record.writes) == (answered == "accepted")


@pytest.mark.parametrize(
    "kind", ["live.transport.incoming", "realtime.call.ended", "batch.completed", "", "Ä" * 500, 7]
)
def test_events_of_other_types_are_answered_and_ignored(bench: Bench, kind: Any) -> None:
    assert bench.deliver(type=kind).status == 200
    assert bench.record.writes == 0
    assert bench.openai.effects == []


def test_the_twin_of_a_call_is_ignored_whichever_comes_first(bench: Bench) -> None:
    bench.deliver(type="live.transport.incoming", data={"session_id": "live_1", "type": "sip"})
    bench.deliver()
    bench.deliver(type="live.transport.incoming", data={"session_id": "live_1", "type": "sip"})

    assert bench.openai.effects == [("rtc_1", "accept")]


@pytest.mark.parametrize(
    "body",
    [
        b"not JSON",
        b"[]",
        b'"text"',
        b"7",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"type": "x"',
        b"1" * 5000,
        b'{"a": NaN}',
    ],
)
def test_signed_bytes_that_are_no_event_are_refused_as_unusable(bench: Bench, body: bytes) -> None:
    assert bench.post(body).status == 400
    assert bench.metrics.counts == {"WebhooksUnusable": 1}


def test_a_body_that_is_too_large_is_called_that_if_it_is_signed_and_unsigned_otherwise(bench: Bench) -> None:
    body = b'{"type": "x", "padding": "' + b"a" * BODY_LIMIT + b'"}'
    assert bench.post(body) == Answer(413, "larger than 256 KB")
    assert bench.intake.handle({}, body).status == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": None},
        {"data": []},
        {"data": {}},
        {"created_at": None},
        {"created_at": "yesterday"},
        {"created_at": -1},
        {"created_at": 10**20},
        {"created_at": []},
    ],
)
def test_an_event_without_what_a_call_needs_is_told_by_its_fields(
    bench: Bench, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    answer = bench.post({**event(), **wrong})

    assert answer.status == 400
    assert answer.text.startswith("missing or wrong: ")
    assert [record.message for record in caplog.records] == ["webhook.unusable"]
    assert bench.record.writes == 0


BAD_IDS: list[Any] = [
    None,
    7,
    [],
    {},
    "",
    ".",
    "..",
    "../../x",
    "a/b",
    "a b",
    "a\n",
    "a?b=c",
    "a%2fb",
    "ä",
    "x" * 10_000,
    "\x00",
]


@pytest.mark.parametrize("call_id", BAD_IDS)
def test_a_call_id_that_fits_no_url_is_refused_before_anything_is_asked(bench: Bench, call_id: Any) -> None:
    assert bench.deliver(call_id) == Answer(400, "missing or wrong: data.call_id")
    assert bench.record.writes == 0
    assert bench.openai.sessions == []


@pytest.mark.parametrize(
    "strange",
    [
        None,
        "text",
        7,
        {},
        [None, 7, "x", [], {}],
        [{"name": "From"}],
        [{"name": 7, "value": "x"}],
        [{"value": None}],
        [{"name": "From", "value": "x" * 200_000}],
        [{"name": "X", "value": "y"}] * 1000,
    ],
)
def test_strange_headers_do_not_cost_the_call(bench: Bench, strange: Any) -> None:
    assert bench.deliver(data={"sip_headers": strange}).status == 200
    assert (bench.item()["caller"], bench.item()["dialled"]) == ("unknown", None)


def test_strange_headers_among_good_ones_do_not_hide_these(bench: Bench) -> None:
    headers: list[Any] = [None, {"name": "From"}, *event()["data"]["sip_headers"]]

    bench.deliver(data={"sip_headers": headers})

    assert bench.item()["caller"] == "+14255550112"


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(content=anything, where=st.sampled_from(["whole", "data", "call_id", "sip_headers", "created_at", "type"]))
def test_no_signed_content_whatsoever_is_our_fault(content: Any, where: str) -> None:
    bench = Bench()
    whole = event()
    match where:
        case "whole":
            whole = content
        case "data" | "created_at" | "type":
            whole[where] = content
        case _:
            whole["data"][where] = content

    assert bench.post(whole).status in (200, 400)


# --- unsigned ---------------------------------------------------------------------------------


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "Webhook-Signature"]) | st.text(),
        st.text() | st.sampled_from([str(int(T0)), "v1", "v1,a,b", "v1,AAAA"]) | st.none(),
    ),
    body=st.binary(),
)
def test_no_stranger_gets_more_than_a_401(headers: dict[str, Any], body: bytes) -> None:
    bench = Bench()

    assert bench.intake.handle(headers, body).status == 401
    assert (bench.record.writes, bench.openai.sessions, bench.queue.sent) == (0, [], [])
    assert bench.metrics.counts == {"WebhooksRefused": 1}


def test_a_refused_delivery_is_one_log_line_without_its_body(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps(event()).encode()

    assert bench.post(body, secret=NEXT_SECRET).status == 401

    (line,) = caplog.records
    assert (line.message, vars(line)["bytes"]) == ("webhook.refused", len(body))
    assert "14255550112" not in str(vars(line))


def test_a_stranger_is_refused_even_while_the_secret_cannot_be_read(bench: Bench) -> None:
    bench.world.fault = fails_at("secrets", SecretsError("secret ringside: cannot be read: TimeoutError"))

    assert bench.intake.handle({}, b"x").status == 401
    assert (
        bench.intake.handle({"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,x"}, b"").status
        == 401
    )
    assert bench.deliver().status == 503  # OpenAI, perhaps: it shall ask again


def test_a_new_secret_counts_at_once(bench: Bench) -> None:
    bench.secrets.fresh = (NEXT_SECRET, SECRET)

    assert bench.post(event(), secret=NEXT_SECRET).status == 200
    assert bench.openai.effects == [("rtc_1", "accept")]


# --- delivered again --------------------------------------------------------------------------


def fails_at(step: str, error: BaseException, times: int = 1) -> Callable[[str], None]:
    left = [times]

    def fault(name: str) -> None:
        if name == step and left[0]:
            left[0] -= 1
            raise error

    return fault


def test_a_second_delivery_of_a_decided_call_does_nothing(bench: Bench) -> None:
    bench.deliver()
    writes = bench.record.writes

    assert bench.deliver() == Answer(200, "already decided")
    assert (bench.record.writes, bench.queue.sent) == (writes, ["rtc_1"])
    assert len(bench.openai.sessions) == 1


def test_a_delivery_while_another_is_at_work_is_told_to_come_again(bench: Bench) -> None:
    bench.world.fault = fails_at("accept?", Crash())
    with pytest.raises(Crash):
        bench.deliver()

    bench.world.now += CLAIM_SECONDS - 1
    assert bench.deliver().status == 503
    bench.world.now += 1
    assert bench.deliver().status == 200
    assert bench.openai.effects == [("rtc_1", "accept")]


@pytest.mark.parametrize("caller", ["+14255550112", "+19005550000"])
def test_a_crash_at_any_step_is_made_good_by_the_next_delivery(caller: str) -> None:
    whole = Bench()
    whole.deliver(caller=caller)
    for step in whole.world.steps:
        bench = Bench()
        bench.world.fault = fails_at(step, Crash())
        with pytest.raises(Crash):
            bench.deliver(caller=caller)
        bench.world.now += CLAIM_SECONDS

        assert bench.deliver(caller=caller).status == 200, step
        verdict = "accept" if whole.queue.sent else "reject"
        assert bench.openai.effects == [("rtc_1", verdict)], step
        assert bench.item()["status"] == whole.item()["status"], step
        # Who dies right then cannot say that it was queued; a monitor takes a call once, however often it is queued.
        assert len(bench.queue.sent) in ((1, 2) if step in ("queue!", "accepted?") else (len(whole.queue.sent),)), step


@pytest.mark.parametrize("step", ["claim?", "claim!", "accept?", "queue?", "accepted?"])
def test_a_neighbour_that_fails_is_an_answer_and_the_next_delivery_finds_it_well(bench: Bench, step: str) -> None:
    bench.world.fault = fails_at(step, ConnectionError("with +14255550112 in its text"))

    first = bench.deliver().status
    bench.world.now += CLAIM_SECONDS
    if first != 200:
        bench.deliver()

    # Once a monitor can have the call there is nothing left to rescue.
    assert first == (200 if step == "accepted?" else 503)
    assert bench.openai.effects == [("rtc_1", "accept")]
    assert bench.queue.sent == ["rtc_1"]


@pytest.mark.parametrize("answer", ["down", "lost"])
def test_a_call_whose_accept_failed_is_tried_again_at_once(bench: Bench, answer: str) -> None:
    bench.openai.answers["rtc_1"] = [answer]

    assert bench.deliver().status == 503
    assert bench.deliver().status == 200

    assert bench.openai.effects == [("rtc_1", "accept")]
    assert bench.item()["status"] == "accepted"
    assert bench.queue.sent == ["rtc_1"]


def test_what_was_decided_stands_when_it_is_taken_up_again(bench: Bench) -> None:
    bench.world.fault = fails_at("reject?", Crash())
    with pytest.raises(Crash):
        bench.deliver(caller="+19005550000")
    bench.world.now += CLAIM_SECONDS
    bench.intake.agents = Agents({AGENT.name: AGENT.model_copy(update={"admission": ()})})

    bench.deliver(caller="+19005550000")

    assert bench.openai.effects == [("rtc_1", "reject")]


def test_a_call_accepted_before_its_agent_was_removed_is_supervised_all_the_same(bench: Bench) -> None:
    bench.world.fault = fails_at("queue?", Crash())
    with pytest.raises(Crash):
        bench.deliver()
    bench.world.now += CLAIM_SECONDS
    other = AGENT.model_copy(update={"name": "other"})
    bench.intake.agents = Agents({"other": other})

    assert bench.deliver().status == 200
    assert bench.queue.sent == ["rtc_1"]


def test_a_call_that_a_monitor_has_taken_already_is_left_to_it(bench: Bench) -> None:
    bench.world.fault = fails_at("accepted?", Crash())
    with pytest.raises(Crash):
        bench.deliver()
    bench.item()["status"] = Status.LIVE
    bench.world.now += CLAIM_SECONDS

    assert bench.deliver() == Answer(200, "already decided")
    assert bench.queue.sent == ["rtc_1"]


# --- at the same time -------------------------------------------------------------------------


class Turns:
    """Runs deliveries as threads of which one moves at a time, from step to step, in an order that is drawn."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        self._pick = pick
        self._mine = threading.local()
        self._arrived = threading.Semaphore(0)

    def run(self, works: list[Callable[[], Answer]]) -> list[Answer | None]:
        answers: list[Answer | None] = [None] * len(works)
        turns = [threading.Semaphore(0) for _ in works]
        over: set[int] = set()

        def worker(number: int) -> None:
            self._mine.turn = turns[number]
            turns[number].acquire()
            try:
                with suppress(Crash):
                    answers[number] = works[number]()
            finally:
                over.add(number)
                self._arrived.release()

        threads = [threading.Thread(target=worker, args=(number,), daemon=True) for number in range(len(works))]
        for thread in threads:
            thread.start()
        while waiting := [number for number in range(len(works)) if number not in over]:
            turns[waiting[self._pick(len(waiting))]].release()
            self._arrived.acquire()
        for thread in threads:
            thread.join()
        return answers

    def __call__(self, step: str) -> None:
        if hasattr(self._mine, "turn"):
            self._arrived.release()
            self._mine.turn.acquire()


CALLS = {"rtc_1": "+14255550112", "rtc_2": "+14255550113", "rtc_3": "+19005550000"}
POINTS = ["claim!", "accept?", "accept!", "reject!", "queue!", "accepted!", "close!"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_order_of_deliveries_crashes_and_failures_decides_or_queues_a_call_twice(data: st.DataObject) -> None:
    bench = Bench()
    ids = st.sampled_from(sorted(CALLS))
    for call_id in CALLS:
        bench.openai.answers[call_id] = data.draw(
            st.lists(st.sampled_from(["ok", "down", "lost", "silent"]), max_size=2)
        )
    crashes = 0
    for deliveries in data.draw(st.lists(st.lists(ids, min_size=1, max_size=4), max_size=4)):
        crash = data.draw(st.none() | st.sampled_from(POINTS))
        turns = Turns(random.Random(data.draw(st.integers(0, 2**32))).randrange)
        dying = fails_at(crash, Crash()) if crash else None

        def fault(step: str, turns: Turns = turns, dying: Callable[[str], None] | None = dying) -> None:
            turns(step)
            if dying is not None:
                dying(step)

        bench.world.fault = fault
        answers = turns.run([partial(bench.deliver, call_id, CALLS[call_id]) for call_id in deliveries])
        crashes += answers.count(None)
        assert all(answer.status in (200, 503) for answer in answers if answer)
        bench.world.now += data.draw(st.sampled_from([0.0, 1.0, CLAIM_SECONDS]))
    bench.world.fault = lambda step: None
    bench.intake.ring_limit = 1e9  # the last word on every call: OpenAI repeats until it hears a 2xx
    for call_id, caller in CALLS.items():
        while bench.deliver(call_id, caller).status != 200:
            bench.world.now += CLAIM_SECONDS

    decisions = Counter(bench.openai.effects)
    rejected = decisions.pop(("rtc_3", "reject"), 0)
    assert decisions == {("rtc_1", "accept"): 1, ("rtc_2", "accept"): 1}
    assert rejected == 1 or "rings out" in bench.item("rtc_3")["end_detail"]
    assert {call_id: item["status"] for call_id, item in bench.record.items.items()} == {
        "rtc_1": "accepted",
        "rtc_2": "accepted",
        "rtc_3": "rejected",
    }
    queued = Counter(bench.queue.sent)
    assert set(queued) == {"rtc_1", "rtc_2"}
    assert sum(queued.values()) <= 2 + crashes  # one who dies while queueing cannot say that it was done


def test_of_deliveries_at_the_same_time_one_works_and_the_others_wait(bench: Bench) -> None:
    in_turn = itertools.count()
    turns = Turns(lambda count: next(in_turn) % count)
    bench.world.fault = turns

    answers = Counter(answer.status for answer in turns.run([bench.deliver] * 5) if answer)

    assert answers == {200: 1, 503: 4}
    assert bench.openai.effects == [("rtc_1", "accept")]
    assert bench.queue.sent == ["rtc_1"]


@pytest.fixture(autouse=True)
def every_level() -> Iterator[None]:
    logger = logging.getLogger("ringside")
    level = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(level)


def test_a_call_is_kept_for_as_long_as_its_agent_says(bench: Bench) -> None:
    bench.deliver()
    assert bench.record.retention_days is None
    week = AGENT.model_copy(update={"retention_days": 7})
    bench.intake.agents = Agents({week.name: week})
    bench.deliver("rtc_2")
    assert bench.record.retention_days == 7
