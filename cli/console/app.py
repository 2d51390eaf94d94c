"""The console as an application: which page is where, and what becomes of errors."""

from collections.abc import Callable
from pathlib import Path
from secrets import compare_digest

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from cli.console import actions
from cli.console.deployment import Deployed
from cli.console.guard import Guard, form_key
from cli.console.pages import NotFound, Pages
from cli.errors import CliError, explain, is_denied
from ringside.records.acting import CannotAct
from ringside.records.query import BadQuery

NEEDS_POLICY = "Who acts on live calls needs the policy OperatorPolicy of the stack (docs/operations.md)."

STATIC = Path(__file__).with_name("static")


def application(deployed: Deployed, port: int, token: str) -> ASGIApp:
    """All of it, behind its guard."""
    pages = Pages(deployed, key=form_key(token))

    def shown(page: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            try:
                with deployed.problems_in_words():
                    return page(request)
            except NotFound as error:
                return _problem(pages, request, "Not found", str(error), 404)
            except BadQuery as error:
                return _problem(pages, request, "This cannot be looked up", str(error), 400)
            except CliError as error:
                return _problem(pages, request, "The record cannot be read", str(error), 502)
            except (BotoCoreError, ClientError) as error:
                return _problem(pages, request, "The record cannot be read", explain(error), 502)

        return answer

    async def act(request: Request) -> Response:
        """A form of a live call's page."""
        call_id = str(request.path_params["call_id"])
        try:
            form = await actions.form_of(request)
            if not compare_digest(form.get("key", "").encode(), form_key(token).encode()):
                return _problem(pages, request, "Nothing was done", "Open the call's page again.", 403)
            return await run_in_threadpool(acted, request, call_id, form)
        except BadQuery as error:
            return _problem(pages, request, "Nothing was done", str(error), 400)

    def acted(request: Request, call_id: str, form: dict[str, str]) -> Response:
        try:
            with deployed.problems_in_words():
                return actions.act(deployed, call_id, form)
        except CannotAct as error:
            return _problem(pages, request, "Nothing was done", str(error), 409)
        except CliError as error:
            return _problem(pages, request, "Nothing was done", str(error), 502)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and is_denied(error):
                return _problem(pages, request, "Nothing was done", f"{explain(error)}. {NEEDS_POLICY}", 403)
            return _problem(pages, request, "Nothing was done", explain(error), 502)

    def missing(request: Request, error: Exception) -> Response:
        return _problem(pages, request, "Not found", "There is no such page.", 404)

    def failed(request: Request, error: Exception) -> Response:
        return Response("The console failed at this page; the terminal has more.\n", 500)

    paths = {
        "/": pages.home,
        "/calls": pages.calls,
        "/calls.json": pages.calls_json,
        "/calls.csv": pages.calls_csv,
        "/find": pages.find,
        "/calls/{call_id}.json": pages.call_json,
        "/calls/{call_id}": pages.call,
        "/live": pages.live,
        "/live.json": pages.live_json,
        "/numbers": pages.numbers,
        "/numbers.json": pages.numbers_json,
        "/agents": pages.agents,
        "/agents.json": pages.agents_json,
    }
    routes = [Route(path, shown(page)) for path, page in paths.items()]
    routes.append(Route("/calls/{call_id}/act", act, methods=["POST"]))
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        exception_handlers={404: missing, 500: failed},
    )
    return Guard(app, port, token)


def _problem(pages: Pages, request: Request, title: str, text: str, status: int) -> Response:
    if request.url.path.endswith(".json"):
        return JSONResponse(
            {"type": "about:blank", "title": title, "status": status, "detail": text},
            status,
            media_type="application/problem+json",
        )
    return pages.problem(title, text, status)
