"""A test of a recorded call is green at once, and names nobody of the call."""

import shutil

import pytest
import yaml

from cli.as_scenario import scenario
from cli.replacing import Replacing
from infra.local.template import REPOSITORY
from infra.scenarios import scripted
from infra.scenarios.outcome import Outcome, Result
from infra.scenarios.reading import find, read

EXAMPLES = REPOSITORY / "docs" / "examples" / "agents"
SCRIPTED = [path for path in find([EXAMPLES]) if read(path).scenario.caller is None]


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Result, str, Result]]:
    """Each example as it was played, the scenario that is made of its record, and how that one is played."""
    copied = tmp_path_factory.mktemp("recorded") / "agents"
    shutil.copytree(EXAMPLES, copied)
    shutil.rmtree(copied / "tests")
    (copied / "tests").mkdir()
    first = [read(path) for path in SCRIPTED]
    played = scripted.play_all(first, lambda result: None)
    paths = []
    for prepared, result in zip(first, played, strict=True):
        assert result.call is not None
        assert prepared.agent is not None
        paths.append(copied / "tests" / prepared.path.name)
        made = scenario(result.call, prepared.agent.time_zone, Replacing(), draft=False)
        paths[-1].write_text(made, encoding="utf-8")
    again = scripted.play_all([read(path) for path in paths], lambda result: None)
    return {
        result.name: (result, path.read_text(encoding="utf-8"), other)
        for result, path, other in zip(played, paths, again, strict=True)
    }


@pytest.mark.parametrize("name", [path.name.removesuffix(".scenario.yaml") for path in SCRIPTED])
def test_a_test_of_each_example_call_is_green_at_once(twice: dict[str, tuple[Result, str, Result]], name: str) -> None:
    _, text, again = twice[name]
    problems = [problem.text for problem in again.problems]
    assert (again.outcome, problems) == (Outcome.PASSED, []), text


def test_numbers_and_names_are_others_everywhere(twice: dict[str, tuple[Result, str, Result]]) -> None:
    _, text, _ = twice["nobody-picks-up"]
    for personal in ("Lee", "Park", "12025550177", "0177"):
        assert personal not in text
    made = yaml.safe_load(text)
    assert made["call"]["from"] == "+12025550100"
    assert made["expect"]["notes"]["number"] == "+12025550100"
    assert made["expect"]["transfer"] == {"target": "support", "verdict": "failed"}
    assert made["transfers"] == {"support": "stays"}


def test_the_hour_of_the_call_is_the_agents(twice: dict[str, tuple[Result, str, Result]]) -> None:
    assert yaml.safe_load(twice["after-hours"][1])["call"]["at"] == "2026-12-04T15:05"
