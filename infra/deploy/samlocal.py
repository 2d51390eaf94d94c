"""`sam local` with the running local cloud behind it: `python -m infra.deploy.samlocal invoke incoming-guide`.

SAM runs the built function in AWS's own container image. It passes on only the variables that the template declares,
so the template it gets here declares where the local cloud is, too. Needs Docker, Finch or podman, and `make local`.
"""

import base64
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import boto3
from cyclopts import Parameter
from standardwebhooks import Webhook

from cli.cloud import LOCAL, read_env
from cli.errors import CliError
from infra import command_line
from infra.deploy import checks, programs
from infra.deploy.checks import NATIVE, Skipped
from infra.deploy.programs import DeployError
from infra.local import template as templates
from infra.local.template import REPOSITORY

EVENTS = REPOSITORY / "tests" / "events"
ENGINES = ("docker", "finch", "podman")


def engine() -> str | None:
    """A container engine that runs, or None."""
    for name in ENGINES:
        program = shutil.which(name)
        if program and subprocess.run([program, "info"], capture_output=True, check=False).returncode == 0:
            return name
    return None


def event(name: str, call_id: str, secret: str, *, encoded: bool = False) -> dict[str, Any]:
    """A recorded API Gateway event of `tests/events/`, of now, for this call, signed with this secret."""
    recorded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    body = recorded["body"].replace("{created_at}", str(int(time.time()))).replace("{call_id}", call_id)
    now, webhook_id = datetime.now(UTC), f"wh_{call_id}"
    recorded["headers"] |= {
        "content-length": str(len(body.encode())),
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, now, body),
    }
    recorded["body"] = base64.b64encode(body.encode()).decode() if encoded else body
    recorded["isBase64Encoded"] = encoded
    return recorded


def template_for(environment: Mapping[str, str]) -> Path:
    """The built template, with every variable of the functions as it is in the local cloud."""
    checks.build_native()
    built = NATIVE / "build" / "template.yaml"
    document = templates.plain(templates.parse(built.read_text(encoding="utf-8")))
    # A container sees this machine under another name, except with the host's network, which Linux has.
    host = "127.0.0.1" if platform.system() == "Linux" else "host.docker.internal"
    reached = {name: value.replace("127.0.0.1", host) for name, value in environment.items()}
    document["Globals"]["Function"]["Environment"]["Variables"] |= reached
    path = NATIVE / "build" / "local.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def sam_local(*arguments: str, environment: Mapping[str, str]) -> list[str]:
    """The command line of `sam local` for the local cloud."""
    network = ("--docker-network", "host") if platform.system() == "Linux" else ()
    return programs.sam("local", arguments[0], "--template", str(template_for(environment)), *network, *arguments[1:])


def local_environment(path: Path = REPOSITORY / LOCAL) -> dict[str, str]:
    """Where the running local cloud is."""
    try:
        found = read_env(path)
    except CliError as error:
        raise DeployError(f"{error}; `make local` starts one") from None
    return {name: value for name, value in found.items() if name.startswith(("AWS_", "RINGSIDE_", "OPENAI_"))}


def signing_secret(environment: Mapping[str, str]) -> str:
    """What the local cloud's secret holds for webhooks."""
    access = {name.lower(): environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    session = boto3.Session(**access, region_name=environment["AWS_REGION"])  # type: ignore[arg-type]
    client = session.client("secretsmanager", endpoint_url=environment["AWS_ENDPOINT_URL"])
    content = json.loads(client.get_secret_value(SecretId=environment["RINGSIDE_SECRET_ID"])["SecretString"])
    return str(content["webhook_secrets"][0])


def _known(_: object, name: str) -> None:
    names = sorted(path.stem for path in EVENTS.glob("*.json"))
    if name not in names:
        raise ValueError(f"There are {', '.join(names)}.")


program = command_line.program("python -m infra.deploy.samlocal", __doc__)
Name = Annotated[str, Parameter(validator=_known, help="a file of tests/events, without .json")]
CallId = Annotated[str | None, Parameter(help="the call that the event announces; made up if not given")]


def _signed(name: str, call_id: str | None, environment: Mapping[str, str]) -> str:
    return json.dumps(event(name, call_id or f"rtc_local_{int(time.time())}", signing_secret(environment)))


@program.command(name="event")
def _event(name: Name, /, *, call_id: CallId = None) -> None:
    """Print a signed event."""
    print(_signed(name, call_id, local_environment()))


@program.command(name="invoke")
def _invoke(name: Name, /, *, call_id: CallId = None) -> int:
    """Run `sam local invoke` with a signed event."""
    environment = local_environment()
    signed = _signed(name, call_id, environment)
    if engine() is None:
        raise DeployError(f"no container engine is running: start one of {', '.join(ENGINES)}")
    command = sam_local("invoke", "WebhookFunction", "--event", "-", environment=environment)
    return subprocess.run(command, input=signed, text=True, env=programs.environment(), check=False).returncode


@program.command(name="start-api")
def _start_api() -> int:
    """Run `sam local start-api`; POST events to its /webhook."""
    return subprocess.call(sam_local("start-api", environment=local_environment()), env=programs.environment())


def main() -> int:
    return command_line.run(program, DeployError, Skipped)


if __name__ == "__main__":
    sys.exit(main())
