"""A call of an agent in text: over a session of its own, with fakes for its tools, on the agent's clock.

What live runs and tests in Python stand on. Admission, session, conversation, tools and record are the real ones; there
is no INVITE, no webhook and no monitor (`cli/talk`).
"""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cli.talk import admitted
from cli.talk.call import PlainCall, Watcher
from cli.talk.session import open_session
from infra.scenarios import fakes, playing
from infra.scenarios.reading import Prepared
from ringside import prices
from ringside.aws.record import as_json
from ringside.records import shapes


class NotAdmitted(Exception):
    """The agent's rules turn the call away."""

    def __init__(self, call: dict[str, Any]) -> None:
        super().__init__(f"the call was not let in: {call['decision']['rule']}")
        self.call = call


@dataclass
class TextCall:
    """A call that is going on, or over."""

    call: PlainCall
    tools: fakes.ScenarioTools
    state: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """The call as `calls show --json` has it."""
        found: dict[str, Any] = json.loads(as_json(shapes.whole(self.call.record.call, self.call.record.items)))
        return found


@dataclass(frozen=True)
class OpenAIAccess:
    """Where OpenAI is, and the key for it."""

    base_url: str
    api_key: str


def admission(prepared: Prepared) -> tuple[admitted.Admitted, datetime]:
    """What the agent's rules say of the call, and when it comes."""
    scenario, agent = prepared.scenario, prepared.agent
    at = datetime.fromisoformat(scenario.call.at).replace(tzinfo=ZoneInfo(agent.time_zone if agent else "UTC"))
    return admitted.admit(prepared.agents, playing.headers(scenario, prepared.dialled), at.timestamp()), at


def decided(prepared: Prepared) -> dict[str, Any]:
    """The call as it is once it is decided about, before anybody speaks."""
    item = admitted.call_item(admission(prepared)[0])
    return {**json.loads(as_json(shapes.whole(item, []))), "items": []}


@contextlib.asynccontextmanager
async def text_call(
    prepared: Prepared, openai: OpenAIAccess, watcher: Watcher | None = None
) -> AsyncIterator[TextCall]:
    """Call the agent, and hear its greeting. Raises `NotAdmitted`, or `SessionError` if OpenAI cannot be had."""
    scenario = prepared.scenario
    came, at = admission(prepared)
    item = admitted.call_item(came)
    if not came.is_accepted or came.agent is None:
        raise NotAdmitted(decided(prepared))
    state = json.loads(json.dumps(scenario.state))
    world = fakes.World(state, at)
    tools = fakes.ScenarioTools(prepared.tools, prepared.fakes, scenario.real, world)
    body = admitted.accept_body(came.agent, prepared.all_tools, came)
    session = await open_session(openai.base_url, openai.api_key, body)
    outcomes = scenario.transfers
    made = PlainCall(
        came.agent,
        item,
        session,
        tools,
        prices.load(),
        watcher=watcher,
        transfers=lambda target: outcomes.get(target, "left"),
    )
    async with made as call:
        await call.begin()
        yield TextCall(call, tools, state)
