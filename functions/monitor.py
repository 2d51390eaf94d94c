"""The monitor's process: `python -m monitor`. Builds it, runs it, and stops it on SIGTERM or SIGINT."""

import asyncio
import logging
import signal
import sys

import uvloop

from ringside import settings, telemetry
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.monitor import garbage, health
from ringside.monitor.background import TaskDied
from ringside.settings import SettingsError
from ringside.tools.definition import ToolError
from ringside.wiring import Wiring

log = logging.getLogger("ringside.monitor")

FORCED_SECONDS = 50.0
"""The most that calls get to end after a signal: ECS kills 120 s after it, and to hand over may take 60."""


async def work(wiring: Wiring, forced: float = FORCED_SECONDS) -> None:
    monitor = wiring.monitor()
    task_protection = wiring.task_protection(monitor)
    wait = min(wiring.settings.drain * 60, forced)
    garbage.collect_rarely()
    loop = asyncio.get_running_loop()
    # Python as PID 1 has no default action for SIGTERM: without this, a deployment would kill the calls' owner.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, monitor.stop, wait)
    async with health.answering(monitor.holds):
        await (task_protection.keep(monitor.run) if task_protection else monitor.run())


def main() -> int:
    """The exit status: 0 after a stop, 1 if the monitor broke (ECS starts another), 2 if it cannot start like this."""
    try:
        loaded = settings.load()
        telemetry.log_as_json("monitor", loaded.log_level)
        wiring = Wiring(loaded, "monitor")
        wiring.check()
    except (SettingsError, AgentFileError, ToolError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        uvloop.run(work(wiring))
    except TaskDied:  # which was logged when it happened
        return 1
    except Exception:  # logged without its text: what others write into their errors is not ours to know
        log.exception("monitor.failed")
        return 1
    finally:
        wiring.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
