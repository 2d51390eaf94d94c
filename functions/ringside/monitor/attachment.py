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
from ringside.monitor.supervision_state import SupervisionState
from ringside.openai.sideband import AttachError

log = logging.getLogger(__name__)

LATE_SECONDS = 2.0  # after the accept: a first sideband that comes later may have missed words
FIRST_PAUSE, MAX_PAUSE, MAX_PAUSE_GONE = 0.2, 5.0, 1.0  # seconds between two tries to attach
MAX_FUTILE = 12  # sidebands in a row that close before anything is heard; with the pauses, some 45 s
KEPT_SECONDS = 10.0  # after which a sideband was worth having though nothing was heard: a caller may be silent
ANSWERS = (e.SessionStarted, e.SessionError, e.ItemAdded, e.ItemRetrieved)
"""What a session says of itself, and to what we say: by this alone it is not known that a sideband is any good."""


class Attachment:
    """One class, since opening, reading, gaps and speaking belong to one line: what is said waits until it is open, and
    what was missed is measured from when it closed.
    """

    def __init__(self, supervision: SupervisionState, services: Services, takeover: Takeover) -> None:
        self._supervision = supervision
        self._services = services
        self._early: EarlySideband | None = takeover.sideband
        self._unheard_since = takeover.unheard_since
        self._is_first_owner = not takeover.from_another_owner
        self._connection: Connection | None = None
        self._online = asyncio.Event()
        self._commands = SerialQueue(f"commands {supervision.call_id}")
        self._futile = 0  # sidebands in a row that closed before anything was heard
        self._has_heard = False  # something, over the sideband that is open, or was last
        self._opened_at = 0.0  # monotonic
        self._pause = FIRST_PAUSE  # counts from when something was heard, not from when a sideband opened
        self._gap_is_told = False  # since something was heard
        self.opened = 0
        """How often this owner had a sideband."""
        self.closed_at = 0.0
        """When the last one closed, or at the latest did (Unix seconds)."""
        self._heard_at = 0.0
        self._absent_at = 0.0  # when OpenAI last knew of no session (Unix seconds)

    @property
    def is_futile(self) -> bool:
        """Whether one sideband after the other closed before anything was heard: nobody can keep such a call."""
        return self._futile >= MAX_FUTILE

    async def online(self) -> None:
        """Wait until there is a sideband."""
        await self._online.wait()

    @property
    def is_online(self) -> bool:
        return self._online.is_set()

    # --- opening and closing ---

    async def open(self) -> bool:
        """Attach, again and again. False if the call or its supervision is over, or if it is futile.

        One that was opened early is used first: its marker is the first event.
        """
        if self.is_futile:
            return False
        connection = self._early.connection if self._early is not None else await self._attach()
        if connection is None:
            return False
        self._connection = connection
        self.opened += 1
        self._opened_at = self._services.time.monotonic()
        self._online.set()
        return True

    def take_marker(self) -> e.ItemAdded | None:
        """The first event of a sideband that was opened early, once."""
        early, self._early = self._early, None
        return early.marker if early is not None else None

    async def _attach(self) -> Connection | None:
        time, started, refresh = self._services.time, self._services.time.monotonic(), False
        if self._futile > 1:  # after the first, which may have been the end of the call, it is asked at once
            await self._wait()
        # Right after the accept a 404 means "not yet"; once we were attached, it means that the call is over.
        window = 0.0 if self.opened else self._services.attach_window
        while self._supervision.acts:
            try:
                connection = await self._services.attach(self._supervision.call_id, refresh)
            except AttachError as error:
                refresh = error.status == 401
                if error.gone:
                    self._absent_at = self._supervision.clock.now()
                log.info("sideband.refused", extra={"call_id": self._supervision.call_id, "status": error.status})
                if error.gone and time.monotonic() - started >= window:
                    return None
                self._services.metrics.count("SidebandsRefused")
                await self._wait(MAX_PAUSE_GONE if error.gone else MAX_PAUSE)
                self._supervision.may_act()
            else:
                if self._supervision.acts:
                    return connection
                await connection.close()
        return None

    async def _wait(self, most: float = MAX_PAUSE) -> None:
        """Between two tries; longer each time, until something is heard."""
        await self._services.time.sleep(min(self._pause, most) * random.uniform(0.5, 1.5))
        self._pause = min(self._pause * 2, most)

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
        connection, is_ours = self._connection, True
        if connection is None:
            return

        def take(frame: str | bytes) -> bool:
            nonlocal is_ours
            event = self._decoded(frame)
            self._heard_at = self._supervision.clock.now()
            if event is None:
                return True
            if not self._has_heard and not isinstance(event, ANSWERS):
                self._heard()
            is_ours = happened(event)
            return is_ours and not writer.is_crowded

        try:
            while is_ours:
                await writer.room()
                await connection.read(take)
            return
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            log.info("sideband.closed", extra={"call_id": self._supervision.call_id, "code": code})
        now = self._supervision.clock.now()
        # A process that stood still learns of it when it goes on: what came last was the last that was heard.
        self.closed_at = now if self._services.holds() else self._heard_at or now
        self._online.clear()
        self._connection = None
        if not self._has_heard and self._services.time.monotonic() - self._opened_at >= KEPT_SECONDS:
            self._heard()
        self._futile = 0 if self._has_heard else self._futile + 1
        self._has_heard = False

    def _heard(self) -> None:
        self._has_heard, self._gap_is_told = True, False
        self._futile, self._pause = 0, FIRST_PAUSE

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

    def gap(self) -> tuple[float, str, bool] | None:
        """Since when (Unix seconds) no monitor was listening before the sideband that is open now, and why.

        The third says whether it is still the gap that was told of last, since nothing was heard in between.
        """
        goes_on = self._gap_is_told
        if self.opened > 1:
            found = self.closed_at, "the connection was lost", goes_on
        elif self._unheard_since is not None:
            found = self._unheard_since, "another monitor took over", goes_on
        elif self._is_first_owner and (since := self._late_since()) is not None:
            found = since, "no monitor had taken the call", goes_on
        else:
            return None
        self._gap_is_told = True
        return found

    @property
    def _session_since(self) -> float:
        """Since when there may be a session."""
        return max(self._supervision.answered_at, self._absent_at)

    def _late_since(self) -> float | None:
        """Since when there may have been words, if the first sideband came late."""
        since = self._session_since
        return since if self._supervision.clock.now() - since > LATE_SECONDS else None

    def unheard_since(self) -> float:
        """The last moment at which an owner surely listened (Unix seconds), be it this one or a former one."""
        if self.is_online:
            return self._supervision.clock.now()
        if not self.opened and self._unheard_since is not None:
            return self._unheard_since
        if not self.opened and self._is_first_owner:
            return self._session_since
        return self.closed_at or self._supervision.clock.now()

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
            if attachment != self.opened and isinstance(command, e.Respond | e.RetrieveItem | e.DeleteItem):
                return
            connection = self._connection
            if self._supervision.may_act() and connection is not None:
                with suppress(ConnectionClosed):  # the reader sees it too, and knows what to do
                    await connection.send(self._services.contract.encode(command))
                    return
            await self._services.time.sleep(0.05)
