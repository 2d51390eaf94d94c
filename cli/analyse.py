"""`ringside calls analyse`: has the deployment analyse calls that are over, with the agent files that it has."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from cli.cloud import Cloud
from cli.errors import CliError
from ringside.aws.record import Record

FUNCTION = "RINGSIDE_ANALYSIS_FUNCTION"
SECONDS = 150
"""For one call: the function itself gives up after 120."""

OPEN_STATES = ("waiting", None)
"""What `--day` analyses: calls without an analysis, or with one that was put off."""


class Analyses:
    """The deployment's analysis function."""

    def __init__(self, cloud: Cloud) -> None:
        name = cloud.variables.get(FUNCTION)
        if not name:
            raise CliError(f"{cloud.source} has no analysis function ({FUNCTION}): deploy a version that has one")
        self._name = name
        retries: Any = {"total_max_attempts": 1}  # a question is paid for: it is not asked twice unseen
        config = Config(connect_timeout=5, read_timeout=SECONDS, retries=retries)
        self._client = cloud.client("lambda", config)

    def analyse(self, call_id: str) -> dict[str, Any]:
        """The call's new analysis; with the state `none` where there can be none."""
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=json.dumps({"call_id": call_id}).encode())
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise CliError(f"there is no function {self._name}") from None
            raise
        if answer.get("FunctionError"):
            raise CliError(f"{call_id}: the analysis function failed; its log says why (call.not_analysed)")
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found


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
