"""The ECS task that a monitor runs in: kept while it has calls, and given up when a deployment replaces it.

For those who would rather have a deployment wait than hand calls over. A task is killed 120 s after it was told to
stop, so ECS must not tell it: it stops no protected task, neither for a deployment nor to scale in. The task has to
find out by itself that it is no longer wanted.

Protection lasts for the whole waiting from the start, and is renewed long before it ends: ECS refuses to protect more
tasks than the service wants (`DEPLOYMENT_BLOCKED`), and during a deployment there are more. It is not renewed
while nobody knows what the service wants: a busy task that cannot see a deployment would hold it up for hours.

Sources, all in the Amazon ECS Developer Guide: "Task scale-in protection" and its endpoint; "Task metadata endpoint
version 4 for tasks on Fargate", which does not know the service's name.
"""

import json
import logging
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ringside.errors import ServiceError

if TYPE_CHECKING:
    from types_boto3_ecs.client import ECSClient

log = logging.getLogger(__name__)

MOST_BYTES = 1_000_000


class EcsTaskError(ServiceError):
    """ECS answered, but not with what was asked for. The message is fit for a log."""


@dataclass(frozen=True)
class _Identity:
    cluster: str
    service: str
    definition: str  # ARN with the revision
    deployment: str  # id


class EcsTask:
    """The task of this process, asked and told. Blocking; raises `EcsTaskError` and whatever else goes wrong."""

    def __init__(self, client: "ECSClient", agent_uri: str, metadata_uri: str, timeout: float = 2.0) -> None:
        self._client = client
        self._agent_uri = agent_uri
        self._metadata_uri = metadata_uri
        self._timeout = timeout
        self._identity: _Identity | None = None

    def protect(self, minutes: int) -> None:
        """Have ECS not stop this task for so long from now."""
        self._set_protection({"ProtectionEnabled": True, "ExpiresInMinutes": minutes})

    def unprotect(self) -> None:
        self._set_protection({"ProtectionEnabled": False})

    def is_replaced(self) -> bool:
        """Whether a deployment has started all the tasks that are to take this one's place.

        Before they run nobody else would take calls, and a deployment that fails is rolled back: it is the moment
        in which ECS itself stops what is not protected.
        """
        own = self._identity = self._identity or self._identify()
        (service,) = self._client.describe_services(cluster=own.cluster, services=[own.service])["services"]
        (wanted,) = (deployment for deployment in service["deployments"] if deployment["status"] == "PRIMARY")
        former = {deployment["id"] for deployment in service["deployments"] if deployment["status"] != "PRIMARY"}
        # The same definition can be deployed anew.
        is_former = wanted["taskDefinition"] != own.definition or own.deployment in former
        return is_former and wanted["runningCount"] >= wanted["desiredCount"]

    def _identify(self) -> _Identity:
        metadata = self._ask("GET", f"{self._metadata_uri}/task")
        cluster = str(metadata["Cluster"])
        (task,) = self._client.describe_tasks(cluster=cluster, tasks=[str(metadata["TaskARN"])])["tasks"]
        kind, _, name = task["group"].partition(":")
        if kind != "service":
            raise EcsTaskError("not a task of a service")
        return _Identity(cluster, name, task["taskDefinitionArn"], task["startedBy"])

    def _set_protection(self, wanted: dict[str, Any]) -> None:
        answer = self._ask("PUT", f"{self._agent_uri}/task-protection/v1/state", wanted)
        # A refusal by ECS comes with status 200, as `failure`; one by its agent as `error`.
        if answer.get("protection", {}).get("ProtectionEnabled") is not wanted["ProtectionEnabled"]:
            reason = answer.get("failure", {}).get("Reason") or answer.get("error", {}).get("Code")
            raise EcsTaskError(str(reason or "no reason given"))

    def _ask(self, method: str, uri: str, body: dict[str, Any] | None = None) -> Any:
        place = urlsplit(uri)
        connection = HTTPConnection(place.netloc, timeout=self._timeout)  # which no proxy can stand in the way of
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, place.path, content, {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read(MOST_BYTES))
        finally:
            connection.close()
