"""What the parts of a supervisor share: whose call it is, of which agent, whether this owner may act."""

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
    LOST = "lost"  # another owner has the call, or supervision broke off


class SupervisionState:
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
        """`holds`: whether the monitor can still prove that its calls are its own. `on_lost` is called once, when it
        can not: from then on this owner does nothing, but it goes on listening."""
        self.call = call
        self.ownership = ownership
        self.agent = agent
        self.clock = clock
        self.answered_at = answered_at(call)
        self.end: End | None = None
        self.result: SupervisionResult | None = None
        self.is_lost = False
        """Whether this owner may no longer act. What it has heard, and still hears, is written all the same."""
        self.is_fenced = False
        """Whether the record has said that the call is not this owner's."""
        self._holds = holds
        self._on_lost = on_lost

    @property
    def call_id(self) -> str:
        return self.ownership.call_id

    @property
    def goes_on(self) -> bool:
        return self.result is None and self.end is None

    @property
    def acts(self) -> bool:
        """Whether it goes on, and this owner acts on it."""
        return self.goes_on and not self.is_lost

    @property
    def may_speak(self) -> bool:
        """Also an owner that leaves says what it has begun to say."""
        return not self.is_lost and self.end is None and self.result in (None, SupervisionResult.RELEASED)

    def may_act(self) -> bool:
        """Whether this owner can prove that the call is its own. The first time that it cannot, the call is lost."""
        if not self._holds():
            self.lose()
        return not self.is_lost and self.result is not SupervisionResult.LOST

    def lose(self, *, fenced: bool = False) -> None:
        """From this moment on this owner says and does nothing. `fenced`: the record has said so."""
        self.is_fenced = self.is_fenced or fenced
        if self.result is None and not self.is_lost:
            self.is_lost = True
            self._on_lost()

    def release(self) -> bool:
        """Leave the call to the next owner; False if it is too late for that."""
        if self.result is not None or self.is_lost:
            return False
        self.result = SupervisionResult.RELEASED
        return True

    def ended(self, end: End) -> None:
        """The call is over. What is known first counts."""
        self.end = self.end or end
