"""`ringside setup`: from a deployed stack to the first call."""

from typing import Annotated

from cyclopts import Parameter

from cli.errors import UsageError
from cli.options import ANY, Deployment


def setup(
    *,
    rotate_secret: Annotated[
        bool,
        Parameter(show_default=False, help="Make a new signing secret; the old one stays valid for 24 hours."),
    ] = False,
    new_key: Annotated[
        bool, Parameter(show_default=False, help="Ask for a new API key, and replace the stored one.")
    ] = False,
    by_hand: Annotated[
        bool, Parameter(show_default=False, help="Ask for a signing secret that you made in OpenAI's console.")
    ] = False,
    mcp_credential: Annotated[
        str,
        Parameter(
            metavar="NAME",
            show_default=False,
            help="Ask for what MCP servers want to see, store it under this name, and change nothing else.",
        ),
    ] = "",
    remove: Annotated[bool, Parameter(show_default=False, help="Delete the webhook endpoint at OpenAI.")] = False,
    project: Annotated[
        str,
        Parameter(
            metavar="proj_...", show_default=False, help="The OpenAI project's id (default: as OpenAI's answers say)."
        ),
    ] = "",
    wait: Annotated[
        float,
        Parameter(metavar="SECONDS", help="How long to retry the test event until the webhook accepts it."),
    ] = 60.0,
    deployment: Deployment = ANY,
) -> None:
    """Set up, rotate the secret, or remove the webhook endpoint."""
    from cli import cloud
    from cli.setup import connect, credential

    if mcp_credential:
        if rotate_secret or by_hand or remove or new_key:
            raise UsageError("give --mcp-credential alone: nothing else is set up with it")
        credential.store(cloud.find(deployment), mcp_credential)
        return
    if rotate_secret + by_hand + remove > 1:
        raise UsageError("give only one of --rotate-secret, --by-hand and --remove (see ringside setup --help)")
    wanted = connect.Wanted(rotate_secret, new_key, by_hand, remove, project, wait)
    connect.run(cloud.find(deployment), wanted)
