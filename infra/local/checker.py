"""Checks the agent files in a process that is ready for it: what takes long is to import what checks them.

Run as `python -m infra.local.checker`; a folder on its standard input is answered with one line of JSON, and that is
the end of it: reading a file of tools runs it, and it is the user's.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.local.host import inherited_environment, module


@dataclass(frozen=True)
class Verdict:
    """What was found. `wrong` keeps the agents out of force, `doubtful` does not."""

    agents: list[str]
    wrong: list[str]
    doubtful: list[str]


class Checker:
    """One process that is ready, and another one as soon as that was used."""

    def __init__(self) -> None:
        self._ready = self._start()

    def check(self, folder: Path) -> Verdict:
        process, self._ready = self._ready, self._start()
        answer, _ = process.communicate(str(folder.resolve()))
        try:
            return Verdict(**json.loads(answer.splitlines()[-1]))
        except (ValueError, IndexError, TypeError):
            return Verdict([], [f"{folder}: reading it ended the process that did"], [])

    def close(self) -> None:
        self._ready.kill()
        self._ready.communicate()

    @staticmethod
    def _start() -> "subprocess.Popen[str]":
        return subprocess.Popen(
            module("infra.local.checker"),
            env=inherited_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )


def main() -> int:
    from cli.check import check

    folder = sys.stdin.read().strip()
    if not folder:
        return 0
    found = check(Path(folder))
    verdict = {
        "agents": sorted(found.agents),
        "wrong": [problem.text for problem in found.problems if problem.is_wrong],
        "doubtful": [problem.text for problem in found.problems if not problem.is_wrong],
    }
    print(json.dumps(verdict), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
