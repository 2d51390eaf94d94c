"""`python -m infra.local up | demo | call`."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from cli.cloud import read_env
from cli.terminal import Style, wants_colour
from infra.local import engine, envfile
from infra.local.cloud import LocalCloud
from infra.local.engine import EngineError
from infra.local.host import Ports, PortTaken, no_proxy
from infra.local.openai import MissingVariable, OpenAI


def up(args: argparse.Namespace, style: Style) -> int:
    from infra.local.up import Output, Stop, run_until_stopped

    openai = OpenAI.real(os.environ) if args.openai == "real" else OpenAI()
    output = Output(style, raw=args.raw)
    stop = Stop()
    way = engine.find().way if args.containers else None
    with envfile.single(args.directory):
        cloud = LocalCloud(
            monitors=args.monitors,
            pace=args.pace,
            openai=openai,
            ports=Ports(args.port, args.aws_port, args.emulator_port),
            schedules=True,
            sink=output.line,
        )
        output.say("Starting the local cloud ...")
        return run_until_stopped(cloud, output, stop, args.directory, way)


def demo(args: argparse.Namespace, style: Style) -> int:
    from infra.local.demo import run

    return run(style, args.pace)


def call(args: argparse.Namespace, style: Style) -> int:
    from infra.local.emulator import Emulator

    variables = read_env(envfile.running(args.directory))
    if "RINGSIDE_EMULATOR_URL" not in variables:
        raise envfile.NotRunning("this local cloud talks to the real OpenAI: call it with a phone")
    call_id = Emulator(variables["RINGSIDE_EMULATOR_URL"]).ring(args.script, args.caller, args.called)
    print(f"{args.caller} rings {args.called}: {style.bold(call_id)}")
    print(f"Follow it:    .venv/bin/ringside calls watch {call_id} --local")
    print(f"Its record:   .venv/bin/ringside calls show {call_id} --local")
    return 0


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m infra.local", description="Ringside's cloud on this machine.")
    commands = whole.add_subparsers(required=True, metavar="up | demo | call")

    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--directory", type=Path, default=envfile.DIRECTORY, help="of its `env` file (.local)")

    command = commands.add_parser("up", parents=[place], help="start it and keep it running")
    command.add_argument("--openai", choices=["emulator", "real"], default="emulator", help="who calls")
    command.add_argument("--monitors", type=int, default=1, help="how many monitors (1)")
    command.add_argument("--pace", type=float, default=1.0, help="the emulator's: 0.1 speaks ten times as fast (1)")
    command.add_argument("--port", type=int, default=0, help="of the webhook (any free one)")
    command.add_argument("--aws-port", type=int, default=0, help="of the stand-in for AWS (any free one)")
    command.add_argument("--emulator-port", type=int, default=0, help="of the emulator of OpenAI (any free one)")
    command.add_argument("--containers", action="store_true", help="let containers reach it; writes .local/sam.json")
    command.add_argument("--raw", action="store_true", help="show log lines as they are written, as JSON")
    command.set_defaults(run=up)

    command = commands.add_parser("demo", help="one call from ring to record, and one that is declined")
    command.add_argument("--pace", type=float, default=0.3, help="1 is real time (0.3)")
    command.set_defaults(run=demo)

    command = commands.add_parser("call", parents=[place], help="ring at the running local cloud")
    command.add_argument("--from", dest="caller", default="+14255550112", metavar="NUMBER")
    command.add_argument("--to", dest="called", default="+18005551212", metavar="NUMBER")
    command.add_argument("--script", default="opening-hours", help="a conversation of infra/emulator/scripts")
    command.set_defaults(run=call)
    return whole


def main() -> int:
    args: Any = parser().parse_args()
    os.environ.update(no_proxy())
    style = Style(wants_colour(sys.stdout.isatty(), os.environ))
    try:
        status: int = args.run(args, style)
        return status
    except (envfile.AlreadyRunning, envfile.NotRunning, EngineError, MissingVariable, PortTaken, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
