"""EventBridge: who else wants to know of calls hears of them here, and hooks in what they like.

Source `ringside`. What is told is what has just been written onto a call's item, in the order of the writes:

    Call Decided    who is let in, by which rule           Call Transfer   asked, accepted, failed, left
    Call Started    a monitor took it for the first time   Call Ended      ended, rejected, missed or failed
    Call Analysed   what was found out about it once it was over

Best effort, and out of the way: events leave in a thread of their own, nobody who speaks waits for one, and a
bus that does not answer costs a count (`EventsFailed`). The record is what counts; an event carries the call's id
to look there. Numbers are masked, and nothing that was said is in it, unless the agent's file allows it (`Content`).
"""

import json
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ringside.calls import Status, masked
from ringside.telemetry import Metrics, fields

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

log = logging.getLogger(__name__)

BATCH = 10
"""Entries of one PutEvents (EventBridge API reference)."""

REQUEST_BYTES = 240_000
"""Of the details of one PutEvents. EventBridge takes 256 KB in all (user guide, "Calculating Amazon EventBridge
PutEvents event entry size"), of which names, sources and detail types need a little."""

TRANSCRIPT_BYTES = 150_000
"""Of a transcript's JSON in one event: what is longer loses its beginning, and says so."""

MAX_WAITING = 10_000
FLUSH_SECONDS = 3.0

Transcript = Callable[[str], Sequence[Mapping[str, Any]]]
"""What was said and done in a call, by its id, in order. It may block and raise."""


class Content(Protocol):
    """What the events of an agent's calls may carry: `events` in its file."""

    @property
    def notes(self) -> bool: ...

    @property
    def summary(self) -> bool: ...

    @property
    def transcript(self) -> bool: ...

    @property
    def numbers(self) -> Literal["masked", "full"]: ...


@dataclass(frozen=True)
class LeastContent:
    """Of calls without an agent, or of one that this deployment no longer has."""

    notes: bool = False
    summary: bool = False
    transcript: bool = False
    numbers: Literal["masked", "full"] = "masked"


LEAST = LeastContent()


@dataclass(frozen=True)
class _Told:
    kind: str
    detail: dict[str, Any]
    with_transcript: bool


class EventBus:
    """`heard` may be called from any thread, an event loop's included; it does not block and never raises."""

    def __init__(
        self,
        client: "EventBridgeClient",
        bus: str,
        stack: str,
        metrics: Metrics,
        content: Callable[[str], Content | None] = lambda agent: None,
        transcript: Transcript = lambda call_id: (),
    ) -> None:
        """`content`: what an agent's file allows, by the agent's name. `transcript` is asked in a thread of our own."""
        self._client = client
        self._bus = bus
        self._stack = stack
        self._metrics = metrics
        self._content = content
        self._transcript = transcript
        self._waiting: queue.Queue[_Told] = queue.Queue(MAX_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def heard(self, changed: Mapping[str, Any], item: Mapping[str, Any]) -> None:
        """Something of an item was written: `changed` is what, `item` is the whole of it now."""
        try:
            for kind in kinds(changed, item):
                content = self._content(str(item.get("agent") or "")) or LEAST
                facts = {"stack": self._stack, **detail(item, content)}
                self._waiting.put_nowait(_Told(kind, facts, content.transcript and kind == "Call Ended"))
                self._start()
        except Exception as error:  # whoever wrote has a call to look after
            self._failed(1, error)

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
            entries = [(told.kind, json.dumps(self._whole(told), ensure_ascii=False, default=str)) for told in batch]
            for request in requests(entries):
                try:
                    self._tell(request)
                except Exception as error:
                    self._failed(len(request), error)
            for _ in batch:
                self._waiting.task_done()

    def _whole(self, told: _Told) -> dict[str, Any]:
        if not told.with_transcript:
            return told.detail
        try:
            return told.detail | transcript(self._transcript(str(told.detail["call_id"])))
        except Exception as error:  # the event goes without it: the record can be asked
            log.warning("event.without_transcript", extra={"error": type(error).__name__})
            return told.detail | {"transcript_cut": True}

    def _tell(self, entries: Sequence[tuple[str, str]]) -> None:
        answer = self._client.put_events(
            Entries=[
                {"EventBusName": self._bus, "Source": "ringside", "DetailType": kind, "Detail": text}
                for kind, text in entries
            ]
        )
        if answer["FailedEntryCount"]:
            self._metrics.count("EventsFailed", answer["FailedEntryCount"])

    def _failed(self, events: int, error: Exception) -> None:
        self._metrics.count("EventsFailed", events)
        log.warning("event.not_told", extra={"error": type(error).__name__, "events": events})


def requests(entries: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """The entries in order, in as few requests as their size allows. Pure."""
    batch: list[tuple[str, str]] = []
    size = 0
    for kind, text in entries:
        more = len(text.encode("utf-8", "replace"))
        if batch and size + more > REQUEST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append((kind, text))
        size += more
    if batch:
        yield batch


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
    if "analysis" in changed and changed["analysis"].get("state") != "waiting":
        yield "Call Analysed"


def detail(item: Mapping[str, Any], content: Content = LEAST) -> dict[str, Any]:
    """What an event says of a call: what is known of it by now, as far as `content` allows. Pure."""
    decision, transfer = item.get("decision") or {}, item.get("transfer") or {}
    analysis = item.get("analysis") or {}
    found = analysis if content.summary else {}
    shown = masked if content.numbers == "masked" else _as_it_is
    return fields(
        call_id=item.get("call_id"),
        status=item.get("status"),
        agent=item.get("agent"),
        caller=shown(item.get("caller")),
        dialled=shown(item.get("dialled")),
        attested=item.get("attested"),
        started_at=item.get("started_at"),
        verdict=decision.get("verdict"),
        rule=decision.get("rule"),
        sip_status=decision.get("sip_status"),
        transfer=transfer.get("verdict"),
        end_reason=item.get("end_reason"),
        duration=item.get("duration"),
        cost=item.get("cost"),
        notes=(item.get("notes") or None) if content.notes else None,
        analysis=analysis.get("state"),
        analysis_reason=analysis.get("reason"),
        summary=found.get("summary"),
        fields={name: each.get("value") for name, each in found["fields"].items()} if "fields" in found else None,
        outcome=found.get("outcome"),
    )


def _as_it_is(number: Any) -> Any:
    return number


def transcript(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The turns as an event has them: as many of the last ones as fit. Pure."""
    turns: list[dict[str, Any]] = []
    size, fits = 0, True
    for item in reversed(items):
        if item.get("kind") != "turn" or not item.get("text"):
            continue
        turn = {"role": item.get("role"), "text": item["text"], "started_at": item.get("started_at")}
        size += len(json.dumps(turn, ensure_ascii=False, default=str).encode("utf-8", "replace"))
        fits = size <= TRANSCRIPT_BYTES
        if not fits:
            break
        turns.append(turn)
    return {"transcript": turns[::-1], "transcript_cut": not fits}
