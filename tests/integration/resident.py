"""A monitor that lives in the test's own process, so that its clock, its queue or its agents can be others.

Everything around it is as everywhere: the local cloud's table, queue and secret, and the emulator, over the wire.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from botocore.credentials import Credentials

from infra.local.aws_session import local_session
from infra.local.cloud import LocalCloud
from ringside import settings
from ringside.agentfile.agents import Agents
from ringside.aws.json_client import Client, Keys
from ringside.aws.secrets import Secrets
from ringside.monitor.async_queue import AsyncQueue
from ringside.monitor.clock import Time
from ringside.monitor.monitor import Monitor
from ringside.wiring import Wiring


@contextmanager
def resident_monitor(
    cloud: LocalCloud,
    *,
    lease: float = 3.0,
    clock: Callable[[], float] = time.time,
    queue: Callable[[Client, str], AsyncQueue] = AsyncQueue,
    agents: Agents | None = None,
    table: Callable[[Client], Client] = lambda client: client,
) -> Iterator[Monitor]:
    """One that works as long as the block lasts, and then hands over what it has.

    `queue` and `table` may put something between it and AWS.
    """
    environment = {**cloud.component_environment("Monitor"), "RINGSIDE_EVENT_BUS": ""}
    wiring = Wiring(settings.load(environment), "monitor")
    lambdas = local_session().client("lambda", endpoint_url=cloud.aws_url)
    given = {
        "dynamodb": cloud.aws.dynamodb,
        "sqs": cloud.aws.sqs,
        "lambda_client": lambdas,
        "credentials": Keys(cast(Credentials, local_session().get_credentials())),
        "secrets": Secrets(cloud.aws.secrets, cloud.secret_id),
    }
    vars(wiring).update(given)
    vars(wiring)["async_dynamodb"] = vars(wiring)["async_heartbeats"] = table(wiring.async_dynamodb)

    loop = asyncio.new_event_loop()
    monitor = Monitor(
        "resident",
        queue(wiring.async_sqs, cloud.queue_url),
        agents or wiring.agents,
        wiring.services,
        slots=100,
        lease=lease,
        poll=1,
        time=Time(wall=clock),
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
