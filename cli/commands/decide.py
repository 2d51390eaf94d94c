"""`ringside decide`: what the admission rules say, without a call."""

from typing import Annotated

from cyclopts import Parameter

from cli.options import ANY, AgentFiles, Deployment, Json


def decide(
    *,
    caller: Annotated[
        str | None,
        Parameter(name="--from", metavar="+NUMBER", help="Who calls: a number, ext:1001, anonymous or unknown."),
    ] = None,
    dialled: Annotated[
        str | None, Parameter(name="--to", metavar="+NUMBER", help="The number that is dialled.")
    ] = None,
    header: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="NAME: VALUE",
            negative="",
            show_default=False,
            help="A SIP header as a carrier sends it; may be repeated.",
        ),
    ] = (),
    at: Annotated[
        str | None,
        Parameter(metavar="TIME", help="When: 2026-12-24T20:00, in the agent's time zone (default: now)."),
    ] = None,
    replay: Annotated[
        str | None,
        Parameter(metavar="CALL_ID", help="Apply today's rules to an earlier call: its id, its beginning, or `last`."),
    ] = None,
    agents: AgentFiles = None,
    json: Json = False,
    deployment: Deployment = ANY,
) -> None:
    """Decide about a call that might come, or again about one that came."""
    from cli import decision, json_output
    from cli.terminal import console, show
    from cli.views import decision as view
    from ringside.records import dry_run

    if replay:
        answer, then = decision.replayed(replay, caller or dialled or at or header, agents, deployment)
    else:
        answer, then = decision.asked(caller, dialled, at, header, agents, deployment), None
    if json:
        print(json_output.dumps(dry_run.shape(answer, then)))
    else:
        show(console(), view.decision(answer, then))
