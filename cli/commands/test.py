"""`ringside test`: play the scenarios of the agents."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cli.options import Json


def play(
    *files: Annotated[
        Path,
        Parameter(
            metavar="FILE",
            help="Scenario files, or folders of them (default: functions/agents and tests/scenarios).",
        ),
    ],
    only: Annotated[
        str | None, Parameter(name=["--only", "-k"], metavar="TEXT", help="Only those with this text in their name.")
    ] = None,
    agents: Annotated[
        Path | None,
        Parameter(
            metavar="FOLDER",
            help="The folder of agent files (default: the nearest above each file that has its agent).",
        ),
    ] = None,
    junit: Annotated[Path | None, Parameter(metavar="FILE", help="Also write the results as JUnit XML.")] = None,
    json: Json = False,
) -> int:
    """Play `*.scenario.yaml` files through the whole path of a call, on this machine: no key, no cloud, no money."""
    from cli.errors import CliError
    from cli.terminal import console

    try:
        from infra.scenarios import command
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "ringside":
            raise
        raise CliError(
            f"{missing.name} is not installed: `ringside test` belongs to a checkout of Ringside; run make there first"
        ) from None
    return command.run(command.Wanted(files, agents, only, json, junit), console())
