"""What a call has used and cost so far."""

from collections.abc import Callable

from ringside.agentfile.agent import Agent
from ringside.conversation.events import Usage
from ringside.monitor.record_writer import RecordWriter
from ringside.prices import Prices

USAGE_EVERY = 10.0
"""Seconds between two writes of a running call's usage: the last one is written at the end anyway."""


class Spending:
    def __init__(
        self, agent: Agent, prices: Prices, writer: RecordWriter, usage: Usage, monotonic: Callable[[], float]
    ) -> None:
        """`usage`: what the record has."""
        self._agent = agent
        self._prices = prices
        self._writer = writer
        self._saved = usage
        self._save_at = monotonic()  # what is new to the record is written as soon as it is known
        self._monotonic = monotonic

    def cost(self, usage: Usage) -> float | None:
        """In US dollars; None if a price is not known."""
        transcription = self._agent.transcription
        return self._prices.cost(usage, self._agent.model, transcription.model if transcription else None)

    def is_over(self, usage: Usage) -> bool:
        """Whether this costs what a call of this agent may cost."""
        limit = self._agent.limits.max_cost
        cost = self.cost(usage) if limit is not None else None
        return limit is not None and cost is not None and cost >= limit

    def save_now_and_then(self, usage: Usage) -> None:
        """Write the running total, if it is new and the last write is a while ago."""
        now = self._monotonic()
        if now >= self._save_at and usage != self._saved:
            self._saved, self._save_at = usage, now + USAGE_EVERY
            self._writer.save_usage(usage, self.cost(usage))

    def leave(self) -> None:
        """This owner leaves: its last total is written however soon it comes."""
        self._save_at = self._monotonic()
