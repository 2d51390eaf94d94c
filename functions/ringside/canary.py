"""The canary: walks the path of a call without a call, from the signed webhook to OpenAI's sideband.

It writes nothing. That the record takes writes is seen by the lease: a monitor's beat is current only if it was written
within the last few seconds.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from botocore.exceptions import ClientError

from ringside import signatures
from ringside.aws.call_queue import CallQueue
from ringside.aws.record import Record
from ringside.aws.secrets import Secrets
from ringside.errors import RingsideError, ServiceError
from ringside.openai.reachable import opening_status
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

EVENT = "ringside.canary"
"""The event's type. OpenAI has none of this name, so the webhook verifies it, answers 200 and leaves it alone."""

CALL_ID = "rtc_ringside_canary"
"""A call that does not exist: OpenAI refuses its sideband with 404, and with 401 if it does not take the key."""

TIMEOUT = 15.0  # seconds; the webhook itself is stopped after 10 (template.yaml)

LOOK_AGAIN = 5.0
"""Seconds between two looks at the queue: what waits at both has not been taken in time."""


class CanaryFailed(ServiceError):
    """A part of the path does not work; the text says how, without a secret."""


@dataclass(frozen=True)
class Result:
    """What came of one check. `detail` is a sentence for people."""

    check: str
    ok: bool
    detail: str


@dataclass
class Canary:
    """One walk along the path, with everything it needs. `post` is httpx's, for the webhook."""

    webhook_url: str
    openai_base_url: str
    secrets: Secrets
    record: Record
    queue: CallQueue
    post: Callable[..., httpx.Response] = httpx.post
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def walk(self) -> list[Result]:
        """Try every part, whatever became of the others: `webhook`, `queue`, `table`, `lease`, `sideband`."""
        monitors: list[dict[str, object]] = []
        return [
            _tried("webhook", self._knock),
            _tried("queue", self._look_at_queue),
            _tried("table", lambda: self._read(monitors)),
            _tried("lease", lambda: self._look_for_lease(monitors)),
            _tried("sideband", self._reach_sideband),
        ]

    def _knock(self) -> str:
        """Deliver a signed event through the real front door, as OpenAI does."""
        now = int(self.clock())
        webhook_id = f"wh_canary_{uuid.uuid4().hex}"
        body = json.dumps({"type": EVENT, "id": f"evt_{webhook_id}", "created_at": now, "data": {}}).encode()
        secret = self.secrets.keys().webhook_secrets[0]
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures.sign(secret, webhook_id, now, body),
        }
        try:
            answer = self.post(self.webhook_url, content=body, headers=headers, timeout=TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CanaryFailed(f"{self.webhook_url} cannot be reached: {type(error).__name__}") from None
        if answer.status_code != 200:
            raise CanaryFailed(f"{self.webhook_url} answers a signed event with {answer.status_code}")
        return "a signed event was verified and answered with 200"

    def _look_at_queue(self) -> str:
        if self.queue.waiting():
            self.sleep(LOOK_AGAIN)
            if waiting := self.queue.waiting():
                raise CanaryFailed(f"{waiting} waiting for more than {LOOK_AGAIN:g} s: no monitor takes them")
        return "nothing waits for a monitor"

    def _read(self, monitors: list[dict[str, object]]) -> str:
        monitors += self.record.monitors()
        return "the record can be read"

    def _look_for_lease(self, monitors: list[dict[str, object]]) -> str:
        now = self.clock()
        current = [each for each in monitors if float(str(each["until"])) > now and not each.get("draining")]
        if not current:
            raise CanaryFailed("no monitor holds a lease")
        return f"monitors that hold a lease: {len(current)}"

    def _reach_sideband(self) -> str:
        try:
            status = opening_status(self.openai_base_url, CALL_ID, self.secrets.keys().api_key)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CanaryFailed(f"{self.openai_base_url} cannot be reached: {type(error).__name__}") from None
        if status in (401, 403):
            raise CanaryFailed(f"{self.openai_base_url} refuses the key ({status})")
        if status not in (101, 404):
            raise CanaryFailed(f"{self.openai_base_url} answers a sideband with {status}")
        return "OpenAI's sideband is reached, and the key is taken"


def _tried(check: str, part: Callable[[], str]) -> Result:
    try:
        return Result(check, True, part())
    except RingsideError as error:  # their texts are our own, and hold no secret
        return Result(check, False, str(error))
    except ClientError as error:
        return Result(check, False, f"{error.operation_name}: {error.response.get('Error', {}).get('Code')}")
    except Exception as error:
        return Result(check, False, type(error).__name__)


def report(results: list[Result], metrics: Metrics) -> dict[str, str]:
    """Log what failed, and count whether all passed: the alarm `canary-failing` waits for one that has.

    Returns the details, by check, each behind `ok: ` or `failed: `.
    """
    for result in results:
        if not result.ok:
            log.error("canary.failed", extra={"check": result.check, "detail": result.detail})
    metrics.count("CanariesPassed", int(all(result.ok for result in results)))
    return {result.check: f"{'ok' if result.ok else 'failed'}: {result.detail}" for result in results}
