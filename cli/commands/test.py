"""`ringside test`: play the scenarios of the agents."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from cli.options import OPTIONS, Json, read_count

LIVE = Group("With --live", sort_key=2)

app = App(name="test", usage="ringside test [OPTIONS] [FILE...]", group_parameters=OPTIONS)


@app.default
def play(
    *files: Annotated[
        Path,
        Parameter(
            metavar="FILE",
            help="Scenario files, or folders of them (default: functions/agents and tests/scenarios).",
        ),
    ],
    only: Annotated[
        str | None,
        Parameter(name=["--only", "-k"], metavar="TEXT", help="Only those with this in their name, or this tag."),
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
    live: Annotated[
        bool,
        Parameter(show_default=False, help="With the agents' own model, in text. Needs OPENAI_API_KEY and costs."),
    ] = False,
    repeat: Annotated[
        int | None,
        Parameter(group=LIVE, metavar="N", converter=read_count, help="Runs of each scenario (default: the file's)."),
    ] = None,
    max_cost: Annotated[
        float | None, Parameter(group=LIVE, metavar="DOLLARS", help="Begin no run once this much was spent.")
    ] = None,
    baseline: Annotated[
        Path | None, Parameter(group=LIVE, metavar="FILE", help="Compare with the runs of this file, by scenario.")
    ] = None,
    judge_always: Annotated[
        bool, Parameter(group=LIVE, show_default=False, help="Ask the judge also where something has failed already.")
    ] = False,
    text_model: Annotated[
        str | None,
        Parameter(group=LIVE, metavar="MODEL", help="Who plays callers and judges (docs/testing.md)."),
    ] = None,
) -> int:
    """Play `*.scenario.yaml` files through the whole path of a call, on this machine: no key, no cloud, no money."""
    from cli.errors import UsageError
    from cli.terminal import console

    if not live and (repeat or max_cost is not None or baseline or judge_always or text_model):
        raise UsageError("--repeat, --max-cost, --baseline, --judge-always and --text-model belong to --live")
    command = _command()
    wanted = None
    if live:
        more: dict[str, Any] = {"text_model": text_model} if text_model else {}
        wanted = command.LiveWanted(repeat, max_cost, baseline, judge_always, **more)
    return int(command.run(command.Wanted(files, agents, only, json, junit, wanted), console()))


@app.command
def label(
    file: Annotated[Path, Parameter(metavar="FILE", help="The runs that `ringside test --live` wrote.")], /
) -> int:
    """Answer the judge's questions yourself, and see how far it can be trusted."""
    from cli.terminal import console

    return int(_command().label(file, console()))


def _command() -> Any:
    from cli.errors import CliError

    try:
        from infra.scenarios import command
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "ringside":
            raise
        raise CliError(
            f"{missing.name} is not installed: `ringside test` belongs to a checkout of Ringside; run make there first"
        ) from None
    return command
