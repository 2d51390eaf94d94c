"""Every check of a deployment, in the order in which one would repair things.

A check is a function that yields findings; it never raises for what it looks for. What these credentials may not look
at is a warning: the deployment has credentials of its own.
"""

import time
from datetime import date
from pathlib import Path

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from cli.cloud import Cloud
from cli.doctor.agents import agents_folder, check_agents, check_deployed_agents
from cli.doctor.aws import check_credentials, check_queue, check_settings, check_table
from cli.doctor.finding import Finding, Findings, State
from cli.doctor.http import DEFAULT_BASE_URL, TIMEOUT, check_openai, check_webhook
from cli.doctor.last_calls import check_last_calls
from cli.doctor.mcp_servers import check_mcp_servers
from cli.doctor.receivers import check_receivers
from cli.doctor.secret import Keys, check_secret
from cli.errors import CliError, explain, is_denied
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError


def examine(where: Cloud, folder: Path | None, today: date, last: int = 0) -> Findings:
    """Run every check. `folder`: the agent files, if others than the deployment's. `last`: so many calls, too."""
    yield from check_settings(where.variables)
    keys, listed = Keys(), list[str]()
    usable = readable = True
    for finding in guarded("credentials", check_credentials(where)):
        usable = finding.state is State.OK
        yield finding
    if usable:
        for finding in guarded("table", check_table(where)):
            readable = readable and finding.state is not State.WRONG
            yield finding
        yield from guarded("queue", check_queue(where))
        yield from guarded("secret", check_secret(where, keys))
    # A proxy of the user's does not lead to a cloud on this machine.
    with httpx.Client(timeout=TIMEOUT, trust_env=where.endpoint is None) as http:
        yield from check_openai(http, where.variables.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL, keys.api_key, listed)
        yield from check_agents(folder or agents_folder(where.variables), today, listed)
        if usable and readable:
            deployed = check_deployed_agents(where, folder or agents_folder(where.variables), time.time())
            yield from guarded("agents", deployed)
        if usable:
            yield from guarded("receivers", _receivers(where, folder or agents_folder(where.variables)))
            yield from guarded("mcp servers", _mcp_servers(where, folder or agents_folder(where.variables)))
        yield from check_webhook(http, where.variables.get("RINGSIDE_WEBHOOK_URL"))
    if last and usable:
        yield from guarded("calls", _last_calls(where, folder or agents_folder(where.variables), last))


def _receivers(where: Cloud, folder: Path) -> Findings:
    try:
        agents = load_agents(folder)
    except AgentFileError:
        return  # told already
    yield from check_receivers(where, agents)


def _mcp_servers(where: Cloud, folder: Path) -> Findings:
    try:
        agents = load_agents(folder)
    except AgentFileError:
        return  # told already
    yield from check_mcp_servers(where, agents)


def _last_calls(where: Cloud, folder: Path, last: int) -> Findings:
    try:
        agents = load_agents(folder)
    except AgentFileError:
        return  # told already
    yield from check_last_calls(where, agents, last)


def guarded(check: str, findings: Findings) -> Findings:
    """AWS's refusals as findings: what may not be looked at is a warning, what cannot be reached is wrong."""
    try:
        yield from findings
    except ClientError as error:
        yield Finding(check, State.WARNING if is_denied(error) else State.WRONG, explain(error))
    except BotoCoreError as error:
        yield Finding(check, State.WRONG, explain(error))
    except CliError as error:
        yield Finding(check, State.WRONG, str(error))
