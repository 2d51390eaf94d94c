"""`ringside calls export`: the calls of some days as files."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cli.options import ANY, Deployment, read_day

if TYPE_CHECKING:
    from cli.export.folder import Folder
    from cli.export.progress import Progress
    from cli.export.reading import Wanted
    from ringside.aws.record import Record


def export_calls(
    *,
    first: Annotated[
        str | None,
        Parameter(name="--from-day", metavar="DATE", converter=read_day, help="From this day in UTC (default: today)."),
    ] = None,
    last: Annotated[
        str | None,
        Parameter(name="--to-day", metavar="DATE", converter=read_day, help="To this day, included (default: today)."),
    ] = None,
    agent: Annotated[str | None, Parameter(metavar="NAME", help="Only calls that this agent answered.")] = None,
    outcome: Annotated[
        str | None, Parameter(metavar="LABEL", help="Only calls whose analysis found this outcome.")
    ] = None,
    format: Annotated[
        Literal["jsonl", "csv", "parquet"],
        Parameter(metavar="FORMAT", help="jsonl (a call in each line), csv or parquet (a call in each row)."),
    ] = "jsonl",
    items: Annotated[bool, Parameter(show_default=False, help="With what was said and done in each call.")] = False,
    output: Annotated[
        Path | None,
        Parameter(
            metavar="FOLDER",
            help="Write one file per day into this folder, and skip days that are done. Without it: print.",
        ),
    ] = None,
    deployment: Deployment = ANY,
) -> None:
    """See `cli.commands.calls`, which has what help says."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from cli import audit, cloud
    from cli.errors import UsageError
    from cli.export import writers
    from cli.export.folder import Folder, What
    from cli.export.progress import Progress
    from cli.export.reading import Wanted
    from ringside.records.query import days_between

    today = datetime.now(UTC).date().isoformat()
    begin, end = first or min(today, last or today), last or today
    if begin > end:
        raise UsageError(f"--from-day {begin} is after --to-day {end}")
    if output is None and format == "parquet":
        raise UsageError("Parquet is written into a folder: add --output FOLDER")
    if output is None and format == "csv" and items:
        raise UsageError("CSV with --items is two tables: add --output FOLDER, or use --format jsonl")
    if output is not None and output.suffix in (".csv", ".jsonl", ".json", ".parquet"):
        raise UsageError(f"--output {output}: name a folder; for one file, leave --output out and add > {output}")
    writers.check(format)
    chosen, wanted = cloud.chosen(deployment), Wanted(agent, outcome)
    with chosen.record() as record, Progress() as progress:
        folder = Folder(output, What(chosen.table, format, items, agent, outcome)) if output else None
        what = {"first_day": begin, "last_day": end, **asdict(wanted), "format": format, "items": items}
        audit.note_export(chosen, {**what, "output": str(output or "-")})
        days = days_between(date.fromisoformat(begin), date.fromisoformat(end))
        if folder is None:
            _print(record, days, wanted, format, items, progress)
        else:
            _write(record, days, wanted, folder, progress)
    print(progress.summary(output), file=sys.stderr)


def _print(record: "Record", days: list[str], wanted: "Wanted", format: str, items: bool, progress: "Progress") -> None:
    from cli.export import writers
    from cli.export.reading import Day, threads

    writer = writers.calls_csv(sys.stdout) if format == "csv" else writers.JsonLines(sys.stdout, items)
    with threads() as pool, writer:
        for day in days:
            reading = Day(day)
            for call in progress.of(reading, reading.read(record, pool, wanted)):
                writer.add(call)


def _write(record: "Record", days: list[str], wanted: "Wanted", folder: "Folder", progress: "Progress") -> None:
    from cli.export.reading import Day, threads

    with threads() as pool:
        for day in days:
            if folder.is_done(day):
                progress.skipped += 1
                continue
            reading = Day(day)
            with folder.writing(reading) as files:
                for call in progress.of(reading, reading.read(record, pool, wanted)):
                    files.add(call)
