"""ECS on localhost, as a task sees it: its agent, its metadata, and the API (JSON 1.1) where its service is described.

Answers are shaped like those in the Amazon ECS Developer Guide; `agent_says`, `metadata_says` take their place.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Self

import boto3
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.config import Config

from ringside.aws.ecs_task import EcsTask

ARN = "arn:aws:ecs:eu-central-1:123456789012"
TASK = f"{ARN}:task/cluster/0123456789abcdef"
OWN, NEXT = f"{ARN}:task-definition/monitor:7", f"{ARN}:task-definition/monitor:8"

Answer = Callable[[], Awaitable[web.Response]]


class Ecs:
    """A service with one task, which is the one that asks."""

    def __init__(self) -> None:
        self.protections: list[dict[str, Any]] = []
        """What the agent was asked for, in order; refused or not."""
        self.asked: list[str] = []
        """The operations of the API, in order."""
        self.group = "service:monitors"
        self.deployments = [deployment("PRIMARY", "ecs-svc/1", OWN)]
        self.agent_says: Answer | None = None
        self.metadata_says: Answer | None = None
        application = web.Application()
        application.router.add_put("/api/abc/task-protection/v1/state", self._agent)
        application.router.add_get("/v4/abc/task", self._metadata)
        application.router.add_post("/", self._api)
        self._server = TestServer(application)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def environment(self) -> dict[str, str]:
        """What ECS gives a task of its variables, and where boto3 finds the API."""
        return {
            "ECS_AGENT_URI": str(self._server.make_url("/api/abc")),
            "ECS_CONTAINER_METADATA_URI_V4": str(self._server.make_url("/v4/abc")),
            "AWS_ENDPOINT_URL_ECS": str(self._server.make_url("/")),
        }

    def task(self, timeout: float = 5.0) -> EcsTask:
        """The neighbour under test."""
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
        config = Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=5)
        found = self.environment
        client = session.client("ecs", endpoint_url=found["AWS_ENDPOINT_URL_ECS"], config=config)
        return EcsTask(client, found["ECS_AGENT_URI"], found["ECS_CONTAINER_METADATA_URI_V4"], timeout)

    def deploy(self, definition: str = NEXT, *, running: int, desired: int = 1) -> None:
        """Another deployment beside the one that our task is of; `running`: tasks of it that run."""
        wanted = deployment("PRIMARY", "ecs-svc/2", definition, running, desired)
        self.deployments = [wanted, deployment("ACTIVE", "ecs-svc/1", OWN)]

    @property
    def protected(self) -> bool:
        return bool(self.protections) and bool(self.protections[-1]["ProtectionEnabled"])

    async def _agent(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.protections.append(wanted)
        if self.agent_says:
            return await self.agent_says()
        state = {"ExpirationDate": None, "ProtectionEnabled": wanted["ProtectionEnabled"], "TaskArn": TASK}
        return web.json_response({"protection": state})

    async def _metadata(self, _: web.Request) -> web.Response:
        if self.metadata_says:
            return await self.metadata_says()
        cluster = f"{ARN}:cluster/cluster"
        return web.json_response({"Cluster": cluster, "TaskARN": TASK, "Family": "monitor", "Revision": "7"})

    async def _api(self, request: web.Request) -> web.Response:
        operation, asked = request.headers["X-Amz-Target"].rpartition(".")[2], await request.json()
        self.asked.append(operation)
        assert asked["cluster"] == f"{ARN}:cluster/cluster"
        if operation == "DescribeTasks":
            assert asked["tasks"] == [TASK]
            answer: Any = {"tasks": [{"group": self.group, "taskDefinitionArn": OWN, "startedBy": "ecs-svc/1"}]}
        else:
            assert (operation, asked["services"]) == ("DescribeServices", ["monitors"])
            answer = {"services": [{"deployments": self.deployments}]}
        return web.Response(text=json.dumps(answer), content_type="application/x-amz-json-1.1")


def deployment(status: str, name: str, definition: str, running: int = 1, desired: int = 1) -> dict[str, Any]:
    return {
        "status": status,
        "id": name,
        "taskDefinition": definition,
        "runningCount": running,
        "desiredCount": desired,
    }


def says(text: str, status: int = 200) -> Answer:
    async def answer() -> web.Response:
        return web.Response(text=text, status=status)

    return answer


async def says_nothing() -> web.Response:
    """Until whoever asked has gone."""
    await asyncio.Event().wait()
    raise AssertionError
