"""What `sam build` built, made ready to start fast: without what a function never reads, and with bytecode.

Lambda's disk is read-only, so a function without bytecode compiles all it imports at every cold start, which is more
than half of it. SAM's builder leaves none, and installs everything that the image needs, too.
"""

import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

from infra.deploy import programs, team_agents
from infra.deploy.programs import DeployError
from infra.deploy.pruning import prune

LIMIT = 250 * 2**20
"""Bytes of one function, unpacked (Lambda developer guide, "Lambda quotas"). Without the packages that an agent's
tools bring it has less than 30 MB."""

ROOT = "/var/task"
"""Where Lambda unpacks a function (Lambda developer guide, "Package .zip")."""


def functions(build: Path) -> list[Path]:
    """The functions in a build folder of SAM's."""
    return sorted(path.parent for path in build.glob("*/webhook.py"))


def package(build: Path) -> None:
    """Prune and compile every function in a build folder of SAM's. To do it twice changes nothing.

    SAM copies what it has built of one `CodeUri` once for each function: those copies are packaged once, too.
    """
    packaged: list[tuple[frozenset[tuple[str, int, int]], Path]] = []
    found = functions(build)
    if not found:
        raise DeployError(f"{build}: SAM built no function there")
    for folder in found:
        content = _listing(folder)
        twin = next((other for listed, other in packaged if listed == content), None)
        if twin is not None:
            shutil.rmtree(folder)
            shutil.copytree(twin, folder, symlinks=True, copy_function=os.link)
            continue
        team_agents.put_into(folder)
        prune(folder)
        add_bytecode(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if size > LIMIT:
            raise DeployError(
                f"{folder.name} has {size / 2**20:.0f} MB unpacked, more than Lambda's {LIMIT / 2**20:.0f}"
            )
        packaged.append((content, folder))


def _listing(folder: Path) -> frozenset[tuple[str, int, int]]:
    """What two copies of one build have in common: each file's path, bytes and checksum."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return frozenset(
        (str(path.relative_to(folder)), path.stat().st_size, zlib.crc32(path.read_bytes())) for path in files
    )


def add_bytecode(folder: Path) -> None:
    """Compile every module of a built function for Lambda's Python.

    Unchecked: the bytecode is used whatever time stamps a zip gives to the sources. What another Python
    left beside the sources goes.
    """
    python = programs.python313()
    if python is None:
        raise DeployError(programs.NO_PYTHON313)
    for cache in [*folder.rglob("__pycache__")]:
        shutil.rmtree(cache)
    command = [python, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    # The same names in every build, and those that Lambda's tracebacks have.
    command += ["-s", str(folder), "-p", ROOT, str(folder)]
    # Some packages keep a module in a later Python's syntax; what cannot be compiled stays a source, as it was.
    done = subprocess.run(command, env=programs.environment(PYTHONHASHSEED="0"), capture_output=True, check=False)
    without = [path for path in _ours(folder) if not any((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))]
    if without:
        names = ", ".join(str(path.relative_to(folder)) for path in without)
        raise DeployError(f"{names}: cannot be compiled:\n{done.stdout.decode(errors='replace')}")


def _ours(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.py")
    yield from (folder / "ringside").rglob("*.py")
