"""OpenAI's REST call control: accept, reject, refer, hang up. With timeouts and retries of our own.

None of the endpoints is idempotent and none documents its errors. What is known: 404 means that the
call is gone, and may take 5 s to say so; accept may answer any 2xx; a second decision on a call is a 4xx.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from ringside import realtime

log = logging.getLogger(__name__)

ATTEMPT_SECONDS = 7.0
"""A 404 takes about 5.3 s to come (OpenAI community, topic 1394315): wait for it."""

PAUSE_SECONDS = 0.3


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


class CallControl:
    """Blocking; asyncio callers use a thread. `api_key(refresh)` returns the key."""

    def __init__(self, base_url: str, api_key: Callable[[bool], str]) -> None:
        self._base_url = base_url
        self._api_key = api_key
        timeout = httpx.Timeout(ATTEMPT_SECONDS, connect=3.0)
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=20)
        self._client = httpx.Client(timeout=timeout, limits=limits, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def accept(self, call_id: str, session: Mapping[str, Any], before: float) -> Reply:
        """Accept with the whole session; `before` (monotonic seconds) bounds all attempts."""
        return self._post(call_id, "accept", session, before)

    def reject(self, call_id: str, sip_status: int, before: float) -> Reply:
        return self._post(call_id, "reject", {"status_code": sip_status}, before)

    def hang_up(self, call_id: str, attempts: int = 4) -> Reply:
        """End the call. `GONE` is success: somebody hung up before. Safe to repeat."""
        before = time.monotonic() + attempts * (ATTEMPT_SECONDS + PAUSE_SECONDS)
        return self._post(call_id, "hangup", None, before, attempts=attempts, repeatable=True)

    def refer(self, call_id: str, target_uri: str) -> Reply:
        """Ask for a transfer, once: a repeated REFER could ring two people."""
        before = time.monotonic() + ATTEMPT_SECONDS
        return self._post(call_id, "refer", {"target_uri": target_uri}, before, attempts=1)

    def _post(
        self,
        call_id: str,
        verb: str,
        body: Mapping[str, Any] | None,
        before: float,
        attempts: int = 3,
        repeatable: bool = False,
    ) -> Reply:
        """`repeatable`: doing it twice does no harm, so an attempt without an answer may be repeated."""
        url = realtime.call_url(self._base_url, call_id, verb)
        maybe_done, refresh = False, False
        reply = Reply(Outcome.UNAVAILABLE, "no time left")
        for attempt in range(attempts):
            left = before - time.monotonic()
            if attempt:
                left -= PAUSE_SECONDS
                if left <= 0.5:
                    break
                time.sleep(PAUSE_SECONDS)
            headers = {"Authorization": f"Bearer {self._api_key(refresh)}"}
            try:
                timeout = httpx.Timeout(max(0.5, min(ATTEMPT_SECONDS, left)), connect=min(3.0, max(0.5, left)))
                response = self._client.post(url, headers=headers, json=body, timeout=timeout)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                reply = Reply(Outcome.UNAVAILABLE, type(error).__name__)  # it never left us
                continue
            except httpx.HTTPError as error:
                reply = Reply(Outcome.UNKNOWN, type(error).__name__)
                maybe_done = True
                if repeatable:
                    continue
                break
            reply = _judge(response)
            if reply.outcome in (Outcome.GONE, Outcome.REFUSED) and maybe_done and not repeatable:
                reply = Reply(Outcome.UNKNOWN, reply.detail)
            if response.status_code == 401 and not refresh:
                refresh = True  # the key may have been rotated since it was read
                continue
            if reply.outcome is not Outcome.UNAVAILABLE:
                break
            maybe_done = maybe_done or response.status_code != 429
        log.info("openai.asked", extra={"call_id": call_id, "verb": verb, "outcome": reply.outcome})
        return reply


def _judge(response: httpx.Response) -> Reply:
    status = response.status_code
    detail = _error_code(response) or str(status)
    if 200 <= status < 300:
        return Reply(Outcome.DONE)
    if status == 404:
        return Reply(Outcome.GONE, detail)
    if status in (408, 409, 429) or status >= 500:
        return Reply(Outcome.UNAVAILABLE, detail)
    return Reply(Outcome.REFUSED, detail)


def _error_code(response: httpx.Response) -> str | None:
    """`{"error": {"code": …}}`, if it looks like a code: error texts may quote what we sent."""
    try:
        code = response.json()["error"]["code"]
    except (ValueError, TypeError, KeyError):
        return None
    return code if isinstance(code, str) and re.fullmatch(r"[a-z0-9_.]{1,60}", code) else None
