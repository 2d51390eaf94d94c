"""pytest collects `*.scenario.yaml`, and has a fixture `call` for tests in Python (docs/testing.md).

Light: every run of pytest imports it, wherever the package is installed.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SUFFIX = ".scenario.yaml"
_PLAYER = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ringside")
    group.addoption("--live", action="store_true", help="also play scenarios that need a model; this costs money")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "live: a scenario with a played caller, which needs a model (--live)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Nothing is spent because somebody typed `pytest`."""
    live = [item for item in items if isinstance(item, ScenarioItem) and item.get_closest_marker("live")]
    if live and not config.getoption("--live"):
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ScenarioFile | None":
    return ScenarioFile.from_parent(parent, path=file_path) if file_path.name.endswith(SUFFIX) else None


def pytest_unconfigure(config: pytest.Config) -> None:
    player = config.stash.get(_PLAYER, None)
    if player is not None:
        player.close()


class ScenarioRefused(Exception):
    """A scenario file that cannot be played."""


class ScenarioFile(pytest.File):
    """One file, one test."""

    def collect(self) -> Iterator["ScenarioItem"]:
        item = ScenarioItem.from_parent(self, name=self.path.name.removesuffix(SUFFIX))
        # Without reading it as a scenario, which takes the packages that only a test which is run needs.
        if re.search(r"^caller\s*:", self.path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
            item.add_marker("live")
        yield item


class ScenarioItem(pytest.Item):
    """Plays the scenario by its script. What it took is in the properties of the JUnit report."""

    def runtest(self) -> None:
        from infra.scenarios import reading
        from infra.scenarios.outcome import Outcome
        from infra.scenarios.report import failure_text
        from infra.scenarios.scripted import Player

        try:
            prepared = reading.read(self.path)
        except reading.ScenarioError as error:
            raise ScenarioRefused(str(error)) from None
        if prepared.scenario.draft is not None:
            raise ScenarioRefused(f"{self.path}: draft: {prepared.scenario.draft}")
        if prepared.scenario.caller is not None:
            result = self._live(prepared)
        else:
            player = self.config.stash.setdefault(_PLAYER, None) or Player()
            self.config.stash[_PLAYER] = player
            result = player.play(prepared)
        self.user_properties.append(("agent", result.agent))
        cost = result.cost if result.counted else (result.call or {}).get("cost")
        if cost is not None:
            self.user_properties.append(("cost", str(cost)))
        match result.outcome:
            case Outcome.SKIPPED:
                pytest.skip(result.reason)
            case Outcome.PENDING:
                pytest.xfail(result.reason)
            case Outcome.PASSED:
                return
        raise ScenarioFailed(failure_text(result))

    def _live(self, prepared: Any) -> Any:
        """By a model; skipped without a key."""
        from infra.scenarios import command
        from infra.scenarios.results import WrongFile

        try:
            live = command.live_runs(command.LiveWanted())
        except WrongFile as missing:
            pytest.skip(str(missing))
        (result,) = live.player.play_all([prepared], lambda result: None)
        if result.counted:
            self.user_properties.append(("passed", f"{result.passed} of {result.counted}"))
        return result

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        if isinstance(excinfo.value, ScenarioFailed | ScenarioRefused):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"scenario: {self.name}"


class ScenarioFailed(Exception):
    """What was expected did not happen; the text has the lines of the call around it."""


@pytest.fixture
def call() -> Any:
    """Call an agent: `async with call("appointments", model=[...]) as c: await c.says("Hello")`."""
    from infra.scenarios import testing

    return testing.call
