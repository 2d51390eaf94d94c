"""The sideband of one call: opened anew whenever it closes, read frame by frame, and spoken through."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from websockets.exceptions import ConnectionClosed

from ringside.conversation import events as e
from ringside.monitor.contract import Connection
from ringside.monitor.handover import EarlySideband, Takeover
from ringside.monitor.record_writer import RecordWriter
from ringside.monitor.serial_queue import SerialQueue
from ringside.monitor.services import Services
from ringside.monitor.supervision import Supervision
from ringside.openai.sideband import AttachError

log = logging.getLogger(__name__)

FAIR_SHARE = 64  # frames of one call before the others get a turn
FIRST_PAUSE, MAX_PAUSE, MAX_PAUSE_GONE = 0.2, 5.0, 1.0  # seconds between two tries to attach


class Attachment:
    def __init__(self, supervision: Supervision, services: Services, takeover: Takeover) -> None:
        self._supervision = supervision
        self._services = services
        self._early: EarlySideband | None = takeover.sideband
        self._unheard_since = takeover.unheard_since
        self._connection: Connection | None = None
        self._online = asyncio.Event()
        self._commands = SerialQueue(f"commands {supervision.call_id}")
        self.opened = 0
        """How often this owner had a sideband."""
        self.closed_at = 0.0
        """When the last one closed (Unix seconds)."""

    @property
    def is_online(self) -> bool:
        return self._online.is_set()

    # --- opening and closing ---

    async def open(self) -> bool:
        """Attach, again and again while supervision goes on; False if the call is over, or supervision is.

        One that was opened early is used first: its marker is the first event.
        """
        connection = self._early.connection if self._early is not None else await self._attach()
        if connection is None:
            return False
        self._connection = connection
        self.opened += 1
        self._online.set()
        return True

    def take_marker(self) -> e.ItemAdded | None:
        """The first event of a sideband that was opened early, once."""
        early, self._early = self._early, None
        return early.marker if early is not None else None

    async def _attach(self) -> Connection | None:
        time, started, pause, refresh = self._services.time, self._services.time.monotonic(), FIRST_PAUSE, False
        # Right after the accept a 404 means "not yet"; once we were attached, it means that the call is over.
        window = 0.0 if self.opened else self._services.attach_window
        while self._supervision.goes_on:
            try:
                connection = await self._services.attach(self._supervision.call_id, refresh)
            except AttachError as error:
                refresh = error.status == 401
                log.info("sideband.refused", extra={"call_id": self._supervision.call_id, "status": error.status})
                if error.gone and time.monotonic() - started >= window:
                    return None
                self._services.metrics.count("SidebandsRefused")
                await time.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, MAX_PAUSE_GONE if error.gone else MAX_PAUSE)
                self._supervision.may_act()
            else:
                if self._supervision.goes_on:
                    return connection
                await connection.close()
        return None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def stop(self) -> None:
        """Say nothing more, and close whatever is open."""
        await self._commands.stop()
        await self.close()
        if self._early is not None:
            await self._early.connection.close()

    # --- reading ---

    async def read(self, happened: Callable[[e.Event], bool], writer: RecordWriter) -> None:
        """Hand on events until the sideband closes, or until `happened` returns False: then it stays open.

        Reads no faster than the record takes what comes of it.
        """
        connection, frames = self._connection, 0
        if connection is None:
            return
        try:
            while True:
                event = self._decoded(await connection.recv())
                if event is not None and not happened(event):
                    return
                frames += 1
                if writer.is_crowded:
                    await writer.room()
                elif frames % FAIR_SHARE == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            log.info("sideband.closed", extra={"call_id": self._supervision.call_id, "code": code})
        self.closed_at = self._supervision.clock.now()
        self._online.clear()
        self._connection = None

    def _decoded(self, frame: str | bytes) -> e.Event | None:
        try:
            event = self._services.contract.decode(frame)
        except Exception as error:  # a frame that we cannot read must not cost the call
            self._services.metrics.count("FramesUnreadable")
            kind = type(error).__name__
            log.error("frame.unreadable", extra={"call_id": self._supervision.call_id, "error": kind})
            return None
        if not isinstance(event, e.Skipped):
            return event
        if event.why != "ignored":
            self._services.metrics.count(f"Frames{event.why.capitalize()}")
            about = {"call_id": self._supervision.call_id, "why": event.why, "type": event.type}
            log.info("frame.skipped", extra=about)
        return None

    # --- what was missed ---

    def gap(self) -> tuple[float, str] | None:
        """Since when (Unix seconds) no monitor was listening before the sideband that is open now, and why."""
        if self.opened > 1:
            return self.closed_at, "the connection was lost"
        return None if self._unheard_since is None else (self._unheard_since, "another monitor took over")

    def unheard_since(self) -> float:
        """The last moment at which an owner surely listened (Unix seconds), be it this one or a former one."""
        if self.opened or self._unheard_since is None:
            return self.closed_at or self._supervision.clock.now()
        return self._unheard_since

    # --- speaking ---

    def say(self, command: e.Command) -> None:
        """Say something to the session, after what was said before, as soon as there is a sideband."""
        self._commands.add(partial(self._send, command, self.opened))

    async def flush(self, seconds: float) -> None:
        """Wait a while for what is still to be said; not at all if there is no sideband."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if self.is_online else 0.0):
                await self._commands.done()

    async def _send(self, command: e.Command, attachment: int) -> None:
        """Across a reconnect, unless the conversation asks for it anew then."""
        while self._supervision.may_speak:
            await self._online.wait()
            if attachment != self.opened and isinstance(command, e.Respond | e.RetrieveItem):
                return
            connection = self._connection
            if self._supervision.may_act() and connection is not None:
                with suppress(ConnectionClosed):  # the reader sees it too, and knows what to do
                    await connection.send(self._services.contract.encode(command))
                    return
            await self._services.time.sleep(0.05)
