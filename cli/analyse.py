"""`ringside calls analyse`: has the deployment analyse calls that are over, with the agent files that it has."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.cloud import Cloud
from cli.functions import DeployedFunction
from ringside.aws.record import Record

OPEN_STATES = ("waiting", None)
"""What `--day` analyses: calls without an analysis, or with one that was put off."""


class Analyses:
    """The deployment's analysis function."""

    def __init__(self, cloud: Cloud) -> None:
        self._function = DeployedFunction(cloud, "RINGSIDE_ANALYSIS_FUNCTION", "analysis function")

    def analyse(self, call_id: str) -> dict[str, Any]:
        """The call's new analysis; with the state `none` where there can be none."""
        return self._function.invoke({"call_id": call_id})


def left_undone(record: Record, day: str) -> Iterator[str]:
    """The calls of a day that are over and have no analysis, oldest first."""
    for call in reversed(record.calls_of_day(day)):
        if call.get("status") not in ("ended", "failed"):
            continue
        call_id = str(call["call_id"])
        whole = record.call(call_id)  # the index does not have it
        if whole is not None and state_of(whole) in OPEN_STATES:
            yield call_id


def state_of(call: Mapping[str, Any]) -> str | None:
    return (call.get("analysis") or {}).get("state")
