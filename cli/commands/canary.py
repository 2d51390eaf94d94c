"""`ringside canary`: walk the path of a call, from this machine."""

import sys
from dataclasses import asdict

from cli.options import ANY, Deployment, Json


def canary(*, json: Json = False, deployment: Deployment = ANY) -> int:
    """Walk the path of a call without a call; 1 if any part of it does not work."""
    from cli import cloud, json_output
    from cli.doctor.finding import Finding, State
    from cli.terminal import busy, console, show
    from cli.views import findings as view
    from cli.walk import walk

    where = cloud.find(deployment)
    out = console()
    if not json:
        print(f"trying {where.source}", file=sys.stderr)
    with busy(out, "Walking the path of a call", json):
        results = walk(where)
    if json:
        print(json_output.dumps([asdict(result) for result in results]))
    for result in [] if json else results:
        state = State.OK if result.ok else State.WRONG
        show(out, view.finding(Finding(result.check, state, result.detail, _remedy(result.ok, result.check))))
    return int(not all(result.ok for result in results))


REMEDIES = {
    "webhook": "`ringside doctor` tells whether the secret or the function is at fault",
    "queue": "docs/operations.md#calls-waiting",
    "table": "`ringside doctor` looks at the table and its indexes",
    "lease": "docs/operations.md#monitor-silent",
    "sideband": "`ringside doctor` tries the key; a new one is stored by `ringside setup --new-key`",
}


def _remedy(ok: bool, check: str) -> str:
    return "" if ok else REMEDIES[check]
