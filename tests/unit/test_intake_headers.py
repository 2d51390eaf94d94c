"""SIP headers as carriers and PBXs were reported to send them, through the webhook: who calls, and who answers."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws import event_bus
from ringside.sip.trunk import Trunk
from tests.unit.test_intake import AGENT, Bench, event

ALICE, SHOP, DESK = "+14255550112", "+18005551212", "+14255550199"
OPENAI = "<sip:proj_abc@sip.api.openai.com;transport=tls>"

FILE: dict[str, Any] = {
    "name": "shop",
    "answers": [SHOP],
    "instructions": "{{caller}} rang {{dialled}}. Tier {{header.X-Tier}}, from {{header.From}}.",
    "headers": ["X-Tier", "From"],
    "admission": [
        {"name": "withheld", "callers": ["anonymous"], "reject": 403},
        {"name": "unreadable", "callers": ["unknown"], "reject": 480},
        {"name": "forged", "attested": ["failed"], "reject": 603},
    ],
}

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Case:
    rows: Rows
    caller: str = ALICE
    dialled: str | None = SHOP
    status: int | None = None  # of SIP, for a rejected call
    trunk: Trunk = field(default_factory=Trunk)
    more: dict[str, Any] = field(default_factory=dict)


FROM, TO = ("From", f"<sip:{ALICE}@c.example>;tag=a"), ("To", f"<sip:{SHOP}@sip.example.com>")

CASES = {
    "a forwarded call names its forwarder in Diversion": Case(
        (FROM, TO, ("Diversion", f"<sip:{DESK}@c.example>;reason=no-answer;counter=1"))
    ),
    "an SBC writes short names": Case(
        (("f", f"<sip:{ALICE}@c.example>;tag=a"), ("T", f"<sip:{SHOP}@sip.example.com>"))
    ),
    "a number is withheld, and the header that has it is a short one": Case(
        (("f", f"<sip:{ALICE}@c.example>;tag=a"), TO, ("Privacy", "id")), "anonymous", status=403
    ),
    "a PBX's desk stands before our number in a list": Case(
        (
            FROM,
            ("To", OPENAI),
            ("Diversion", f"<sip:desk@pbx.example>;reason=unconditional, <sip:{SHOP}@t.example>;reason=unknown"),
        )
    ),
    "a sip and a tel address in one identity": Case(
        (
            ("From", '"Alice" <sip:alice@carrier.example>;tag=1'),
            ("P-Asserted-Identity", f'"Alice" <sip:alice@carrier.example>, <tel:{ALICE}>'),
            TO,
        )
    ),
    "a trunk of E.164 without plus": Case(
        (("From", "<sip:14255550112@c.example>;tag=a"), ("To", "<sip:18005551212@sip.api.openai.com>")),
        trunk=Trunk(plain="E164"),
    ),
    "the same, and nobody said so": Case(
        (("From", "<sip:14255550112@c.example>;tag=a"), ("To", "<sip:18005551212@sip.api.openai.com>")),
        caller="unknown",
        status=480,
        more={"caller_shown": "14255550112"},
    ),
    "a context completes a number": Case(
        (
            ("From", "<sip:alice@ims.example>;tag=1"),
            ("P-Asserted-Identity", "<sip:4255550112@ims.example;user=phone>"),
            ("P-Asserted-Identity", "<tel:4255550112;phone-context=+1;cpc=ordinary>"),
            TO,
        )
    ),
    "a placeholder is no caller from Lesotho": Case(
        (("From", '"Anonymous" <sip:+266696687@pstn.example.com>;tag=a'), TO), caller="anonymous", status=403
    ),
    "Privacy: id": Case(
        (
            ("From", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'),
            ("P-Asserted-Identity", f"<tel:{ALICE}>"),
            ("Privacy", "id"),
            TO,
        ),
        caller="anonymous",
        status=403,
    ),
    "Remote-Party-ID asks for privacy": Case(
        (
            FROM,
            ("Remote-Party-ID", f'"A" <sip:{ALICE}@c>;party=calling;id-type=subscriber;privacy=full;screen=yes'),
            TO,
        ),
        caller="anonymous",
        status=403,
    ),
    "Remote-Party-ID of the called party": Case((FROM, ("Remote-Party-ID", f"<sip:{SHOP}@c>;party=called"), TO)),
    "an extension of a PBX": Case((("From", '"Desk" <sip:1001@pbx.example>;tag=x'), TO), caller="1001"),
    "a name of a PBX": Case(
        (("From", "<sip:alice@pbx.example>"), TO), caller="unknown", status=480, more={"caller_shown": "alice"}
    ),
    "an extension behind a number": Case((("From", f"<tel:{ALICE};ext=7>"), TO), more={"caller_extension": "7"}),
    "an international prefix": Case((("From", "<sip:00493012345678@c>"), TO), caller="+493012345678"),
    "national numbers of a country": Case(
        (("From", "<sip:030-12345678@c;user=phone>"), ("To", "<sip:08005551212@c>"), ("X-Dialled", SHOP)),
        caller="+493012345678",
        trunk=Trunk(("To", "X-Dialled"), "DE"),
    ),
    "a history over two folded rows": Case(
        (
            FROM,
            ("To", OPENAI),
            ("History-Info", f"<sip:{DESK}@c?Reason=SIP%3Bcause%3D302>;index=1,\r\n <sip:2000@pbx>;index=1.1"),
            ("History-Info", f"<sip:{SHOP}@c;cause=302>;index=1.2;mp=1"),
        )
    ),
    "the called party's id": Case((FROM, ("To", OPENAI), ("P-Called-Party-ID", f'"Shop" <sip:{SHOP}@ims>'))),
    "a header of the carrier's own": Case(
        (FROM, ("To", OPENAI), ("X-Request-URI", f"sip:{SHOP}@10.0.0.1:5060")), trunk=Trunk(("X-Request-URI",))
    ),
    "nobody answers": Case((FROM, ("To", f"<sip:{DESK}@c>")), dialled=DESK, status=404),
    "a forged number": Case(
        (FROM, TO, ("P-Asserted-Identity", f"<sip:{ALICE};verstat=TN-Validation-Failed@c>")),
        status=603,
        more={"attested": "failed"},
    ),
    "Latin-1 in a name": Case((("From", f'"Ren\udce9" <sip:{ALICE}@c>'), TO)),
    "half a surrogate pair in a name": Case((("From", f'"\ud83d" <sip:{ALICE}@c>'), TO)),
}


def ring(rows: Rows, trunk: Trunk | None = None, **changes: Any) -> Bench:
    bench = Bench()
    agent = Agent.model_validate(FILE | changes)
    bench.intake.agents = Agents({agent.name: agent})
    bench.intake.trunk = trunk or Trunk()
    headers = [{"name": name, "value": value} for name, value in rows]
    text = json.dumps(event(data={"sip_headers": headers, "sip_media_security": "srtp"}), ensure_ascii=False)
    # "\udce9" stands for the byte E9 alone, which is no UTF-8; half a pair comes as JSON's own escape.
    body = text.replace("\ud83d", "\\ud83d").encode("utf-8", "surrogateescape")
    assert bench.post(body).status == 200
    return bench


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_call_finds_its_agent_and_its_caller(case: Case) -> None:
    bench = ring(case.rows, case.trunk)

    item = bench.item()
    assert (item["caller"], item["dialled"]) == (case.caller, case.dialled)
    assert (item["status"], item["decision"]["sip_status"]) == ("rejected" if case.status else "accepted", case.status)
    assert {name: item[name] for name in case.more} == case.more
    json.dumps(item, ensure_ascii=False).encode()  # it can be written down


def test_default_answers_only_what_no_number_finds() -> None:
    forwarded = FROM, TO, ("Diversion", f"<sip:{DESK}@c>")
    bench = ring(forwarded)
    other = Agent.model_validate({"name": "rest", "answers": ["default"], "instructions": "x"})
    bench.intake.agents = Agents({"rest": other, "shop": Agent.model_validate(FILE)})

    bench.deliver("rtc_2", data={"sip_headers": [{"name": name, "value": value} for name, value in forwarded]})
    bench.deliver("rtc_3", data={"sip_headers": [{"name": "Diversion", "value": f"<sip:{DESK}@c>"}]})

    assert (bench.item("rtc_2")["agent"], bench.item("rtc_2")["dialled"]) == ("shop", SHOP)
    assert (bench.item("rtc_3")["agent"], bench.item("rtc_3")["dialled"]) == ("rest", DESK)


WITHHELD = (
    ("From", f'"Alice Smith" <sip:{ALICE}@c>'),
    ("P-Asserted-Identity", f"<tel:{ALICE}>"),
    ("Privacy", "id"),
    ("X-Tier", "gold for 425-555-0112"),
    ("X-Tier", "north"),
    TO,
)


def test_record_events_instructions_and_rules_agree_on_a_withheld_caller() -> None:
    bench = ring(WITHHELD, admission=[{"name": "welcome", "callers": ["anonymous"], "accept": True}])

    item = bench.item()
    assert (item["caller"], item["decision"]["rule"]) == ("anonymous", "welcome")
    assert event_bus.detail(item)["caller"] == "anonymous"
    (session,) = bench.openai.sessions
    assert session["instructions"] == f'anonymous rang "{SHOP}". Tier "anonymous, north", from "anonymous".'
    for told in (item, session):
        assert "5550112" not in json.dumps(told)
        assert "Alice" not in json.dumps(told)


def test_so_they_do_on_an_unknown_one() -> None:
    rows = ("From", "<sip:alice@pbx.example>"), TO
    bench = ring(rows, admission=[{"name": "who", "callers": ["unknown"], "accept": True}])

    item = bench.item()
    assert (item["caller"], item["caller_shown"], item["decision"]["rule"]) == ("unknown", "alice", "who")
    assert event_bus.detail(item)["caller"] == "unknown"
    assert bench.openai.sessions[0]["instructions"].startswith(f'unknown rang "{SHOP}".')


def test_a_withheld_number_is_kept_only_where_the_stack_says_so() -> None:
    item = ring(WITHHELD, Trunk(keep_withheld=True)).item()

    assert (item["caller"], item["withheld_caller"]) == ("anonymous", ALICE)
    assert {"name": "P-Asserted-Identity", "value": f"<tel:{ALICE}>"} in item["sip_headers"]
    assert "withheld_caller" not in ring(WITHHELD).item()


def test_an_agents_own_placeholder_withholds_the_number() -> None:
    rows = ("From", "<sip:+49199000000@c>"), TO
    assert ring(rows).item()["caller"] == "+49199000000"
    assert ring(rows, placeholders=["+49 199 000000"]).item()["caller"] == "anonymous"


def test_a_repeated_header_is_one_list() -> None:
    bench = ring((FROM, TO, ("X-Tier", "gold"), ("x-tier", "north")))
    assert 'Tier "gold, north"' in bench.openai.sessions[0]["instructions"]


def test_a_rejected_call_keeps_what_it_came_with_within_bounds() -> None:
    diversion = f"<sip:desk@pbx>;reason={'x' * 500}"
    rows = (("From", "<sip:alice@pbx.example>;tag=1"), TO, *[("Diversion", diversion)] * 20, ("X-Other", "y"))

    kept = ring(rows).item()["sip_headers"]

    assert kept[:3] == [
        {"name": "From", "value": "<sip:alice@pbx.example>;tag=1"},
        {"name": "To", "value": TO[1]},
        {"name": "Diversion", "value": diversion[:300]},
    ]
    assert sum(len(row["name"]) + len(row["value"]) for row in kept) <= 2000
    (own,) = ring((FROM, TO, ("X-Dialled", f"sip:{SHOP}@c"), ("X-Id", "CA0123456789"))).item()["sip_headers"][2:]
    assert own["name"] == "X-Dialled"  # nobody has configured it, and `ringside doctor --last` can say so
    assert "X-Other" not in {row["name"] for row in kept}


@pytest.mark.parametrize(
    ("level", "rule"),
    [("A", "signed"), ("B", "signed"), ("C", "the rest"), ("failed", "the rest"), ("none", "the rest")],
)
def test_attestation_is_a_condition(level: str, rule: str) -> None:
    result = {"failed": "TN-Validation-Failed-A", "none": "No-TN-Validation"}.get(
        level, f"TN-Validation-Passed-{level}"
    )
    rules = [{"name": "signed", "attested": ["A", "B"], "accept": True}, {"name": "the rest", "reject": 480}]

    item = ring((FROM, TO, ("X-Twilio-VerStat", result)), admission=rules).item()

    assert (item["attested"], item["decision"]["rule"]) == (level, rule)


def test_an_extension_has_rules_of_its_own() -> None:
    rules = [{"name": "warehouse", "callers": ["ext:1001"], "reject": 486}]
    assert ring((("From", "<sip:1001@pbx>"), TO), admission=rules).item()["decision"]["rule"] == "warehouse"
    assert ring((("From", "<sip:10012@pbx>"), TO), admission=rules).item()["decision"]["rule"] == "no rule matched"


def test_long_and_hostile_headers_are_decided_in_no_time() -> None:
    hostile = '"\\"<(' * 1000 + f"<sip:{ALICE}@c>,"
    rows = tuple((name, hostile) for name in ("From", "Diversion", "Privacy") for _ in range(8))
    started = time.process_time()
    assert ring((*rows, TO)).item()["agent"] == "shop"
    assert time.process_time() - started < 1


def test_an_agent_without_these_fields_is_as_before() -> None:
    bench = Bench()
    bench.intake.agents = Agents({AGENT.name: AGENT})
    bench.deliver()
    assert bench.item()["caller"] == ALICE
