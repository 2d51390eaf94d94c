"""Lambda's event source mappings on a laptop: a table's stream, followed for a function.

A write that fits one of the mapping's patterns is one invocation; one that fails is repeated after growing pauses
(Lambda developer guide, "How Lambda processes records from stream and queue-based event sources"). Lambda has ten lanes
for each shard; here each write has its own, so one that fails holds up no other.

A function that has nothing to do for any agent is not started: its first invocation costs a second of CPU.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.aws_session import REGION, local_session
from infra.local.execution_environments import Environments, FunctionError
from infra.local.template import StreamSource, TemplateError

log = logging.getLogger("gateway")

LOOK_SECONDS = 0.3
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


def client(service: Any, environment: Mapping[str, str], read_timeout: float = 10) -> Any:
    """A client with the credentials of a function: Lambda reads its event sources as the function's role."""
    config = Config(proxies={}, connect_timeout=5, read_timeout=read_timeout, retries={"total_max_attempts": 1})
    make: Any = local_session().client
    return make(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        config=config,
    )


class Stream:
    """A table's stream, read from its beginning."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._client = client("dynamodbstreams", environment)
        self._table = environment["RINGSIDE_TABLE"]
        self._iterator: str | None = None

    def read(self) -> list[Any]:
        """What was written since the last time, in order."""
        if self._iterator is None:
            self._iterator = self._first()
        if self._iterator is None:
            return []
        answer = self._client.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return list(answer["Records"])

    def _first(self) -> str | None:
        streams = self._client.list_streams(TableName=self._table)["Streams"]
        if not streams:
            return None
        arn = streams[0]["StreamArn"]
        (shard,) = self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        where = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        return str(self._client.get_shard_iterator(**where)["ShardIterator"])


async def follow(
    source: StreamSource,
    functions: Mapping[str, Environments],
    environment: Mapping[str, str],
    look: float = LOOK_SECONDS,
) -> None:
    """Invoke a function for every write that it is to be told of, until cancelled."""
    stream = await asyncio.to_thread(Stream, environment)
    agents = Path(environment["RINGSIDE_AGENTS"])
    async with asyncio.TaskGroup() as lanes:
        while True:
            with suppress(BotoCoreError, ClientError):  # the stand-in for AWS may be slow, or going down
                for record in fitting(await asyncio.to_thread(stream.read), source.patterns):
                    if is_wanted(source.function, agents):
                        lanes.create_task(deliver(record, source.function, functions))
            await asyncio.sleep(LOOK_SECONDS)


def fitting(records: Iterable[Any], patterns: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    """The records that a function is to be told of."""
    patterns = list(patterns)
    return (record for record in records if any(fits(pattern, record) for pattern in patterns))


def fits(pattern: Mapping[str, Any], value: Any) -> bool:
    """Whether a pattern fits (Lambda developer guide, "Control which events Lambda sends to your function"): names
    lead to lists of the values that are wanted. Other rules are not known here."""
    for name, wanted in pattern.items():
        found = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(wanted, Mapping):
            if not fits(wanted, found):
                return False
        elif not all(isinstance(each, str) for each in wanted):
            raise TemplateError(f"{name}: only texts are known in a pattern here")
        elif found not in wanted:
            return False
    return True


async def deliver(record: Any, name: str, functions: Mapping[str, Environments]) -> None:
    """Invoke a function with one write until it succeeds."""
    pause = FIRST_PAUSE
    while True:
        try:
            await functions[name].invoke({"Records": [plain(record)]})
        except FunctionError as error:
            log.error("%s: %s", name, error)
        else:
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as a function's event has it: in JSON there are no dates."""
    dynamodb = {key: value for key, value in record["dynamodb"].items() if key != "ApproximateCreationDateTime"}
    return {**record, "dynamodb": dynamodb, "eventSource": "aws:dynamodb"}


async def follow_queue(
    name: str, url: str, functions: Mapping[str, Environments], environment: Mapping[str, str]
) -> None:
    """Give a function the messages of a queue, one at a time; what it reports as failed stays in the queue, hidden."""
    sqs = await asyncio.to_thread(client, "sqs", environment, 25)
    agents = Path(environment["RINGSIDE_AGENTS"])
    asked = {"QueueUrl": url, "WaitTimeSeconds": 1, "MessageSystemAttributeNames": ["All"]}
    await asyncio.to_thread(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["QueueArn"])
    async with asyncio.TaskGroup() as lanes:
        while True:
            if not is_wanted(name, agents):
                await asyncio.sleep(LOOK_SECONDS)
                continue
            try:
                answer = await asyncio.to_thread(sqs.receive_message, **asked)
            except (BotoCoreError, ClientError):  # the stand-in for AWS may be slow, or going down
                await asyncio.sleep(LOOK_SECONDS)
                continue
            for message in answer.get("Messages", ()):
                lanes.create_task(take(message, name, url, functions, sqs))


async def take(message: Any, name: str, url: str, functions: Mapping[str, Environments], sqs: Any) -> None:
    """Invoke a function with one message, which is deleted if that went well."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSource": "aws:sqs",
    }
    try:
        answer = await functions[name].invoke({"Records": [record]})
    except FunctionError as error:  # it comes again when its visibility has run out
        log.error("%s: %s", name, error)
        return
    if not answer["batchItemFailures"]:
        with suppress(BotoCoreError, ClientError):
            await asyncio.to_thread(sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


WANTED_BY = {"AnalysisFunction": "analysis:", "NotifyFunction": "notify:"}
"""What in an agent file asks for what a function does."""


def is_wanted(function: str, agents: Path) -> bool:
    """Whether an agent file asks for what a function does."""
    word = WANTED_BY[function]
    return any(word in path.read_text(encoding="utf-8", errors="replace") for path in agents.glob("*.yaml"))
