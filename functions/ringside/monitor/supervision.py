"""One owner's supervision of one call: whose, of what, and what has become of it."""

from collections.abc import Callable
from enum import StrEnum

from ringside.agentfile.agent import Agent
from ringside.aws.record import Ownership
from ringside.aws.table import Item
from ringside.calls import End, answered_at
from ringside.monitor.clock import CallClock


class SupervisionResult(StrEnum):
    """How supervision ended, which decides what becomes of the queue's message."""

    OVER = "over"  # the record is closed: delete the message
    RELEASED = "released"  # given up for another owner: make the message visible at once
    LOST = "lost"  # this owner had to stop: it was fenced, or could no longer prove that it is the owner


class Supervision:
    """Goes on until the call has ended (`end`) or this owner is done with it (`result`), whichever comes first."""

    def __init__(
        self,
        call: Item,
        ownership: Ownership,
        agent: Agent,
        clock: CallClock,
        holds: Callable[[], bool],
        on_lost: Callable[[], None],
    ) -> None:
        """`holds`: whether the monitor can still prove that its calls are its own. `on_lost` is called once."""
        self.call = call
        self.ownership = ownership
        self.agent = agent
        self.clock = clock
        self.answered_at = answered_at(call)
        self.end: End | None = None
        self.result: SupervisionResult | None = None
        self._holds = holds
        self._on_lost = on_lost

    @property
    def call_id(self) -> str:
        return self.ownership.call_id

    @property
    def goes_on(self) -> bool:
        return self.result is None and self.end is None

    @property
    def may_speak(self) -> bool:
        """Also an owner that leaves says what it has begun to say."""
        return self.end is None and self.result in (None, SupervisionResult.RELEASED)

    def may_act(self) -> bool:
        """Whether this owner can prove that the call is its own. The first time that it cannot, the call is lost."""
        if not self._holds():
            self.lose()
        return self.result is not SupervisionResult.LOST

    def lose(self) -> None:
        """From this moment on this owner says and writes nothing."""
        if self.result is None:
            self.result = SupervisionResult.LOST
            self._on_lost()

    def release(self) -> bool:
        """Leave the call to the next owner; False if it is too late for that."""
        if self.result is not None:
            return False
        self.result = SupervisionResult.RELEASED
        return True

    def ended(self, end: End) -> None:
        """The call is over. What is known first counts."""
        self.end = self.end or end
