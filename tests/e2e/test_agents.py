"""Agents at work: who answers, what they are told, and their tools."""

import json

import pytest

from infra.local.cloud import LocalCloud
from tests.e2e.house import CHOOSY, WORKSHOP, agent, asked, caller, ended, outputs, responses, script, tools, words

HELLO, BYE = agent("Hello?"), agent("Goodbye!", hang_up={})


@pytest.mark.parametrize("status", [403, 404, 480, 486, 503])
def test_a_caller_who_is_turned_away_hears_what_the_rule_says(house: LocalCloud, status: int) -> None:
    call, known = ended(house, house.emulator.ring(caller=f"+14255550{status}", called=CHOOSY))

    assert [request["body"] for request in asked(known, "reject")] == [{"status_code": status}]
    assert (call["status"], call["decision"]["sip_status"]) == ("rejected", status)
    assert call["decision"]["rule"] in ("forbidden", "not found", "unavailable", "busy", "overloaded")


@pytest.mark.parametrize(("number", "rule"), [("+4930123456", "no germans"), ("+14255550111", "closed")])
def test_country_and_opening_hours_decide(house: LocalCloud, number: str, rule: str) -> None:
    call, _ = ended(house, house.emulator.ring(caller=number, called=CHOOSY))
    assert (call["status"], call["decision"]["rule"]) == ("rejected", rule)


def test_a_number_that_nobody_answers_is_not_found(house: LocalCloud) -> None:
    call, known = ended(house, house.emulator.ring(called="+14255559999"))
    assert asked(known, "reject")[0]["body"] == {"status_code": 404}
    assert (call["agent"], call["decision"]["rule"]) == (None, "no agent answers this number")


def test_a_rejection_that_fails_lets_it_ring_out_and_the_record_says_so(house: LocalCloud) -> None:
    call_id = house.emulator.ring(caller="+14255550486", called=CHOOSY, faults={"reject": 500})
    call = house.records.wait_for_end(call_id).call

    assert (call["status"], call["decision"]["rule"]) == ("rejected", "busy")
    assert "ring out" in call["end_detail"] or "rings out" in call["end_detail"]
    assert asked(house.emulator.shown(call_id), "accept") == []


def test_the_carrier_s_header_chooses_the_agent_and_facts_of_the_call_reach_its_instructions(house: LocalCloud) -> None:
    headers = [
        {"name": "from", "value": '"Bob" <sip:+14255550112@carrier.example>;tag=1'},
        {"name": "TO", "value": "<sip:proj_1@sip.api.openai.com;transport=tls>"},
        {"name": "diversion", "value": f"<sip:{CHOOSY}@carrier.example>;reason=unconditional"},
        {"name": "x-name", "value": "Bob"},
    ]
    call_id = house.emulator.ring(script(HELLO), sip_headers=headers)
    call, known = ended(house, call_id)

    assert (call["agent"], call["dialled"], call["decision"]["rule"]) == ("choosy", CHOOSY, "friends")
    when, _, rest = known["session"]["instructions"].partition(": ")
    assert rest.strip() == f'"+14255550112" called "{CHOOSY}". Name: "Bob".'
    assert len(when.split()) == 2


def test_a_caller_who_calls_again_too_soon_is_turned_away(house: LocalCloud) -> None:
    calls = [
        ended(house, house.emulator.ring(script(HELLO), caller="+14255550199", called=CHOOSY))[0] for _ in range(2)
    ]
    assert [call["decision"]["rule"] for call in calls] == ["few", "too often"]


def test_what_calls_have_cost_today_decides_over_the_next_one(house: LocalCloud) -> None:
    """The monitor adds a call's cost when it ends."""
    lines = [HELLO, caller("Hello!"), BYE]
    first, second = (
        ended(house, house.emulator.ring(script(*lines, stay=True), caller="+14255550198", called=CHOOSY))[0]
        for _ in range(2)
    )
    # Other tests may have spent this agent's money before; the second call cannot get through in any case.
    assert first["decision"]["rule"] in ("few", "spent")
    assert (second["decision"]["rule"], second["decision"]["sip_status"]) == ("spent", 480)


# --- tools ------------------------------------------------------------------------------------


def test_tools_called_together_run_together_and_are_answered_by_one_response(house: LocalCloud) -> None:
    slow, fast = {"name": "slow", "arguments": {}}, {"name": "fast", "arguments": {"number": 7}}
    many = {"agent": None, "tools": [slow, fast, slow]}
    lines = [HELLO, caller("Do everything."), many, agent("One moment."), BYE]
    call_id = house.emulator.ring(script(*lines, stay=True), called=WORKSHOP)
    call, known = ended(house, call_id)

    runs = [item for item in house.records.get(call_id).items if item["kind"] == "tool"][:3]
    assert [(run["name"], run["outcome"], run["output"]) for run in runs] == [
        ("slow", "ok", "slow is done"),
        ("fast", "ok", "fast got 7"),
        ("slow", "ok", "slow is done"),
    ]
    assert [float(run["seconds"]) >= 1 for run in runs] == [True, False, True]
    # One after the other the slow ones would have taken two seconds and more.
    started = float(runs[0]["started_at"])
    assert float(call["steps"]["ended"]) - started < 1.9
    assert len(responses(known)) == 3  # the greeting, a word while the caller waits, and one for all three


def test_a_caller_who_waits_for_a_slow_tool_is_told_so(house: LocalCloud) -> None:
    lines = [HELLO, caller("Look."), agent(None, slow={}), agent("One moment, please."), BYE]
    call_id = house.emulator.ring(script(*lines, stay=True), called=WORKSHOP)
    call, known = ended(house, call_id)

    assert words(known) == ["Hello?", "One moment, please.", "Goodbye!"]
    assert (tools(house, call_id)["slow"]["outcome"], call["end_reason"]) == ("ok", "agent_hung_up")


@pytest.mark.parametrize(
    ("name", "outcome", "told"),
    [
        ("broken", "error", "it failed with ConnectionError"),
        ("endless", "timeout", "it took too long"),
        ("unheard_of", "refused", "there is no such tool"),
        ("order_status", "refused", "there is no such tool"),
    ],
)
def test_a_tool_that_does_not_work_is_told_in_words_and_kept(
    house: LocalCloud, name: str, outcome: str, told: str
) -> None:
    lines = [HELLO, caller("Try it."), {"agent": None, "tool": {"name": name, "arguments": {}}}, BYE]
    call_id = house.emulator.ring(script(*lines, stay=True), called=WORKSHOP)
    call, known = ended(house, call_id)

    run = tools(house, call_id)[name]
    assert (run["outcome"], run["arguments"]) == (outcome, "{}")
    assert told in outputs(known)[name]
    assert "hunter2" not in json.dumps(known["commands"]) + str(run)
    assert (words(known)[-1], call["end_reason"]) == ("Goodbye!", "agent_hung_up")


def test_wrong_arguments_are_told_to_the_model(house: LocalCloud) -> None:
    lines = [HELLO, caller("Try it."), agent(None, fast={"number": "seven", "speed": 9}), BYE]
    call_id = house.emulator.ring(script(*lines, stay=True), called=WORKSHOP)
    _, known = ended(house, call_id)
    assert tools(house, call_id)["fast"]["outcome"] == "refused"
    assert "number: Input should be a valid integer" in outputs(known)["fast"]


def test_a_tool_may_know_whose_call_it_is_and_the_model_does_not_see_it(house: LocalCloud) -> None:
    lines = [HELLO, caller("Who am I?"), agent(None, whose={}), BYE]
    call_id = house.emulator.ring(script(*lines, stay=True), "+14255550177", WORKSHOP)
    _, known = ended(house, call_id)

    assert json.loads(outputs(known)["whose"]) == {
        "call": call_id,
        "agent": "workshop",
        "caller": "+14255550177",
        "dialled": WORKSHOP,
    }
    (shown,) = [tool for tool in known["session"]["tools"] if tool.get("name") == "whose"]
    assert shown["parameters"]["properties"] == {}


@pytest.mark.parametrize(("tool", "approved"), [("find", True), ("delete", False)])
def test_an_mcp_server_s_wish_for_approval_is_answered_by_the_file_and_never_left_hanging(
    house: LocalCloud, tool: str, approved: bool
) -> None:
    asking = {"mcp_approval": {"server_label": "crm", "name": tool, "arguments": {}}}
    lines = [HELLO, caller("Look me up."), asking, BYE]
    call, known = ended(house, house.emulator.ring(script(*lines, stay=True), called=WORKSHOP))

    items = [sent["event"].get("item", {}) for sent in known["commands"]]
    assert [item["approve"] for item in items if item.get("type") == "mcp_approval_response"] == [approved]
    assert (words(known)[-1], call["end_reason"]) == ("Goodbye!", "agent_hung_up")
    (server,) = [tool for tool in known["session"]["tools"] if tool["type"] == "mcp"]
    assert server["require_approval"] == "always"
