"""OpenAI's REST API for webhook endpoints (`/v1/webhook_endpoints`, since 2026-09-18), as far as setup needs it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from cli.errors import CliError, one_line

INCOMING = "realtime.call.incoming"
NAME = "Ringside"
TIMEOUT = 30.0


class OpenAIError(CliError):
    """OpenAI refused, or did not answer: `status` is 0 then."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Endpoint:
    """A webhook endpoint of the project. `secret` is known right after it was made or its secret was rotated."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.id!r}, {self.url!r})"  # never the secret


class OpenAI:
    """One project, by its key."""

    def __init__(self, base_url: str, api_key: str, *, trust_env: bool = True) -> None:
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT,
            trust_env=trust_env,
        )
        self.project = ""
        """The project's id, once an answer has named it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def check_key(self) -> None:
        """Ask for something cheap; raise `OpenAIError` if the key is not valid."""
        try:
            self._ask("GET", "/models")
        except OpenAIError as error:
            if error.status == 401:
                raise OpenAIError(
                    "OpenAI refuses this API key (401): check that it is complete, and of this project", 401
                ) from None
            if error.status != 403:  # a restricted key may be valid for calls, and not for this
                raise

    def endpoints(self) -> Iterator[Endpoint]:
        """All webhook endpoints of the project."""
        after: str | None = None
        while True:
            page = self._ask("GET", "/webhook_endpoints", params={"limit": 100, **({"after": after} if after else {})})
            yield from map(_endpoint, page["data"])
            if not page.get("has_more"):
                return
            after = page["last_id"]

    def create(self, url: str) -> Endpoint:
        return _endpoint(self._ask("POST", "/webhook_endpoints", {"event_types": [INCOMING], "name": NAME, "url": url}))

    def subscribe(self, endpoint: Endpoint) -> None:
        """Have an endpoint for other events receive ours, too."""
        self._ask("POST", f"/webhook_endpoints/{endpoint.id}", {"event_types": [*endpoint.events, INCOMING]})

    def rotate(self, endpoint: Endpoint, *, keep_old: bool) -> Endpoint:
        """A new signing secret; with `keep_old` the old one stays valid for 24 hours."""
        path = f"/webhook_endpoints/{endpoint.id}/rotate_secret"
        return _endpoint(self._ask("POST", path, {"keep_old_secret_active_for_24_hours": keep_old}))

    def test(self, endpoint: Endpoint) -> int:
        """Have a sample event delivered; the HTTP status that it was answered with."""
        answer = self._ask("POST", f"/webhook_endpoints/{endpoint.id}/test", {"event_type": INCOMING})
        return int(answer["status_code"])

    def delete(self, endpoint: Endpoint) -> None:
        self._ask("DELETE", f"/webhook_endpoints/{endpoint.id}")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # the text could quote a header
            raise OpenAIError(f"{self._http.base_url} cannot be reached: {type(error).__name__}") from None
        project = response.headers.get("openai-project", "")
        self.project = project if project.startswith("proj_") else self.project
        if response.status_code >= 400:
            raise OpenAIError(
                f"OpenAI: {method} {path}: {response.status_code} {_message(response)}", response.status_code
            )
        try:
            answer: dict[str, Any] = response.json()
        except ValueError:
            raise OpenAIError(f"OpenAI: {method} {path}: not JSON") from None
        return answer


def _message(response: httpx.Response) -> str:
    """What the error says, on one line, if it is in the form of OpenAI's errors."""
    try:
        return one_line(response.json()["error"]["message"])[:300]
    except (ValueError, TypeError, KeyError):
        return ""


def _endpoint(content: Mapping[str, Any]) -> Endpoint:
    try:
        secret = content.get("signing_secret") or ""
        return Endpoint(content["id"], content["url"], tuple(content["event_types"]), secret)
    except (KeyError, TypeError) as error:
        raise OpenAIError(f"OpenAI: a webhook endpoint without {error}") from None
