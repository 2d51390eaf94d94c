"""Containers for the tests that need them; where there are none, each such test is skipped with one line that says how
to have them."""

from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter

from tests.containers import engines
from tests.containers.engines import Ground, NoEngine

REMARK = "ran in"

# Seconds: images are pulled and built in the first of them.
CONTAINERS_TIMEOUT = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "containers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(CONTAINERS_TIMEOUT))


@pytest.fixture(scope="module")
def containers() -> Iterator[Ground]:
    """An engine with a storage of its own, and everything that was made in it removed at the end."""
    try:
        opened = engines.ground()
        ground = opened.__enter__()
    except NoEngine as reason:
        pytest.skip(str(reason))
    try:
        yield ground
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def _remarks(request: pytest.FixtureRequest) -> Iterator[None]:
    """How a test was run is a part of its report, which also finds its way out of another process."""
    yield
    if "containers" in request.fixturenames:
        ground: Ground = request.getfixturevalue("containers")
        request.node.user_properties += [(REMARK, remark) for remark in ground.remarks]


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    for remark in sorted({text for report in reports for name, text in report.user_properties if name == REMARK}):
        terminalreporter.write_line(f"NOTE: {remark}")
