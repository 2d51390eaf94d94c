"""Follows the agents' folder: a change that is in order is put into force, one that is not is reported.

Directories are watched, not files, since editors replace files; and contents are compared, since many events change
nothing. Files that are read before an editor has written all of them are simply read again with the next event.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from watchfiles import watch

from infra.local.checker import Checker
from infra.local.cloud import LocalCloud
from infra.local.process import ProcessDied

Say = Callable[[str, str], None]
"""A line for whoever looks on, and its style."""

DEBOUNCE_MS, STEP_MS = 100, 50
_NOT_READ = frozenset({"tests", "__pycache__"})


def contents(folder: Path) -> dict[str, str]:
    """The files that make the agents, each with a hash of what is in it."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if _NOT_READ.intersection(relative.parts) or path.name.startswith(".") or path.suffix == ".pyc":
            continue
        try:
            if path.is_file():
                found[str(relative)] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:  # gone between two looks
            continue
    return found


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names of what is new, gone or different."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


class AgentsWatch:
    """In a thread of its own, from `start` to `stop`."""

    def __init__(self, cloud: LocalCloud, folder: Path, say: Say) -> None:
        self._cloud = cloud
        self._folder = folder
        self._say = say
        self._in_force = self._seen = contents(folder)
        self._stop = threading.Event()
        self._checker = Checker()
        self._thread = threading.Thread(target=self._follow, name="agents", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._checker.close()

    def _follow(self) -> None:
        events = watch(
            self._folder,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            rust_timeout=500,
            yield_on_timeout=True,
            raise_interrupt=False,
            stop_event=self._stop,
        )
        for _ in events:
            if self._stop.is_set():
                return
            self.look()

    def look(self) -> None:
        """Put the files into force, if they have changed and are in order."""
        began, now = time.monotonic(), contents(self._folder)
        if now == self._seen:
            return
        self._seen = now
        what = ", ".join(changed(self._in_force, now))
        if not what:
            self._say("The agent files are again what is in force.", "dim")
            return
        verdict = self._checker.check(self._folder)
        for text in verdict.doubtful:
            self._say(text, "yellow")
        if verdict.wrong:
            for text in verdict.wrong:
                self._say(text, "red")
            self._say(f"{what}: the former agents stay in force.", "red")
            return
        try:
            self._cloud.reload_agents()
        except ProcessDied as problem:
            if not self._stop.is_set():
                self._say(f"{what}: the former agents stay in force: {problem}", "red")
            return
        self._in_force = now
        agents = ", ".join(verdict.agents)
        self._say(f"{what}: in force for the next call ({time.monotonic() - began:.1f} s). Agents: {agents}.", "green")
