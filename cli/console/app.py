"""The console as an application: which page is where, and what becomes of errors."""

from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from cli.console.deployment import Deployed
from cli.console.guard import Guard
from cli.console.pages import NotFound, Pages
from cli.errors import CliError, explain
from ringside.records.query import BadQuery

STATIC = Path(__file__).with_name("static")


def application(deployed: Deployed, port: int, token: str) -> ASGIApp:
    """All of it, behind its guard."""
    pages = Pages(deployed)

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
