"""What calls cost a monitor: `python -m infra.deploy.load --calls 100`, on the local cloud at the speed of speech.

CPU time and memory of the monitor's process alone, before and while it supervises so many calls; how busy the machine
is besides matters little to either. docs/cost.md rests on these numbers (infra/deploy/cost.py).
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from infra import command_line
from infra.local.cloud import LocalCloud

SETTLE_SECONDS = 12.0
MEASURED_SECONDS = 40.0


@dataclass(frozen=True)
class Sample:
    """Of one process: CPU seconds so far, and resident kilobytes."""

    cpu: float
    memory: int

    @classmethod
    def of(cls, pid: int) -> "Sample":
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
        return cls(ticks / os.sysconf("SC_CLK_TCK"), resident * os.sysconf("SC_PAGE_SIZE") // 1024)


def measure(calls: int, script: str) -> None:
    """Measure, and print one line per result."""
    with LocalCloud(monitors=1, pace=1.0) as cloud:
        pid = cloud.monitors[0].pid
        before = Sample.of(pid)
        time.sleep(10)
        idle = (Sample.of(pid).cpu - before.cpu) / 10
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: cloud.emulator.ring(script), range(calls)))
        time.sleep(SETTLE_SECONDS)
        first = Sample.of(pid)
        time.sleep(MEASURED_SECONDS)
        last = Sample.of(pid)
    used = (last.cpu - first.cpu) / MEASURED_SECONDS
    print(f"idle: {idle * 1000:.1f} ms of CPU a second, {before.memory} KB")
    print(f"{calls} calls: {used * 1000:.0f} ms of CPU a second, {last.memory} KB")
    cpu, memory = (used - idle) / calls * 1000, (last.memory - before.memory) / calls
    print(f"one call: {cpu:.2f} ms of CPU a second, {memory:.0f} KB")


program = command_line.program("python -m infra.deploy.load", __doc__)


@program.default
def _measure(
    *,
    calls: Annotated[int, Parameter(help="how many at once")] = 100,
    script: Annotated[str, Parameter(help="a conversation of infra/emulator/scripts")] = "long-call",
) -> None:
    measure(calls, script)


if __name__ == "__main__":
    sys.exit(command_line.run(program))
