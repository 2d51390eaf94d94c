"""One run of a scenario: a call from its ringing to its closed record, with a webhook and a monitor of its own."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from infra.emulator.calls.call import Call
from infra.emulator.faults import parse as parse_faults
from infra.scenarios import fakes, playing
from infra.scenarios.clock import Working
from infra.scenarios.lines import Then
from infra.scenarios.queue import LocalQueue
from infra.scenarios.reading import Prepared
from infra.scenarios.world import KEY, World
from ringside import prices
from ringside.aws.async_table import AsyncTable
from ringside.aws.counters import Counters
from ringside.aws.json_client import REQUEST_SECONDS, TRIES, Client, Connections, client_like
from ringside.aws.record import Record, as_json
from ringside.aws.secrets import Keys, Secrets
from ringside.aws.table import Table
from ringside.calls import Status
from ringside.intake import Intake
from ringside.monitor.async_record import AsyncRecord
from ringside.monitor.clock import Time
from ringside.monitor.contract import RealtimeContract
from ringside.monitor.monitor import Monitor
from ringside.monitor.services import Services
from ringside.monitor.threads import Threads
from ringside.openai.call_control import CallControl
from ringside.records import shapes
from ringside.sip.trunk import DIALLED_IN, Trunk
from ringside.telemetry import Metrics

REAL_SECONDS = 60.0
"""Of this machine's time that a run may take before it counts as broken."""

AGENTS_SECONDS = 2 * 3600.0
"""Of the agent's time: a session lasts an hour at most."""

LEASE = 3600.0
"""Seconds of the monitor's lease: nobody else wants its calls."""

LOOK = 0.25
"""Seconds of the agent's time between two looks whether the call is over."""

_lines: ContextVar[list[str] | None] = ContextVar("log lines of a run", default=None)


class Broken(Exception):
    """The run did not come to its end: something is wrong here, not with the agent."""


@dataclass
class Finished:
    """What there is to judge: the call as `calls show --json` has it, and the state at its end."""

    call: dict[str, Any]
    state: dict[str, Any]
    unplayed: list[int] = field(default_factory=list)
    """Lines of the script that were not reached."""
    unscripted: int = 0
    """Responses that the agent was asked for where the script has none."""
    problems: list[str] = field(default_factory=list)
    """What was found to be wrong with the scenario."""
    log: list[str] = field(default_factory=list)

    @property
    def items(self) -> list[dict[str, Any]]:
        return list(self.call["items"])


class NoMetrics(Metrics):
    """Counts nothing: a test's calls are nobody's calls."""

    def __init__(self) -> None:
        super().__init__("scenarios")

    def count(self, name: str, value: float = 1) -> None:
        pass

    def _add(self, name: str, unit: str, resolution: int, value: float) -> None:
        pass


@dataclass(frozen=True)
class FixedSecrets:
    """The secret of a deployment, as `Secrets` gives it."""

    webhook_secret: str

    def keys(self, refresh: bool = False) -> Keys:
        return Keys(api_key=KEY, webhook_secrets=(self.webhook_secret,))

    def reread(self) -> None:
        return None


class Unskipped(Client):
    """A client whose requests take the wall's time: what is under way is not skipped."""

    def __init__(self, inner: Client) -> None:
        self._inner = inner

    async def call(
        self, operation: str, params: Mapping[str, Any], seconds: float = REQUEST_SECONDS, tries: int = TRIES
    ) -> dict[str, Any]:
        with Working():
            return await self._inner.call(operation, params, seconds, tries)


class Run:
    """To be made and played on the loop of its world."""

    def __init__(self, world: World, prepared: Prepared) -> None:
        self._world = world
        self._prepared = prepared
        self._loop = asyncio.get_running_loop()
        self._ahead = self._skipped()
        self.state = json.loads(json.dumps(prepared.scenario.state))
        agent = prepared.agent
        zone = ZoneInfo(agent.time_zone if agent else "UTC")
        self.at = datetime.fromisoformat(prepared.scenario.call.at).replace(tzinfo=zone)
        self._fakes_world = fakes.World(self.state, self.at)
        self._tools = fakes.ScenarioTools(prepared.tools, prepared.fakes, prepared.scenario.real, self._fakes_world)
        self._changes = [
            (index, then)
            for index, line in enumerate(prepared.scenario.script or ())
            if (then := getattr(line, "then", None)) is not None
        ]
        self._log: list[str] = []

    async def play(self) -> Finished:
        """The whole call. Raises `Broken`."""
        _lines.set(self._log)
        table = await self._blocking(self._world.new_table)
        queue, metrics, http = LocalQueue(), NoMetrics(), Connections()
        record = Record(self._world.aws.dynamodb, table, 90, clock=self._wall)
        counters = Counters(Table(self._world.aws.dynamodb, table))
        written = AsyncTable(Unskipped(client_like(self._world.aws.dynamodb, http, self._world.credentials)), table)
        control = CallControl(self._world.emulator.base_url, lambda refresh: KEY)
        agents, tools = self._prepared.agents, self._prepared.all_tools
        trunk = Trunk(DIALLED_IN, "", False)
        intake = Intake(
            cast(Secrets, FixedSecrets(self._world.openai.webhook_secret)),
            record,
            counters,
            queue.webhooks,
            control,
            agents,
            tools,
            metrics,
            float("inf"),
            trunk,
            self._wall,
        )

        def services(threads: Threads, holds: Any, clock: Time) -> Services:
            return Services(
                record=AsyncRecord(written, self._wall),
                control=control,
                contract=RealtimeContract(self._world.emulator.base_url),
                api_key=lambda refresh: KEY,
                tools=self._tools,
                prices=prices.load(),
                metrics=metrics,
                threads=threads,
                holds=holds,
                close=http.close,
                attach_window=12,
                time=clock,
            )

        clock = Time(self._wall, self._loop.time)
        monitor = Monitor("scenario", queue, agents, services, slots=1, lease=LEASE, poll=1.0, time=clock)
        working = asyncio.create_task(monitor.run(), name="monitor of a scenario")
        try:
            async with asyncio.timeout(AGENTS_SECONDS):
                call = self._ring(self._world.listen(intake))
                await self._until_over(call, record, working)
            return await self._finished(call, record)
        except TimeoutError:
            raise Broken("the call did not end") from None
        finally:
            monitor.stop()
            queue.close()
            with contextlib.suppress(Exception):
                await working
            control.close()
            await self._blocking(self._world.drop_table, table)

    def _ring(self, webhook_url: str) -> Call:
        prepared = self._prepared
        scenario, dialled = prepared.scenario, prepared.dialled
        state = self._world.emulator.state
        created_in = self.at.timestamp() - time.time()
        self._call = state.ring(
            scenario.call.from_,
            dialled,
            state.find_script(playing.script(scenario, prepared.name)),
            headers=playing.headers(scenario, dialled),
            faults=parse_faults(playing.faults(scenario, prepared.agent, created_in)),
            webhook_url=webhook_url,
        )
        self._fakes_world.before_tool = self._change_state
        return self._call

    async def _until_over(self, call: Call, record: Record, working: "asyncio.Task[None]") -> None:
        """Until OpenAI's side is over, and then until the record is closed."""
        until = time.monotonic() + REAL_SECONDS
        while True:
            over = call.state in ("ended", "rejected", "missed")
            found = await self._blocking(record.call, call.call_id) if over else None
            if found is not None and Status(found["status"]).is_final:
                return
            if working.done():
                raise Broken("the monitor stopped")
            if time.monotonic() > until:
                raise Broken(f"the call did not end within {REAL_SECONDS:.0f} s")
            await asyncio.sleep(LOOK)

    async def _finished(self, call: Call, record: Record) -> Finished:
        found = await self._blocking(record.whole_call, call.call_id)
        if found is None:
            raise Broken("the call is not in the record")
        position = call.position
        count = len(self._prepared.scenario.script or ())
        left = (
            [] if position is None else [index for index in range(position.here, count) if not position.is_said(index)]
        )
        left = [index for index in left if not playing.ends_with_caller(self._prepared.scenario, index)]
        if not left:
            self._change_state(count)
        else:
            self._change_state()
        unscripted = call.accepted.session.improvised if call.accepted else 0
        whole = json.loads(as_json(shapes.whole(*found)))
        return Finished(whole, self.state, left, unscripted, self._tools.problems, self._log)

    def _change_state(self, reached: int | None = None) -> None:
        """What the lines that were played have changed, before anybody looks at the state."""
        if reached is None:
            reached = self._call.position.begun if self._call.position else 0
        while self._changes and self._changes[0][0] < reached:
            then: Then = self._changes.pop(0)[1]
            self.state.update(json.loads(json.dumps(then.state)))

    # --- time and threads ---

    def _skipped(self) -> float:
        return float(getattr(self._loop, "skipped", 0.0))

    def _wall(self) -> float:
        return time.time() + self._skipped() - self._ahead

    async def _blocking(self, function: Any, *arguments: Any) -> Any:
        return await self._loop.run_in_executor(None, function, *arguments)


class _RunLog(logging.Handler):
    """Gives each run the lines that are logged in it."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = _lines.get()
        if lines is None:
            return
        more = {name: vars(record)[name] for name in _FACTS if name in vars(record)}
        facts = " ".join(f"{name}={value}" for name, value in more.items())
        lines.append(f"{record.levelname.lower()} {record.getMessage()} {facts}".rstrip())
        if record.exc_info:
            lines += (self.formatter or logging.Formatter()).formatException(record.exc_info).splitlines()


_FACTS = ("tool", "outcome", "reason", "seconds", "error", "code", "rule", "verdict", "sip_status", "detail")


@contextlib.contextmanager
def logs() -> Iterator[None]:
    """While it lasts, what the program logs goes to the runs, and nowhere else."""
    ours, handler = logging.getLogger("ringside"), _RunLog()
    before = ours.handlers, ours.level, ours.propagate
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.handlers, ours.level, ours.propagate = before
