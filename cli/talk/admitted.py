"""A call that might come, up to the accept: who calls, which agent answers, what the rules say, which session it gets.

The agent files here decide, as they would in the webhook; nothing is asked of a cloud. Limits that have to be counted
are taken for not reached.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringside.admission import policy, rules
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.calls import Status, Step
from ringside.openai import accept
from ringside.sip import parties
from ringside.sip.invite import Invite, read
from ringside.sip.trunk import Trunk
from ringside.tools.definition import Tool

Item = dict[str, Any]
Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Admitted:
    """What is decided about a call. `agent`: None if no agent answers the number. `at`: Unix seconds, when it comes.
    `uncounted`: whether a rule asked for a count."""

    agent: Agent | None
    decision: policy.Decision
    invite: Invite
    at: float
    uncounted: bool

    @property
    def is_accepted(self) -> bool:
        return self.agent is not None and self.decision.verdict != "reject"


def admit(agents: Agents, headers: Rows, at: float, trunk: Trunk | None = None) -> Admitted:
    """Decide about a call with these SIP headers (`name`, `value`)."""
    trunk = trunk or Trunk()
    agent, dialled = agents.route(parties.dialled(headers, trunk))
    invite = read(headers, trunk, dialled, agent.placeholders if agent else ())
    if agent is None:
        return Admitted(None, policy.NO_AGENT, invite, at, False)
    call = rules.Call(invite.caller.name, agent.is_open(at), invite.attested)
    deciding, uncounted = policy.decide(agent.admission, call), False
    try:
        next(deciding)
        while True:
            uncounted = True
            deciding.send(False)
    except StopIteration as stop:
        return Admitted(agent, stop.value, invite, at, uncounted)


def headers_of(caller: str | None, dialled: str | None, more: Rows = ()) -> list[dict[str, str]]:
    """SIP headers of such a call, as a trunk would send them; what `more` has is not made up. `caller`: E.164, an
    extension, `anonymous` or `unknown`; `dialled`: E.164."""
    made = [dict(row) for row in more]
    given = {row["name"].casefold() for row in made}
    if dialled and "to" not in given:
        made.append({"name": "To", "value": f"<sip:{dialled}@sip.example.com>"})
    if caller and "from" not in given:
        user = "anonymous@anonymous.invalid" if caller == "anonymous" else f"{caller}@sip.example.com"
        made.append({"name": "From", "value": f"<sip:{user}>"})
    return made


def call_item(admitted: Admitted) -> Item:
    """The call item as the webhook would have written it, of a call that is accepted at once."""
    agent = admitted.agent
    steps = (Step.CREATED, Step.DECIDED, Step.ACCEPT_SENT, Step.ACCEPTED)
    return {
        "call_id": f"talk_{secrets.token_hex(8)}",
        "agent": agent.name if agent else None,
        "model": agent.model if agent else None,
        **admitted.invite.as_item(),
        "decision": admitted.decision.as_item(),
        "status": Status.LIVE if admitted.is_accepted else Status.REJECTED,
        "epoch": 1,
        "steps": dict.fromkeys(steps if admitted.is_accepted else steps[:2], admitted.at),
    }


def accept_body(agent: Agent, tools: Mapping[str, Tool], admitted: Admitted) -> dict[str, Any]:
    """The whole session that the accept would send."""
    invite = admitted.invite
    facts = invite.values_of(agent.headers)
    instructions = agent.instructions_for(invite.caller.name, invite.dialled, admitted.at, facts)
    return accept.session(agent, tools, instructions)
