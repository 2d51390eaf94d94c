"""Agents that a team keeps in a folder or repository of its own: in zip and image in place of this repository's."""

from pathlib import Path

import pytest

from infra.deploy import checks, image, team_agents
from infra.deploy.programs import DeployError
from infra.local.agents import DEMO_AGENTS
from infra.local.template import FUNCTIONS


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "team"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "a.scenario.yaml").touch()
    for path in DEMO_AGENTS.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("RINGSIDE_AGENTS", str(folder))
    return folder


def test_a_function_gets_them_in_place_of_ours_and_without_their_tests(team: Path, tmp_path: Path) -> None:
    function = tmp_path / "function"
    (function / "agents").mkdir(parents=True)
    (function / "agents" / "ours.yaml").touch()
    team_agents.put_into(function)
    assert names(function / "agents") == names(team) - {"tests"}


def test_an_image_is_built_from_functions_with_them(team: Path) -> None:
    with team_agents.context() as context:
        assert names(context / "agents") == names(team) - {"tests"}
        assert names(context) == names(FUNCTIONS) - {"__pycache__"}
        kept = context
    assert not kept.exists()


def test_an_image_with_other_agents_has_another_tag(team: Path) -> None:
    before = image.commit()
    (team / "concierge.yaml").write_text("other", encoding="utf-8")
    assert image.commit().split("-")[:2] != before.split("-")[:2]


def test_they_are_checked_before_anything_is_built(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (team / "broken.yaml").write_text("answers: 7", encoding="utf-8")
    with pytest.raises(DeployError, match="broken"):
        checks.agents()


def test_agents_that_notify_receivers_are_deployed_only_where_there_is_a_secret_to_sign_with(team: Path) -> None:
    checks.receivers({})
    with (team / "concierge.yaml").open("a", encoding="utf-8") as file:
        file.write("\nnotify: [{name: crm, url: 'https://crm.example.com/hook'}]\n")

    with pytest.raises(DeployError, match=r"^concierge: has notify, but .*NotifyReceivers=true"):
        checks.receivers({"NotifyReceivers": "false"})
    checks.receivers({"NotifyReceivers": "true"})


def test_without_the_variable_functions_are_built_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGSIDE_AGENTS", raising=False)
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "ours.yaml").touch()
    team_agents.put_into(tmp_path)
    with team_agents.context() as context:
        assert (context, names(tmp_path / "agents")) == (FUNCTIONS, {"ours.yaml"})


def test_a_folder_without_agents_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGSIDE_AGENTS", str(tmp_path))
    with pytest.raises(DeployError, match="has no agent file"):
        team_agents.folder()
