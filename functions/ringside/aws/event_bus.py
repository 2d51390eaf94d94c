"""EventBridge: who else wants to know of calls hears of them here, and hooks in what they like.

Source `ringside`. What is told is what has just been written onto a call's item, in the order of the writes:

    Call Decided    who is let in, by which rule           Call Transfer   asked, accepted, failed, left
    Call Started    a monitor took it for the first time   Call Ended      ended, rejected, missed or failed

Best effort, and out of the way: events leave in a thread of their own, nobody who speaks waits for one, and a
bus that does not answer costs a count (`EventsFailed`). The record is what counts; an event carries the call's id
to look there, and no number in full.
"""

import json
import logging
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ringside.calls import Status, masked
from ringside.telemetry import Metrics, fields

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

log = logging.getLogger(__name__)

BATCH = 10
"""Entries of one PutEvents (EventBridge API reference)."""

MOST_WAITING = 10_000
FLUSH_SECONDS = 3.0


class EventBus:
    """`heard` may be called from any thread, an event loop's included; it does not block and never raises."""

    def __init__(self, client: "EventBridgeClient", bus: str, stack: str, metrics: Metrics) -> None:
        self._client = client
        self._bus = bus
        self._stack = stack
        self._metrics = metrics
        self._waiting: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def heard(self, changed: Mapping[str, Any], item: Mapping[str, Any]) -> None:
        """Something of an item was written: `changed` is what, `item` is the whole of it now."""
        try:
            for kind in kinds(changed, item):
                self._waiting.put_nowait((kind, {"stack": self._stack, **detail(item)}))
                self._start()
        except Exception as error:  # whoever wrote has a call to look after
            self._metrics.count("EventsFailed")
            log.warning("event.not_told", extra={"error": type(error).__name__})

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Wait until everything heard so far has been told, or for so long."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, seconds)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._tell_all, name="events", daemon=True)
                self._thread.start()

    def _tell_all(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            try:
                self._tell(batch)
            except Exception as error:
                self._metrics.count("EventsFailed", len(batch))
                log.warning("event.not_told", extra={"error": type(error).__name__, "events": len(batch)})
            finally:
                for _ in batch:
                    self._waiting.task_done()

    def _tell(self, batch: list[tuple[str, dict[str, Any]]]) -> None:
        answer = self._client.put_events(
            Entries=[
                {
                    "EventBusName": self._bus,
                    "Source": "ringside",
                    "DetailType": kind,
                    "Detail": json.dumps(facts, ensure_ascii=False),
                }
                for kind, facts in batch
            ]
        )
        if answer["FailedEntryCount"]:
            self._metrics.count("EventsFailed", answer["FailedEntryCount"])


def kinds(changed: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[str]:
    """What a write onto an item means for those who listen. Pure."""
    if item.get("sk") != "CALL":
        return
    if "decision" in changed and changed["decision"].get("verdict") != "pending":
        yield "Call Decided"
    status = Status(changed["status"]) if "status" in changed else None
    # A sweeper becomes the owner of what it closes, too.
    if status is Status.LIVE and item.get("epoch") == 1 and not str(item.get("owner", "")).startswith("sweeper"):
        yield "Call Started"
    if "transfer" in changed:
        yield "Call Transfer"
    if status is not None and status.is_final:
        yield "Call Ended"


def detail(item: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of a call: what is known of it by now. Pure."""
    decision, transfer = item.get("decision") or {}, item.get("transfer") or {}
    return fields(
        call_id=item.get("call_id"),
        status=item.get("status"),
        agent=item.get("agent"),
        caller=masked(item.get("caller")),
        dialled=masked(item.get("dialled")),
        attested=item.get("attested"),
        started_at=item.get("started_at"),
        verdict=decision.get("verdict"),
        rule=decision.get("rule"),
        sip_status=decision.get("sip_status"),
        transfer=transfer.get("verdict"),
        end_reason=item.get("end_reason"),
        duration=item.get("duration"),
        cost=item.get("cost"),
    )
