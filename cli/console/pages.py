"""The pages: what is asked in a URL, asked of the record, and shown as HTML, JSON or CSV."""

import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from cli.console import csv_output, templating, words
from cli.console.deployment import Deployed
from cli.errors import CliError
from ringside.calls import EndReason, Status
from ringside.records import reader
from ringside.records.query import BadQuery, Filters

PAGE = 100
"""Calls on a page of the list."""

MAX_EXPORTED = 10_000
"""Calls in one CSV or JSON file."""

FILTERS = ("day", "from", "to", "caller", "dialled", "agent", "status", "end_reason", "outcome", "notes")


class NotFound(CliError):
    """There is no such call or page."""


class Pages:
    """Every page of one deployment. Methods block: the server runs each in a thread."""

    def __init__(self, deployed: Deployed, clock: Callable[[], float] = time.time, key: str = "") -> None:
        """`key`: what the forms of its pages carry (`guard.form_key`)."""
        self._deployed = deployed
        self._key = key
        self._reader = deployed.reader
        self._templates = templating.environment()
        self._clock = clock

    # --- the pages ---

    def home(self, request: Request) -> Response:
        return RedirectResponse("/calls")

    def calls(self, request: Request) -> Response:
        """The list of calls, by filters in the URL."""
        asked, wanted = _filters(request, self._reader.today())
        found = self._reader.calls(wanted, PAGE, request.query_params.get("cursor") or None)
        query = {name: value for name, value in asked.items() if value}
        following = urlencode({**query, "cursor": found["cursor"]}) if found["cursor"] else None
        newest = not request.query_params.get("cursor") and wanted.last_day >= self._reader.today()
        return self._page(
            "calls.html",
            refresh=2000 if newest else None,
            asked=asked,
            found=found,
            query=urlencode(query),
            following=following,
            wanted=wanted,
            statuses=list(Status),
            reasons=list(EndReason),
            agents=self._agent_names(),
            analysed=any((call["analysis"] or {}).get("state") == "done" for call in found["calls"]),
        )

    def calls_json(self, request: Request) -> Response:
        _, wanted = _filters(request, self._reader.today())
        return JSONResponse(self._reader.calls(wanted, MAX_EXPORTED, request.query_params.get("cursor") or None))

    def calls_csv(self, request: Request) -> Response:
        _, wanted = _filters(request, self._reader.today())
        found = self._reader.calls(wanted, MAX_EXPORTED, request.query_params.get("cursor") or None)
        disposition = {"content-disposition": 'attachment; filename="calls.csv"'}
        return Response(csv_output.calls(found["calls"]), media_type="text/csv; charset=utf-8", headers=disposition)

    def find(self, request: Request) -> Response:
        """The call whose id begins so."""
        text = request.query_params.get("id", "").strip()
        if not text:
            return RedirectResponse("/calls")
        return RedirectResponse(f"/calls/{self._deployed.call_id(text)}")

    def call(self, request: Request) -> Response:
        """One call, from its ring to its end."""
        call = self._call(request)
        return self._page(
            "call.html",
            call=call,
            answered=words.answered_at(call),
            refresh=1000 if words.is_open(call) else None,
            key=self._key,
        )

    def call_json(self, request: Request) -> Response:
        return JSONResponse(self._call(request))

    def live(self, request: Request) -> Response:
        """The calls that are not over."""
        return self._page("live.html", found=self._reader.live(), monitors=self._reader.monitors(), refresh=1000)

    def live_json(self, request: Request) -> Response:
        return JSONResponse(self._reader.live())

    def numbers(self, request: Request) -> Response:
        """Counts, speeds, lengths and costs of some days."""
        asked, wanted = _filters(request, self._reader.today())
        found = self._reader.statistics(wanted)
        return self._page("numbers.html", asked=asked, found=found, query=urlencode(asked), agents=self._agent_names())

    def numbers_json(self, request: Request) -> Response:
        return JSONResponse(self._reader.statistics(_filters(request, self._reader.today())[1]))

    def agents(self, request: Request) -> Response:
        """The agents, and who would be let in."""
        asked = {name: request.query_params.get(name, "").strip() for name in ("from", "to", "at")}
        decision, problem = None, None
        if asked["from"] or asked["to"]:
            try:
                decision = self._decision(asked)
            except BadQuery as error:
                problem = str(error)
        return self._page(
            "agents.html",
            found=self._reader.agents(),
            asked=asked,
            decision=decision,
            problem=problem,
            folder=str(self._deployed.folder),
        )

    def agents_json(self, request: Request) -> Response:
        return JSONResponse(self._reader.agents())

    # --- what goes wrong ---

    def problem(self, title: str, text: str, status: int) -> Response:
        """A page that says what went wrong and what to do."""
        return self._page("problem.html", status_code=status, title=title, text=text)

    # --- inside ---

    def _page(self, template: str, status_code: int = 200, refresh: int | None = None, **more: Any) -> Response:
        text = self._templates.get_template(template).render(
            source=self._deployed.source, now=self._clock(), refresh=refresh, page=template.partition(".")[0], **more
        )
        return HTMLResponse(text, status_code)

    def _call(self, request: Request) -> dict[str, Any]:
        call_id = request.path_params["call_id"]
        found = self._reader.call(call_id)
        if found is None:
            raise NotFound(f"there is no call {call_id} in the record")
        return found

    def _agent_names(self) -> list[str]:
        return [agent["name"] for agent in self._deployed.agents_or_none()]

    def _decision(self, asked: Mapping[str, str]) -> dict[str, Any]:
        if not (asked["from"] and asked["to"]):
            raise BadQuery("Give both numbers: who calls, and which number is dialled.")
        return self._reader.decision(asked["from"], asked["to"], _moment(asked["at"]) if asked["at"] else None)


def _filters(request: Request, today: date) -> tuple[dict[str, str], Filters]:
    """What the URL asks for, as it was written and as it is meant; `BadQuery` names what is wrong."""
    asked = {name: request.query_params.get(name, "").strip() for name in FILTERS}
    wanted = reader.filters(
        day=asked["day"],
        first=asked["from"],
        last=asked["to"],
        today=today,
        status=asked["status"],
        end_reason=asked["end_reason"],
        caller=asked["caller"],
        dialled=asked["dialled"],
        agent=asked["agent"],
        outcome=asked["outcome"],
        notes=asked["notes"],
    )
    return asked, wanted


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery(f"at: {text} is not a time (for example 2026-12-24T20:00+01:00)") from None
    return moment.timestamp()
