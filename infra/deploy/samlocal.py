"""`sam local` with the running local cloud behind it: `make sam-invoke`, `make sam-api`.

SAM runs the built functions in AWS's own container image. It passes on only the variables that the template declares,
so the template that it gets here declares where the local cloud is, in the words of a container. Needs Docker, Finch
or podman, and `make local`.
"""

import json
import platform
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import boto3
from cyclopts import Parameter

from cli.cloud import LOCAL, read_env
from cli.errors import CliError
from infra import command_line
from infra.deploy import checks, sam_events
from infra.deploy.checks import NATIVE, Skipped
from infra.deploy.programs import DeployError
from infra.deploy.sam_cli import WEBHOOK, Sam
from infra.local import containers, engine
from infra.local import template as templates
from infra.local.emulator_client import Emulator
from infra.local.engine import Engine, EngineError
from infra.local.template import REPOSITORY

AWS_IMAGE = "public.ecr.aws/lambda/python:3.13-{architecture}"
"""What SAM CLI runs a function of the template's runtime in (samcli/local/docker/lambda_image.py)."""


@contextmanager
def opened(environment: Mapping[str, str], image: str | None = None) -> Iterator[Sam]:
    """`sam local` for the local cloud whose environment this is. `image` takes the place of AWS's."""
    found = engine.find()
    same_architecture(found)
    found.get(image or AWS_IMAGE.format(architecture=found.architecture))
    with containers.forwarded(found.way, environment) as forwarder, found.served() as variables:
        template = template_for(forwarder.environment(environment))
        yield Sam(template, variables, ("--invoke-image", image) if image else ())


def same_architecture(found: Engine) -> None:
    """The functions are built with this Python's wheels, for this Python's processor."""
    ours = engine.architecture(platform.machine())
    if found.architecture != ours:
        raise DeployError(
            f"{found.name} runs containers for {found.architecture}, and this Python is for {ours}: make .venv with a "
            f"Python for {found.architecture} (make clean, make PYTHON=...)"
        )


def template_for(environment: Mapping[str, str]) -> Path:
    """The built template, for this machine's processor, with these variables for every function."""
    checks.build_native()
    built = NATIVE / "build" / "template.yaml"
    document = templates.plain(templates.parse(built.read_text(encoding="utf-8")))
    document["Globals"]["Function"]["Environment"]["Variables"] |= environment
    for resource in document["Resources"].values():
        own = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        own |= {name: environment[name] for name in own.keys() & environment.keys()}
    path = NATIVE / "build" / "local.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


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
    session = boto3.Session(**access, region_name=environment["AWS_REGION"])  # type: ignore[arg-type]  # names known
    client = session.client("secretsmanager", endpoint_url=environment["AWS_ENDPOINT_URL"])
    content = json.loads(client.get_secret_value(SecretId=environment["RINGSIDE_WEBHOOK_SECRET_ID"])["SecretString"])
    return str(content["webhook_secrets"][0])


def _event_name(_: object, name: str | None) -> None:
    if name is not None and name not in sam_events.names():
        raise ValueError(f"There are {', '.join(sam_events.names())}.")


def _function_name(_: object, name: str) -> None:
    known = sorted(templates.functions(templates.translate()))
    if name not in known:
        raise ValueError(f"There are {', '.join(known)}.")


EXPECTED = (Skipped, DeployError, EngineError)
"""Errors that a person can mend; their text says how."""

program = command_line.program("python -m infra.deploy.samlocal", __doc__)
Name = Annotated[str, Parameter(validator=_event_name, help="a file of tests/events, without .json")]
CallId = Annotated[str | None, Parameter(help="the call that the event announces; made up if not given")]
Image = Annotated[str | None, Parameter(help="run the functions in another image than AWS's")]


def _signed(name: str, call_id: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    return sam_events.event(name, call_id or sam_events.new_call_id(), signing_secret(environment))


@program.command(name="build")
def _build() -> None:
    """Build the functions for this machine's processor, for a `sam local` by hand."""
    checks.build_native()
    print(f"sam local invoke --template {(NATIVE / 'build' / 'template.yaml').relative_to(REPOSITORY)} ...")


@program.command(name="event")
def _event(name: Name, /, *, call_id: CallId = None) -> None:
    """Print a signed event."""
    print(json.dumps(_signed(name, call_id, local_environment())))


@program.command(name="invoke")
def _invoke(
    name: Annotated[
        str | None, Parameter(validator=_event_name, help="an event of tests/events for the webhook")
    ] = None,
    /,
    *,
    call_id: CallId = None,
    function: Annotated[str, Parameter(validator=_function_name, help="which function")] = WEBHOOK,
    image: Image = None,
) -> None:
    """Invoke a function once: the webhook with a signed event, another with what AWS would send it."""
    environment = local_environment()
    event = _signed(name, call_id, environment) if name else sam_events.example(function)
    with opened(environment, image) as sam:
        print(sam.invoke(function, event))


@program.command(name="start-api")
def _start_api_here(*, port: Annotated[int, Parameter(help="of the HTTP API")] = 3000, image: Image = None) -> None:
    """Run the HTTP API; the emulator's webhooks go to it."""
    _start_api(local_environment(), port, image)


def main() -> int:
    return command_line.run(program, *EXPECTED)


def _start_api(environment: Mapping[str, str], port: int, image: str | None) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # all is put back, as after Ctrl-C
    with opened(environment, image) as sam, sam.api(port) as api, webhooks_to(environment, api.url):
        print(f"Webhooks go to {api.url}, through SAM. `make call` in another terminal; stop with Ctrl-C.", flush=True)
        api.wait()


@contextmanager
def webhooks_to(environment: Mapping[str, str], url: str) -> Iterator[None]:
    """The emulator's webhooks go there, and afterwards again where they went before."""
    if "RINGSIDE_EMULATOR_URL" not in environment:
        raise DeployError("this local cloud talks to the real OpenAI: point its webhook at this API with a tunnel")
    emulator = Emulator(environment["RINGSIDE_EMULATOR_URL"])
    emulator.settings(webhook_url=url)
    try:
        yield
    finally:
        emulator.settings(webhook_url=None)


if __name__ == "__main__":
    sys.exit(main())
