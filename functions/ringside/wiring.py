"""Which adapters an entry point gets: the only module that builds clients."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

from ringside import prices
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.aws.call_queue import CallQueue
from ringside.aws.counters import Counters
from ringside.aws.event_bus import Content, EventBus
from ringside.aws.record import Record
from ringside.aws.secrets import Secrets
from ringside.aws.table import Heard, Item, Table
from ringside.intake import Intake
from ringside.openai.call_control import CallControl
from ringside.settings import SHIPPED, Settings
from ringside.sweeping import Sweeper
from ringside.telemetry import Metrics
from ringside.tools import definition, lambda_tools
from ringside.tools.loader import load_agents_and_tools

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_sqs.client import SQSClient

    from ringside.analysis.analyst import Analyst
    from ringside.aws.json_client import Client, Connections, JsonClient, Keys
    from ringside.canary import Canary
    from ringside.monitor.async_record import AsyncRecord
    from ringside.monitor.clock import Time
    from ringside.monitor.monitor import Monitor
    from ringside.monitor.services import Services
    from ringside.monitor.task_protection import TaskProtection, Worker
    from ringside.monitor.threads import Threads
    from ringside.monitor.tool_worker import ToolWorker, WorkerSettings
    from ringside.notify.notifier import Notifier
    from ringside.records.acting import Acting
    from ringside.records.reader import Reader


@dataclass
class Wiring:
    """One process's adapters, each built when it is first asked for. Long, since there are many of them; it decides
    nothing."""

    settings: Settings
    service: str  # webhook | monitor | sweeper | api | canary: the metrics' dimension

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(self.service, self.settings.stack)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return boto3.client("dynamodb", config=_config(read_timeout=3, attempts=5))

    @cached_property
    def record(self) -> Record:
        return Record(self.dynamodb, self.settings.table, self.settings.retention_days, self._heard)

    @property
    def _heard(self) -> Heard | None:
        return self.events.heard if self.events else None

    @cached_property
    def events(self) -> EventBus | None:
        """Who else hears of calls; None if nobody does."""
        if not self.settings.event_bus:
            return None
        client = boto3.client("events", config=_config(read_timeout=2, attempts=2))
        return EventBus(
            client, self.settings.event_bus, self.settings.stack, self.metrics, self._event_content, self._said
        )

    def _event_content(self, agent: str) -> Content | None:
        found = self.agents.named(agent)
        return found.events if found else None

    def _said(self, call_id: str) -> Sequence[Item]:
        whole = self.record.whole_call(call_id)
        return whole[1] if whole else ()

    def flush(self) -> None:
        """Let go of what was gathered: events that are still on their way, and the metrics."""
        if self.events:
            self.events.flush()
        self.metrics.flush()

    @cached_property
    def counters(self) -> Counters:
        return Counters(Table(self.dynamodb, self.settings.table))

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
        return Secrets(client, self.settings.secret_id, self.settings.webhook_secret_id)

    @cached_property
    def control(self) -> CallControl:
        return CallControl(self.settings.openai_base_url, lambda refresh: self.secrets.keys(refresh).api_key)

    @cached_property
    def _agents_and_tools(self) -> tuple[Agents, dict[str, definition.Tool]]:
        return load_agents_and_tools(self.settings.agents)

    @property
    def tools(self) -> dict[str, definition.Tool]:
        return self._agents_and_tools[1]

    @property
    def agents(self) -> Agents:
        return self._monitors_agents if self.service == "monitor" else self._agents_and_tools[0]

    @cached_property
    def _monitors_agents(self) -> Agents:
        return load_agents(self.settings.agents, set(self.tool_worker.options))

    @cached_property
    def worker_settings(self) -> "WorkerSettings":
        from ringside.monitor.tool_worker import WorkerSettings

        path = os.pathsep.join(filter(None, (str(SHIPPED), self.settings.tools_environment.get("PYTHONPATH"))))
        environment = {**self.settings.tools_environment, "PYTHONPATH": path}
        agents, level = self.settings.agents.absolute(), self.settings.log_level
        names = frozenset(name for agent in load_agents(agents) for name in agent.tools)
        return WorkerSettings(agents, names, environment, level, self.settings.tracebacks)

    @cached_property
    def tool_worker(self) -> "ToolWorker":
        """The monitor's first: it imports `tools.py`, which the monitor itself never does."""
        from ringside.monitor.tool_worker import ToolWorker

        return ToolWorker.start(self.worker_settings)

    @cached_property
    def prices(self) -> prices.Prices:
        return prices.load()

    @cached_property
    def intake(self) -> Intake:
        return Intake(
            self.secrets,
            self.record,
            self.counters,
            self.queue,
            self.control,
            self.agents,
            self.tools,
            self.metrics,
            self.settings.ring_limit,
            self.settings.trunk,
        )

    @cached_property
    def notifier(self) -> "Notifier":
        from ringside.aws.notify_queue import NotifyQueue
        from ringside.aws.notify_secrets import NotifySecrets
        from ringside.notify.notifier import Notifier
        from ringside.notify.sender import Sender

        queue = NotifyQueue(self.sqs, self.settings.notify_queue_url)
        client = boto3.client("secretsmanager", config=_config(read_timeout=5, attempts=4))
        secrets = NotifySecrets(client, self.settings.notify_secret_id)
        sender = Sender(allow_private=self.settings.notify_private)
        return Notifier(self.record, self.agents, secrets, queue, sender, self.metrics, self.settings.stack)

    @cached_property
    def analyst(self) -> "Analyst":
        from ringside.analysis.analyst import Analyst
        from ringside.openai.text_model import TextModel

        model = TextModel(self.settings.openai_base_url, lambda refresh: self.secrets.keys(refresh).api_key)
        return Analyst(self.record, self.agents, model, self.prices, self.metrics)

    @cached_property
    def reader(self) -> "Reader":
        """For reading the record; the agents without their tools, which only the monitor runs."""
        from ringside.records.reader import Reader

        agents = load_agents(self.settings.agents)
        return Reader(self.record, lambda: self.counters, lambda: agents, self.settings.trunk)

    @cached_property
    def acting(self) -> "Acting":
        """For asking for actions on live calls. The role of who asks over HTTPS may name no number of its own."""
        from ringside.records.acting import Acting

        return Acting(self.record, anywhere=False)

    @cached_property
    def sweeper(self) -> Sweeper:
        from ringside.records.rollups import RollUps

        settings, days = self.settings, RollUps(self.record, self.settings.retention_days * 86_400)
        return Sweeper(
            self.record,
            self.counters,
            self.queue,
            self.control,
            self.agents,
            self.metrics,
            settings.ring_limit,
            days.keep,
        )

    @cached_property
    def canary(self) -> "Canary":
        from ringside.canary import Canary

        settings = self.settings
        return Canary(settings.webhook_url, settings.openai_base_url, self.secrets, self.record, self.queue)

    def monitor(self) -> "Monitor":
        """A monitor with these adapters; to be called where its event loop runs."""
        from ringside.monitor.async_queue import AsyncQueue
        from ringside.monitor.monitor import Monitor

        return Monitor(
            self.settings.task_name,
            AsyncQueue(self.async_sqs, self.settings.queue_url),
            self.agents,
            self.services,
            slots=self.settings.max_calls,
            lease=self.settings.lease,
            poll=self.settings.poll,
        )

    def task_protection(self, monitor: "Worker") -> "TaskProtection | None":
        """What keeps ECS from stopping a monitor that has calls; None if nothing is to, or ECS does not run it."""
        if not (self.settings.drain and self.settings.ecs_agent and self.settings.ecs_metadata):
            return None
        from ringside.aws.ecs_task import EcsTask
        from ringside.monitor.task_protection import TaskProtection

        client = boto3.client("ecs", config=_config(read_timeout=3, attempts=2))
        task = EcsTask(client, self.settings.ecs_agent, self.settings.ecs_metadata)
        return TaskProtection(task, monitor, self.metrics, self.settings.drain)

    # --- the monitor's own clients: nobody in its event loop waits for boto3 ---

    @cached_property
    def _connections(self) -> "dict[str, Connections]":
        """By what they are for: heartbeats and the messages of calls never wait for one behind writes that are slow."""
        from ringside.aws.json_client import Connections

        return {use: Connections() for use in ("record", "heartbeats", "queue")}

    async def _close_connections(self) -> None:
        for connections in self._connections.values():
            await connections.close()

    @cached_property
    def credentials(self) -> "Keys":
        from ringside.aws.json_client import Keys

        credentials = boto3.Session().get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return Keys(credentials)

    @cached_property
    def async_dynamodb(self) -> "Client":
        return self._json(self.dynamodb, "record")

    @cached_property
    def async_heartbeats(self) -> "Client":
        return self._json(self.dynamodb, "heartbeats")

    @cached_property
    def async_sqs(self) -> "Client":
        return self._json(self.sqs, "queue")

    def _json(self, boto: object, use: str) -> "JsonClient":
        from ringside.aws.json_client import client_like

        return client_like(boto, self._connections[use], self.credentials)

    @cached_property
    def async_record(self) -> "AsyncRecord":
        from ringside.agentfile.fingerprint import fingerprint
        from ringside.aws.async_table import AsyncTable
        from ringside.monitor.async_record import AsyncRecord

        table = AsyncTable(self.async_dynamodb, self.settings.table, self._heard)
        heartbeats = AsyncTable(self.async_heartbeats, self.settings.table)
        return AsyncRecord(table, heartbeats=heartbeats, agents=fingerprint(self.settings.agents))

    def services(self, threads: "Threads", holds: Callable[[], bool], time: "Time") -> "Services":
        from ringside.monitor.contract import RealtimeContract
        from ringside.monitor.services import Services
        from ringside.monitor.tool_runner import AgentTools
        from ringside.monitor.tool_workers import ToolWorkers

        workers = ToolWorkers(self.worker_settings, self.metrics, self.tool_worker)
        return Services(
            record=self.async_record,
            control=self.control,
            contract=RealtimeContract(self.settings.openai_base_url),
            api_key=lambda refresh: self.secrets.keys(refresh).api_key,
            tools=AgentTools(self.tool_worker.options, workers, lambda_tools.tools(self.lambda_client, self.agents)),
            prices=self.prices,
            metrics=self.metrics,
            threads=threads,
            holds=holds,
            close=self._close_connections,
            attach_window=self.settings.attach_window,
            time=time,
        )

    def check(self) -> None:
        """Read the agent files and their tools now; raises `AgentFileError` or `ToolError`."""
        _ = self.agents


def _config(read_timeout: float, attempts: int) -> Config:
    return Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=64,
    )
