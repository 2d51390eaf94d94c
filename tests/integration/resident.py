"""A monitor that lives in the test's own process, so that its clock, its queue or its agents can be others.

Everything around it is as everywhere: the local cloud's table, queue and secret, and the emulator, over the wire.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from infra.local.aws_session import local_session
from infra.local.cloud import LocalCloud
from ringside import settings
from ringside.agentfile.agents import Agents
from ringside.aws.call_queue import CallQueue
from ringside.aws.secrets import Secrets
from ringside.monitor.monitor import Monitor
from ringside.monitor.supervisor import Services
from ringside.wiring import Wiring

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@contextmanager
def resident_monitor(
    cloud: LocalCloud,
    *,
    lease: float = 3.0,
    clock: Callable[[], float] = time.time,
    queue: CallQueue | None = None,
    agents: Agents | None = None,
    dynamodb: "DynamoDBClient | None" = None,
) -> Iterator[Monitor]:
    """One that works as long as the block lasts, and then hands over what it has."""
    environment = {**cloud.component_environment("Monitor"), "RINGSIDE_EVENT_BUS": ""}
    wiring = Wiring(settings.load(environment), "monitor")
    lambdas = local_session().client("lambda", endpoint_url=cloud.aws_url)
    given = {
        "dynamodb": dynamodb or cloud.aws.dynamodb,
        "sqs": cloud.aws.sqs,
        "lambda_client": lambdas,
        "secrets": Secrets(cloud.aws.secrets, cloud.secret_id),
    }
    vars(wiring).update(given)

    def services(threads: Executor, holds: Callable[[], bool]) -> Services:
        return replace(wiring.services(threads, holds), clock=clock)

    loop = asyncio.new_event_loop()
    monitor = Monitor(
        "resident",
        wiring.record,
        queue or wiring.queue,
        agents or wiring.agents,
        wiring.metrics,
        services,
        slots=100,
        lease=lease,
        poll=1,
        clock=clock,
    )
    thread = threading.Thread(target=lambda: loop.run_until_complete(monitor.run()), name="resident monitor")
    thread.start()
    try:
        yield monitor
    finally:
        loop.call_soon_threadsafe(monitor.stop)
        thread.join(60)
        loop.close()
        wiring.control.close()
        lambdas.close()
        wiring.flush()
