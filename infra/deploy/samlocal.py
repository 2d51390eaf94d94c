"""`sam local` with the running local cloud behind it: `make sam-invoke`, `make sam-api`.

SAM runs the built functions in AWS's own container image. It passes on only the variables that the template declares,
so the template that it gets here declares where the local cloud is, in the words of a container. Needs Docker, Finch
or podman, and `make local`.
"""

import argparse
import json
import platform
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import boto3

from cli.cloud import LOCAL, read_env
from cli.errors import CliError
from infra.deploy import checks, sam_events
from infra.deploy.checks import NATIVE, Skipped
from infra.deploy.sam_cli import WEBHOOK, Sam
from infra.deploy.tools import ToolError
from infra.local import containers, engine
from infra.local import template as templates
from infra.local.emulator import Emulator
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
        raise ToolError(
            f"{found.name} runs containers for {found.architecture}, and this Python is for {ours}: make .venv with a "
            f"Python for {found.architecture} (make clean, make PYTHON=...)"
        )


def template_for(environment: Mapping[str, str]) -> Path:
    """The built template, for this machine's processor, with these variables for every function."""
    checks.build_native()
    built = NATIVE / "build" / "template.yaml"
    document = templates.plain(templates.parse(built.read_text(encoding="utf-8")))
    document["Globals"]["Function"]["Environment"]["Variables"] |= environment
    path = NATIVE / "build" / "local.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def local_environment(path: Path = REPOSITORY / LOCAL) -> dict[str, str]:
    """Where the running local cloud is."""
    try:
        found = read_env(path)
    except CliError as error:
        raise ToolError(f"{error}; `make local` starts one") from None
    return {name: value for name, value in found.items() if name.startswith(("AWS_", "RINGSIDE_", "OPENAI_"))}


def signing_secret(environment: Mapping[str, str]) -> str:
    """What the local cloud's secret holds for webhooks."""
    access = {name.lower(): environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    session = boto3.Session(**access, region_name=environment["AWS_REGION"])  # type: ignore[arg-type]
    client = session.client("secretsmanager", endpoint_url=environment["AWS_ENDPOINT_URL"])
    content = json.loads(client.get_secret_value(SecretId=environment["RINGSIDE_SECRET_ID"])["SecretString"])
    return str(content["webhook_secrets"][0])


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    try:
        _run(args)
    except KeyboardInterrupt:
        return 130
    except (Skipped, ToolError, EngineError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy.samlocal", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    names = sam_events.names()
    known = {"choices": names, "metavar": "EVENT", "help": ", ".join(names)}
    call = argparse.ArgumentParser(add_help=False)
    call.add_argument("--call-id", default=sam_events.new_call_id(), help="(a new one)")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--image", help="run the functions in another image than AWS's")
    commands.add_parser("build", help="build the functions for this machine's processor, for a `sam local` by hand")
    one = commands.add_parser("event", parents=[call], help="print a signed event")
    one.add_argument("name", **known)  # type: ignore[arg-type]
    one = commands.add_parser("invoke", parents=[call, where], help="invoke a function with a signed event")
    one.add_argument("name", nargs="?", **known)  # type: ignore[arg-type]
    functions = sorted(templates.functions(templates.translate()))
    one.add_argument("--function", choices=functions, default=WEBHOOK, help="without an EVENT it gets {}")
    one = commands.add_parser("start-api", parents=[where], help="the HTTP API; the emulator's webhooks go to it")
    one.add_argument("--port", type=int, default=3000, help="(3000)")
    return parser


def _run(args: argparse.Namespace) -> None:
    if args.command == "build":
        checks.build_native()
        print(f"sam local invoke --template {(NATIVE / 'build' / 'template.yaml').relative_to(REPOSITORY)} ...")
        return
    environment = local_environment()
    if args.command == "start-api":
        _start_api(environment, args.port, args.image)
        return
    event = sam_events.event(args.name, args.call_id, signing_secret(environment)) if args.name else {}
    if args.command == "event":
        print(json.dumps(event))
        return
    with opened(environment, args.image) as sam:
        print(sam.invoke(args.function, event))


def _start_api(environment: Mapping[str, str], port: int, image: str | None) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # all is put back, as after Ctrl-C
    with opened(environment, image) as sam, sam.api(port) as api, webhooks_to(environment, api.url):
        print(f"Webhooks go to {api.url}, through SAM. `make call` in another terminal; stop with Ctrl-C.", flush=True)
        api.wait()


@contextmanager
def webhooks_to(environment: Mapping[str, str], url: str) -> Iterator[None]:
    """The emulator's webhooks go there, and afterwards again where they went before."""
    if "RINGSIDE_EMULATOR_URL" not in environment:
        raise ToolError("this local cloud talks to the real OpenAI: point its webhook at this API with a tunnel")
    emulator = Emulator(environment["RINGSIDE_EMULATOR_URL"])
    emulator.settings(webhook_url=url)
    try:
        yield
    finally:
        emulator.settings(webhook_url=None)


if __name__ == "__main__":
    sys.exit(main())
