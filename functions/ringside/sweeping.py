"""The sweeper's work: no call is left ringing, waiting or billing without an owner.

Once a minute it looks at the calls that are not over. What it decides is a pure function of the call
item, the time and whether its owner is alive; what it does is safe to repeat, even concurrently.
"""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any

from ringside import unsettled_actions
from ringside.admission.decide import release_orphaned_reservations
from ringside.agentfile.agents import Agents
from ringside.aws.call_queue import CallQueue
from ringside.aws.counters import Counters
from ringside.aws.record import Beat, Fenced, Ownership, Record
from ringside.aws.table import Conflict, Item
from ringside.calls import CLAIM_SECONDS, End, EndReason, Status, Step, answered_at
from ringside.openai.call_control import CallControl, Outcome
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

TAKE_SECONDS = 20.0
"""Seconds that an accepted call may wait for a monitor before it is queued again."""

RESUME_SECONDS = CLAIM_SECONDS + TAKE_SECONDS
"""Seconds after the last claim of a call that is to be accepted: if nothing has come of it, the webhook may have died
between the accept and the queue. A monitor sees whether there is a session."""

SWEEP_EVERY = 60.0
"""Seconds between two sweeps (template.yaml)."""

SILENT_SECONDS = 180.0
"""Seconds of an accepted call without a monitor, that is of silence, after which it is hung up."""

GRACE_SECONDS = 60.0
"""Seconds that a living owner may exceed a call's limit: it says goodbye first."""

SWEEP_SECONDS = 40.0
"""Seconds in which a sweep must be finished: after 60 s the function is stopped (template.yaml) and reports nothing."""

MAX_SESSION_SECONDS = 3600.0
"""OpenAI ends every session by then: the limit for calls whose agent is no longer known."""


class Sweep(StrEnum):
    """What the sweeper does with a call."""

    LEAVE = "leave"
    QUEUE = "queue"
    HANG_UP = "hang_up"


@dataclass(frozen=True)
class Judgement:
    what: Sweep
    reason: EndReason | None = None


def judge(call: Mapping[str, Any], now: float, owner_alive: bool, ring_limit: float, cap: float) -> Judgement:
    """Judge one open call. Times in Unix seconds and seconds; `cap` is its agent's `max_duration`."""
    steps = call.get("steps", {})
    created = float(steps.get(Step.CREATED, 0))
    match Status(call["status"]):
        case Status.RINGING:
            # Queued at least once before it is hung up. The answer to that shows whether it had been accepted.
            if now - created > ring_limit + CLAIM_SECONDS + SWEEP_EVERY:
                return Judgement(Sweep.HANG_UP, EndReason.SWEPT)
            # The index does not have `claimed_at`, which is 0 when the claim was given up: the item itself decides.
            claimed = float(call.get("claimed_at", steps.get(Step.CLAIMED, 0)))
            is_accepted = call.get("decision", {}).get("verdict") == "accept"
            abandoned = is_accepted and claimed and now - claimed > RESUME_SECONDS
            return Judgement(Sweep.QUEUE if abandoned else Sweep.LEAVE)
        case Status.ACCEPTED:
            waiting = now - float(steps.get(Step.ACCEPTED, created))
            if waiting > SILENT_SECONDS:
                return Judgement(Sweep.HANG_UP, EndReason.SWEPT)
            return Judgement(Sweep.QUEUE if waiting > TAKE_SECONDS else Sweep.LEAVE)
        case Status.LIVE:
            lasted = now - answered_at(call)
            if owner_alive:
                late = lasted > cap + GRACE_SECONDS
                return Judgement(Sweep.HANG_UP, EndReason.MAX_DURATION) if late else Judgement(Sweep.LEAVE)
            if lasted > cap:
                return Judgement(Sweep.HANG_UP, EndReason.SUPERVISION_LOST)
            return Judgement(Sweep.QUEUE)
    return Judgement(Sweep.LEAVE)


@dataclass
class Sweeper:
    """One sweep, with everything it needs."""

    record: Record
    counters: Counters
    queue: CallQueue
    control: CallControl
    agents: Agents
    metrics: Metrics
    ring_limit: float
    keep_days: Callable[[float], int] = lambda now: 0  # facts of the days before today (records/rollups)
    clock: Callable[[], float] = time.time
    sweep_seconds: float = SWEEP_SECONDS

    def sweep(self) -> dict[str, int]:
        """Look at every open call; returns how many were left alone, queued, hung up, or failed."""
        counts = dict.fromkeys((*Sweep, "failed"), 0)
        # A few monitors own many calls: each is looked up once.
        last_beat, before = cache(self.record.last_beat), time.monotonic() + self.sweep_seconds
        sweep_one = partial(self._sweep_one, last_beat=last_beat, before=before)
        calls = self.record.open_calls()
        with ThreadPoolExecutor(16, "sweep") as threads:
            for outcome in threads.map(sweep_one, calls):
                counts[outcome] += 1
        self._release_orphaned({str(call["call_id"]) for call in calls})
        self._keep_days()
        for what, name in ((Sweep.QUEUE, "SweptQueued"), (Sweep.HANG_UP, "SweptHungUp"), ("failed", "SweepsFailed")):
            if counts[what]:  # a metric is paid for by the hours in which it was written
                self.metrics.count(name, counts[what])
        log.info("sweep.done", extra={str(what): count for what, count in counts.items()})
        return {str(what): count for what, count in counts.items()}

    def _release_orphaned(self, open_calls: set[str]) -> None:
        try:
            names = [agent.name for agent in self.agents]
            if orphaned := release_orphaned_reservations(self.counters, names, open_calls):
                self.metrics.count("PlacesGivenBack", orphaned)
        except Exception as error:  # the next sweep tries again
            log.error("reservations.not_swept", extra={"error": type(error).__name__})

    def _keep_days(self) -> None:
        try:
            self.keep_days(self.clock())
        except Exception as error:  # an hour later it is tried again; until then the numbers are counted from the calls
            log.error("days.not_kept", extra={"error": type(error).__name__})

    def _sweep_one(self, listed: Item, last_beat: Callable[[str], Beat], before: float) -> str:
        call_id = str(listed["call_id"])
        try:
            if self._judge(listed, last_beat).what is Sweep.LEAVE:
                return Sweep.LEAVE
            # The index may lag behind: the item itself decides.
            call = self.record.call(call_id)
            if call is None:
                return Sweep.LEAVE
            judgement = self._judge(call, last_beat)
            if judgement.what is Sweep.QUEUE:
                self.queue.send(call_id)
                log.warning("call.queued_again", extra={"call_id": call_id, "status": call["status"]})
            elif judgement.reason is not None:
                return self._hang_up(call, judgement.reason, before)
            return judgement.what
        except Exception as error:  # the other calls still have to be swept; the next sweep sees this one again
            log.error("call.not_swept", extra={"call_id": call_id, "error": type(error).__name__})
            return "failed"

    def _judge(self, call: Item, last_beat: Callable[[str], Beat]) -> Judgement:
        now, owner = self.clock(), call.get("owner")
        alive = owner is not None and last_beat(owner).until > now
        agent = self.agents.named(call.get("agent") or "")
        cap = agent.limits.max_duration if agent else MAX_SESSION_SECONDS
        return judge(call, now, alive, self.ring_limit, cap)

    def _hang_up(self, call: Item, reason: EndReason, before: float) -> str:
        call_id = str(call["call_id"])
        reply = self.control.hang_up(call_id, attempts=2, before=before)
        if reply.outcome not in (Outcome.DONE, Outcome.GONE):
            log.error("call.not_swept", extra={"call_id": call_id, "error": reply.detail})
            return "failed"
        now, gone = self.clock(), reply.outcome is Outcome.GONE
        try:
            if gone and call["status"] == Status.RINGING:
                end = End(Status.MISSED, EndReason.CALLER_GONE_BEFORE_ACCEPT, now, "closed by the sweeper")
                self.record.close_unanswered(call_id, end, {}, call.get("reservations", []))
                log.warning("call.swept", extra={"call_id": call_id, "reason": end.reason, "gone": True})
                return Sweep.HANG_UP
            if gone and reason is EndReason.MAX_DURATION:
                reason = EndReason.SWEPT  # it did not end because of its limit
            owner = f"sweeper-{secrets.token_hex(4)}"
            taken = self.record.take(call_id, owner, "", {}, call)
            answered = answered_at(taken)
            at = self._last_sign(call_id, answered) if gone else now
            detail = "had already ended, at an unknown time" if gone else "hung up by the sweeper"
            ownership = Ownership(call_id, owner, int(taken["epoch"]))
            self._settle_actions(ownership, now)
            facts, reserved = {"duration": round(at - answered, 3)}, call.get("reservations", [])
            self.record.end(ownership, End(Status.ENDED, reason, at, detail), facts, reserved)
        except (Conflict, Fenced):  # its owner, or another sweeper, was faster
            return Sweep.LEAVE
        log.warning("call.swept", extra={"call_id": call_id, "reason": reason, "gone": gone})
        return Sweep.HANG_UP

    def _settle_actions(self, mine: Ownership, now: float) -> None:
        """Write what came of what operators asked for. The end of the call does not wait for it to succeed."""
        try:
            asked = self.record.open_actions(mine.call_id)
            for position, item in unsettled_actions.settled(self.record.history(mine.call_id), asked, now):
                self.record.save(mine, position, item)
        except Exception as error:
            log.error("actions.not_settled", extra={"call_id": mine.call_id, "error": type(error).__name__})

    def _last_sign(self, call_id: str, answered: float) -> float:
        """The last moment (Unix seconds) at which something was said or done, as far as the record knows."""
        whole = self.record.whole_call(call_id)
        items = whole[1] if whole else []
        return max([answered, *(float(item.get("ended_at") or item["started_at"]) for item in items)])
