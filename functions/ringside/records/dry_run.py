"""What the admission rules say about a call, without one: read, never reserved or written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ringside.admission import policy, rules
from ringside.admission.decide import Admission
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.counters import Counters
from ringside.sip import parties
from ringside.sip.attestation import Attested
from ringside.sip.invite import read
from ringside.sip.trunk import Trunk


@dataclass(frozen=True)
class Asked:
    """A call that might come, or came. `caller`: E.164, an extension, `anonymous` or `unknown`; `dialled`: E.164."""

    caller: str
    dialled: str | None
    attested: Attested
    agent: Agent | None
    at: float  # Unix seconds
    call_id: str = "-"


@dataclass(frozen=True)
class Answer:
    """What the rules say about it. `counted`: whether the record was read."""

    asked: Asked
    agent: Agent | None
    decision: policy.Decision
    counted: bool


Then = dict[str, Any]
"""What was decided when the call came: agent, verdict, rule and sip_status."""


def from_headers(rows: Sequence[dict[str, str]], agents: Agents, trunk: Trunk, caller: str | None) -> Asked:
    """The call that these SIP headers announce. `caller`: who calls, where that is known without them."""
    agent, dialled = agents.route(parties.dialled(rows, trunk))
    invite = read(rows, trunk, dialled, agent.placeholders if agent else ())
    return Asked(caller or invite.caller.name, dialled, invite.attested, agent, 0)


def decide(asked: Asked, counters: Callable[[], Counters]) -> Answer:
    """What the rules say. `counters` is asked for only if one of them has to count."""
    agent = asked.agent
    if agent is None:
        return Answer(asked, None, policy.NO_AGENT, False)
    is_open = agent.is_open(asked.at)
    try:
        next(policy.decide(agent.admission, rules.Call(asked.caller, is_open, asked.attested)))
    except StopIteration as stop:
        return Answer(asked, agent, stop.value, False)
    decision = Admission(
        counters(),
        agent.name,
        agent.admission,
        is_open,
        asked.call_id,
        asked.caller,
        asked.at,
        dry=True,
        attested=asked.attested,
    ).decide()
    return Answer(asked, agent, decision, True)


def shape(answer: Answer, then: Then | None = None) -> dict[str, Any]:
    """As docs/cli.md documents a decision; with `then`, a replayed one."""
    asked, agent = answer.asked, answer.agent
    shown: dict[str, Any] = {
        **answer.decision.as_item(),
        "agent": agent.name if agent else None,
        "caller": asked.caller,
        "dialled": asked.dialled,
        "attested": asked.attested,
        "at": datetime.fromtimestamp(asked.at, UTC).isoformat(timespec="seconds"),
        "open": agent.is_open(asked.at) if agent else None,
        "counted": answer.counted,
    }
    return shown if then is None else {**shown, "call_id": asked.call_id, "then": then}
