"""A Realtime session of its own, over a WebSocket, in text or in voice (API reference, Realtime: `?model=`)."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from cli.errors import CliError

FRAME_LIMIT = 16 << 20
_NOT_IN_TEXT = ("model", "output_modalities", "audio")


class SessionError(CliError):
    """The session cannot be opened, or cannot go on. The message says what OpenAI says."""


class SessionClosed(Exception):
    """The session is over: we closed it, or OpenAI did. The message is the reason that came with it."""


def typed(accepted: Mapping[str, Any]) -> dict[str, Any]:
    """The session of an accept's body, for typing: the same instructions, tools and limits, in text.

    Its model stands in the address, and there is nobody to listen to: voice, transcription and turn detection have
    nothing to act on.
    """
    session = {name: value for name, value in accepted.items() if name not in _NOT_IN_TEXT}
    return {**session, "output_modalities": ["text"], "audio": {"input": {"turn_detection": None}}}


def spoken(accepted: Mapping[str, Any]) -> dict[str, Any]:
    """The session of an accept's body, for a microphone: on SIP the media format is negotiated, here it is said."""
    session = {name: value for name, value in accepted.items() if name not in ("model", "audio")}
    audio = accepted.get("audio") or {}
    pcm = {"format": {"type": "audio/pcm", "rate": 24_000}}
    sides = {side: {**(audio.get(side) or {}), **pcm} for side in ("input", "output")}
    return {**session, "output_modalities": ["audio"], "audio": sides}


def address(base_url: str, model: str) -> str:
    """`wss://…/v1/realtime?model=…` on the origin of the REST calls."""
    parts = urlsplit(base_url)
    scheme = {"https": "wss", "http": "ws"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise SessionError(f"OPENAI_BASE_URL: {base_url} is not an address (for example https://api.openai.com/v1)")
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/realtime", f"model={quote(model)}", ""))


class Session:
    """Events as JSON objects, both ways."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> dict[str, Any]:
        """The next event; raises `SessionClosed`."""
        while True:
            try:
                event = json.loads(await self._connection.recv())
            except ValueError:
                continue
            except ConnectionClosed as closed:
                raise SessionClosed(closed.rcvd.reason if closed.rcvd else "") from None
            if isinstance(event, dict):
                return event

    async def send(self, event: Mapping[str, Any]) -> None:
        """Raises `SessionClosed`."""
        try:
            await self._connection.send(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
        except ConnectionClosed:
            raise SessionClosed from None

    async def close(self) -> None:
        await self._connection.close()


async def open_session(base_url: str, api_key: str, accepted: Mapping[str, Any], *, voice: bool = False) -> Session:
    """Open a session as an accept with this body would, in text or in voice; raises `SessionError`."""
    url = address(base_url, str(accepted["model"]))
    headers = {"Authorization": f"Bearer {api_key}"}
    try:
        connection = await connect(
            url, additional_headers=headers, compression=None, max_size=FRAME_LIMIT, open_timeout=10, close_timeout=2
        )
    except InvalidStatus as refused:
        if refused.response.status_code == 401:
            raise SessionError("OpenAI refused the key: check OPENAI_API_KEY") from None
        raise SessionError(f"OpenAI refused the session: HTTP {refused.response.status_code}") from None
    except (InvalidHandshake, InvalidURI, OSError, TimeoutError, EOFError, ValueError) as error:
        where = urlsplit(base_url).netloc
        raise SessionError(f"{where} cannot be reached ({type(error).__name__}): check the network") from None
    session = Session(connection)
    try:
        await _until(session, "session.created")
        configured = spoken(accepted) if voice else typed(accepted)
        await session.send({"type": "session.update", "event_id": "configured", "session": configured})
        await _until(session, "session.updated")
    except SessionClosed as closed:
        raise SessionError(f"OpenAI closed the session at once: {closed}".rstrip(": ")) from None
    except BaseException:
        await session.close()
        raise
    return session


async def _until(session: Session, kind: str) -> None:
    while (event := await session.receive()).get("type") != kind:
        if event.get("type") == "error":
            error = event.get("error") or {}
            raise SessionError(f"OpenAI refuses the session: {error.get('message') or error.get('code')}")
