"""What a call has used and cost so far."""

from collections.abc import Callable

from ringside.agentfile.agent import Agent
from ringside.conversation.events import Usage
from ringside.monitor.record_writer import RecordWriter
from ringside.prices import Prices

USAGE_EVERY = 10.0
"""Seconds between two writes of a running call's usage: the last one is written at the end anyway."""


class Spending:
    def __init__(self, agent: Agent, prices: Prices, writer: RecordWriter, monotonic: Callable[[], float]) -> None:
        self._agent = agent
        self._prices = prices
        self._writer = writer
        self.others = Usage()
        """What former owners have seen used. Each owner counts for itself: the sum is right, whoever died when."""
        self._shared = self._saved = Usage()
        self._save_at = monotonic()  # what is new to the record is written as soon as it is known
        self._monotonic = monotonic

    def cost(self, usage: Usage) -> float | None:
        """In US dollars; None if a price is not known."""
        transcription = self._agent.transcription
        return self._prices.cost(usage, self._agent.model, transcription.model if transcription else None)

    def is_over(self, own: Usage) -> bool:
        """Whether the call costs what a call of this agent may cost, with this much used under this owner."""
        limit = self._agent.limits.max_cost
        cost = self.cost(self.others + own) if limit is not None else None
        return limit is not None and cost is not None and cost >= limit

    def save(self, own: Usage) -> None:
        """Write what was used under this owner; and the call's total, unless it was written a moment ago."""
        now = self._monotonic()
        if own != self._shared:
            self._shared = own
            self._writer.save_share(own)
        if now >= self._save_at and own != self._saved:
            self._saved, self._save_at = own, now + USAGE_EVERY
            self._writer.save_usage(self.others + own, self.cost(self.others + own))

    def leave(self) -> None:
        """This owner leaves: its last total is written however soon it comes."""
        self._save_at = self._monotonic()
