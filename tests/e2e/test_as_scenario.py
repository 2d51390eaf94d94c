"""A test of each call of the demonstration, made by the command, is green at once."""

import shutil
from pathlib import Path

import pytest

from infra.local.agents import DEMO_AGENTS
from infra.local.cloud import LocalCloud
from infra.local.demo import CALLED, CALLER, DENIED, IN_NEED
from infra.scenarios import scripted
from infra.scenarios.outcome import Outcome
from infra.scenarios.reading import read

CALLS = {
    "answered": ("opening-hours", CALLER),
    "transferred": ("transfer", IN_NEED),
    "declined": ("opening-hours", DENIED),
}


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copied = tmp_path_factory.mktemp("as-scenario") / "agents"
    shutil.copytree(DEMO_AGENTS, copied)
    (copied / "tests").mkdir()
    return copied


def test_a_test_of_each_demo_call_is_green_at_once(cloud: LocalCloud, agents: Path) -> None:
    paths = []
    for name, (script, caller) in CALLS.items():
        call_id = cloud.emulator.ring(script, caller, CALLED)
        cloud.records.wait_for_end(call_id)
        done = cloud.cli("calls", "show", call_id, "--as-scenario", "--yes", "--agents", str(agents))
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("replaced: ")
        assert caller not in done.stdout
        paths.append(agents / "tests" / f"{name}.scenario.yaml")
        paths[-1].write_text(done.stdout, encoding="utf-8")
    for result in scripted.play_all([read(path) for path in paths], lambda result: None):
        problems = [problem.text for problem in result.problems]
        assert (result.outcome, problems) == (Outcome.PASSED, []), result.path.read_text(encoding="utf-8")


def test_a_draft_says_so_and_what_belongs_together_is_asked_for_together(cloud: LocalCloud, agents: Path) -> None:
    call_id = cloud.emulator.ring("opening-hours", CALLER, CALLED)
    cloud.records.wait_for_end(call_id)
    shown = cloud.cli("calls", "show", call_id, "--as-scenario", "--agents", str(agents))
    assert shown.stdout.splitlines()[1].startswith("draft: ")
    both = cloud.cli("calls", "show", call_id, "--as-scenario", "--json")
    assert (both.returncode, both.stderr) == (2, "ringside: give either --json or --as-scenario, not both\n")
    alone = cloud.cli("calls", "show", call_id, "--yes")
    assert (alone.returncode, alone.stderr) == (2, "ringside: --yes and --replace belong to --as-scenario\n")
