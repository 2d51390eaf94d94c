"""Which tests share a worker: those of a file, and those that share something which is slow to make."""

import os
import sys
from functools import cache
from typing import Any

import botocore.session
import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

SHARED = {
    "containers": ("infra/test_container_monitor.py", "infra/test_sam_local_run.py"),
    "whole_cloud": tuple(f"e2e/test_{name}.py" for name in ("as_scenario", "canary", "many_calls", "one_call")),
    "whole_house": tuple(
        f"e2e/test_{name}.py"
        for name in (
            *("adversarial", "agents", "analysis", "limits", "manners", "operator", "record_page", "redaction"),
            "transfer",
        )
    ),
    "console_cloud": ("browser/test_console_actions.py", "browser/test_console_pages.py"),
}
"""Fixtures that take many seconds (an engine's images, a local cloud), and the files whose tests have them."""

GROUPS = {f"tests/{file}": name for name, files in SHARED.items() for file in files}

# What tests import, and the programs that they start, is compiled once and not each time, whatever was asked for.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Sessions share what they read of AWS's services: each would read and parse the same files again.
vars(botocore.session)["create_loader"] = cache(botocore.session.create_loader)


class BySharedThings(LoadScopeScheduling):  # type: ignore[misc]  # a base without types
    """Tests of a group are run by one worker, in their order. pytest-xdist's own groups need an older pytest."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySharedThings | None:
    return BySharedThings(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest groups come first, since they are begun first. A file that is in the wrong group is an error."""
    for item in items:
        for name in SHARED.keys() & set(getattr(item, "fixturenames", ())):
            if group_of(item.nodeid) != name:
                raise pytest.UsageError(f"{item.nodeid} shares {name}: add its file to SHARED in tests/conftest.py")
    order = [*SHARED]
    items.sort(key=lambda item: order.index(found) if (found := group_of(item.nodeid)) in SHARED else len(order))


def group_of(nodeid: str) -> str:
    """What is shared with other files, or the file."""
    file = nodeid.partition("::")[0]
    return GROUPS.get(file, file)
