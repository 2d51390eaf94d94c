"""Which adapters an entry point gets: the only module that builds clients."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from ringside import agents, lambdas, prices, tools
from ringside.callcontrol import CallControl
from ringside.callqueue import CallQueue
from ringside.counting import Counting
from ringside.eventbus import EventBus
from ringside.intake import Intake
from ringside.record import Record
from ringside.secrets import Secrets
from ringside.settings import Settings
from ringside.sweeping import Sweeper
from ringside.table import Table
from ringside.telemetry import Metrics

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_sqs.client import SQSClient

    from ringside.ecstask import Keeper, Worker
    from ringside.monitoring import Monitor
    from ringside.supervisor import Neighbours


@dataclass
class Wiring:
    """One process's adapters, each built when it is first asked for."""

    settings: Settings
    service: str  # webhook | monitor | sweeper: the metrics' dimension

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(self.service, self.settings.stack)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return boto3.client("dynamodb", config=_config(read_timeout=3, attempts=5))

    @cached_property
    def record(self) -> Record:
        heard = self.events.heard if self.events else None
        return Record(self.dynamodb, self.settings.table, self.settings.retention_days, heard)

    @cached_property
    def events(self) -> EventBus | None:
        """Who else hears of calls; None if nobody does."""
        if not self.settings.event_bus:
            return None
        client = boto3.client("events", config=_config(read_timeout=2, attempts=2))
        return EventBus(client, self.settings.event_bus, self.settings.stack, self.metrics)

    def flush(self) -> None:
        """Let go of what was gathered: events that are still on their way, and the metrics."""
        if self.events:
            self.events.flush()
        self.metrics.flush()

    @cached_property
    def counting(self) -> Counting:
        return Counting(Table(self.dynamodb, self.settings.table))

    @cached_property
    def sqs(self) -> "SQSClient":
        # Longer than the longest poll, which SQS holds for 20 s.
        return boto3.client("sqs", config=_config(read_timeout=25, attempts=4))

    @cached_property
    def lambda_client(self) -> "LambdaClient":
        # A tool's own limit ends the waiting; an invocation is never repeated, it may have done its work.
        return boto3.client("lambda", config=_config(read_timeout=130, attempts=1))

    @cached_property
    def queue(self) -> CallQueue:
        return CallQueue(self.sqs, self.settings.queue_url)

    @cached_property
    def secrets(self) -> Secrets:
        client = boto3.client("secretsmanager", config=_config(read_timeout=5, attempts=4))
        return Secrets(client, self.settings.secret_id)

    @cached_property
    def control(self) -> CallControl:
        return CallControl(self.settings.openai_base_url, lambda refresh: self.secrets.keys(refresh).api_key)

    @cached_property
    def tools(self) -> dict[str, tools.Tool]:
        return tools.load(self.settings.agents)

    @cached_property
    def agents(self) -> agents.Agents:
        return agents.load(self.settings.agents, set(self.tools))

    @cached_property
    def prices(self) -> prices.Prices:
        return prices.load()

    @cached_property
    def intake(self) -> Intake:
        return Intake(
            self.secrets,
            self.record,
            self.counting,
            self.queue,
            self.control,
            self.agents,
            self.tools,
            self.metrics,
            self.settings.ring_limit,
            self.settings.headers_with_dialled_number,
        )

    @cached_property
    def sweeper(self) -> Sweeper:
        return Sweeper(
            self.record, self.counting, self.queue, self.control, self.agents, self.metrics, self.settings.ring_limit
        )

    def monitor(self) -> "Monitor":
        """A monitor with these adapters; to be called where its event loop runs."""
        from ringside.monitoring import Monitor  # the webhook's cold start has no use for websockets

        return Monitor(
            self.settings.task_name,
            self.record,
            self.queue,
            self.agents,
            self.metrics,
            self._neighbours,
            slots=self.settings.max_calls,
            lease=self.settings.lease,
            poll=self.settings.poll,
        )

    def keeper(self, monitor: "Worker") -> "Keeper | None":
        """Who keeps ECS from stopping a monitor that has calls; None if nobody is to, or this is no task of ECS."""
        if not (self.settings.drain and self.settings.ecs_agent and self.settings.ecs_metadata):
            return None
        from ringside.ecstask import EcsTask, Keeper

        client = boto3.client("ecs", config=_config(read_timeout=3, attempts=2))
        task = EcsTask(client, self.settings.ecs_agent, self.settings.ecs_metadata)
        return Keeper(task, monitor, self.metrics, self.settings.drain)

    def _neighbours(self, threads: Executor, holds: Callable[[], bool]) -> "Neighbours":
        from ringside.supervisor import Neighbours

        return Neighbours(
            record=self.record,
            counting=self.counting,
            control=self.control,
            api_key=lambda refresh: self.secrets.keys(refresh).api_key,
            base_url=self.settings.openai_base_url,
            tools=self.tools,
            lambda_tools=lambdas.tools(self.lambda_client, self.agents),
            prices=self.prices,
            metrics=self.metrics,
            threads=threads,
            holds=holds,
            attach_window=self.settings.attach_window,
        )

    def check(self) -> None:
        """Read what may be wrong in the user's part: the agent files and their tools."""
        assert self.agents is not None


def _config(read_timeout: float, attempts: int) -> Config:
    return Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=64,
    )
