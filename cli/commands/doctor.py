"""`ringside doctor`: what is right and what is wrong with a deployment."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from cli.options import ANY, AgentFiles, Deployment, Json, read_count

Last = Annotated[
    int,
    Parameter(
        metavar="N",
        converter=read_count,
        show_default=False,
        help="Also look at the last N calls: what could not be read, and which setting would have helped.",
    ),
]


BeforeDeploy = Annotated[
    bool,
    Parameter(
        show_default=False,
        negative="",
        help="Look at the account's limits instead, before a first deployment.",
    ),
]


def doctor(
    *,
    agents: AgentFiles = None,
    last: Last = 0,
    before_deploy: BeforeDeploy = False,
    json: Json = False,
    deployment: Deployment = ANY,
) -> int:
    """Check everything; 1 if anything is wrong."""
    from cli import cloud, json_output
    from cli.doctor import before_deploy as limits
    from cli.doctor.examine import examine
    from cli.doctor.finding import State
    from cli.terminal import busy, console, show
    from cli.views import findings as view

    where = cloud.account(deployment) if before_deploy else cloud.find(deployment)
    out = console()
    if not json:
        print(f"checking {where.source}", file=sys.stderr)
    findings = []
    with busy(out, "Checking", json):
        checks = (
            limits.before_deploy(where) if before_deploy else examine(where, agents, datetime.now(UTC).date(), last)
        )
        for finding in checks:
            findings.append(finding)
            if not json:
                show(out, view.finding(finding))
    if json:
        print(json_output.dumps([asdict(finding) for finding in findings]))
    return int(any(finding.state is State.WRONG for finding in findings))
