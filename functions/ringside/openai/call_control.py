"""OpenAI's REST call control: accept, reject, refer, hang up. With timeouts and retries of our own.

None of the endpoints is idempotent and none documents its errors. What is known: 404 means that the
call is gone, and may take 5 s to say so; accept may answer any 2xx; of several accepts and rejects the
first decides the call, and the others are a 4xx. So accept, reject and hang-up may be asked for again
after an answer that never came; a transfer may not.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from ringside import calls
from ringside.openai import urls

log = logging.getLogger(__name__)

DECIDED = "decision_already_made"
"""The error code of a second accept or reject (guide, "Voice over SIP"; its HTTP status is not documented)."""


@dataclass(frozen=True)
class Timing:
    """All in seconds."""

    attempt: float = 6.5  # a 404 takes about 5.3 s to come (OpenAI community, topic 1394315): wait for it
    connect: float = 2.0
    pause: float = 0.3  # doubled with every attempt


class Outcome(StrEnum):
    DONE = "done"
    GONE = "gone"  # there is no such call any more
    REFUSED = "refused"  # asking again would not help
    UNAVAILABLE = "unavailable"  # asking again might help
    UNKNOWN = "unknown"  # it may or may not have been done


@dataclass(frozen=True)
class Reply:
    """What came of a request. `detail` is OpenAI's error code or the transport's, fit for a log."""

    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class _Attempt:
    """What came of one request. `request_id` is what OpenAI's support asks for."""

    reply: Reply
    again: bool = False  # another attempt may fare better
    maybe_done: bool = False
    request_id: str | None = None
    key_refused: bool = False


class CallControl:
    """Blocking; asyncio callers use a thread. `api_key(refresh)` returns the key."""

    def __init__(self, base_url: str, api_key: Callable[[bool], str], timing: Timing | None = None) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._timing = timing or Timing()
        # A connection that was idle for longer may be dead without our knowing: Lambda freezes between calls.
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=5.0)
        self._client = httpx.Client(limits=limits, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def accept(self, call_id: str, session: Mapping[str, Any], before: float) -> Reply:
        """Accept with the whole session; `before` (monotonic seconds) bounds all attempts."""
        return self._unless_done_before(self._post(call_id, "accept", session, before))

    def reject(self, call_id: str, sip_status: int, before: float) -> Reply:
        return self._unless_done_before(self._post(call_id, "reject", {"status_code": sip_status}, before))

    def hang_up(self, call_id: str, attempts: int = 4, before: float | None = None) -> Reply:
        """End the call. `GONE` is success: somebody hung up before. Safe to repeat."""
        if before is None:
            before = time.monotonic() + attempts * (self._timing.attempt + self._timing.pause)
        return self._post(call_id, "hangup", None, before, attempts=attempts, patient=True)[0]

    def refer(self, call_id: str, target_uri: str) -> Reply:
        """Ask for a transfer, once: a repeated REFER could ring two people."""
        before = time.monotonic() + self._timing.attempt
        return self._post(call_id, "refer", {"target_uri": target_uri}, before, attempts=1)[0]

    @staticmethod
    def _unless_done_before(result: tuple[Reply, bool]) -> Reply:
        """A call that is gone, or decided, after an attempt without an answer: that attempt may have done it."""
        reply, maybe_done = result
        if maybe_done and reply.outcome in (Outcome.GONE, Outcome.REFUSED):
            return Reply(Outcome.UNKNOWN, reply.detail)
        return reply

    def _post(
        self,
        call_id: str,
        verb: str,
        body: Mapping[str, Any] | None,
        before: float,
        attempts: int = 4,
        patient: bool = False,
    ) -> tuple[Reply, bool]:
        """The last attempt's reply, and whether an earlier one may have been successful without our knowing.

        `patient`: ask again also after a timeout. Whoever is waiting for an accept has no time for that.
        """
        if not calls.CALL_ID.fullmatch(call_id):
            return Reply(Outcome.REFUSED, "not_a_call_id"), False
        url = urls.call_url(self._base_url, call_id, verb)
        maybe_done = False
        tried = _Attempt(Reply(Outcome.UNAVAILABLE, "no time left"))
        for number in range(attempts):
            pause = self._timing.pause * 2 ** (number - 1) if number else 0.0
            if before - time.monotonic() - pause < self._timing.connect / 4:
                break
            time.sleep(pause)
            maybe_done = maybe_done or tried.maybe_done
            tried = self._ask(url, body, before)
            if not tried.again and not (patient and tried.maybe_done):
                break
        log.info(
            "openai.asked",
            extra={
                "call_id": call_id,
                "verb": verb,
                "outcome": tried.reply.outcome,
                "detail": tried.reply.detail,
                "request_id": tried.request_id,
            },
        )
        return tried.reply, maybe_done

    def _ask(self, url: str, body: Mapping[str, Any] | None, before: float) -> _Attempt:
        """One attempt; with a new key at once where the key was refused: it may have been rotated since it was read."""
        attempt = self._send(url, body, before, refresh=False)
        return self._send(url, body, before, refresh=True) if attempt.key_refused else attempt

    def _send(self, url: str, body: Mapping[str, Any] | None, before: float, refresh: bool) -> _Attempt:
        try:
            key = self._api_key(refresh)
        except Exception as error:  # nothing was asked yet
            return _Attempt(Reply(Outcome.UNAVAILABLE, type(error).__name__), again=True)
        left = max(0.1, before - time.monotonic())
        connect = min(self._timing.connect, left / 4)
        timeout = httpx.Timeout(min(self._timing.attempt, left - connect), connect=connect)
        try:
            response = self._client.post(url, headers={"Authorization": f"Bearer {key}"}, json=body, timeout=timeout)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return _Attempt(Reply(Outcome.UNAVAILABLE, type(error).__name__), again=True)  # it never left us
        except httpx.TimeoutException as error:
            return _Attempt(Reply(Outcome.UNKNOWN, type(error).__name__), maybe_done=True)
        except httpx.HTTPError as error:
            return _Attempt(Reply(Outcome.UNKNOWN, type(error).__name__), again=True, maybe_done=True)
        return _judge(response)


def _judge(response: httpx.Response) -> _Attempt:
    status = response.status_code
    code = _error_code(response)
    detail = code or str(status)
    request_id = _word(response.headers.get("x-request-id"))
    if 200 <= status < 300:
        return _Attempt(Reply(Outcome.DONE), request_id=request_id)
    if status == 404:
        return _Attempt(Reply(Outcome.GONE, detail), request_id=request_id)
    if code != DECIDED and (status in (408, 409, 429) or status >= 500):
        reply = Reply(Outcome.UNAVAILABLE, detail)
        return _Attempt(reply, again=True, maybe_done=status != 429, request_id=request_id)
    return _Attempt(Reply(Outcome.REFUSED, detail), request_id=request_id, key_refused=status == 401)


def _error_code(response: httpx.Response) -> str | None:
    """`{"error": {"code": …}}`, if it looks like a code: error texts may quote what we sent."""
    try:
        return _word(response.json()["error"]["code"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", value) else None
