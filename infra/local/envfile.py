"""`.local/`: where a running local cloud is found (`env`), and the lock that keeps it single (`lock`)."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.local.template import REPOSITORY

DIRECTORY = REPOSITORY / ".local"


class AlreadyRunning(Exception):
    """A local cloud runs in this checkout."""


class NotRunning(Exception):
    """No local cloud runs in this checkout."""


@contextmanager
def single(directory: Path = DIRECTORY) -> Iterator[None]:
    """Be the only local cloud of this checkout. The lock ends with the process, however that ends."""
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "?"
            what_to_do = "use it, or stop it with Ctrl-C where it was started"
            raise AlreadyRunning(f"a local cloud is already running (process {owner}): {what_to_do}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            (directory / "env").unlink(missing_ok=True)


def write(variables: Mapping[str, str], directory: Path = DIRECTORY) -> Path:
    """Write `.local/env`, whole or not at all."""
    path, unfinished = directory / "env", directory / "env.new"
    lines = ["# Where the running local cloud is. Written by `make local`, deleted when it stops."]
    lines += [f"{name}={value}" for name, value in variables.items()]
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return path


def is_running(directory: Path = DIRECTORY) -> bool:
    """Whether a local cloud holds the lock."""
    try:
        with (directory / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def running(directory: Path = DIRECTORY) -> Path:
    """The path of the running cloud's `env`."""
    path = directory / "env"
    if not is_running(directory):
        raise NotRunning("no local cloud is running: start one with `make local`")
    if not path.exists():
        raise NotRunning("the local cloud is still starting: try again in a moment")
    return path
