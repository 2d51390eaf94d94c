"""How the real OpenAI reaches a webhook on this machine: a tunnel, and a webhook endpoint for this run alone."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from cli.errors import CliError
from cli.setup.openai import Endpoint, OpenAIError
from cli.setup.openai import OpenAI as Project
from infra.local.cloud import LocalCloud
from infra.local.openai import REAL_URL

Say = Callable[[str], None]

OPENING_SECONDS = 40.0

_PROGRAMS = {
    "cloudflared": (["tunnel", "--no-autoupdate", "--url"], re.compile(r"https://[a-z0-9-]+\.trycloudflare\.com")),
    "ngrok": (["http", "--log", "stdout"], re.compile(r"url=(https://[^\s\"]+)")),
}
"""The programs that open one without an account of ours, what they take, and where they write its address."""


class TunnelError(CliError):
    """There is no tunnel. The message says what to do."""


def check(wanted: str, base_url: str) -> None:
    """Raise `TunnelError` for what cannot lead anywhere. `wanted`: an address, or a program of those above."""
    if wanted in _PROGRAMS:
        if shutil.which(wanted) is None:
            raise TunnelError(f"--tunnel: {wanted} is not installed: install it, or give the address of another tunnel")
        return
    parts = urlsplit(wanted)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise TunnelError(f"--tunnel takes {', '.join(_PROGRAMS)} or an address (https://...), and is {wanted}")
    if parts.scheme != "https" and base_url == REAL_URL:
        raise TunnelError(f"--tunnel: {wanted}: OpenAI delivers webhooks to https:// only")


@contextmanager
def opened(wanted: str, gateway_url: str) -> Iterator[str]:
    """The address at which this machine's gateway is reached from outside, for as long as it is entered."""
    if wanted not in _PROGRAMS:
        yield wanted.rstrip("/")
        return
    arguments, address = _PROGRAMS[wanted]
    with subprocess.Popen(
        [wanted, *arguments, gateway_url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        found: list[str] = []
        known = threading.Event()

        def read() -> None:
            for line in process.stdout or ():  # to its end: a program whose output nobody reads stands still
                if not found and (match := address.search(line)):
                    found.append(match[match.re.groups])
                    known.set()
            known.set()

        reader = threading.Thread(target=read, name=wanted, daemon=True)
        reader.start()
        try:
            if not known.wait(OPENING_SECONDS) or not found:
                raise TunnelError(f"--tunnel: {wanted} opened no tunnel; start it by hand, and give its address")
            yield found[0]
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            reader.join(5)


@contextmanager
def connected(cloud: LocalCloud, wanted: str, say: Say) -> Iterator[None]:
    """Open the tunnel, make a webhook endpoint for it at OpenAI, and take both away at the end."""
    base_url, api_key = cloud.openai_base_url, cloud.openai.api_key
    with opened(wanted, cloud.gateway_url) as outside, Project(base_url, api_key) as project:
        url = f"{outside}/webhook"
        endpoint = project.create(url)
        try:
            held = json.loads(cloud.aws.secrets.get_secret_value(SecretId=cloud.webhook_secret_id)["SecretString"])
            content = json.dumps({**held, "webhook_secrets": [endpoint.secret]})
            cloud.aws.secrets.put_secret_value(SecretId=cloud.webhook_secret_id, SecretString=content)
            say(f"  OpenAI's webhook endpoint {endpoint.id} leads to {url}, until this ends")
            say(_tested(project, endpoint))
            yield
        finally:
            try:
                project.delete(endpoint)
            except OpenAIError as error:
                say(f"  The webhook endpoint {endpoint.id} is still there: delete it in OpenAI's console ({error})")


def _tested(project: Project, endpoint: Endpoint) -> str:
    try:
        status = project.test(endpoint)
    except OpenAIError as error:
        return f"  A test event could not be sent: {error}"
    if 200 <= status < 300:
        return f"  A test event was delivered and answered with {status}: call the number of your trunk"
    return f"  A test event was answered with {status}: does the tunnel lead here?"
