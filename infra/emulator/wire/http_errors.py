"""Bodies of HTTP errors, as the API words them (facts 2.2, 3.1)."""

from typing import Any, NamedTuple

KIND = "invalid_request_error"


class ErrorText(NamedTuple):
    message: str
    kind: str = KIND
    code: str | None = None


ALREADY_DECIDED = ErrorText("The call was already accepted or rejected.", code="decision_already_made")
SERVER_ERROR = ErrorText("The server had an error while processing your request. Sorry about that!", "server_error")
BY_STATUS = {
    401: ErrorText("Incorrect API key provided.", code="invalid_api_key"),
    403: ErrorText("You are not allowed to access this resource."),
    409: ALREADY_DECIDED,
    429: ErrorText("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    500: SERVER_ERROR,
    503: ErrorText("The engine is currently overloaded, please try again later.", "server_error"),
}
"""What goes with a status that a script or a setting asks for; any other status has the text of 500."""


def http_error(message: str, code: str | None, param: str | None = None, kind: str = KIND) -> dict[str, Any]:
    """The body of an HTTP error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def call_not_found() -> dict[str, Any]:
    """The body as reported, on REST and on the upgrade alike: not yet, never and gone (facts 2.2, 3.1)."""
    message = "No session found for the provided call_id"
    return {"error": {"message": message, "type": KIND, "code": "call_id_not_found"}}
