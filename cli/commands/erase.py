"""`ringside erase`: calls, for good."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cli.options import ANY, Deployment, read_caller

if TYPE_CHECKING:
    from cli.cloud import Cloud
    from cli.erasing import Eraser, Found
    from ringside.aws.attributes import Item


MENTIONED = (
    "not looked for: calls from other numbers in which this one was said, noted or keyed in. "
    "Find them with `ringside calls export --items`, and erase them with --call (docs/privacy.md, Erasing)"
)
"""Of a number: it can be in what others said, in words as well as in digits."""


def erase(
    *,
    call: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="CALL_ID", negative="", show_default=False, help="This call, by its id or `last`; may be repeated."
        ),
    ] = (),
    caller: Annotated[
        str | None,
        Parameter(metavar="+NUMBER", converter=read_caller, help="Every call from this number, or from ext:1001."),
    ] = None,
    reason: Annotated[
        str | None, Parameter(metavar="TEXT", help="Written down with it, such as the number of a request.")
    ] = None,
    yes: Annotated[bool, Parameter(show_default=False, help="Do not ask.")] = False,
    log: Annotated[bool, Parameter(show_default=False, help="Show what was erased, when and by whom.")] = False,
    deployment: Deployment = ANY,
) -> None:
    """See `cli.app`, which has what help says."""
    from cli import cloud
    from cli.erasing import Eraser
    from cli.errors import CliError, UsageError
    from ringside.calls import ANONYMOUS, UNKNOWN

    if sum((bool(call), caller is not None, log)) > 1:
        raise UsageError("give either --call, --caller or --log")
    if caller in (ANONYMOUS, UNKNOWN):
        raise UsageError(f"{caller} is not one caller: erase calls by their ids, with --call")
    if not yes and (call or caller) and not sys.stdin.isatty():
        raise UsageError("nobody can be asked here: add --yes")
    chosen = cloud.chosen(deployment)
    with chosen.reading():
        eraser = Eraser(chosen)
        if log:
            _show_log(eraser.log())
            return
        unfinished = eraser.unfinished()
        _finish(eraser, unfinished, "finished an erasure that was interrupted: ")
        if not call and caller is None:
            if not unfinished:
                raise UsageError("name what to erase: --call CALL_ID or --caller +NUMBER")
            return
        found = eraser.calls_of(caller) if caller else eraser.calls(_ids(chosen, call))
        if not found.calls:
            print("there is nothing to erase: nothing of this is in the record")
        if caller:
            print(MENTIONED, file=sys.stderr)
        if not found.calls:
            return
        _refuse_unsettled(found)
        _describe(chosen, found)
        if not yes and input("Erase all of this for good? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CliError("nothing was erased")
        _finish(eraser, eraser.begin(found, "caller" if caller else "call", reason), "")


def _ids(chosen: "Cloud", named: tuple[str, ...]) -> list[str]:
    """Whole ids. One that is exact may have expired: it is erased all the same."""
    from cli import lookup
    from cli.erasing import Eraser

    eraser = Eraser(chosen)
    with chosen.record() as record:
        return [text if eraser.calls([text]).calls else lookup.call_id(record, text) for text in dict.fromkeys(named)]


def _refuse_unsettled(found: "Found") -> None:
    import time

    from cli.errors import CliError

    if unsettled := found.unsettled(time.time()):
        more = f" and {len(unsettled) - 3} more" if len(unsettled) > 3 else ""
        raise CliError(
            f"{', '.join(unsettled[:3])}{more}: not over yet, or less than two minutes ago; nothing was erased"
        )


def _describe(chosen: "Cloud", found: "Found") -> None:
    """What would be erased, and where else it may be."""
    from cli import audit
    from cli.terminal import console, show
    from cli.views import calls as view
    from cli.views.words import Clock

    out = console(stderr=True)
    known = [call for call in found.calls if call.get("started_at")]
    if known:
        newest_first = sorted(known, key=lambda call: str(call["started_at"]), reverse=True)
        show(out, view.table(newest_first[:20], Clock.here(False), out.width if out.is_terminal else None))
    if len(known) > 20:
        print(f"... and {len(known) - 20} more", file=sys.stderr)
    print(f"{_counted(len(found.calls), 'call')}, {_counted(found.items, 'item')} in {chosen.table}", file=sys.stderr)
    exports = audit.exports(chosen, found.days[0], found.days[-1]) if found.days else []
    if exports:
        print("Exports that may hold them, and are yours to erase:", file=sys.stderr)
        for export in exports:
            print(f"  {audit.described(export)}", file=sys.stderr)


def _finish(eraser: "Eraser", erasures: "list[Item]", before: str) -> None:
    from datetime import UTC, datetime, timedelta

    from cli.erasing import RECOVERABLE_DAYS
    from cli.terminal import busy, console

    if not erasures:
        return
    calls = items = 0
    try:
        with busy(console(stderr=True), "Erasing"):
            for erasure in erasures:
                for count in eraser.finish(erasure):
                    calls, items = calls + 1, items + count
    except KeyboardInterrupt:
        print("ringside: interrupted; `ringside erase` goes on with it", file=sys.stderr)
        raise
    erased = f"{before}erased {_counted(calls, 'call')}, {_counted(items, 'item')}; nothing of them is in the record"
    until = (datetime.now(UTC) + timedelta(days=RECOVERABLE_DAYS)).date()
    print(
        f"{erased}\nuntil {until} point-in-time recovery could bring them back: docs/privacy.md says what else is kept"
    )


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _show_log(erasures: "list[Item]") -> None:
    from cli.erasing import DONE
    from cli.terminal import safe

    for one in erasures:
        what = _counted(len(one["calls"]), "call") + (" of a caller" if one["of"] == "caller" else "")
        state = _counted(one["items"], "item")
        state += "" if one["state"] == DONE else " (NOT FINISHED: run `ringside erase`)"
        reason = f"  {one['reason']}" if one.get("reason") else ""
        print(safe(f"{one['begun_at']}  {what}, {state}, by {one['by']}{reason}"))
        for call_id in one["calls"]:
            print(f"  {safe(call_id)}")
    if not erasures:
        print("nothing was erased")
