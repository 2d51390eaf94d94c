"""MCP servers: whether the credentials that agent files name are stored. None of them is ever shown."""

import json

from cli.cloud import Cloud
from cli.doctor.finding import Finding, Findings, State
from cli.setup.stored import webhook_secret_id
from ringside.agentfile.agents import Agents
from ringside.aws.secrets import wrong_with_credential


def check_mcp_servers(where: Cloud, agents: Agents) -> Findings:
    """Nothing where no agent names a credential. Raises `ClientError`."""
    named = sorted({name for agent in agents for name in agent.credential_names})
    if not named or not where.variables.get("RINGSIDE_SECRET_ID"):
        return
    try:
        held = json.loads(where.secrets.get_secret_value(SecretId=webhook_secret_id(where)).get("SecretString", ""))
        known = dict(held.get("mcp_credentials") or {})
    except (ValueError, TypeError, AttributeError):
        return  # told already: the secret is not a JSON object
    for name in named:
        if wrong := wrong_with_credential(known.get(name)):
            what = f"credential {name} {wrong}: calls go without the MCP servers that need it"
            todo = f"run `ringside setup --mcp-credential {name}`"
            yield Finding("mcp servers", State.WRONG, what, todo)
        else:
            yield Finding("mcp servers", State.OK, f"credential {name} is stored")
