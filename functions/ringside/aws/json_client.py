"""AWS's JSON protocols on an event loop: signed by botocore, sent by aiohttp. For DynamoDB and SQS.

A request costs a quarter of what boto3 takes in a thread. Credentials, endpoints and the signature are botocore's own;
errors are those that boto3 raises, so whoever handles those handles these. Protocol: AWS JSON 1.0 (Smithy
specification, "AWS JSON 1.0 protocol"): POST /, `X-Amz-Target`, the error's name in `__type`.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

CONNECTIONS = 64
CONNECT_SECONDS = 2.0
REQUEST_SECONDS = 3.0
TRIES = 4
FIRST_PAUSE, MAX_PAUSE = 0.05, 0.5  # seconds between two tries

THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Of botocore's retry rules (`botocore/retries/standard.py`) those that these services use."""


class Client(Protocol):
    """A service that is asked with an operation's name and its parameters."""

    async def call(
        self, operation: str, params: Mapping[str, Any], seconds: float = REQUEST_SECONDS, tries: int = TRIES
    ) -> dict[str, Any]: ...


class Keys:
    """Credentials that are renewed in good time, and never in the way of a request that can go without."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._frozen: ReadOnlyCredentials | None = None
        self._renewing: asyncio.Task[ReadOnlyCredentials] | None = None

    async def current(self) -> ReadOnlyCredentials:
        frozen = self._frozen
        if frozen is None:
            return await self._renew()
        if isinstance(self._credentials, RefreshableCredentials) and self._credentials.refresh_needed():
            # botocore asks for new ones a quarter of an hour before the old ones run out, and blocks while it does.
            if self._renewing is None or self._renewing.done():
                self._renewing = asyncio.create_task(self._renew(), name="credentials")
            if self._credentials.refresh_needed(0):
                return await self._renewing
        return frozen

    async def _renew(self) -> ReadOnlyCredentials:
        self._frozen = await asyncio.to_thread(self._credentials.get_frozen_credentials)
        return self._frozen


class JsonClient:
    """One service in one region."""

    def __init__(
        self,
        http: "Connections",
        credentials: Keys,
        service: str,
        region: str,
        url: str,
        target: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`target` is the prefix of `X-Amz-Target`, such as `DynamoDB_20120810`."""
        self._http = http
        self._credentials = credentials
        self._service = service
        self._region = region
        self._url = url if url.endswith("/") else f"{url}/"
        self._target = target
        self._sleep = sleep

    async def call(
        self, operation: str, params: Mapping[str, Any], seconds: float = REQUEST_SECONDS, tries: int = TRIES
    ) -> dict[str, Any]:
        """Send one request; `seconds` for each try. Raises `ClientError` with AWS's code, or a `BotoCoreError`.

        What fails for the moment (5xx, throttled, no connection, no answer) is tried again, after a pause with jitter.
        """
        body = json.dumps(params).encode()
        pause = FIRST_PAUSE
        for left in reversed(range(tries)):
            try:
                return await self._try(operation, body, seconds)
            except ClientError as error:
                if not left or not is_passing(error):
                    raise
            except (EndpointConnectionError, ReadTimeoutError):
                if not left:
                    raise
            await self._sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, MAX_PAUSE)
        raise AssertionError("unreachable")

    async def _try(self, operation: str, body: bytes, seconds: float) -> dict[str, Any]:
        headers = {"X-Amz-Target": f"{self._target}.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        request = AWSRequest("POST", self._url, headers, body)
        SigV4Auth(await self._credentials.current(), self._service, self._region).add_auth(request)
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        try:
            async with self._http.session.post(
                self._url, data=body, headers=dict(request.headers.items()), timeout=timeout
            ) as response:
                status, content = response.status, await response.read()
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EndpointConnectionError(endpoint_url=self._url) from error
        answer = _decoded(content)
        if status >= 300 or answer is None:
            raise ClientError(_error(status, answer or {}), operation)
        return answer


class Connections:
    """Those that some clients share, so many at most: opened with the first request, to be closed by whoever made it.

    A request for which none is free waits for one, within the seconds that its answer may take.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS)
            self._session = aiohttp.ClientSession(connector=connector, skip_auto_headers=("User-Agent",))
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def client_like(boto: Any, http: Connections, credentials: Keys) -> JsonClient:
    """A client of the same service, region and endpoint as one of boto3's: so its rules for these hold here too."""
    metadata = boto.meta.service_model.metadata
    return JsonClient(
        http,
        credentials,
        metadata.get("signingName", metadata["endpointPrefix"]),
        boto.meta.region_name,
        boto.meta.endpoint_url,
        metadata["targetPrefix"],
    )


def is_passing(error: ClientError) -> bool:
    """Whether the same request may be answered if it is sent again in a moment."""
    response: Mapping[str, Any] = error.response
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    return status >= 500 or response["Error"]["Code"] in THROTTLED


def _decoded(content: bytes) -> dict[str, Any] | None:
    """None for what is not the protocol's, such as the page of a proxy."""
    try:
        answer = json.loads(content or b"{}")
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _error(status: int, answer: Mapping[str, Any]) -> Any:
    """An error as botocore has it: the code, and whatever else was in the body."""
    code = str(answer.get("__type") or answer.get("code") or status).rpartition("#")[2].partition(":")[0]
    message = str(answer.get("message") or answer.get("Message") or "")
    about = {"HTTPStatusCode": status}
    return {**answer, "Error": {"Code": code, "Message": message}, "ResponseMetadata": about}
