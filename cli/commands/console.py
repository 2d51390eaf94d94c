"""`ringside console`: the calls in a browser."""

from typing import Annotated

from cyclopts import Parameter

from cli.options import ANY, AgentFiles, Deployment, read_port


def console(
    *,
    port: Annotated[
        int | None,
        Parameter(
            metavar="N", converter=read_port, help="Listen here (default: 7430, or any free port if that is taken)."
        ),
    ] = None,
    no_browser: Annotated[bool, Parameter(show_default=False, help="Print the URL, and do not open it.")] = False,
    agents: AgentFiles = None,
    deployment: Deployment = ANY,
) -> None:
    """Show calls, live calls, numbers and agents in a browser, until Ctrl-C."""
    import os

    from cli import cloud
    from cli.doctor.agents import agents_folder
    from cli.errors import CliError

    try:
        from cli.console import deployment as deployments
        from cli.console import server
    except ModuleNotFoundError as missing:
        if missing.name not in ("jinja2", "markupsafe", "starlette", "uvicorn"):
            raise
        raise CliError("the console needs its own packages: pip install 'ringside[cli]'") from None

    where = cloud.chosen(deployment)
    deployed = deployments.Deployed(where, agents or agents_folder(os.environ))
    server.serve(deployed, port, not no_browser, os.environ.get("RINGSIDE_CONSOLE_TOKEN"))
