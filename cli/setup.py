"""`ringside setup`: from a deployed stack to the first call. Each step looks first, so that it can be run again.

The order is what keeps every webhook answered: whoever may not write the secret must not rotate it; a new signing
secret is stored, beside the old one, before anything else is asked of OpenAI.
"""

import argparse
import getpass
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from cli import cloud, setup_carriers
from cli.cloud import Cloud
from cli.errors import CliError, UsageError
from cli.setup_openai import INCOMING, Endpoint, OpenAI, OpenAIError
from cli.terminal import safe

DEFAULT_BASE_URL = "https://api.openai.com/v1"
OVERLAP_SECONDS = 24 * 3600
"""How long OpenAI accepts the former secret after a rotation that asks for it."""

TEST_PAUSE = 3.0


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "setup", parents=[cloud.options()], help="connect a deployment to OpenAI and to a phone number"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--rotate-secret", action="store_true", help="a new webhook secret; the old one goes on for 24 h")
    what.add_argument("--remove", action="store_true", help="delete the webhook's endpoint at OpenAI")
    what.add_argument(
        "--by-hand", action="store_true", help="ask for a signing secret that was made in OpenAI's console"
    )
    parser.add_argument("--new-key", action="store_true", help="ask for another API key than the one that is stored")
    parser.add_argument("--project", metavar="proj_...", default="", help="the OpenAI project's id, for the SIP URI")
    parser.add_argument(
        "--wait", type=float, default=60, metavar="SECONDS", help="how long a test event may be refused at first (60)"
    )
    parser.set_defaults(run=run)


@dataclass
class Stored:
    """The stack's secret: what functions and monitor read."""

    where: Cloud
    content: dict[str, Any]

    @classmethod
    def read(cls, where: Cloud) -> "Stored":
        secret_id = where.variables.get("RINGSIDE_SECRET_ID")
        if not secret_id:
            raise CliError("no secret: name a stack (--stack NAME), or set RINGSIDE_SECRET_ID")
        text = where.secrets.get_secret_value(SecretId=secret_id).get("SecretString") or "{}"
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise CliError(f"the secret {secret_id} holds something else than a JSON object: correct or empty it first")
        return cls(where, content)

    @property
    def api_key(self) -> str:
        return str(self.content.get("api_key") or "")

    @property
    def webhook_secrets(self) -> list[str]:
        return list(self.content.get("webhook_secrets") or [])

    def write(self, **changes: Any) -> None:
        """Write the secret; what it holds besides stays."""
        self.content |= changes
        secret_id = self.where.variables["RINGSIDE_SECRET_ID"]
        self.where.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(self.content))


def run(args: argparse.Namespace) -> int:
    """Set up, rotate or remove; 0 once a test event was answered with 2xx."""
    where = cloud.find(args)
    say(f"setting up {where.source}")
    stored = Stored.read(where)
    base_url = where.variables.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
    url = webhook_url(where)
    key = args.new_key or not stored.api_key
    api_key = ask("OpenAI API key of the project (sk-...)", "OPENAI_API_KEY") if key else stored.api_key
    with OpenAI(base_url, api_key, trust_env=where.endpoint is None) as openai:
        openai.check_key()
        if api_key != stored.api_key:
            stored.write(api_key=api_key)
        say("✓ the API key is good" + (", and stored" if key else ""))
        if args.remove:
            return remove(openai, url)
        if args.by_hand:
            stored.write(webhook_secrets=[ask("signing secret (whsec_...)", "OPENAI_WEBHOOK_SECRET")])
            say("✓ the signing secret is stored; send a test event from OpenAI's console")
        else:
            endpoint = connect(openai, stored, url, rotate=args.rotate_secret)
            wait_for_test(openai, endpoint, args.wait)
        project = args.project or openai.project
    if not args.rotate_secret:
        uri = setup_carriers.sip_uri(project, base_url)
        print("\n" + "\n".join(safe(line) for line in setup_carriers.instructions(uri)))
        if not project:
            say("! the project's id is in OpenAI's console under Settings, Project, General; --project puts it in here")
    return 0


def say(text: str) -> None:
    print(safe(text), flush=True)


def webhook_url(where: Cloud) -> str:
    url = where.variables.get("RINGSIDE_WEBHOOK_URL", "")
    if not url:
        raise CliError("no webhook URL: name a stack (--stack NAME), or set RINGSIDE_WEBHOOK_URL")
    if not url.startswith("https://") and where.endpoint is None:
        raise CliError(f"{url}: OpenAI delivers to https:// only")
    return url


def ask(what: str, variable: str) -> str:
    """A secret from the environment or the keyboard, never from a command line, which others can read."""
    given = os.environ.get(variable, "").strip()
    if not given:
        if not sys.stdin.isatty():
            raise UsageError(f"{what} is needed: set {variable}, or run this in a terminal")
        given = getpass.getpass(f"{what}: ").strip()
    if not given.isascii() or not given.isprintable() or " " in given or not given:
        raise CliError(f"{what}: that is none")
    return given


def connect(openai: OpenAI, stored: Stored, url: str, *, rotate: bool) -> Endpoint:
    """The endpoint for this URL, with a signing secret that is stored."""
    try:
        found = next((endpoint for endpoint in openai.endpoints() if endpoint.url == url), None)
        stored.write()  # whoever may not write must not make a secret that would be lost
        forget_old(stored)
        if found is None:
            made = openai.create(url)
            keep(stored, made.secret, stored.webhook_secrets)
            say(f"✓ OpenAI has a webhook endpoint for {INCOMING}: {made.id}")
            return made
    except OpenAIError as error:
        if error.status not in (403, 404):
            raise
        raise CliError(
            f"{error}. If the key may not manage webhooks: make the endpoint in OpenAI's console (Settings, Project, "
            f"Webhooks) for {url} and {INCOMING}, then run `ringside setup --by-hand`"
        ) from None
    if INCOMING not in found.events:
        openai.subscribe(found)
        say(f"✓ {found.id} now gets {INCOMING}")
    if rotate or not stored.webhook_secrets:
        # Without a stored secret nobody can verify with the old one: there is nothing to keep.
        keep_old = bool(stored.webhook_secrets)
        keep(stored, openai.rotate(found, keep_old=keep_old).secret, stored.webhook_secrets)
        say("✓ a new signing secret is stored" + ("; the former one goes on for 24 hours" if keep_old else ""))
    else:
        say(f"✓ {found.id} is OpenAI's webhook endpoint for {url}")
    return found


def keep(stored: Stored, secret: str, former: list[str]) -> None:
    """Store a new signing secret before the former one."""
    if not secret:
        raise CliError("OpenAI sent no signing secret: run `ringside setup --rotate-secret`")
    stored.write(webhook_secrets=[secret, *former[:1]], rotated_at=int(time.time()))


def forget_old(stored: Stored, now: float | None = None) -> None:
    """Drop the former signing secret when OpenAI has long stopped using it."""
    since = (time.time() if now is None else now) - float(stored.content.get("rotated_at") or 0)
    if len(stored.webhook_secrets) > 1 and since > OVERLAP_SECONDS:
        stored.write(webhook_secrets=stored.webhook_secrets[:1])
        say("✓ the former signing secret is dropped: OpenAI no longer uses it")


def wait_for_test(openai: OpenAI, endpoint: Endpoint, seconds: float, pause: float = TEST_PAUSE) -> None:
    """Have OpenAI deliver a sample event until it is answered with 2xx: functions learn of a new secret in seconds."""
    until = time.monotonic() + seconds
    while True:
        status = openai.test(endpoint)
        if 200 <= status < 300:
            say(f"✓ a test event was delivered and answered with {status}")
            return
        if time.monotonic() + pause > until:
            raise CliError(f"the test event was answered with {status}; `ringside doctor` looks for the cause")
        say(f"  a test event was answered with {status}; once more ...")
        time.sleep(pause)


def remove(openai: OpenAI, url: str) -> int:
    """Delete every endpoint for this URL."""
    found = [endpoint for endpoint in openai.endpoints() if endpoint.url == url]
    for endpoint in found:
        openai.delete(endpoint)
        say(f"✓ {endpoint.id} is deleted")
    if not found:
        say(f"✓ OpenAI has no webhook endpoint for {url}")
    return 0
