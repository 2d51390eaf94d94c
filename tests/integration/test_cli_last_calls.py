"""`ringside doctor --last`: recent calls of a record, looked at once more."""

import time

import pytest

from cli import cloud
from cli.doctor.finding import State
from cli.doctor.last_calls import check_last_calls
from cli.options import ANY
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.record import Record
from ringside.calls import Step

AGENTS = Agents({"a": Agent.model_validate({"name": "a", "answers": ["+18005551212"], "instructions": "x"})})


@pytest.mark.usefixtures("operator")
def test_the_newest_calls_say_which_setting_would_have_helped(record: Record) -> None:
    assert [finding.what for finding in check_last_calls(cloud.find(ANY), AGENTS, 20)] == ["none yet"]
    now = time.time()
    for place in range(3):
        rows = [{"name": "From", "value": f"<sip:1425555011{place}@c>"}]
        call = {"caller": "unknown", "caller_shown": f"1425555011{place}", "agent": "a", "sip_headers": rows}
        record.claim({"call_id": f"rtc_{place}", **call, "steps": {Step.CREATED: now - place}}, now)

    (finding,) = check_last_calls(cloud.find(ANY), AGENTS, 2)

    assert (finding.state, finding.todo) == (State.WARNING, "set the stack's parameter PlainNumbers=E164")
    assert finding.what == "a caller shows digits without a plus (2 of the last 2 calls)"
