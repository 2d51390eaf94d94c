"""pytest collects `*.scenario.yaml`, and has a fixture `call` for tests in Python (docs/testing.md).

Light: every run of pytest imports it, wherever the package is installed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SUFFIX = ".scenario.yaml"
_PLAYER = pytest.StashKey[Any]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ScenarioFile | None":
    return ScenarioFile.from_parent(parent, path=file_path) if file_path.name.endswith(SUFFIX) else None


def pytest_unconfigure(config: pytest.Config) -> None:
    player = config.stash.get(_PLAYER, None)
    if player is not None:
        player.close()


class WrongFile(Exception):
    """A scenario file that cannot be played."""


class ScenarioFile(pytest.File):
    """One file, one test."""

    def collect(self) -> Iterator["ScenarioItem"]:
        yield ScenarioItem.from_parent(self, name=self.path.name.removesuffix(SUFFIX))


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
            raise WrongFile(str(error)) from None
        if prepared.scenario.draft is not None:
            raise WrongFile(f"{self.path}: draft: {prepared.scenario.draft}")
        player = self.config.stash.setdefault(_PLAYER, None) or Player()
        self.config.stash[_PLAYER] = player
        result = player.play(prepared)
        self.user_properties.append(("agent", result.agent))
        if (result.call or {}).get("cost") is not None:
            self.user_properties.append(("cost", str((result.call or {})["cost"])))
        match result.outcome:
            case Outcome.SKIPPED:
                pytest.skip(result.reason)
            case Outcome.PENDING:
                pytest.xfail(result.reason)
            case Outcome.PASSED:
                return
        raise ScenarioFailed(failure_text(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        if isinstance(excinfo.value, ScenarioFailed | WrongFile):
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
