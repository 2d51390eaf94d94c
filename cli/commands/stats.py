"""`ringside stats`: the numbers of some days."""

from typing import Annotated

from cyclopts import Parameter

from cli.options import ANY, Deployment, Json, read_day, read_number


def stats(
    *,
    day: Annotated[
        str | None,
        Parameter(metavar="DATE", converter=read_day, help="Of this day in UTC: 2026-11-22, today or yesterday."),
    ] = None,
    since: Annotated[
        str | None, Parameter(metavar="DATE", converter=read_day, help="From this day on, at most 92 days.")
    ] = None,
    until: Annotated[
        str | None, Parameter(metavar="DATE", converter=read_day, help="Until this day (default: today).")
    ] = None,
    agent: Annotated[str | None, Parameter(metavar="NAME", help="Of this agent.")] = None,
    dialled: Annotated[
        str | None,
        Parameter(name="--to", metavar="+NUMBER", converter=read_number, help="Of calls to this number."),
    ] = None,
    json: Json = False,
    deployment: Deployment = ANY,
) -> None:
    """Show how many calls there were, how they ended, how fast they were answered, and what they cost."""
    from datetime import UTC, datetime

    from cli import cloud, json_output
    from cli.errors import UsageError
    from cli.terminal import console, show
    from cli.views import stats as view
    from ringside.records import reader
    from ringside.records.query import BadQuery

    today = datetime.now(UTC).date()
    try:
        wanted = reader.filters(day=day, first=since, last=until, today=today, agent=agent, dialled=dialled)
    except BadQuery as error:
        raise UsageError(str(error)) from None
    with cloud.chosen(deployment).record() as record:
        found = reader.numbers(record, wanted, today)
    if json:
        print(json_output.dumps(found))
    else:
        show(console(), view.stats(found))
