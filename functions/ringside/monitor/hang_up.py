"""Hanging up: asked for until it is done, whatever OpenAI or the sideband make of it."""

import logging

from ringside.calls import End, EndReason, Status
from ringside.monitor.attachment import Attachment
from ringside.monitor.record_writer import RecordWriter
from ringside.monitor.services import Services
from ringside.monitor.supervision_state import SupervisionState
from ringside.openai.call_control import Outcome

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
"""Between two requests, and before it is checked that the sideband has closed."""

MAX_CHECKS = 3


class HangUp:
    def __init__(
        self, supervision: SupervisionState, services: Services, writer: RecordWriter, attachment: Attachment
    ) -> None:
        self._supervision = supervision
        self._services = services
        self._writer = writer
        self._attachment = attachment
        self.reason: EndReason | None = None
        """Why the call is being hung up; None if it is not."""

    async def ask(self, reason: EndReason) -> None:
        """Hang up. Raises `Fenced`."""
        self.reason = reason
        call_id, sleep = self._supervision.call_id, self._services.time.sleep
        while True:
            # Claimed for the record's sake: hanging up twice does no harm, not hanging up does.
            await self._writer.claim("hang_up", facts={"hang_up_reason": reason})
            if not self._supervision.may_act():  # the lease may have run out while the record was asked
                return
            reply = await self._services.hang_up(call_id)
            if reply.outcome in (Outcome.DONE, Outcome.GONE):
                break
            self._services.metrics.count("HangUpsFailed")
            log.error("call.not_hung_up", extra={"call_id": call_id, "detail": reply.detail})
            await sleep(PAUSE_SECONDS)
        self._supervision.ended(End(Status.ENDED, reason, self._supervision.clock.now()))
        # OpenAI closes the socket when it tears the call down. If not, the socket or the answer was wrong.
        for _ in range(MAX_CHECKS):
            await sleep(PAUSE_SECONDS)
            if not self._attachment.is_online or reply.outcome is Outcome.GONE:
                break
            reply = await self._services.hang_up(call_id)
        await self._attachment.close()
