"""The monitor's process: `python -m monitor`. Builds it, runs it, and stops it on SIGTERM or SIGINT."""

import asyncio
import signal
import sys

import uvloop

from ringside import settings, telemetry
from ringside.agents import AgentFileError
from ringside.settings import SettingsError
from ringside.tools import ToolError
from ringside.wiring import Wiring


async def work(wiring: Wiring) -> None:
    monitor = wiring.monitor()
    loop = asyncio.get_running_loop()
    # Python as PID 1 has no default action for SIGTERM: without this, a deployment would kill the calls' owner.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, monitor.stop)
    await monitor.run(wiring.settings.drain_wait)


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
