"""One local cloud for all of these tests: every part a process of its own, every hop over the wire."""

from collections.abc import Iterator

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
