"""docs/deploy.md, followed: what needs no account is run, what needs one is at least a command that exists."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.app import app
from infra.deploy import plan
from infra.local import envfile
from infra.local import template as templates
from infra.local.cloud import LocalCloud
from infra.local.template import REPOSITORY
from tests.in_process import deploy

PAGE = (REPOSITORY / "docs" / "deploy.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh ?(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(kind: str) -> list[str]:
    """The commands of the blocks of a kind: "" run anywhere, `local` with a local cloud, `engine`, `account`."""
    return [line for found, text in BLOCK.findall(PAGE) if found == kind for line in text.splitlines()]


def outside() -> dict[str, str]:
    """The environment, as far as it is the user's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE", "RINGSIDE_"))}


def run(command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """As a user types it, in the checkout."""
    # Make would set up .venv first; it is there, or this test would not run.
    line = command.replace("make ", "make --old-file=.venv/.ready --silent ", 1)
    return subprocess.run(
        shlex.split(line),
        cwd=REPOSITORY,
        env=outside() | more,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_block_says_what_it_needs() -> None:
    assert {kind for kind, _ in BLOCK.findall(PAGE)} == {"", "local", "engine", "account"}


@pytest.mark.parametrize("command", commands(""))
def test_what_needs_nothing_works(command: str) -> None:
    done = run(command)

    assert done.returncode == 0, done.stderr
    assert "CallsTable" in done.stdout or json.loads(done.stdout)["Statement"]


@pytest.mark.parametrize("command", [line for line in commands("account") if line.startswith("make deploy")])
def test_a_deployment_as_it_is_written_would_be_planned(command: str) -> None:
    would_run = run(command.replace("make deploy", "make --dry-run plan", 1))
    program, *arguments = shlex.split(would_run.stdout)

    assert [program, *arguments[:2]] == [".venv/bin/python", "-m", "infra.deploy"]
    done = deploy(*arguments[2:], environment=outside())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", [line for kind in ("account", "local") for line in commands(kind) if "ringside" in line]
)
def test_every_ringside_command_is_one(command: str) -> None:
    program, *arguments = shlex.split(command)

    if program == ".venv/bin/ringside":
        assert callable(app.parse_args(arguments)[0])


def test_whatever_else_needs_an_account_is_awss_or_makes() -> None:
    others = {line.split()[0] for line in commands("account")} - {".venv/bin/ringside"}
    targets = set(re.findall(r"^(\w+):.*## ", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert others == {"aws", "export", "make"}
    assert {line.split()[1] for line in commands("account") if line.startswith("make")} <= targets


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(pace=0.05) as cloud:
        yield cloud


@pytest.fixture
def checkout(cloud: LocalCloud, tmp_path: Path) -> Path:
    """A directory in which a local cloud runs, as far as those who look for one can tell."""
    (tmp_path / ".local").mkdir()
    envfile.write(cloud.env, tmp_path / ".local")
    return tmp_path


def test_what_needs_a_local_cloud_works_with_one(cloud: LocalCloud, checkout: Path) -> None:
    """In the order of the page: a call, the list of calls, the doctor, a signed event."""
    for command in commands("local"):
        if command.startswith("make call"):
            call_id = cloud.emulator.ring()
            cloud.records.wait_for_end(call_id)
            continue
        line = command.replace(".venv/bin", str(REPOSITORY / ".venv" / "bin"))
        more = {"PYTHONPATH": str(REPOSITORY)} if "samlocal" in line else {}
        if "samlocal" in line:
            line = line.replace("-m infra.deploy.samlocal", f"-c {shlex.quote(_in(checkout))}")
        done = subprocess.run(
            shlex.split(line), cwd=checkout, env={**os.environ, **more}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _in(folder: Path) -> str:
    """samlocal, looking for the local cloud there."""
    return (
        "import sys, pathlib; from infra.deploy import samlocal as s; "
        f"s.local_environment.__defaults__ = (pathlib.Path({str(folder / '.local' / 'env')!r}),); sys.exit(s.main())"
    )


def test_every_parameter_that_the_page_names_exists() -> None:
    known = templates.translate()["Parameters"] | templates.translate()["Outputs"]
    named = re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)(?:=[^`]*)?`", PAGE)

    assert set(named) <= set(known)
    assert plan.assignments(re.findall(r"`(\w+=https://\S+?)`", PAGE))


def test_every_page_that_it_links_to_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (REPOSITORY / "docs" / target).exists(), target
