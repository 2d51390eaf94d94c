"""From a deployed stack to the first call. Each step looks first, so that it can be run again.

The order keeps every webhook answered: nothing is rotated by someone who may not write the secret, and a new signing
secret is stored beside the old one before anything else is asked of OpenAI.
"""

import getpass
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from cli.cloud import Cloud
from cli.errors import CliError, UsageError
from cli.setup import carriers
from cli.setup.openai import INCOMING, Endpoint, OpenAI, OpenAIError
from cli.setup.stored import Stored
from cli.terminal import busy, console, safe
from ringside.aws.secrets import wrong_with_api_key
from ringside.signatures import wrong_with

DEFAULT_BASE_URL = "https://api.openai.com/v1"
OVERLAP_SECONDS = 24 * 3600
"""How long OpenAI accepts the former secret after a rotation that asks for it."""

TEST_PAUSE = 3.0


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for. `wait`: seconds that a test event may be refused at first."""

    rotate_secret: bool = False
    new_key: bool = False
    by_hand: bool = False
    remove: bool = False
    project: str = ""
    wait: float = 60.0


def run(where: Cloud, wanted: Wanted) -> None:
    """Set up, rotate or remove; done once a test event was answered with 2xx. Raises `CliError`."""
    say(f"setting up {where.source}")
    stored = Stored.read(where)
    base_url = where.variables.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
    url = webhook_url(where)
    key = wanted.new_key or not stored.api_key
    what = "OpenAI API key of the project (sk-...)"
    api_key = ask(what, "OPENAI_API_KEY", wrong_with_api_key) if key else stored.api_key
    signing = ask("signing secret (whsec_...)", "OPENAI_WEBHOOK_SECRET", wrong_with) if wanted.by_hand else ""
    with OpenAI(base_url, api_key, trust_env=where.endpoint is None) as openai:
        openai.check_key()
        if api_key != stored.api_key:
            stored.write(api_key=api_key)
        say("✓ the API key is valid" + (", and stored" if key else ""))
        if wanted.remove:
            remove(openai, url)
            return
        if stored.move_signing():
            say("✓ moved the signing secrets into a secret of their own, which the monitors cannot read")
        if wanted.by_hand:
            keep(stored, signing, [former for former in stored.webhook_secrets if former != signing])
            say("✓ the signing secret is stored; send a test event from OpenAI's console")
        else:
            endpoint = connect(openai, stored, url, rotate=wanted.rotate_secret)
            wait_for_test(openai, endpoint, wanted.wait)
        project = wanted.project or openai.project
    if not wanted.rotate_secret:
        uri = carriers.sip_uri(project, base_url)
        print("\n" + "\n".join(safe(line) for line in carriers.instructions(uri)))
        if not project:
            say("! with --project, the URI is complete; the id is in OpenAI's console (Settings, Project, General)")


def say(text: str) -> None:
    print(safe(text), flush=True)


def webhook_url(where: Cloud) -> str:
    url = where.variables.get("RINGSIDE_WEBHOOK_URL", "")
    if not url:
        raise CliError("no webhook URL: name a stack with --stack, or set RINGSIDE_WEBHOOK_URL")
    if not url.startswith("https://") and where.endpoint is None:
        raise CliError(f"{url}: OpenAI delivers webhooks to https:// only")
    return url


def ask(what: str, variable: str, wrong_with: Callable[[object], str]) -> str:
    """A secret from the environment or the keyboard, never from a command line, which others can read.

    One that cannot be right is refused, before anything is written.
    """
    given = os.environ.get(variable, "").strip()
    if not given:
        if not sys.stdin.isatty():
            raise UsageError(f"{what} is needed: set {variable}, or run this in a terminal")
        given = getpass.getpass(f"{what}: ").strip()
    if wrong := wrong_with(given):
        raise CliError(f"{what}: what was given {wrong}; nothing was changed")
    return given


def connect(openai: OpenAI, stored: Stored, url: str, *, rotate: bool) -> Endpoint:
    """The endpoint for this URL, with a signing secret that is stored."""
    try:
        found = next((endpoint for endpoint in openai.endpoints() if endpoint.url == url), None)
        stored.write_signing()  # without permission to write, a new secret would be lost
        forget_old(stored)
        if found is None:
            made = openai.create(url)
            keep(stored, made.secret, stored.webhook_secrets)
            say(f"✓ made the webhook endpoint {made.id} for {INCOMING} at OpenAI")
            return made
    except OpenAIError as error:
        if error.status not in (403, 404):
            raise
        raise CliError(
            f"{error}. If this key may not manage webhooks, make the endpoint in OpenAI's console (Settings, Project, "
            f"Webhooks) for {url} and {INCOMING}, then run `ringside setup --by-hand`"
        ) from None
    if INCOMING not in found.events:
        openai.subscribe(found)
        say(f"✓ {found.id} now receives {INCOMING}")
    if rotate or not stored.webhook_secrets:
        # Without a stored secret nothing verifies with the old one: there is nothing to keep.
        keep_old = bool(stored.webhook_secrets)
        keep(stored, openai.rotate(found, keep_old=keep_old).secret, stored.webhook_secrets)
        say("✓ a new signing secret is stored" + ("; the old one stays valid for 24 hours" if keep_old else ""))
    else:
        say(f"✓ the webhook endpoint {found.id} is set up for {url}")
    return found


def keep(stored: Stored, secret: str, former: list[str]) -> None:
    """Store a new signing secret before the former one."""
    if not secret:
        raise CliError("OpenAI sent no signing secret; run `ringside setup --rotate-secret`")
    stored.write_signing(webhook_secrets=[secret, *former[:1]], rotated_at=int(time.time()))


def forget_old(stored: Stored, now: float | None = None) -> None:
    """Drop the former signing secret when OpenAI has long stopped using it."""
    since = (time.time() if now is None else now) - stored.rotated_at
    if len(stored.webhook_secrets) > 1 and since > OVERLAP_SECONDS:
        stored.write_signing(webhook_secrets=stored.webhook_secrets[:1])
        say("✓ dropped the old signing secret: OpenAI no longer uses it")


def wait_for_test(openai: OpenAI, endpoint: Endpoint, seconds: float, pause: float = TEST_PAUSE) -> None:
    """Have OpenAI deliver a sample event until it is answered with 2xx: functions learn of a new secret in seconds."""
    until = time.monotonic() + seconds
    while True:
        with busy(console(), "Waiting for a test event to be answered"):
            status = openai.test(endpoint)
        if 200 <= status < 300:
            say(f"✓ a test event was delivered and answered with {status}")
            return
        if time.monotonic() + pause > until:
            raise CliError(f"the test event was answered with {status}; run `ringside doctor` to find out why")
        say(f"  a test event was answered with {status}; trying again ...")
        time.sleep(pause)


def remove(openai: OpenAI, url: str) -> None:
    """Delete every endpoint for this URL."""
    found = [endpoint for endpoint in openai.endpoints() if endpoint.url == url]
    for endpoint in found:
        openai.delete(endpoint)
        say(f"✓ deleted the webhook endpoint {endpoint.id}")
    if not found:
        say(f"✓ OpenAI has no webhook endpoint for {url}")
