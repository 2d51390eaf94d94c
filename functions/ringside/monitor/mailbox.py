"""A monitor's mailbox: what operators want of any of its calls, looked for twice a second while it has some.

One look for all calls, so that its price does not grow with them (ADR 15).
"""

import logging

from ringside.aws.actions import Asked
from ringside.conversation.operator import GOOD_FOR_SECONDS
from ringside.monitor.async_record import AsyncRecord
from ringside.monitor.clock import Time
from ringside.monitor.owned_calls import OwnedCalls

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  # between two looks: what is asked is taken within that, and the time of a request
FAILED_SECONDS = 2.0  # after a look that failed


class Mailbox:
    def __init__(self, owned: OwnedCalls, record: AsyncRecord, time: Time) -> None:
        self._owned = owned
        self._record = record
        self._time = time
        self._failed_before = False

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            await self._time.sleep(LOOK_SECONDS)
            if len(self._owned):
                await self.look()

    async def look(self) -> None:
        """Give what is there to the calls that it is for."""
        try:
            found = await self._record.actions_asked(self._owned.owner)
            for asked in found:
                await self._deliver(asked)
        except Exception as error:  # the next look finds it
            if not self._failed_before:
                log.warning("mailbox.not_read", extra={"error": type(error).__name__})
            self._failed_before = True
            await self._time.sleep(FAILED_SECONDS)
        else:
            self._failed_before = False

    async def _deliver(self, asked: Asked) -> None:
        call = self._owned.get(asked.call_id)
        if call is not None:
            call.supervisor.act(asked)
        elif self._time.wall() - asked.asked_at > GOOD_FOR_SECONDS:
            # The call went to another monitor, or ended: whoever had it last has seen to it.
            await self._record.leave_mailbox(asked, self._owned.owner)
