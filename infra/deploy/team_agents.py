"""Agents that a team keeps outside this repository: RINGSIDE_AGENTS names their folder, and zip and image get it in
place of functions/agents."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.deploy.programs import DeployError
from infra.local.template import FUNCTIONS

SHIPPED = FUNCTIONS / "agents"
VARIABLE = "RINGSIDE_AGENTS"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".git", ".venv", "tests")


def folder() -> Path:
    """The agents that are deployed: the team's, or those of this repository. Raises `DeployError`."""
    given = os.environ.get(VARIABLE)
    if not given:
        return SHIPPED
    found = Path(given).resolve()
    if not any(found.glob("*.yaml")):
        raise DeployError(f"{VARIABLE}: {given} has no agent file (*.yaml)")
    return found


def is_outside() -> bool:
    return folder() != SHIPPED.resolve()


def put_into(functions: Path) -> None:
    """Make the team's agents those of a copy of functions/."""
    if is_outside():
        target = functions / SHIPPED.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder(), target, ignore=LEFT_OUT)


@contextmanager
def context() -> Iterator[Path]:
    """What an image is built from: functions/, or a copy of it with the team's agents."""
    if not is_outside():
        yield FUNCTIONS
        return
    with tempfile.TemporaryDirectory() as made:
        copy = Path(made) / FUNCTIONS.name
        shutil.copytree(FUNCTIONS, copy, ignore=LEFT_OUT)
        put_into(copy)
        yield copy
