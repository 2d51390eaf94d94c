"""`ringside new`: an agent to start from."""

from typing import Annotated, Literal

from cyclopts import Parameter

from cli.options import AgentFiles


def new(
    name: Annotated[str, Parameter(help="The new agent's name: small letters, digits, - and _.")],
    /,
    *,
    example: Annotated[
        Literal["receptionist", "appointments", "voicemail", "blank"],
        Parameter(name="--from", metavar="EXAMPLE", help="receptionist, appointments, voicemail or blank."),
    ] = "blank",
    number: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="+NUMBER",
            negative="",
            show_default=False,
            help="A number that it answers; may be repeated (default: asked for, or a fictional one).",
        ),
    ] = (),
    agents: AgentFiles = None,
) -> None:
    """Make an agent, with its tools and tests, from an example."""
    from cli import scaffold

    scaffold.make(name, example, number, agents)
