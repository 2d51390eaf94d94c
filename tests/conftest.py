"""Which tests share a worker: those of a file, and those that share something which is slow to make."""

import os
import sys
from functools import cache
from pathlib import Path

import botocore.session
import pytest

SHARED = ("containers", "whole_cloud", "whole_house", "console_cloud")
"""Fixtures of a session or a module that take many seconds: an engine's images, a local cloud."""

# What tests import, and the programs that they start, is compiled once and not each time, whatever was asked for.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Sessions share what they read of AWS's services: each would read and parse the same files again.
vars(botocore.session)["create_loader"] = cache(botocore.session.create_loader)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for `--dist loadgroup`; the first groups are begun first, so the slowest come first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: SHARED.index(group) if (group := _group(item)) in SHARED else len(SHARED))


def _group(item: pytest.Item) -> str:
    shared = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
    return shared[0] if shared else Path(item.nodeid.partition("::")[0]).as_posix()
