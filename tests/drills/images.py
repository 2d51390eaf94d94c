"""The monitor's image in the drill of operations: how it is made, and what of it a task would run."""

import hashlib
import platform
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from tests.containers import engines, registry
from tests.containers.engines import Ground, NoEngine
from tests.drills.checkout import Checkout


class Images(Protocol):
    remark: str
    """What a reader of the drill's result has to know about them."""

    def make(self, checkout: Checkout) -> str:
        """An image of what the checkout has now, by digest."""

    def content(self, image: str) -> Path:
        """The folder that a task of this image would run the monitor in."""


class Copies:
    """No images: copies of the folder that would be in them, by the digest of their content."""

    def __init__(self, folder: Path, why: str) -> None:
        self._folder = folder
        self.remark = f"the monitor's code is a copy by its digest and no image was built: {why}"

    def make(self, checkout: Checkout) -> str:
        functions, digest = checkout.folder / "functions", hashlib.sha256()
        for path in sorted(path for path in functions.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            digest.update(str(path.relative_to(functions)).encode() + path.read_bytes())
        kept = self._folder / digest.hexdigest()
        if not kept.exists():
            shutil.copytree(functions, kept, ignore=shutil.ignore_patterns("__pycache__"))
        return f"localhost:5000/ringside-monitor@sha256:{digest.hexdigest()}"

    def content(self, image: str) -> Path:
        return self._folder / image.partition("@sha256:")[2]


class Built:
    """Built by `make image`, pushed to a registry on this machine, and pulled from it by digest."""

    def __init__(self, ground: Ground, address: str, folder: Path) -> None:
        self._ground, self._folder = ground, folder
        self._name = f"{address}/ringside-monitor"
        arm = platform.machine() in ("arm64", "aarch64")
        self._platform = f"linux/{'arm64' if arm else 'amd64'}"
        self._flags = registry.wheels(folder, "aarch64" if arm else "x86_64")
        self.remark = (
            f"the monitor's image was built by {ground.engine.name} on a Python of this machine, and pulled from a "
            "registry here; its code then ran as a process, and not in a container"
        )

    def make(self, checkout: Checkout) -> str:
        flags = [word for flag in self._flags for word in ("--build-flag", flag)]
        base = ("--python-image", self._ground.stand_in(), "--platform", self._platform)
        done = checkout.deploy("image", "--registry", self._name, *base, *flags)
        if done.returncode:
            raise RuntimeError(f"make image failed: {done.stderr[-3000:]}")
        return done.stdout.strip().splitlines()[-1]

    def content(self, image: str) -> Path:
        folder = self._folder / image.partition("@sha256:")[2]
        if not folder.exists():
            name = f"drill-{uuid.uuid4().hex[:8]}"
            self._ground.run("pull", "--quiet", "--tls-verify=false", image)
            self._ground.run("create", "--name", name, image)
            try:
                self._ground.run("cp", f"{name}:/app", str(folder))
            finally:
                self._ground.run("rm", name)
        return folder


@contextmanager
def images(folder: Path, *, short: bool) -> Iterator[Images]:
    """Built where podman and docker-registry are; copies elsewhere, and in the short form."""
    folder.mkdir()
    with ExitStack() as stack:
        yield _chosen(stack, folder, short)


def _chosen(stack: ExitStack, folder: Path, short: bool) -> Images:
    if short:
        return Copies(folder, "this is the short form")
    try:
        return _built(stack, folder)
    except NoEngine as reason:
        return Copies(folder, str(reason))


def _built(stack: ExitStack, folder: Path) -> Built:
    if registry.PROGRAM is None:
        raise NoEngine(registry.HOW)
    ground = stack.enter_context(engines.ground())
    if ground.engine.name != "podman":
        raise NoEngine(f"{ground.engine.name} does not build in a storage of the drill's own; install podman")
    return Built(ground, stack.enter_context(registry.registry(folder)), folder)
