"""The records API: its calls, as HTTP has them. Powertools routes, validates, and describes them in OpenAPI.

It reads, and asks for actions on live calls (`acting`), in the name of whoever signed the request. Errors are problem
documents (RFC 9457). Answers to GET have an `ETag` (RFC 9110 section 8.8.3), so that asking again for what has not
changed costs no transfer.
"""

import hashlib
import json
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from ringside.aws.actions import TEXT_CHARACTERS
from ringside.calls import EndReason, Status
from ringside.conversation.events import ActionKind
from ringside.conversation.items import ACTION
from ringside.records import reader, shapes
from ringside.records.acting import Acting, CannotAct, NoSuchCall, NotAllowed
from ringside.records.query import BadQuery
from ringside.records.reader import Json, Reader

PROBLEM = "application/problem+json"
MAX_LIMIT = 500

WAIT_SECONDS = 3.0
"""That a request for an action waits for what comes of it: most are done within half a second."""

Text = Annotated[str | None, Query(max_length=200)]
From = Annotated[str | None, Query(alias="from", description="The first day, an ISO date in UTC.")]
To = Annotated[str | None, Query(description="The last day.")]
CallId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,199}$")]


class Wanted(BaseModel):
    """An action on a live call."""

    model_config = ConfigDict(extra="forbid")

    action: ActionKind
    text: str = Field("", max_length=TEXT_CHARACTERS, description="The words, or the target of a transfer.")
    silent: bool = Field(False, description="instruct: the agent says nothing because of it; hang_up: no goodbye.")


def answer(records: Reader, acting: Acting, event: dict[str, Any], context: object) -> Json:
    """The answer to one request of API Gateway's (payload format 2.0)."""
    kind = _header(event, "content-type")
    if event.get("body") and kind and not kind.startswith("application/json"):  # as curl sends it by itself
        text = f"send the body as Content-Type: application/json, not {kind[:100]}"
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        return {"statusCode": int(status), "headers": {"Content-Type": PROBLEM}, "body": _problem(status, text).body}
    known = {**event, "ringside": records, "acting": acting}
    found: Json = _application().resolve(known, context)  # type: ignore[arg-type]  # any context
    return _with_etag(event, found)


@cache
def _application() -> APIGatewayHttpResolver:
    app = APIGatewayHttpResolver(enable_validation=True)

    def records() -> Reader:
        found: Reader = app.current_event.raw_event["ringside"]
        return found

    @app.get("/v1/calls", summary="Calls, newest first, a page at a time")
    def calls(
        day: Text = None,
        first: From = None,
        to: To = None,
        caller: Text = None,
        dialled: Text = None,
        agent: Text = None,
        status: Annotated[Status | None, Query()] = None,
        end_reason: Annotated[EndReason | None, Query()] = None,
        outcome: Annotated[str | None, Query(max_length=200, description="Of the call's analysis.")] = None,
        notes: Annotated[str | None, Query(max_length=200, description="Words in a note.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        cursor: Text = None,
    ) -> Json:
        wanted = reader.filters(
            day=day, first=first, last=to, today=records().today(), caller=caller, dialled=dialled, agent=agent,
            status=status, end_reason=end_reason, outcome=outcome, notes=notes,
        )  # fmt: skip
        return records().calls(wanted, limit, cursor)

    @app.get("/v1/calls/<call_id>", summary="One call, whole")
    def call(call_id: CallId) -> Json:
        return _there(records().call(call_id), call_id)

    @app.get("/v1/calls/<call_id>/news", summary="What is new in a call")
    def news(call_id: CallId, since: Text = None) -> Json:
        return _there(records().news(call_id, since), call_id)

    @app.post("/v1/calls/<call_id>/actions", summary="Ask for an action on a live call")
    def act(
        call_id: CallId,
        wanted: Annotated[Wanted, Body()],
        idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=200)] = "",
    ) -> Response[Json]:
        event = app.current_event.raw_event
        acting: Acting = event["acting"]
        asked = acting.ask(
            call_id, wanted.action, _by(event), wanted.text, silent=wanted.silent, token=idempotency_key
        )  # fmt: skip
        found = acting.outcome(asked, WAIT_SECONDS)
        shown = found or shapes.item({"kind": "action", "item_id": f"{ACTION}{asked.action_id}", **vars(asked)})
        is_over = found is not None and found["outcome"] != "under_way"
        status = HTTPStatus.OK if is_over else HTTPStatus.ACCEPTED
        return Response(status, "application/json", {"call_id": call_id, **shown})

    @app.get("/v1/live", summary="The calls that are not over, with their last words")
    def live() -> Json:
        return records().live()

    @app.get("/v1/statistics", summary="The numbers of some days")
    def statistics(
        day: Text = None, first: From = None, to: To = None, agent: Text = None, dialled: Text = None
    ) -> Json:
        wanted = reader.filters(day=day, first=first, last=to, today=records().today(), agent=agent, dialled=dialled)
        return records().statistics(wanted)

    @app.get("/v1/agents", summary="The agents as they are deployed")
    def agents() -> Json:
        return records().agents()

    @app.get("/v1/decision", summary="Which rule would admit or reject a call, without one")
    def decision(
        caller: Annotated[str, Query(max_length=200)],
        dialled: Annotated[str, Query(max_length=200)],
        at: Annotated[datetime | None, Query(description="The moment of the call; now without it.")] = None,
    ) -> Json:
        return records().decision(caller, dialled, None if at is None else at.timestamp())

    @app.get("/v1/openapi.json", include_in_schema=False)
    def openapi() -> Json:
        document: Json = json.loads(app.get_openapi_json_schema(title="Ringside: the records API", version="1"))
        return document

    @app.exception_handler(BadQuery)  # type: ignore[untyped-decorator]  # Powertools has no type for it
    def bad_query(error: BadQuery) -> Response[str]:
        return _problem(HTTPStatus.BAD_REQUEST, str(error))

    @app.exception_handler(CannotAct)  # type: ignore[untyped-decorator]  # Powertools has no type for it
    def cannot_act(error: CannotAct) -> Response[str]:
        status = {NoSuchCall: HTTPStatus.NOT_FOUND, NotAllowed: HTTPStatus.FORBIDDEN}.get(type(error))
        return _problem(status or HTTPStatus.CONFLICT, str(error))

    @app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]  # Powertools has no type for it
    def invalid(error: RequestValidationError) -> Response[str]:
        wrong = (f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
        return _problem(HTTPStatus.BAD_REQUEST, "; ".join(wrong))

    @app.not_found
    def not_found(error: NotFoundError) -> Response[str]:
        return _problem(HTTPStatus.NOT_FOUND, str(error) or "there is nothing at this path")

    return app


def _there(found: Json | None, call_id: str) -> Json:
    if found is None:
        raise NotFoundError(f"there is no call {call_id} in the record")
    return found


def _by(event: Json) -> str:
    """The ARN of whoever signed the request, by API Gateway's word (payload format 2.0, IAM authorizer)."""
    by = ((event["requestContext"].get("authorizer") or {}).get("iam") or {}).get("userArn")
    if not by:
        raise NotAllowed("it is not known who asks: the route is not authorised by IAM")
    return str(by)


def _problem(status: HTTPStatus, detail: str) -> Response[str]:
    document = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return Response(status, PROBLEM, json.dumps(document))


def _with_etag(event: Json, found: Json) -> Json:
    """The answer with its entity tag; 304 without a body where that is what the client has already."""
    if found["statusCode"] != HTTPStatus.OK or event["requestContext"]["http"]["method"] != "GET":
        return found
    tag = '"' + hashlib.sha256(str(found["body"]).encode()).hexdigest()[:32] + '"'
    headers = {**found.get("headers", {}), "ETag": tag, "Cache-Control": "private, no-cache"}
    known = [each.strip().removeprefix("W/") for each in _header(event, "if-none-match").split(",")]
    if tag in known or known == ["*"]:
        return {**found, "statusCode": int(HTTPStatus.NOT_MODIFIED), "body": "", "headers": headers}
    return {**found, "headers": headers}


def _header(event: Json, name: str) -> str:
    return str((event.get("headers") or {}).get(name, ""))
