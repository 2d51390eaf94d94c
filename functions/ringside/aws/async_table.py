"""One DynamoDB table on an event loop: the same sentences as `table.Table` speaks, without a thread."""

import asyncio
from typing import Any

from botocore.exceptions import ClientError

from ringside.aws import requests
from ringside.aws.attributes import Item
from ringside.aws.group_commit import GroupCommit
from ringside.aws.json_client import REQUEST_SECONDS, Client
from ringside.aws.requests import Conflict, Request, Sentence, T
from ringside.aws.table import TRIES, Heard, addressed, answered, met_another, pause, refused


class AsyncTable:
    def __init__(self, client: Client, name: str, heard: Heard | None = None) -> None:
        self._client = client
        self._name = name
        self._heard = heard
        self._groups = GroupCommit(client, name)

    async def put(self, item: Item) -> None:
        """Write an item without a condition, in company; returns when it is durable."""
        # The write is the group's by now: whoever stops waiting for it does not stop it.
        await asyncio.shield(self._groups.put(item))

    async def delete(self, key: Item) -> None:
        """Delete an item without a condition, in company."""
        await asyncio.shield(self._groups.delete(key))

    async def run(self, sentence: Sentence[T], seconds: float = REQUEST_SECONDS) -> T:
        """Send what a sentence asks for, until it has its result. `seconds`: that an answer may take."""
        try:
            request = next(sentence)
            while True:
                try:
                    answer = await self.send(request, seconds)
                except Conflict as conflict:
                    request = sentence.throw(conflict)
                else:
                    request = sentence.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    async def send(self, request: Request, seconds: float = REQUEST_SECONDS) -> Any:
        """Send one request. Raises `Conflict` if a condition was not met."""
        tells = self._heard is not None and request.is_told
        result = answered(request, await self._send(addressed(request, self._name, whole=tells), seconds))
        if tells and self._heard is not None:
            item = result if request.operation == "UpdateItem" else await self.send(requests.get(request.key))
            self._heard(request.changed, item or {})
        return result

    async def _send(self, request: Request, seconds: float) -> dict[str, Any]:
        for tried in range(TRIES):
            try:
                return await self._client.call(request.operation, request.params, seconds)
            except ClientError as error:
                conflict = refused(error)
                if conflict is not None:
                    raise conflict from None
                if not met_another(error) or tried == TRIES - 1:
                    raise
            await asyncio.sleep(pause(tried))
        raise AssertionError("unreachable")
