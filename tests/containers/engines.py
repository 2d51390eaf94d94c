"""The engine that tests run containers in, with images, containers and networks of its own that go with it.

podman gets a storage of its own, so that nothing of the user's is seen or touched. In a virtual machine with an old
kind of control groups, or without the right to raise limits, it needs `containers.conf` beside this file, which is
tried second. Docker and Finch have one storage: there, what was made is removed by its name.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from infra.deploy import programs
from infra.local import engine
from infra.local.engine import Engine, EngineError
from tests.containers import stand_in_image

HOW = (
    "needs a container engine: start Docker or Finch, or install podman (Debian: apt-get install podman runc), "
    "which `.ci/run` does"
)
CONF = Path(__file__).with_name("containers.conf")
LOCK = Path(tempfile.gettempdir()) / "ringside-containers.lock"
"""Held by whoever runs containers: they share a bridge and its addresses, and two cores."""


class NoEngine(Exception):
    """No containers can be run here; the message says what would change that."""


class Ground:
    """An engine, and what was made in it for the tests of one module."""

    def __init__(self, found: Engine) -> None:
        self.engine = found
        self.remarks: list[str] = []
        """What a reader of the tests' result has to know about how they were run."""
        self._images: list[str] = []
        self._stand_in: str | None = None

    def image(self, original: str) -> str:
        """This image if it can be pulled; else the stand-in, and a remark."""
        try:
            self.engine.get(original)
        except EngineError:
            self.remarks.append(f"{original} cannot be pulled here; the tests ran in a stand-in made of this machine")
            return self.stand_in()
        return original

    def stand_in(self) -> str:
        """The stand-in for both AWS's image and Python's."""
        if self._stand_in is None:
            self._stand_in = self.name("stand-in")
            stand_in_image.make(self.engine.command, self._stand_in)
        return self._stand_in

    def name(self, what: str) -> str:
        """A name for an image; it is removed at the end."""
        self._images.append(f"localhost/ringside-test-{what}:{uuid.uuid4().hex[:8]}")
        return self._images[-1]

    def run(self, *arguments: str, what: str = "the container") -> str:
        return self.engine.run(*arguments, what=what)

    def remove(self) -> None:
        for image in self._images:
            subprocess.run([*self.engine.command, "rmi", "--force", image], capture_output=True, check=False)


@contextmanager
def ground() -> Iterator[Ground]:
    """An engine for these tests alone; `NoEngine` if there is none that works."""
    with ExitStack() as stack:
        lock = stack.enter_context(LOCK.open("a"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        try:
            found = engine.find()
        except EngineError as error:
            raise NoEngine(HOW if str(error) == engine.NO_ENGINE else str(error)) from None
        if programs.python313() is None:
            raise NoEngine(programs.NO_PYTHON313)
        if found.name == "podman" and not os.environ.get("DOCKER_HOST"):
            stack.enter_context(_storage_of_its_own(patch))
        made = Ground(found)
        stack.callback(made.remove)
        _try_out(made, patch)
        yield made


@contextmanager
def _storage_of_its_own(patch: pytest.MonkeyPatch) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="ringside-podman-", ignore_cleanup_errors=True) as folder:
        conf = Path(folder) / "storage.conf"
        conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n')
        patch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
        try:
            yield
        finally:
            for command in (["rm", "--all", "--force", "--time", "0"], ["rmi", "--all", "--force"]):
                subprocess.run(["podman", *command], capture_output=True, check=False)
            shutil.rmtree(folder, ignore_errors=True)


def _try_out(made: Ground, patch: pytest.MonkeyPatch) -> None:
    """Run something, with the engine's own settings, and if that fails with ours."""
    command = ("run", "--rm", "--memory", "64m", made.stand_in(), "python", "-c", "")
    try:
        made.run(*command)
    except EngineError as error:
        if made.engine.name != "podman" or "CONTAINERS_CONF" in os.environ:
            raise NoEngine(f"{made.engine.name} runs no containers here: {error}") from None
        patch.setenv("CONTAINERS_CONF", str(CONF))
        try:
            made.run(*command)
        except EngineError as again:
            raise NoEngine(f"podman runs no containers here: {again}") from None
