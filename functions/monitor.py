"""The monitor's process: `python -m monitor`. Builds it, runs it, and stops it on SIGTERM or SIGINT."""

import asyncio
import signal
import sys

import uvloop

from ringside import settings, telemetry
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.monitor import health
from ringside.settings import SettingsError
from ringside.tools.definition import ToolError
from ringside.wiring import Wiring

FORCED_SECONDS = 50.0
"""The most that calls get to end after a signal: ECS kills 120 s after it, and to hand over may take 60."""


async def work(wiring: Wiring, forced: float = FORCED_SECONDS) -> None:
    monitor = wiring.monitor()
    task_protection = wiring.task_protection(monitor)
    wait = min(wiring.settings.drain * 60, forced)
    loop = asyncio.get_running_loop()
    # Python as PID 1 has no default action for SIGTERM: without this, a deployment would kill the calls' owner.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, monitor.stop, wait)
    async with health.answering(monitor.holds):
        await (task_protection.keep(monitor.run()) if task_protection else monitor.run())


def main() -> int:
    try:
        loaded = settings.load()
        telemetry.log_as_json("monitor", loaded.log_level)
        wiring = Wiring(loaded, "monitor")
        wiring.check()
    except (SettingsError, AgentFileError, ToolError) as error:
        print(error, file=sys.stderr)
        return 2
    uvloop.run(work(wiring))
    wiring.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
