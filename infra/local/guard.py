"""Ends what its parent leaves behind, also after `kill -9` of the parent. Run with the parent's pipe as standard input.

Lines on standard input: `+N` the process group N is running, `-N` it is gone. At the end of the input, which comes
when the parent dies however it dies, every group that still runs is killed. (Linux could do with PR_SET_PDEATHSIG,
but that follows the parent's thread and not its process, and macOS has nothing like it.)
"""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent decides when this is over
    running: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            running.add(group)
        else:
            running.discard(group)
    for group in running:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
