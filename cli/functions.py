"""The deployment's functions, run by name, as the agent files are there."""

import json
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from cli.cloud import Cloud
from cli.errors import CliError

SECONDS = 150
"""For one invocation: the functions themselves give up after 120 at most."""


class DeployedFunction:
    """One function of a deployment. `variable` is the environment's name for it, `what` says it in words."""

    def __init__(self, cloud: Cloud, variable: str, what: str) -> None:
        name = cloud.variables.get(variable)
        if not name:
            raise CliError(f"{cloud.source} has no {what} ({variable}): deploy a version that has one")
        self._name, self._what = name, what
        retries: Any = {"total_max_attempts": 1}  # what it does is not done twice unseen
        self._client = cloud.client("lambda", Config(connect_timeout=5, read_timeout=SECONDS, retries=retries))

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the function returns."""
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=json.dumps(event).encode())
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise CliError(f"there is no function {self._name}") from None
            raise
        if answer.get("FunctionError"):
            raise CliError(f"the {self._what} failed; its log says why")
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found
