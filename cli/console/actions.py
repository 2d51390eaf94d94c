"""Acting on a live call from its page: a form is asked of the call's monitor, and the page shows what came of it."""

from collections.abc import Mapping
from typing import get_args
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cli.console.deployment import Deployed
from ringside.aws.actions import TEXT_CHARACTERS
from ringside.conversation.events import ActionKind
from ringside.records.query import BadQuery

WAIT_SECONDS = 3.0
"""That a form waits for its outcome. The page of a live call shows what comes later."""

MAX_BYTES = 8 * TEXT_CHARACTERS

NEED_A_YES = frozenset({"transfer", "hang_up"})
"""What cannot be undone."""


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; `BadQuery` if it is larger than any that a page has."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise BadQuery(f"text: too long ({TEXT_CHARACTERS} characters at most)")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def act(deployed: Deployed, call_id: str, form: Mapping[str, str]) -> Response:
    """Ask for what the form says, wait a moment, and go back to the call. Raises `BadQuery` and `CannotAct`."""
    action = next((kind for kind in get_args(ActionKind) if kind == form.get("action")), None)
    if action is None:
        raise BadQuery("action: there is no such action")
    if action in NEED_A_YES and form.get("sure") != "yes":
        raise BadQuery("sure: this cannot be undone, and was not confirmed")
    asked = deployed.acting.ask(
        call_id, action, deployed.caller, form.get("text", ""), silent=form.get("silent") == "yes"
    )
    deployed.acting.outcome(asked, WAIT_SECONDS)
    return RedirectResponse(f"/calls/{call_id}#e-action_{asked.action_id}", 303)
