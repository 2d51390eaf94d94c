"""One local cloud for all of these tests: every part a process of its own, every hop over the wire."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud import LocalCloud

PACE = 0.05  # a minute of talk is three seconds


@pytest.fixture(scope="session")
def whole_cloud() -> Iterator[LocalCloud]:
    with LocalCloud(monitors=2, pace=PACE) as cloud:
        yield cloud


@pytest.fixture
def cloud(whole_cloud: LocalCloud) -> Iterator[LocalCloud]:
    yield whole_cloud
    dead = whole_cloud.dead()
    assert dead is None, dead and dead.obituary()


@pytest.fixture(scope="session")
def whole_house() -> Iterator[LocalCloud]:
    """Another one, with the agents of tests/e2e/agents, whose patience is measured in tenths of seconds."""
    folder = {"RINGSIDE_AGENTS": str(Path(__file__).parent / "agents")}
    everywhere = dict.fromkeys(("WebhookFunction", "SweeperFunction", "AnalysisFunction", "Monitor"), folder)
    with LocalCloud(pace=0.025, environment=everywhere) as house:
        yield house


@pytest.fixture
def house(whole_house: LocalCloud) -> Iterator[LocalCloud]:
    yield whole_house
    dead = whole_house.dead()
    assert dead is None, dead and dead.obituary()
