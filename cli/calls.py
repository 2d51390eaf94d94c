"""`ringside calls`: what the record has of the calls."""

import argparse
import os
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from time import sleep, time
from typing import Any

from cli import cloud, listing, shapes, show, watch
from cli.errors import CliError
from cli.show import View
from cli.terminal import Style, safe, wants_colour
from ringside import phone_numbers
from ringside.aws.table import Item

DEFAULT_LIMIT = 50


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    group = commands.add_parser("calls", help="the calls of the record").add_subparsers(
        metavar="COMMAND", required=True
    )
    where = cloud.options()
    how = argparse.ArgumentParser(add_help=False)
    how.add_argument("--json", action="store_true", help="for programs; docs/cli.md has the fields")
    how.add_argument("--utc", action="store_true", help="times in UTC instead of the local zone")

    lister = group.add_parser("list", parents=[how, where], help="calls, newest first: today's, unless told otherwise")
    lister.add_argument("--day", type=_day, metavar="DATE", help="of one day in UTC: 2026-11-22, today, yesterday")
    lister.add_argument("--from", type=_number, dest="caller", metavar="+NUMBER", help="from a number, of all days")
    lister.add_argument("--agent", metavar="NAME", help="answered by this agent")
    lister.add_argument("--live", action="store_true", help="that are not over")
    lister.add_argument("--limit", type=_count, default=DEFAULT_LIMIT, metavar="N", help="at most N (%(default)s)")
    lister.set_defaults(run=_list)

    shower = group.add_parser("show", parents=[how, where], help="one call: its steps, its words, its cost")
    shower.add_argument("call_id", metavar="CALL_ID")
    shower.set_defaults(run=_show)

    watcher = group.add_parser("watch", parents=[how, where], help="calls as they are spoken, until they end or Ctrl-C")
    watcher.add_argument("call_id", metavar="CALL_ID", nargs="?", help="one call; without it, all that are not over")
    watcher.set_defaults(run=_watch)


def view_for(args: argparse.Namespace) -> View:
    """How to show things on this standard output."""
    style = Style(wants_colour(sys.stdout.isatty(), os.environ))
    zone = UTC if args.utc else None
    return View(shutil.get_terminal_size((100, 24)).columns, style, zone, time())


def _list(args: argparse.Namespace) -> int:
    calls = _calls(args)
    more, calls = len(calls) > args.limit, calls[: args.limit]
    if args.json:
        print(shapes.dumps([shapes.listed(call) for call in calls]))
    elif calls:
        print("\n".join(listing.lines(calls, view_for(args), fit=sys.stdout.isatty())))
    else:
        print("no calls")
    if more:
        print(f"the newest {args.limit}; there are more (--limit)", file=sys.stderr)
    return 0


def _calls(args: argparse.Namespace) -> list[Item]:
    """What was asked for, by the index that fits best, and one call more than the limit if there is one."""

    def fits(call: Item) -> bool:
        return args.agent is None or call.get("agent") == args.agent

    with chosen(args).record() as record:
        if args.live:
            return [
                call
                for call in record.open_calls()
                if fits(call)
                and args.caller in (None, call.get("caller"))
                and str(call["started_at"]).startswith(args.day or "")
            ][: args.limit + 1]
        if args.caller is not None:
            return record.calls_of_caller(args.caller, args.day, args.limit + 1, fits)
        return record.calls_of_day(args.day or _day("today"), args.limit + 1, fits)


def _show(args: argparse.Namespace) -> int:
    with chosen(args).record() as record:
        found = record.whole_call(args.call_id)
    if found is None:
        raise CliError(f"there is no call {safe(args.call_id)} in the record")
    call, items = found
    if args.json:
        print(shapes.dumps(shapes.whole(call, items)))
    else:
        print("\n".join(show.lines(call, items, view_for(args))))
    return 0


def _watch(args: argparse.Namespace) -> int:
    with chosen(args).record() as record:
        one: str | None = args.call_id
        for news in watch.follow(record, one, sleep) if one else watch.follow_all(record, sleep):
            if args.json:
                print(shapes.dumps_line(news.as_json()), flush=True)
            else:
                print("\n".join(watch.lines(news, view_for(args), name_call=not one)), flush=True)
    return 0


def chosen(args: argparse.Namespace) -> cloud.Cloud:
    """The deployment, told on standard error when nobody named it."""
    found = cloud.find(args)
    if found.implied:
        print(f"using {found.source}", file=sys.stderr)
    return found


def _day(text: str) -> str:
    today = datetime.now(UTC).date()
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return (named.get(text) or date.fromisoformat(text)).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{safe(text)} is not a date such as {today}") from None


def _number(text: str) -> str:
    found = phone_numbers.number(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{safe(text)} is not an international number such as +14255550112")
    return found


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{safe(text)} is not a whole number above 0")
    return int(text)
