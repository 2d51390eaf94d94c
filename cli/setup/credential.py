"""What MCP servers want to see, stored where the webhook alone reads it."""

import re

from cli.cloud import Cloud
from cli.errors import CliError, UsageError
from cli.setup.connect import ask, say
from cli.setup.stored import Stored
from ringside.agentfile.mcp_server import CREDENTIAL_NAME
from ringside.aws.secrets import wrong_with_credential


def store(where: Cloud, name: str) -> None:
    """Ask for it and store it under this name, in the place of a former one. Raises `CliError` or `UsageError`."""
    if not re.fullmatch(CREDENTIAL_NAME, name):
        raise UsageError(f"{name}: a name begins with a letter, and has letters, digits and _ . - (64 at most)")
    stored = Stored.read(where)
    if stored.signing is stored.content:
        raise CliError("this stack keeps the webhook's secrets where monitors can read them: deploy it again first")
    given = ask(f"credential {name} of an MCP server", "MCP_CREDENTIAL", wrong_with_credential)
    known = stored.signing.get("mcp_credentials") or {}
    stored.write_signing(mcp_credentials={**known, name: given})
    say(f"✓ {name} is stored; calls have it within five minutes")
