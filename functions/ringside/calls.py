"""What a call is: its statuses, its steps, its end reasons, and what may follow what. Pure.

docs/design.md, "A call's states", draws it with its end reasons, and says which step belongs to which status:

    ringing -> accepted -> live -> ended, or failed
       |--> rejected    the policy's SIP status was sent
       |--> missed      the caller was gone before the accept
       `--> failed      OpenAI refused the accept
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CALL_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,199}")
"""A call id is opaque, but it goes into a URL and a key: anything else is refused, never escaped away."""


ANONYMOUS = "anonymous"
"""The caller of a call whose number is withheld, by their wish or their carrier's."""

UNKNOWN = "unknown"
"""The caller of a call that shows something that is no number and no extension, or shows nothing."""


class Status(StrEnum):
    RINGING = "ringing"
    ACCEPTED = "accepted"
    LIVE = "live"
    ENDED = "ended"
    REJECTED = "rejected"
    MISSED = "missed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self not in (Status.RINGING, Status.ACCEPTED, Status.LIVE)


class EndReason(StrEnum):
    """Why a call is over. A closed list: extend it by an ADR."""

    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    OPERATOR_HUNG_UP = "operator_hung_up"
    TRANSFERRED = "transferred"
    MAX_DURATION = "max_duration"
    SILENCE = "silence"
    SPEND_LIMIT = "spend_limit"
    SESSION_EXPIRED = "session_expired"
    CALLER_GONE_BEFORE_ACCEPT = "caller_gone_before_accept"
    NEVER_CONNECTED = "never_connected"
    ACCEPT_FAILED = "accept_failed"
    SUPERVISION_LOST = "supervision_lost"
    SWEPT = "swept"


class Step(StrEnum):
    """The answer budget: the moments of a call, in their usual order, each kept as Unix seconds."""

    CREATED = "created"  # OpenAI's `created_at`: the INVITE became an event
    RECEIVED = "received"
    CLAIMED = "claimed"
    DECIDED = "decided"
    ACCEPT_SENT = "accept_sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    QUEUED = "queued"
    TAKEN = "taken"  # by its first monitor
    ATTACHED = "attached"  # the sideband is open
    GREETED = "greeted"  # the greeting was asked for
    FIRST_AUDIO = "first_audio"  # output_audio_buffer.started
    ENDED = "ended"


class Redelivery(StrEnum):
    """What to do with a webhook whose call is already in the record."""

    DONE = "done"  # decided and carried out: answer 2xx
    BUSY = "busy"  # another delivery is at it now: answer 503, so that OpenAI asks again
    RESUME = "resume"  # whoever claimed it died on the way: claim it anew and go on
    QUEUE = "queue"  # accepted, but never handed to a monitor


LISTED_ANALYSIS = ("state", "outcome", "summary")
"""What a call in a list has of its analysis."""

CLAIM_SECONDS = 12.0
"""How long a claim is respected: longer than the webhook function may run (10 s, template.yaml)."""


def redelivery(call: Mapping[str, Any], now: float) -> Redelivery:
    """Judge a repeated webhook by the call item it finds. `now` in Unix seconds."""
    status, steps = Status(call["status"]), call.get("steps", {})
    if status is Status.RINGING:
        fresh = now - float(call.get("claimed_at", 0)) < CLAIM_SECONDS
        return Redelivery.BUSY if fresh else Redelivery.RESUME
    if status is Status.ACCEPTED and Step.QUEUED not in steps:
        return Redelivery.QUEUE
    return Redelivery.DONE


def is_stale(created_at: float, ring_limit: float, now: float) -> bool:
    """Nobody waits that long: a webhook may be retried for 72 h (guide, Webhooks: delivery)."""
    return now - created_at > ring_limit


def answered_at(call: Mapping[str, Any]) -> float:
    """Since when the caller is listening (Unix seconds), as far as the call item knows.

    A fast monitor takes a call before the webhook has written down that it was accepted.
    """
    steps = call.get("steps", {})
    known = (steps[step] for step in (Step.ACCEPTED, Step.QUEUED, Step.TAKEN, Step.CREATED) if step in steps)
    return float(next(known, 0))


@dataclass(frozen=True)
class End:
    """How a call ended. `at` is when it ended, not when we found out; `detail` is for people.

    A rejected call has no end reason: its decision says it all.
    """

    status: Status
    reason: EndReason | None
    at: float
    detail: str = ""


def masked(number: str | None) -> str:
    """A number fit for a log line: country and area stay recognisable, the person does not."""
    if not number:
        return "-"
    if number in (ANONYMOUS, UNKNOWN):
        return number
    return number[:5] + "…" + number[-2:] if len(number) > 8 else "…"
