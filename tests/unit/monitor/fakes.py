"""A monitor's neighbours, fed by hand: time that passes when somebody sleeps, and answers that come at once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosedOK

from ringside.agentfile.agent import Agent
from ringside.aws.actions import Asked
from ringside.aws.call_queue import Message
from ringside.aws.receipts import LeftReceipt
from ringside.aws.record import Beat, Ownership
from ringside.aws.table import Item
from ringside.calls import End, Step
from ringside.conversation import events as e
from ringside.monitor.async_queue import AsyncQueue
from ringside.monitor.async_record import AsyncRecord
from ringside.monitor.clock import Time
from ringside.monitor.contract import Connection
from ringside.monitor.threads import Threads
from ringside.openai.call_control import CallControl, Outcome, Reply
from ringside.openai.sideband import AttachError
from ringside.telemetry import Metrics
from ringside.tools.definition import CallContext

NOON = 1795348800.0  # 2026-11-22 12:00 UTC
LEASE = 12.0
CALL = "rtc_1"
AGENT = Agent(name="desk", answers=("+18005551212",), instructions="Be kind.")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "secret"}}, "UpdateItem")
TOO_LARGE = ClientError({"Error": {"Code": "ValidationException", "Message": "secret"}}, "PutItem")
RESPOND = e.Respond("Greet.", "ref")
GONE = 404


class Clock:
    """It is noon, and time passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0  # monotonic
        self.slept: list[float] = []
        self.jumped = 0.0
        """What was added to the wall clock."""
        self.on_sleep: Callable[[], None] = lambda: None
        self.timers: list[FakeTimer] = []
        self.time = Time(self.wall, self.monotonic, self.sleep, self.call_later)

    def wall(self) -> float:
        return NOON + self.now - 1000.0 + self.jumped

    def monotonic(self) -> float:
        return self.now

    def call_later(self, seconds: float, ring: Callable[[], None]) -> "FakeTimer":
        timer = FakeTimer(self.now + seconds, ring)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, and ring what is due in it."""
        until = self.now + seconds
        while due := [timer for timer in self.timers if timer.is_set and timer.at <= until]:
            first = min(due, key=lambda timer: timer.at)
            first.is_set = False
            self.now = max(self.now, first.at)
            first.ring()
        self.now = until

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()
        await asyncio.sleep(0)


class FakeTimer:
    def __init__(self, at: float, ring: Callable[[], None]) -> None:
        self.at = at
        self.ring = ring
        self.is_set = True

    def cancel(self) -> None:
        self.is_set = False


class _AtOnce(ThreadPoolExecutor):
    """Calls where it is asked, so that nothing depends on when a thread gets to run."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def threads() -> Threads:
    made = Threads()
    for pool in vars(made).values():
        pool._executor = _AtOnce(1)
    return made


class Record(AsyncRecord):
    """Notes what is written; answers as the test wants."""

    def __init__(self) -> None:
        self.written: list[tuple[Any, ...]] = []
        self.failing: list[Exception] = []
        """What the next requests raise, in this order."""
        self.claimed: set[str] = set()
        self.before_answer: Callable[[], Awaitable[None] | None] = lambda: None
        """What happens while an answer is on its way."""
        self.calls: dict[str, Item] = {}
        self.beats: dict[str, Beat] = {}
        self.receipts: dict[tuple[str, str], LeftReceipt] = {}
        self.items: list[tuple[int, Item]] = []
        self.actions: list[Asked] = []
        """What operators want, until it is settled."""
        self.numbers: dict[str, str] = {}
        self.failures = 0
        self.shares = e.Usage()
        """What former owners have seen used."""
        self.versions = 0

    async def _note(self, *what: Any) -> None:
        if self.failing:
            raise self.failing.pop(0)
        self.written.append(what)
        happening = self.before_answer()
        if happening is not None:
            await happening

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """What was written by this method, without its name."""
        return [rest for name, *rest_ in self.written if name == kind for rest in [tuple(rest_)]]

    async def actions_asked(self, owner: str) -> list[Asked]:
        await self._note("mailbox", owner)
        return list(self.actions)

    async def actions_open(self, call_id: str) -> list[Asked]:
        return [asked for asked in self.actions if asked.call_id == call_id]

    async def number_of(self, call_id: str, action_id: str) -> str | None:
        return self.numbers.get(action_id)

    async def forget_action(self, asked: Asked, owner: str) -> None:
        await self._note("forget_action", asked.action_id)
        self.actions.remove(asked)

    async def leave_mailbox(self, asked: Asked, owner: str) -> None:
        await self._note("leave_mailbox", asked.action_id)

    async def take(
        self,
        call_id: str,
        owner: str,
        message_id: str,
        steps: Mapping[Step, float],
        found: Item | None,
        unheard_since: float | None = None,
    ) -> Item:
        await self._note("take", call_id, found)
        call = self.calls[call_id]
        call |= {"owner": owner, "epoch": call["epoch"] + 1, "message_id": message_id}
        if unheard_since is not None:
            call["unheard_since"] = unheard_since
        return call

    async def release(self, ownership: Ownership, at: float, unheard_since: float | None) -> None:
        await self._note("release", ownership.call_id, unheard_since)

    async def count_failure(self, ownership: Ownership) -> int:
        await self._note("count_failure", ownership.call_id)
        self.failures += 1
        return self.failures

    async def end(self, ownership: Ownership, end: End, facts: Mapping[str, Any], call: Item) -> None:
        await self._note("end", end, dict(facts))

    async def claim_effect(
        self,
        ownership: Ownership,
        effect: str,
        steps: Mapping[Step, float] | None,
        facts: Mapping[str, Any] | None,
        token: str,
    ) -> bool:
        await self._note("claim", effect, token)
        first = effect not in self.claimed
        self.claimed.add(effect)
        return first

    def version(self) -> int:
        self.versions += 1
        return self.versions

    async def save(
        self, ownership: Ownership, position: int, item: Mapping[str, Any], version: int, expires_at: int, late: bool
    ) -> None:
        await self._note("save", position, dict(item), version)

    async def forget(self, ownership: Ownership, position: int, item_id: str) -> None:
        await self._note("forget", position, item_id)

    async def save_share(self, ownership: Ownership, usage: e.Usage, expires_at: int) -> None:
        await self._note("share", usage)

    async def usage_of_others(self, ownership: Ownership) -> e.Usage:
        return self.shares

    async def note(self, ownership: Ownership, facts: Mapping[str, Any]) -> None:
        await self._note("note", dict(facts))

    async def mark(self, ownership: Ownership, steps: Mapping[Step, float]) -> None:
        await self._note("mark", dict(steps))

    async def save_usage(self, ownership: Ownership, usage: e.Usage, cost: float | None) -> None:
        await self._note("usage", usage, cost)

    async def call(self, call_id: str) -> Item | None:
        if self.failing:
            raise self.failing.pop(0)
        return self.calls.get(call_id)

    async def history(self, call_id: str) -> list[tuple[int, Item]]:
        return self.items

    async def last_beat(self, owner: str) -> Beat:
        await self._note("last_beat", owner)
        return self.beats.get(owner, Beat(0.0))

    async def beat(self, owner: str, until: float, calls: int, slots: int, number: int, *, draining: bool) -> None:
        await self._note("beat", until, calls, slots, number, draining)

    async def leave_receipt(self, owner: str, left: LeftReceipt, now: float) -> None:
        await self._note("leave_receipt", owner)
        self.receipts[owner, left.call_id] = left

    async def receipt_left(self, owner: str, call_id: str) -> LeftReceipt | None:
        return self.receipts.get((owner, call_id))

    async def receipts_left(self, owner: str) -> list[LeftReceipt]:
        return [left for (whose, _), left in self.receipts.items() if whose == owner]


class Queue(AsyncQueue):
    """Messages that are there, and what becomes of them."""

    def __init__(self) -> None:
        self.messages: list[list[Message]] = []
        """What the next polls bring."""
        self.done: list[tuple[Any, ...]] = []
        self.asked: list[int] = []
        self.failing: list[Exception] = []

    async def receive(self, visibility: float, wait: float, most: int) -> list[Message]:
        self.asked.append(most)
        await asyncio.sleep(0)
        if self.failing:
            raise self.failing.pop(0)
        return self.messages.pop(0) if self.messages else []

    async def _extend(self, receipts: Sequence[str], visibility: float) -> set[str]:
        await asyncio.sleep(0)
        self.done.append(("hide" if visibility else "show", *receipts, *([visibility] if visibility else [])))
        return {receipt for receipt in receipts if receipt.startswith("outdated")}

    async def delete(self, receipt: str) -> None:
        self.done.append(("delete", receipt))


def message(
    call_id: str | None = CALL, receipt: str = "receipt", message_id: str = "message", deliveries: int = 1
) -> Message:
    return Message(message_id, receipt, call_id, NOON - 1, deliveries)


class Sideband(Connection):
    """A WebSocket whose frames are events; `None` closes it."""

    def __init__(self, *frames: Any) -> None:
        self.said: list[str] = []
        self.closed = False
        self._frames: asyncio.Queue[Any] = asyncio.Queue()
        self.hear(*frames)

    def hear(self, *frames: Any) -> None:
        for frame in frames:
            self._frames.put_nowait(frame)

    async def read(self, take: Callable[[Any], bool]) -> None:
        while (frame := await self._frames.get()) is not None:
            if not take(frame):
                return
        self.closed = True
        raise ConnectionClosedOK(None, None)

    async def send(self, frame: str) -> None:
        if self.closed:
            raise ConnectionClosedOK(None, None)
        self.said.append(frame)

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.hear(None)


class Contract:
    """A session whose frames are our own words, or nonsense. Opens the given sidebands, and then knows no call."""

    def __init__(self, *answers: Sideband | int) -> None:
        self.answers: list[Sideband | int] = list(answers)
        """A sideband, or the status with which one is refused."""
        self.keys: list[str] = []

    async def attach(self, call_id: str, api_key: str) -> Connection:
        self.keys.append(api_key)
        answer = self.answers.pop(0) if self.answers else GONE
        if isinstance(answer, int):
            raise AttachError(answer)
        return answer

    def decode(self, frame: Any) -> e.Event | e.Skipped:
        if frame == "nonsense":
            raise ValueError("cannot be read")
        return cast(e.Event, frame)

    def encode(self, command: e.Command) -> str:
        return repr(command)


class Control(CallControl):
    """OpenAI's call control; answers in this order, and then that it is done."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[Outcome] = []

    def hang_up(self, call_id: str, attempts: int = 4, before: float | None = None) -> Reply:
        return self._answer("hang_up")

    def refer(self, call_id: str, uri: str) -> Reply:
        return self._answer(f"refer {uri}")

    def _answer(self, asked: str) -> Reply:
        self.asked.append(asked)
        return Reply(self.answers.pop(0) if self.answers else Outcome.DONE)


class Tools:
    """Runs every tool at once, unless the test holds it up."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.repeatable: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    def is_repeatable(self, agent: Agent, name: str) -> bool:
        return name in self.repeatable

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> e.ToolFinished:
        await self.gate.wait()
        self.ran.append(name)
        return e.ToolFinished(context.tool_call_id, "ok", "done")

    def close(self) -> None:
        self.gate.set()


class Counts(Metrics):
    """Keeps the metrics; one that is `broken` cannot write them."""

    def __init__(self) -> None:
        super().__init__("monitor")
        self.values: dict[str, list[float]] = {}
        self.broken = False

    def count(self, name: str, value: float = 1) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.values.setdefault(name, []).append(value)

    def milliseconds(self, name: str, value: float) -> None:
        self.count(name, value)

    def gauge(self, name: str, value: float) -> None:
        self.count(name, value)

    def flush(self) -> None:
        if self.broken:
            raise OSError("no space left on device")
