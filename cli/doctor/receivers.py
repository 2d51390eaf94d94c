"""Receivers of `notify`: whether there is a secret for each. None of it is ever shown."""

from cli.cloud import Cloud
from cli.doctor.finding import Finding, Findings, State
from ringside.agentfile.agents import Agents
from ringside.aws.notify_secrets import usable


def check_receivers(where: Cloud, agents: Agents) -> Findings:
    """Nothing where no agent notifies anyone. Raises `ClientError`."""
    named = sorted({receiver.name for agent in agents for receiver in agent.notify})
    if not named:
        return
    secret_id = where.variables.get("RINGSIDE_NOTIFY_SECRET_ID")
    if not secret_id:
        what = f"notify names {', '.join(named)}, but this deployment keeps no secrets of receivers: nothing is sent"
        yield Finding("receivers", State.WRONG, what, "deploy with NotifyReceivers=true")
        return
    try:
        known = usable(where.secrets.get_secret_value(SecretId=secret_id).get("SecretString", ""))
    except (ValueError, TypeError):
        yield Finding("receivers", State.WRONG, f"secret {secret_id} is not a JSON object", "store {} in it")
        return
    for name in named:
        if known.get(name):
            yield Finding("receivers", State.OK, f"{name} has a secret")
        else:
            todo = f"run `ringside notify secret {name}`, and give the secret to the receiver"
            yield Finding("receivers", State.WRONG, f"no secret is stored for {name}: nothing is sent to it", todo)
