"""`ringside doctor`: what of a deployment is right, what is not, and what to do about it.

Each check is a function that yields findings; it never raises for what it looks for. A finding is
`wrong` (calls will not be answered as they should), a `warning`, or `ok`. What these credentials may not look
at is a warning: the deployment has its own.
"""

import argparse
import base64
import binascii
import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from cli import cloud, shapes
from cli.check import check
from cli.cloud import Cloud
from cli.errors import CliError, explain, is_denied
from cli.terminal import Style, safe, wants_colour
from ringside import prices, settings
from ringside.aws.record import LIST_COLUMNS

TIMEOUT = 10.0

INDEXES = ("by_day", "by_caller", "live")

SHUTDOWNS = {
    "gpt-realtime": date(2027, 1, 20),
    "gpt-realtime-2025-08-28": date(2027, 1, 20),
    "gpt-realtime-mini": date(2027, 1, 20),
    "gpt-realtime-mini-2025-12-15": date(2027, 1, 20),
    "whisper-1": date(2027, 2, 26),
    "gpt-4o-transcribe": date(2027, 2, 26),
    "gpt-4o-transcribe-diarize": date(2027, 2, 26),
    "gpt-4o-mini-transcribe": date(2027, 2, 26),
    "gpt-4o-mini-transcribe-2025-12-15": date(2027, 2, 26),
}
"""When OpenAI shuts models down, as its Python library 3.54.0 says (`Calls.accept`, `AudioTranscription`)."""


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one look found. `todo` is empty where nothing is to be done."""

    check: str
    state: State
    what: str
    todo: str = ""


SIGNS = {State.OK: "✓", State.WARNING: "!", State.WRONG: "✗"}

Findings = Iterator[Finding]


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "doctor", parents=[cloud.options()], help="configuration, secrets, endpoints: what is right and what is not"
    )
    parser.add_argument("--agents", type=Path, metavar="DIR", help="the agent files; else RINGSIDE_AGENTS, or our own")
    parser.add_argument("--json", action="store_true", help="for programs; docs/cli.md has the fields")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine everything; 1 if anything is wrong."""
    where = cloud.find(args)
    if not args.json:
        print(f"examining {where.source}", file=sys.stderr)
    findings = []
    style = Style(wants_colour(sys.stdout.isatty(), os.environ))
    for finding in examine(where, args.agents, datetime.now(UTC).date()):
        findings.append(finding)
        if not args.json:
            print("\n".join(lines(finding, style)), flush=True)
    if args.json:
        print(shapes.dumps([asdict(finding) for finding in findings]))
    return int(any(finding.state is State.WRONG for finding in findings))


def lines(finding: Finding, style: Style) -> list[str]:
    """One finding, with what to do about it below. Pure."""
    paint = {State.OK: style.green, State.WARNING: style.yellow, State.WRONG: style.red}[finding.state]
    shown = [f"{paint(SIGNS[finding.state])} {finding.check}: {safe(finding.what)}"]
    return [*shown, f"  → {safe(finding.todo)}"] if finding.todo else shown


def examine(where: Cloud, folder: Path | None, today: date) -> Findings:
    """Every check, in the order in which one would repair things."""
    yield from check_settings(where.variables)
    keys, listed = Keys(), list[str]()
    usable = True
    for finding in _guarded("credentials", check_credentials(where)):
        usable = finding.state is State.OK
        yield finding
    if usable:
        yield from _guarded("table", check_table(where))
        yield from _guarded("queue", check_queue(where))
        yield from _guarded("secret", check_secret(where, keys))
    # A proxy of the user's does not lead to a cloud on this machine.
    with httpx.Client(timeout=TIMEOUT, trust_env=where.endpoint is None) as http:
        yield from check_openai(http, where.variables.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL, keys.api_key, listed)
        yield from check_agents(folder or agents_folder(where.variables), today, listed)
        yield from check_webhook(http, where.variables.get("RINGSIDE_WEBHOOK_URL"))


def _guarded(check: str, findings: Findings) -> Findings:
    """AWS's refusals as findings: what may not be looked at is a warning, what cannot be reached is wrong."""
    try:
        yield from findings
    except ClientError as error:
        yield Finding(check, State.WARNING if is_denied(error) else State.WRONG, explain(error))
    except BotoCoreError as error:
        yield Finding(check, State.WRONG, explain(error))
    except CliError as error:
        yield Finding(check, State.WRONG, str(error))


# --- the checks -------------------------------------------------------------------------------

DEFAULT_BASE_URL: str = settings.Settings.model_fields["openai_base_url"].default


def check_settings(variables: Mapping[str, str]) -> Findings:
    try:
        settings.load(variables)
    except settings.SettingsError as error:
        for problem in str(error).removeprefix("environment: ").split("; "):
            yield Finding("settings", State.WRONG, problem, "set it, or name the stack with --stack")
    else:
        yield Finding("settings", State.OK, "complete")


def check_credentials(where: Cloud) -> Findings:
    region = where.session.region_name
    credentials = where.session.get_credentials()
    if credentials is None:
        yield Finding("credentials", State.WRONG, "no AWS credentials", "run `aws sso login` or set AWS_PROFILE")
    elif not region:
        yield Finding("credentials", State.WRONG, "no AWS region", "set AWS_REGION or give --region")
    else:
        yield Finding("credentials", State.OK, f"found ({credentials.method}), region {region}")


def check_table(where: Cloud) -> Findings:
    if not where.variables.get("RINGSIDE_TABLE"):
        return
    client, name = where.dynamodb, where.table
    redeploy = "deploy template.yaml again"
    try:
        table = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        where_from = f"{where.session.region_name}, which {where.source} names"
        yield Finding("table", State.WRONG, f"there is no table {name} in {where_from}", "deploy, or correct the name")
        return
    if table.get("TableStatus") != "ACTIVE":
        yield Finding("table", State.WRONG, f"{name} is {table.get('TableStatus')}", "wait, and look again")
        return
    yield Finding("table", State.OK, name)
    indexes = {str(index.get("IndexName")): index for index in table.get("GlobalSecondaryIndexes", [])}
    for index in INDEXES:
        if index not in indexes:
            yield Finding("table", State.WRONG, f"index {index} is missing", redeploy)
            continue
        projected = indexes[index].get("Projection", {}).get("NonKeyAttributes", [])
        missing = [column for column in LIST_COLUMNS if column not in projected]
        if indexes[index].get("IndexStatus", "ACTIVE") != "ACTIVE":
            yield Finding("table", State.WARNING, f"index {index} is still being built", "wait, and look again")
        elif missing:
            yield Finding("table", State.WRONG, f"index {index} lacks {', '.join(missing)}", redeploy)
        else:
            yield Finding("table", State.OK, f"index {index}")
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and ttl.get("AttributeName") == "expires_at":
        yield Finding("table", State.OK, "old calls are deleted (time to live)")
    else:
        yield Finding("table", State.WRONG, "time to live is off: calls are kept for ever", redeploy)


def check_queue(where: Cloud) -> Findings:
    url = where.variables.get("RINGSIDE_QUEUE_URL")
    if not url:
        return
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    client = where.sqs
    try:
        counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    except client.exceptions.QueueDoesNotExist:
        yield Finding("queue", State.WRONG, f"there is no queue {url}", "deploy, or correct RINGSIDE_QUEUE_URL")
        return
    waiting, held = (int(counts[name]) for name in names)
    told = f"reachable: {waiting} waiting for a monitor, {held} with one"
    if waiting:
        yield Finding("queue", State.WARNING, told, "if it stays so, no monitor takes calls: look at its service")
    else:
        yield Finding("queue", State.OK, told)


@dataclass
class Keys:
    """What the secret holds, for the checks that need it. Never shown."""

    api_key: str = ""


def check_secret(where: Cloud, keys: Keys) -> Findings:
    secret_id = where.variables.get("RINGSIDE_SECRET_ID")
    if not secret_id:
        return
    put = 'put {"api_key": "sk-…", "webhook_secrets": ["whsec_…"]} into it'
    client = where.secrets
    try:
        text = client.get_secret_value(SecretId=secret_id).get("SecretString", "")
    except client.exceptions.ResourceNotFoundException:
        yield Finding("secret", State.WRONG, f"there is no secret {secret_id}, or it is empty", put)
        return
    try:
        secret = json.loads(text)
    except ValueError:
        secret = None
    if not isinstance(secret, dict):
        yield Finding("secret", State.WRONG, "not a JSON object", put)
        return
    api_key = secret.get("api_key")
    if not isinstance(api_key, str) or not api_key.strip():
        yield Finding("secret", State.WRONG, "api_key is missing", put)
    elif not re.fullmatch(r"[!-~]+", api_key):
        yield Finding("secret", State.WRONG, "api_key has spaces or other strange characters in it", put)
    else:
        keys.api_key = api_key
        yield Finding("secret", State.OK, "api_key is there")
    yield from _check_webhook_secrets(secret.get("webhook_secrets"), put)


def _check_webhook_secrets(given: object, put: str) -> Findings:
    if not isinstance(given, list) or not given:
        yield Finding("secret", State.WRONG, "webhook_secrets is missing: every webhook will be refused", put)
        return
    if len(given) > 2:
        yield Finding(
            "secret", State.WARNING, f"{len(given)} webhook_secrets", "keep one, or two while one is being rotated"
        )
    for index, entry in enumerate(given, start=1):
        wrong = _wrong_with(entry)
        if wrong:
            todo = "copy the signing secret from OpenAI's webhook settings, whole"
            yield Finding("secret", State.WRONG, f"webhook_secrets, number {index}: {wrong}", todo)
        else:
            yield Finding("secret", State.OK, f"webhook_secrets, number {index}, is well-formed")


def _wrong_with(entry: object) -> str:
    """What is wrong with a signing secret, without a word of it (Standard Webhooks: `whsec_` and base64)."""
    if not isinstance(entry, str):
        return "not text"
    if not entry.startswith("whsec_"):
        return "does not begin with whsec_"
    try:
        key = base64.b64decode(entry.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return "not base64 after whsec_"
    return "" if key else "empty after whsec_"


def check_openai(http: httpx.Client, base_url: str, api_key: str, listed: list[str] | None = None) -> Findings:
    """A cheap request that the key must be good for; the models of its answer are added to `listed`."""
    if not api_key:
        yield Finding("openai", State.WARNING, f"{base_url} not tried: the key is not known")
        return
    try:
        headers = {"Authorization": f"Bearer {api_key}"}
        response = http.get(f"{base_url.rstrip('/')}/models", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The error's own text could quote a header.
        yield Finding(
            "openai", State.WRONG, f"{base_url} cannot be reached: {type(error).__name__}", "is OPENAI_BASE_URL right?"
        )
        return
    status = response.status_code
    if status == 401:
        yield Finding("openai", State.WRONG, f"{base_url} refuses the key (401)", "put a valid api_key into the secret")
    elif status == 403:
        what = f"{base_url} answers, but this key may not list models (403)"
        yield Finding("openai", State.WARNING, what, "a restricted key needs Realtime, and Models to be checked here")
    elif status == 200:
        if listed is not None:
            listed += _models(response)
        yield Finding("openai", State.OK, f"{base_url} answers, and the key is good")
    else:
        yield Finding("openai", State.WRONG, f"{base_url}/models answers {status}", "is OPENAI_BASE_URL right?")


def _models(response: httpx.Response) -> list[str]:
    """The ids of a list of models (API reference, Models: list), as far as they can be read."""
    try:
        return [str(model["id"]) for model in response.json()["data"]]
    except (ValueError, KeyError, TypeError):
        return []


def agents_folder(variables: Mapping[str, str]) -> Path:
    """Where the agent files are: a relative RINGSIDE_AGENTS is meant from here, or from what ships."""
    given = Path(variables.get("RINGSIDE_AGENTS") or "agents")
    return given if given.is_dir() else settings.SHIPPED / given


def check_agents(folder: Path, today: date, listed: Collection[str] = ()) -> Findings:
    """The agents' folder, looked at closely. `listed`: the models that OpenAI lists for the key."""
    checked = check(folder, listed)
    of_tools = [problem for problem in checked.problems if problem.text.startswith(f"{folder / 'tools.py'}:")]
    if not of_tools:
        yield Finding("tools", State.OK, ", ".join(checked.tools) or "none")
    for problem in checked.problems:
        state = State.WRONG if problem.is_wrong else State.WARNING
        where, todo = "agents", "correct the file"
        if problem in of_tools:
            where, todo = "tools", "correct it; tools.py is not loaded until then"
        yield Finding(where, state, problem.text, todo if problem.is_wrong else "")
    found = [file.agent for file in checked.agents.values()]
    if any(problem.is_wrong for problem in checked.problems):
        return
    for agent in found:
        yield Finding("agents", State.OK, f"{agent.name} answers {', '.join(agent.answers)}")
    priced = prices.load()
    for agent in found:
        transcription = agent.transcription.model if agent.transcription else None
        yield from check_model(agent.name, agent.model, priced.realtime, today)
        if transcription:
            yield from check_model(agent.name, transcription, priced.transcription, today)


def check_model(agent: str, model: str, priced: Iterable[str], today: date) -> Findings:
    """Whether a model is still there, and what it costs is known. Pure."""
    shutdown = SHUTDOWNS.get(model)
    if shutdown is not None:
        gone = today >= shutdown
        what = f"{agent}: OpenAI {'has shut' if gone else 'shuts'} {model} down on {shutdown}"
        yield Finding("models", State.WRONG if gone else State.WARNING, what, "name a current model in the agent file")
    if model not in priced:
        what = f"{agent}: no price for {model}: the cost of its calls is unknown"
        yield Finding("models", State.WARNING, what, "add it to functions/ringside/prices.yaml")
    elif shutdown is None:
        yield Finding("models", State.OK, f"{agent}: {model}")


def check_webhook(http: httpx.Client, url: str | None) -> Findings:
    """Nobody unsigned gets in: an empty request must be refused, and by our own code."""
    if not url:
        yield Finding("webhook", State.WARNING, "URL not known", "set RINGSIDE_WEBHOOK_URL, or name the stack")
        return
    try:
        status = http.post(url, content=b"{}", headers={"content-type": "application/json"}).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"{url} cannot be reached: {type(error).__name__}"
        yield Finding("webhook", State.WRONG, what, "is it deployed, and the URL right?")
        return
    if status == 404:
        yield Finding("webhook", State.WRONG, f"{url}: there is nothing there (404)", "its path is /webhook")
    elif 400 <= status < 500:
        yield Finding("webhook", State.OK, f"{url} is reachable and refuses what is not signed ({status})")
    elif status >= 500:
        yield Finding("webhook", State.WRONG, f"{url} answers {status}", "look at the webhook function's log")
    else:
        yield Finding("webhook", State.WRONG, f"{url} takes unsigned requests ({status})", "is this Ringside's?")
