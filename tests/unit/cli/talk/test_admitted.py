"""Who answers a call that might come, and what the rules say, without a cloud."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cli.talk import admitted
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.sip.trunk import Trunk

NUMBER = "+18005551212"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 12, 1, 0, 30, tzinfo=UTC).timestamp()


def _agents(**more: Any) -> Agents:
    agent = Agent.model_validate({"name": "desk", "answers": NUMBER, "instructions": "Hi {{caller}}.", **more})
    return Agents({"desk": agent})


def test_a_call_is_admitted_and_its_item_is_the_webhooks() -> None:
    came = admitted.admit(_agents(), admitted.headers_of("+12025550143", NUMBER), NOON)
    item = admitted.call_item(came)
    assert came.is_accepted
    assert (item["agent"], item["caller"], item["dialled"]) == ("desk", "+12025550143", NUMBER)
    assert item["status"] == "live"
    assert came.agent is not None
    assert "+12025550143" in admitted.accept_body(came.agent, {}, came)["instructions"]


@pytest.mark.parametrize("caller", ["anonymous", "1001"])
def test_withheld_numbers_and_extensions_are_callers(caller: str) -> None:
    came = admitted.admit(_agents(), admitted.headers_of(caller, NUMBER), NOON)
    assert came.invite.caller.name == caller


def test_outside_hours_the_rules_answer() -> None:
    closed = {"name": "closed", "outside_hours": True, "reject": 480}
    agents = _agents(opening_hours={"tuesday": "09:00-17:00"}, admission=[closed])
    assert admitted.admit(agents, admitted.headers_of("+12025550143", NUMBER), NOON).is_accepted
    refused = admitted.admit(agents, admitted.headers_of("+12025550143", NUMBER), MIDNIGHT)
    assert not refused.is_accepted
    assert refused.decision.sip_status == 480
    assert admitted.call_item(refused)["status"] == "rejected"


def test_a_number_without_an_agent_is_answered_by_nobody() -> None:
    came = admitted.admit(_agents(), admitted.headers_of("+12025550143", "+12025550100"), NOON)
    assert (came.agent, came.decision.sip_status) == (None, 404)


def test_what_has_to_be_counted_is_taken_for_not_reached_and_said() -> None:
    agents = _agents(admission=[{"name": "busy", "agent_calls": 1, "reject": 486}])
    came = admitted.admit(agents, admitted.headers_of("+12025550143", NUMBER), NOON)
    assert came.is_accepted
    assert came.uncounted


def test_given_headers_are_read_as_the_webhook_reads_them() -> None:
    rows = [{"name": "Diversion", "value": f"<sip:{NUMBER}@example.com>"}, {"name": "Privacy", "value": "id"}]
    made = admitted.headers_of("+12025550143", "+12025550100", rows)
    came = admitted.admit(_agents(), made, NOON, Trunk())
    assert came.invite.caller.name == "anonymous"
