"""The canary with an operator's credentials, on any deployment that the command line can name."""

from functools import partial

import httpx

from cli.cloud import Cloud
from cli.doctor.http import DEFAULT_BASE_URL
from cli.errors import CliError
from cli.setup.stored import webhook_secret_id
from ringside.aws.call_queue import CallQueue
from ringside.aws.record import Record
from ringside.aws.secrets import Secrets
from ringside.canary import Canary, Result

NEEDED = ("RINGSIDE_WEBHOOK_URL", "RINGSIDE_QUEUE_URL", "RINGSIDE_SECRET_ID")


def walk(where: Cloud) -> list[Result]:
    """What came of each check; `CliError` if it is not known where something is."""
    missing = [name for name in NEEDED if not where.variables.get(name)]
    if missing:
        raise CliError(f"{', '.join(missing)} is not set: set it, or name the stack with --stack")
    url, queue, secret = (where.variables[name] for name in NEEDED)
    # A proxy of the user's does not lead to a cloud on this machine.
    post = partial(httpx.post, trust_env=where.endpoint is None)
    return Canary(
        webhook_url=url,
        openai_base_url=where.variables.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL,
        secrets=Secrets(where.secrets, secret, webhook_secret_id(where)),
        record=Record(where.dynamodb, where.table, retention_days=0),  # it reads
        queue=CallQueue(where.sqs, queue),
        post=post,
    ).walk()
