"""A monitor: takes calls from the queue while it has free slots, keeps them, and gives them back."""

import asyncio
import logging
import secrets
from collections.abc import Callable

from ringside.agentfile.agents import Agents
from ringside.monitor.async_queue import AsyncQueue
from ringside.monitor.background import BackgroundTasks
from ringside.monitor.call_taker import CallTaker
from ringside.monitor.clock import Time
from ringside.monitor.drain import Drain
from ringside.monitor.lease import Heartbeat, Lease
from ringside.monitor.mailbox import Mailbox
from ringside.monitor.owned_calls import OwnedCalls
from ringside.monitor.services import Services
from ringside.monitor.threads import Threads

log = logging.getLogger(__name__)

POLLERS = 3
"""Long polls that are open at any time: one poll asks all of SQS's servers, several shorten the wait."""

_LEASE = "lease"
_POLLERS = tuple(f"poller {number}" for number in range(POLLERS))


class Monitor:
    """Owns many calls in one asyncio process."""

    def __init__(
        self,
        name: str,
        queue: AsyncQueue,
        agents: Agents,
        services: Callable[[Threads, Callable[[], bool], Time], Services],
        *,
        slots: int,
        lease: float,
        poll: float,
        time: Time | None = None,
    ) -> None:
        """`slots`: calls that it owns at most. `lease`, `poll` in seconds. `services` gets whether the lease holds."""
        time = time or Time()
        self.owner = f"{name}-{secrets.token_hex(4)}"  # a restarted process is another owner
        self._threads = Threads()
        self._lease = Lease(lease, time.monotonic)
        shared = services(self._threads, self._lease.holds, time)
        self._tools = shared.tools
        self._owned = OwnedCalls(self.owner, shared, queue, agents, slots, lease)
        self._heartbeat = Heartbeat(self.owner, self._lease, self._owned, shared.record, shared.metrics, time)
        self._taker = CallTaker(self._owned, self._lease, shared, queue, poll)
        self._drain = Drain(self._owned, self._lease, self._heartbeat, shared)
        self._mailbox = Mailbox(self._owned, shared.record, time)
        self._background = BackgroundTasks(on_death=self.stop)
        self._close = shared.close
        self._stopping = asyncio.Event()

    def holds(self) -> bool:
        """Whether this monitor's calls are surely still its own."""
        return self._lease.holds()

    @property
    def calls(self) -> int:
        return len(self._owned)

    def stop(self, wait: float = 0) -> None:
        """Take no more calls, let those that are here end for `wait` seconds, hand over the rest, let `run` return.

        Said again, it can only shorten the waiting.
        """
        self._drain.wait_at_most(wait)
        self._owned.slots = 0  # neither admission nor scaling is to count on them
        self._taker.stop()
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop` is called, and leave no call behind.

        A background task that dies stops the monitor: it gives its calls back as well as it can, and `run` raises
        `TaskDied`.
        """
        await self._heartbeat.beat()
        self._background.start(_LEASE, self._heartbeat.keep)
        self._background.start("mailbox", self._mailbox.keep)
        for name in _POLLERS:
            self._background.start(name, self._taker.poll)
        log.info("monitor.ready", extra={"owner": self.owner, "slots": self._owned.slots})
        try:
            await self._stopping.wait()
            await self._give_back_calls()
        finally:
            self._background.stop()
            self._threads.shutdown()
            self._tools.close()
            await self._close()
        log.info("monitor.stopped", extra={"owner": self.owner})
        self._background.raise_for_deaths()

    async def _give_back_calls(self) -> None:
        log.info("monitor.draining", extra={"calls": self.calls})
        try:
            await self._drain.wait(lambda: self._taker.considering)
            await self._hand_over()
            await self._background.done(*_POLLERS)
            if considering := self._taker.considering:
                await asyncio.wait(considering)
            await self._hand_over()  # what arrived with the last polls
        except Exception as error:
            self._background.report("drain", error)
            await self._drain.release_all()

    async def _hand_over(self) -> None:
        await self._drain.run(in_lease=_LEASE in self._background.died)
