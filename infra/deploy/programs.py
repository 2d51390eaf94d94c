"""The programs that are run here, each in a version of its own, fetched by uv when first used."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from infra.local.template import REPOSITORY

VERSIONS = {"aws-sam-cli": "1.170.0", "awslambdaric": "4.2.2", "checkov": "3.3.30"}
"""Not in pyproject.toml: their dependencies and ours would have to agree."""

OURS = {
    "SAM_CLI_TELEMETRY": "0",
    "UV_SYSTEM_CERTS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "CHECKOV_RUN_SCA_PACKAGE_SCAN": "0",
}
RUNTIME_PYTHON = (3, 13)
"""Of the functions (template.yaml) and the image: what is built for them must be built with it."""


class DeployError(Exception):
    """A program is missing, or has failed; the message says which and what to do."""


def uv() -> str:
    """uv, which `make` has put beside this Python; else the one on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise DeployError("uv is missing: run this through make")
    return found


def tool(package: str, *command: str, python: str | None = None) -> list[str]:
    """The command line that runs a program of a package, in its pinned version."""
    chosen = ["--python", python] if python else []
    return [uv(), "tool", "run", "--quiet", *chosen, "--from", f"{package}=={VERSIONS[package]}", *command]


def sam(*arguments: str) -> list[str]:
    """The command line for AWS SAM CLI."""
    return tool("aws-sam-cli", "sam", *arguments)


def environment(**more: str) -> dict[str, str]:
    """Ours, and what these programs need to keep still: no telemetry, no downloads of Python."""
    return {**os.environ, **OURS, **more}


def run(
    command: Sequence[str],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = REPOSITORY,
    quiet: bool = False,
) -> str:
    """Run a program and return what it printed; `DeployError` with its output if it fails.

    `quiet` keeps the output back; else it is shown as it comes, and "" is returned.
    """
    pipe = subprocess.PIPE if quiet else None
    out = subprocess.STDOUT if quiet else None
    done = subprocess.run(
        command, env=dict(env or environment()), cwd=cwd, stdout=pipe, stderr=out, text=True, check=False
    )
    if done.returncode:
        raise DeployError(f"{what} failed:\n{done.stdout.rstrip()}" if quiet else f"{what} failed")
    return done.stdout or ""


@cache
def python313() -> str | None:
    """A Python of the functions' version, or None. Asked by starting it: a shim may be on the path and lead nowhere."""
    name = "python{}.{}".format(*RUNTIME_PYTHON)
    candidates = [os.environ.get("RINGSIDE_PYTHON313"), sys.executable, shutil.which(name)]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += [str(path) for path in sorted(pyenv.glob(f"versions/3.13.*/bin/{name}"))]
    return next((path for path in candidates if path and _version(path) == RUNTIME_PYTHON), None)


def _version(python: str) -> tuple[int, int] | None:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=20, check=True)
        major, minor = done.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return int(major), int(minor)


NO_PYTHON313 = (
    "Python 3.13, which the functions are built with, is not installed. Install it (python3.13 on the path, or with "
    "pyenv) or say where it is: RINGSIDE_PYTHON313=/path/to/python3.13"
)


def build_environment() -> dict[str, str]:
    """The environment in which SAM builds: Python 3.13 first on the path."""
    python = python313()
    if python is None:
        raise DeployError(NO_PYTHON313)
    return environment(PATH=os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")]))
