"""The monitor's image, built and run as the task definition says: under live calls it is replaced, killed, and cut off
from its table."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from infra.deploy import builders, image
from infra.deploy.builders import Builder, Recipe
from infra.local.template import FUNCTIONS, REPOSITORY
from tests.containers import registry
from tests.containers.engines import Ground
from tests.containers.monitors import Cloud
from tests.drills.compare import Flaw
from tests.drills.ownership import TAKE_OVER_SECONDS, all_flaws, ground_pace, has_its_gaps, ring
from tests.drills.report import Size
from tests.drills.talk import chat

CALLS = 50
LONG, SHORT = chat(90, terse=True), chat(42, terse=True)
"""About 45 and 20 seconds at these tests' pace: the first is to outlive a replacement on any machine."""

MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
DAMAGE = (
    *("dropped", "wrong end", "left open", "not closed"),
    *("lost words", "doubled words", "order", "unasked words"),
    *("lost effects", "doubled effects"),
)


def damage(flaws: Sequence[Flaw], *more: str) -> str:
    """What must not have happened to a call, a line each."""
    kinds = (*DAMAGE, *more)
    return "\n".join(f"{flaw.kind} {flaw.call_id}: {flaw.what}" for flaw in flaws if flaw.kind in kinds)


@pytest.fixture(scope="module")
def recipe(containers: Ground, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """As `make image` has it, for this machine's processor."""
    kind = "arm64" if containers.engine.architecture == "arm64" else "amd64"
    base = containers.image(image.pinned(image.PINNED.read_text(encoding="utf-8")))
    machine = "aarch64" if kind == "arm64" else "x86_64"
    flags = registry.wheels(tmp_path_factory.mktemp("pip"), machine) if containers.engine.name == "podman" else []
    return Recipe(base, containers.name("monitor"), f"linux/{kind}", image.committed_at(), flags)


@pytest.fixture(scope="module")
def builder(containers: Ground) -> Builder:
    return builders.find()


@pytest.fixture(scope="module")
def built(builder: Builder, recipe: Recipe) -> str:
    builder.build(recipe)
    return recipe.name


@pytest.fixture(scope="module")
def cloud(containers: Ground, built: str) -> Iterator[Cloud]:
    with Cloud(containers, built) as cloud:
        yield cloud


# --- under live calls -----------------------------------------------------------------------------


def test_a_monitor_that_is_replaced_under_fifty_calls_drops_none_and_loses_no_word(cloud: Cloud) -> None:
    size = Size(CALLS, short=True)
    pace = ground_pace(cloud, size, 0.5)
    old = cloud.run_monitor()
    ids = ring(cloud, size, LONG)
    new = cloud.run_monitor()

    took = old.stop()

    live = {shown["call_id"] for shown in cloud.shown(ids) if shown["state"] == "live"}
    owners = {cloud.records.get(call_id).call.get("owner") for call_id in live}
    assert old.state("ExitCode") == "0"
    assert took < 60
    assert len(live) == CALLS
    assert owners == {new.owner}
    calls = cloud.lived(ids, ended_within=120)
    flaws = all_flaws(calls, LONG, pace)
    assert not damage(flaws, "lost in a gap"), damage(flaws, "lost in a gap")
    assert new.state("OOMKilled") == "false"
    new.stop()


def test_calls_of_a_monitor_that_was_killed_go_on_with_another(cloud: Cloud) -> None:
    size = Size(CALLS, short=True)
    pace = ground_pace(cloud, size, 0.5)
    victim, other = cloud.run_monitor(), cloud.run_monitor()
    ids = ring(cloud, size, SHORT)
    owned = {i for i in ids if cloud.records.get(i).call.get("owner") == victim.owner}

    killed_at = time.time()
    victim.kill()

    calls = cloud.lived(ids, ended_within=120)
    flaws = all_flaws(calls, SHORT, pace)
    orphans = [call for call in calls if call.call_id in owned]
    taken = [min((since for since, _ in call.attached if since > killed_at), default=float("inf")) for call in orphans]
    assert orphans
    # The drill holds the bound itself; containers share two cores with the tests of another worker here.
    assert max(taken) - killed_at < TAKE_OVER_SECONDS + 10
    assert not damage(flaws), damage(flaws)
    assert all(has_its_gaps(call) for call in orphans)
    other.stop()


def test_the_health_check_fails_while_the_lease_is_lost(cloud: Cloud) -> None:
    monitor = cloud.run_monitor()
    assert monitor.wait_for_health(True, 10) == "the monitor holds its lease"

    cloud.aws_faults(1.0, 90)
    said = monitor.wait_for_health(False, 40)
    cloud.aws_faults(0.0, 0)

    assert said == "the monitor has lost its lease"
    assert monitor.wait_for_health(True, 40) == "the monitor holds its lease"
    assert monitor.state("Running") == "true"  # it goes on, and has it back
    monitor.stop()


# --- what is in it --------------------------------------------------------------------------------


def test_every_module_has_its_bytecode_and_python_takes_it(containers: Ground, built: str) -> None:
    code = (
        "import pathlib, sys, importlib.util as u\n"
        "found = [p for root in ('/packages', '/app') for p in pathlib.Path(root).rglob('*.py')]\n"
        "print(len(found), *[p for p in found if not pathlib.Path(u.cache_from_source(str(p))).is_file()][:5])\n"
        "import monitor, json; print(monitor.__cached__, json.__cached__)\n"
        "print(pathlib.Path(json.__cached__).is_file(), pathlib.Path('/etc/pip.conf').exists())\n"
    )
    listed, cached, last = containers.run("run", "--rm", built, "python", "-c", code).splitlines()

    assert int(listed) > 500  # a number alone: no module is without
    assert cached.startswith("/bytecode/app/monitor.cpython-313.pyc /bytecode/")
    assert last == "True False"


def test_it_has_what_ships_and_no_more(containers: Ground, built: str) -> None:
    listed = containers.run("run", "--rm", built, "python", "-c", "import os; print(*sorted(os.listdir('/app')))")

    assert listed.split() == ["agents", "monitor.py", "requirements.txt", "ringside"]


# --- built twice, pushed, deployed ------------------------------------------------------------------


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if registry.PROGRAM is None:
        pytest.skip(registry.HOW)
    with registry.registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


def test_two_builds_of_one_commit_have_one_digest(
    builder: Builder, recipe: Recipe, built: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second in another checkout: other times, and the modes that a strict umask leaves."""
    first = builder.build_and_push(replace(recipe, name=f"{host}/ringside:first"))
    shutil.copytree(FUNCTIONS, tmp_path / "functions", copy_function=shutil.copy, ignore=lambda *_: ["__pycache__"])
    for path in (tmp_path / "functions").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    monkeypatch.setattr(builders, "FUNCTIONS", tmp_path / "functions")
    again = replace(recipe, name=f"{host}/ringside:second", flags=[*recipe.flags, "--no-cache"])

    assert builder.build_and_push(again) == first


def test_make_image_pushes_to_another_registry_and_the_plan_has_the_digest(recipe: Recipe, host: str) -> None:
    words = ["--python-image", recipe.base, "--platform", recipe.platform]
    words += [f"--build-flag={flag}" for flag in recipe.flags]
    done = make("image", f"REGISTRY={host}/ringside-monitor", f"ARGS={' '.join(words)}")
    assert done.returncode == 0, done.stderr
    name = done.stdout.splitlines()[-1]
    digest = name.partition("@")[2]

    found = httpx.get(
        f"http://{host}/v2/ringside-monitor/manifests/{digest}",
        headers={"accept": ", ".join(MANIFESTS)},
        trust_env=False,
    )
    assert name == f"{host}/ringside-monitor@{found.headers['docker-content-digest']}"
    planned = make("plan", f"IMAGE={name}")
    assert f"MonitorImage={name}" in planned.stdout
    assert "ECS::TaskDefinition" in planned.stdout


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """As a user types it."""
    command = ["make", "--old-file=.venv/.ready", "--silent", *words]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
