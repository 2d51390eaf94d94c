"""`ringside calls ...`: recorded calls, calls in progress, and a hand on those."""

import sys
from pathlib import Path
from time import sleep
from typing import Annotated, Any

from cyclopts import App, Parameter

from cli.options import ANY, OPTIONS, AgentFiles, CallId, Deployment, Json, Utc, read_caller, read_count, read_day

app = App(name="calls", group_parameters=OPTIONS)
app.command(
    "cli.commands.export:export_calls",
    name="export",
    help="""Export the calls of some days, to standard output, or to a folder with one file per day.

    The same command again goes on where it was interrupted, and reads anew what may have changed. A call whose
    retention has passed is not exported; what has been exported is yours to delete.""",
)

for _name, _help in {
    "say": """Let the agent say something on a live call, word for word.

    It waits until neither the caller nor the agent is speaking.""",
    "instruct": "Tell the agent of a live call something; it answers, unless --silent.",
    "transfer": """Transfer a live call, to a target of its agent's or to any number.

    The agent says so first. Any number needs a permission of its own (docs/operations.md).""",
    "hang-up": "Hang up a live call, after a goodbye or at once.",
    "hold": """Let the agent of a live call listen, and not answer.

    The call goes on, and so does the limit of its length; nobody asks a silent caller whether they are still there.""",
    "resume": "Let an agent that is on hold answer again.",
}.items():
    app.command(f"cli.commands.acting:{_name.replace('-', '_')}", name=_name, help=_help)


@app.command(name="list")
def list_calls(
    *,
    day: Annotated[
        str | None,
        Parameter(metavar="DATE", converter=read_day, help="Of this day in UTC: 2026-11-22, today or yesterday."),
    ] = None,
    caller: Annotated[
        str | None,
        Parameter(
            name="--from",
            metavar="+NUMBER",
            converter=read_caller,
            help="From this number, ext:1001, anonymous or unknown; on any day.",
        ),
    ] = None,
    agent: Annotated[str | None, Parameter(metavar="NAME", help="Answered by this agent.")] = None,
    outcome: Annotated[str | None, Parameter(metavar="LABEL", help="Whose analysis found this outcome.")] = None,
    notes: Annotated[str | None, Parameter(metavar="TEXT", help="With these words in a note.")] = None,
    live: Annotated[bool, Parameter(show_default=False, help="Only calls that are not over yet.")] = False,
    limit: Annotated[int, Parameter(metavar="N", converter=read_count, help="Show at most this many calls.")] = 50,
    json: Json = False,
    utc: Utc = False,
    deployment: Deployment = ANY,
) -> None:
    """List calls, newest first: today's, unless you choose others."""
    from cli import cloud, json_output, lookup
    from cli.errors import UsageError
    from cli.terminal import console, show
    from cli.views import calls as view
    from cli.views.words import Clock
    from ringside.records import shapes

    if live and outcome is not None:
        raise UsageError("--outcome is of calls that are over: leave out --live")
    with cloud.chosen(deployment).record() as record:
        calls = lookup.listed(record, day, caller, agent, outcome, notes, live, limit + 1)
    shown = calls[:limit]
    if json:
        print(json_output.dumps([shapes.listed(call) for call in shown]))
    elif shown:
        out = console()
        show(out, view.table(shown, Clock.here(utc), out.width if out.is_terminal else None))
    else:
        print("no calls")
    if len(calls) > limit:
        print(f"showing the newest {limit}; use --limit for more", file=sys.stderr)


@app.command(name="show")
def show_call(
    call_id: CallId,
    /,
    *,
    json: Json = False,
    utc: Utc = False,
    as_scenario: Annotated[
        bool, Parameter(show_default=False, help="Print a test of this call: a scenario file (docs/testing.md).")
    ] = False,
    yes: Annotated[
        bool, Parameter(show_default=False, help="With --as-scenario: without the line that says it is a draft.")
    ] = False,
    replace: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="WORD=OTHER",
            negative="",
            show_default=False,
            help="With --as-scenario: replace a word; may be repeated.",
        ),
    ] = (),
    agents: AgentFiles = None,
    deployment: Deployment = ANY,
) -> None:
    """Show one call: its steps, what was said, and what it cost.

    A file that `ringside talk` kept is shown in the same way.
    """
    from cli import cloud, json_output, lookup
    from cli.errors import UsageError
    from cli.terminal import console, show
    from cli.views import call as view
    from cli.views.words import Clock
    from ringside.records import shapes

    if (yes or replace) and not as_scenario:
        raise UsageError("--yes and --replace belong to --as-scenario")
    if as_scenario and json:
        raise UsageError("give either --json or --as-scenario, not both")
    if call_id.endswith(".json"):
        call, items = lookup.kept_call(call_id)
    else:
        with cloud.chosen(deployment).record() as record:
            call, items = lookup.whole_call(record, call_id)
    if as_scenario:
        _print_scenario(shapes.whole(call, items), agents, replace, draft=not yes)
    elif json:
        print(json_output.dumps(shapes.whole(call, items)))
    else:
        show(console(), view.whole(call, items, Clock.here(utc)))


def _print_scenario(call: dict[str, Any], agents: Path | None, replace: tuple[str, ...], *, draft: bool) -> None:
    """The file on standard output; what was replaced, and what was not, on standard error."""
    import json

    from cli import as_scenario, replacing
    from cli.errors import UsageError
    from cli.terminal import safe
    from ringside.aws.record import as_json

    try:
        replaced = replacing.Replacing(replacing.table(replace))
    except ValueError as error:
        raise UsageError(f"--replace: {error}") from None
    plain = json.loads(as_json(call))
    zone = as_scenario.time_zone_of(plain.get("agent"), agents)
    text = as_scenario.scenario(plain, zone or "UTC", replaced, draft)
    print("\n".join(safe(line) for line in text.splitlines()))
    notes = [f"replaced: {replaced.summary}"]
    if zone is None:
        notes.append(f"there is no agent file of {plain.get('agent')} here: call.at is in UTC")
    if left := as_scenario.perhaps_names(plain, replaced):
        notes.append(f"these may be names, too: {', '.join(left)} (replace them with --replace WORD=OTHER)")
    for note in notes:
        print(safe(note), file=sys.stderr)


@app.command(name="watch", usage="ringside calls watch [OPTIONS] [CALL_ID]")
def watch_calls(
    call_id: CallId | None = None, /, *, json: Json = False, utc: Utc = False, deployment: Deployment = ANY
) -> None:
    """Follow a call until it ends, or all calls until Ctrl-C. What was said before is shown first."""
    from cli import cloud, follow, json_output, lookup
    from cli.terminal import busy, console, show
    from cli.views import news as view
    from cli.views.words import Clock

    out = console()
    names = view.ShortNames() if call_id is None else None
    with cloud.chosen(deployment).record() as record, busy(out, "Watching; press Ctrl-C to stop", json):
        one = None if call_id is None else lookup.call_id(record, call_id)
        for news in follow.follow(record, one, sleep) if one else follow.follow_all(record, sleep):
            if json:
                print(json_output.dumps_line(news.as_json()), flush=True)
            else:
                show(out, view.line(news, Clock.here(utc), names))


@app.command(name="analyse", usage="ringside calls analyse [OPTIONS] [CALL_ID]")
def analyse_calls(
    call_id: CallId | None = None,
    /,
    *,
    day: Annotated[
        str | None,
        Parameter(
            metavar="DATE",
            converter=read_day,
            help="All calls of this day in UTC that have no analysis: 2026-11-22, today or yesterday.",
        ),
    ] = None,
    json: Json = False,
    deployment: Deployment = ANY,
) -> None:
    """Analyse a call anew, or the calls of a day that have no analysis. OpenAI bills each of them.

    The deployment does it, by the agent files that it has (docs/agents.md, "Analysis").
    """
    from cli import analyse, cloud, json_output, lookup
    from cli.errors import UsageError
    from cli.terminal import busy, console, safe, show
    from cli.views import analysis as view

    if (call_id is None) == (day is None):
        raise UsageError("give either a call's id or --day")
    chosen = cloud.chosen(deployment)
    analyses, out = analyse.Analyses(chosen), console()
    with chosen.record() as record:
        if call_id is not None:
            one = lookup.call_id(record, call_id)
            with busy(out, "Analysing", json):
                found = analyses.analyse(one)
            if json:
                print(json_output.dumps(found))
            else:
                show(out, view.whole(found))
            raise SystemExit(0 if found["state"] in ("done", "skipped") else 1)
        undone = list(analyse.left_undone(record, str(day)))
    states: list[str] = []
    for number, each in enumerate(undone, start=1):
        with busy(out, f"Analysing call {number} of {len(undone)}", json):
            found = analyses.analyse(each)
        states.append(str(found["state"]))
        if json:
            print(json_output.dumps_line({"call_id": each, **found}), flush=True)
        else:
            print(safe(f"{each}  {view.line(found)}"), flush=True)
    if not undone and not json:
        print(f"no call of {day} is without an analysis")
    if {"failed", "waiting"} & set(states):
        raise SystemExit(1)
