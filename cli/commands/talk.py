"""`ringside talk`: a conversation with an agent, typed or spoken."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cli.options import AgentFiles


def talk(
    agent: Annotated[str | None, Parameter(help="The agent's name; may be left out if there is only one.")] = None,
    /,
    *,
    caller: Annotated[
        str,
        Parameter(name="--from", metavar="+NUMBER", help="Who calls: a number, ext:1001, anonymous or unknown."),
    ] = "+12025550143",
    dialled: Annotated[
        str | None,
        Parameter(name="--to", metavar="+NUMBER", help="The number that is dialled (default: the agent's first)."),
    ] = None,
    at: Annotated[
        str | None,
        Parameter(metavar="TIME", help="When: 2026-12-24T20:00, in the agent's time zone (default: now)."),
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
    transfers: Annotated[
        Literal["left", "stays", "refused"],
        Parameter(help="What becomes of a transfer: the caller has left, stays on the line, or OpenAI refuses it."),
    ] = "left",
    stand_in: Annotated[
        bool,
        Parameter(show_default=False, help="Talk to the emulator's stand-in for the model: no key, no cost."),
    ] = False,
    script: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="What the stand-in says: a script of the emulator's (implies --stand-in)."),
    ] = None,
    voice: Annotated[
        bool,
        Parameter(show_default=False, help="Speak, with this machine's microphone and loudspeaker (ringside[voice])."),
    ] = False,
    headphones: Annotated[
        bool,
        Parameter(show_default=False, help="With --voice: keep the microphone open while the agent speaks."),
    ] = False,
    agents: AgentFiles = None,
    json: Annotated[
        bool,
        Parameter(name="--json", show_default=False, help="Print one JSON object a line (fields: docs/cli.md)."),
    ] = False,
) -> int:
    """Talk to an agent as a caller would, typed or with --voice."""
    from cli.errors import UsageError
    from cli.talk import command

    if headphones and not voice:
        raise UsageError("--headphones is for --voice")
    stood_in = stand_in or script is not None
    wanted = command.Wanted(agent, caller, dialled, at, header, transfers, stood_in, script, voice, headphones)
    return command.run(wanted, agents, as_json=json)
