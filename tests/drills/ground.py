"""Where a drill takes place: the local cloud with a switch for AWS's faults, and many calls at once."""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from infra.emulator.client import CALLED, Control, Shown
from infra.local.cloud import LocalCloud
from infra.local.process import logged
from infra.local.records import CallRecord
from tests.drills.compare import Lived
from tests.drills.talk import Script

AGENTS = Path(__file__).parent / "agents"
OVER = ("ended", "rejected", "missed")


class Ground(LocalCloud):
    """The local cloud, as drills use it. `lease` and `poll` in seconds; None is what the template says."""

    def __init__(
        self, *, monitors: int = 2, pace: float = 1.0, lease: int | None = None, poll: int | None = None
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="drill-")
        self._ledger = Path(self._scratch.name) / "ledger"
        self._ledger.touch()
        common = {"RINGSIDE_AGENTS": str(AGENTS), "TOOLS_LEDGER": str(self._ledger)}
        monitor = {**common, "RINGSIDE_MAX_CALLS": "2000", **({"RINGSIDE_POLL": str(poll)} if poll else {})}
        super().__init__(
            monitors=monitors,
            pace=pace,
            parameters={"LeaseSeconds": str(lease)} if lease else None,
            environment={"Monitor": monitor, "WebhookFunction": common, "SweeperFunction": common},
        )

    def start(self) -> None:
        super().start()
        self.emulator.settings(kept_calls=100_000)  # a drill looks at all of its calls when they are over

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._scratch.cleanup()

    def _run(self, name: str, program: str, *flags: str, **more: Any) -> None:
        super()._run(name, "tests.drills.faulty_aws" if name == "aws" else program, *flags, **more)

    # --- faults and tools ---

    def aws_faults(self, share: float = 0.0, seconds: float = 0.0, **more: Any) -> dict[str, int]:
        """Let a share of AWS's answers fail for so long; returns what the faults so far have done.

        `more`: see `faulty_aws`.
        """
        with httpx.Client(trust_env=False) as http:
            happened: dict[str, int] = http.get(f"{self.aws_url}/_faults").json()
            http.put(f"{self.aws_url}/_faults", json={"share": share, "seconds": seconds, **more})
        return happened

    def note_writes(self) -> dict[str, float]:
        """When each turn was last written, since this was last asked."""
        with httpx.Client(trust_env=False) as http:
            written: dict[str, float] = http.get(f"{self.aws_url}/_writes").json()
        return written

    def forget_receipts(self, seconds: float = 0.0) -> dict[str, int]:
        """Let SQS honour no receipt for so long; returns how often the message of each call was received so far."""
        with httpx.Client(trust_env=False) as http:
            if seconds:
                http.put(f"{self.aws_url}/_receipts", json={"seconds": seconds})
            received: dict[str, int] = http.get(f"{self.aws_url}/_receipts").json()
        return received

    def runs(self) -> Counter[str]:
        """How often the tool of each tool call really ran."""
        return Counter(line.split()[1] for line in self._ledger.read_text(encoding="utf-8").splitlines())

    # --- monitors ---

    def fresh_monitors(self, count: int) -> list[int]:
        """Replace all monitors by so many new ones, without a hand-over; their indexes."""
        for index, monitor in enumerate(self.monitors):
            if monitor.alive:
                self.kill_monitor(index)
        first = len(self.monitors)
        for _ in range(count):
            self.add_monitor()
        return list(range(first, first + count))

    def owner(self, index: int) -> str:
        """The name under which a monitor owns calls."""
        line = next(line for line in self.monitors[index].lines if logged("monitor.ready")(line))
        return str(json.loads(line)["owner"])

    def metric(self, name: str, since: int = 0) -> list[float]:
        """All values of a metric that the monitors wrote, those before the monitor of index `since` left out."""
        written = (json.loads(line) for monitor in self.monitors[since:] for line in monitor.lines if name in line)
        return [float(value) for line in written if "_aws" in line for value in line.get(name, ())]

    # --- many calls ---

    def ring_all(
        self,
        scripts: Sequence[Script],
        *,
        over: float,
        called: str = CALLED,
        caller: Callable[[int], str] = "+1425555{:04}".format,
        faults: Callable[[int], dict[str, Any]] = lambda number: {},
    ) -> list[str]:
        """Ring with one call a script, spread over so many seconds; their ids in that order."""

        async def ring(control: Control) -> list[str]:
            started, ids = time.monotonic(), []
            for number, script in enumerate(scripts):
                await asyncio.sleep(max(0.0, started + over * number / len(scripts) - time.monotonic()))
                ids.append(await control.ring(caller(number), called, script=script, faults=faults(number)))
            return ids

        ids: list[str] = self.ask(ring)
        return ids

    def ask(self, question: Callable[[Control], Any]) -> Any:
        """Ask the emulator's control API something, with one connection."""

        async def asked() -> Any:
            async with self.emulator.control() as control:
                return await question(control)

        return asyncio.run(asked())

    def shown(self, ids: Iterable[str]) -> list[Shown]:
        async def look(control: Control) -> list[Shown]:
            return [await control.shown(call_id) for call_id in ids]

        found: list[Shown] = self.ask(look)
        return found

    def wait_for(self, ids: Iterable[str], states: Sequence[str], seconds: float) -> bool:
        """Wait until each of these calls is in one of the states; False if that takes too long."""
        wanted = set(ids)

        async def wait(control: Control) -> bool:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while any(c["state"] not in states for c in await control.calls() if c["call_id"] in wanted):
                        await asyncio.sleep(0.2)
                    return True
            return False

        return bool(self.ask(wait))

    def wait_for_greetings(self, ids: Sequence[str], seconds: float) -> None:
        """Wait until the greeting was asked for in each of these calls, in the record's words."""
        deadline = time.monotonic() + seconds
        for call_id in ids:
            with suppress(TimeoutError):
                left = deadline - time.monotonic()
                self.records.wait(call_id, lambda record: "greeted" in record.call.get("steps", {}), left)

    def wait_for_records(self, ids: Sequence[str], seconds: float) -> list[CallRecord]:
        """The records of these calls, closed if that comes in time."""
        deadline, records = time.monotonic() + seconds, []
        for call_id in ids:
            with suppress(TimeoutError):
                self.records.wait_for_end(call_id, max(0.1, deadline - time.monotonic()))
            records.append(self.records.get(call_id))
        return records

    def lived(self, ids: Sequence[str], *, ended_within: float, closed_within: float = 30.0) -> list[Lived]:
        """The calls from all sides, once they are over and their records closed, or time is up."""
        self.wait_for(ids, OVER, ended_within)
        records, runs = self.wait_for_records(ids, closed_within), self.runs()
        return [Lived(known, record, runs) for known, record in zip(self.shown(ids), records, strict=True)]
