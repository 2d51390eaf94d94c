"""A monitor's surroundings, put together, and one call in them.

    world = World()
    world.record.failing = [THROTTLED]
    writer = world.writer(world.supervision())

Nothing in it waits for a thread or for real time.
"""

import asyncio
from typing import Any

from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.record import Ownership
from ringside.aws.table import Item
from ringside.calls import EndReason, Step
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.monitor.attachment import Attachment
from ringside.monitor.clock import CallClock
from ringside.monitor.handover import Takeover
from ringside.monitor.record_writer import RecordWriter
from ringside.monitor.services import Services
from ringside.monitor.supervision_state import SupervisionState
from ringside.prices import Prices
from tests.unit.monitor.fakes import (
    AGENT,
    CALL,
    NOON,
    Clock,
    Contract,
    Control,
    Counts,
    Queue,
    Record,
    Sideband,
    Tools,
    threads,
)


class World:
    """Everything around a call, and around a monitor."""

    def __init__(self, *answers: Sideband | int) -> None:
        self.clock = Clock()
        self.record = Record()
        self.queue = Queue()
        self.control = Control()
        self.contract = Contract(*answers)
        self.tools = Tools()
        self.holds = True
        self.lost = 0
        self.threads = threads()
        self.metrics = Counts()
        self.agents = Agents({"desk": AGENT})
        self.services = Services(
            record=self.record,
            control=self.control,
            contract=self.contract,
            api_key=lambda refresh: "new key" if refresh else "key",
            tools=self.tools,
            prices=Prices("2026-11-01", {AGENT.model: {"text": [1.0, 1.0, 1.0]}}, {}),
            metrics=self.metrics,
            threads=self.threads,
            holds=lambda: self.holds,
            attach_window=5.0,
            time=self.clock.time,
        )
        self.messages = self.queue

    def counted(self, name: str) -> float:
        return sum(self.metrics.values.get(name, ()))

    def supervision(self, epoch: int = 1, agent: Agent = AGENT, **more: Any) -> SupervisionState:
        call = call_item(epoch=epoch, **more)
        return SupervisionState(
            call,
            Ownership(CALL, "me", epoch),
            agent,
            CallClock(self.clock.time),
            lambda: self.holds,
            self._count_loss,
        )

    def _count_loss(self) -> None:
        self.lost += 1

    def attachment(self, supervision: SupervisionState, takeover: Takeover | None = None) -> Attachment:
        return Attachment(supervision, self.services, takeover or Takeover(supervision.call))

    def writer(self, supervision: SupervisionState) -> RecordWriter:
        return RecordWriter(supervision, self.services)


class Talk:
    """The conversation, as far as the effects report to it."""

    def __init__(self) -> None:
        self.fed: list[e.Event] = []
        self.was_greeted = 0
        self.goodbyes: list[EndReason] = []

    def feed(self, event: e.Event) -> None:
        self.fed.append(event)

    def greeted(self) -> None:
        self.was_greeted += 1

    def say_goodbye(self, reason: EndReason) -> None:
        self.goodbyes.append(reason)


EXPIRES = int(NOON) + 86_400
"""When the retention of these calls has passed."""


def call_item(call_id: str = CALL, **more: Any) -> Item:
    """One that was accepted just now."""
    steps = {Step.CREATED: NOON - 2, Step.ACCEPTED: NOON - 1}
    known = {"call_id": call_id, "status": "live", "epoch": 1, "agent": "desk", "expires_at": EXPIRES}
    return {**known, "steps": steps, **more}


def save(position: int) -> do.Save:
    return do.Save(position, {"kind": "turn", "item_id": f"item_{position}", "started_at": NOON})


async def settle(rounds: int = 50) -> None:
    """Let everything happen that does not wait for something else."""
    for _ in range(rounds):
        await asyncio.sleep(0)
