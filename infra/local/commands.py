"""The commands of `python -m infra.local`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cli import headers
from cli.cloud import read_env
from cli.errors import UsageError
from infra import command_line
from infra.local import agents, demo, engine, envfile, up
from infra.local.cloud import LocalCloud
from infra.local.emulator_client import Emulator
from infra.local.engine import EngineError
from infra.local.host import Ports, PortTaken, no_proxy
from infra.local.openai import MissingVariable, OpenAI
from infra.terminal import console
from ringside.calls import ANONYMOUS

EXPECTED = (
    agents.BrokenAgents,
    envfile.AlreadyRunning,
    envfile.NotRunning,
    MissingVariable,
    PortTaken,
    UsageError,
    EngineError,
    ValueError,
)
"""Errors that a person can mend; their text says how."""

program = command_line.program("python -m infra.local", "Ringside's cloud on this machine.")

Directory = Annotated[Path, Parameter(help="where the local cloud writes `env` (.local)", show_default=False)]


@program.command(name="up")
def _up(
    *,
    openai: Annotated[Literal["emulator", "real"], Parameter(help="who calls")] = "emulator",
    monitors: Annotated[int, Parameter(help="how many monitors")] = 1,
    pace: Annotated[float, Parameter(help="the emulator's; 0.1 speaks ten times as fast")] = 1.0,
    port: Annotated[int, Parameter(help="for the webhook; 0 is any free port")] = 0,
    aws_port: Annotated[int, Parameter(help="for the stand-in for AWS")] = 0,
    emulator_port: Annotated[int, Parameter(help="for the emulator of OpenAI")] = 0,
    console_port: Annotated[int, Parameter(help="for the console; 0 is 7430, or any free port if that is taken")] = 0,
    containers: Annotated[bool, Parameter(help="let containers reach it; writes .local/sam.json")] = False,
    raw: Annotated[bool, Parameter(help="show log lines as they are written, as JSON")] = False,
    directory: Directory = envfile.DIRECTORY,
) -> int:
    """Start the local cloud and keep it running until Ctrl-C."""
    os.environ.update(no_proxy())
    real = OpenAI.real(os.environ) if openai == "real" else OpenAI()
    folder = Path(os.environ.get("RINGSIDE_AGENTS") or agents.AGENTS)
    agents.check(folder)
    output = up.Output(console(), raw=raw)
    stop = up.Stop()
    way = engine.find().way if containers else None
    with envfile.single(directory):
        cloud = LocalCloud(
            monitors=monitors,
            agents=folder,
            pace=pace,
            openai=real,
            ports=Ports(port, aws_port, emulator_port, console_port),
            schedules=True,
            console=True,
            sink=output.line,
        )
        output.say("Starting the local cloud ...")
        return up.run_until_stopped(cloud, output, stop, directory, way)


@program.command(name="demo")
def _demo(*, pace: Annotated[float, Parameter(help="1 is real time")] = 0.3) -> int:
    """Show one call from ring to record, one that is transferred, and one that is declined."""
    os.environ.update(no_proxy())
    return demo.run(console(), pace)


@program.command(name="call")
def _call(
    *,
    caller: Annotated[str, Parameter(name="--from", help="the caller's number")] = "+14255550112",
    called: Annotated[str, Parameter(name="--to", help="the number that is dialled")] = "+18005551212",
    script: Annotated[str, Parameter(help="a conversation of infra/emulator/scripts")] = "opening-hours",
    header: Annotated[
        tuple[str, ...], Parameter(negative="", help="a SIP header besides From and To, or in place of one; repeatable")
    ] = (),
    directory: Directory = envfile.DIRECTORY,
) -> None:
    """Ring the running local cloud."""
    invite = _invite(caller, called, header)
    os.environ.update(no_proxy())
    variables = read_env(envfile.running(directory))
    if "RINGSIDE_EMULATOR_URL" not in variables:
        raise envfile.NotRunning("this local cloud talks to the real OpenAI: call it with a phone")
    call_id = Emulator(variables["RINGSIDE_EMULATOR_URL"]).ring(script, caller, called, sip_headers=invite)
    shown = console()
    shown.print(f"{caller} rings {called}: {call_id}", soft_wrap=True)
    shown.print(f"Follow it:    .venv/bin/ringside calls watch {call_id} --local", soft_wrap=True)
    if "RINGSIDE_CONSOLE_URL" in variables:
        shown.print(f"See it:       {page_of(variables['RINGSIDE_CONSOLE_URL'], call_id)}", soft_wrap=True)
    shown.print(f"Its record:   .venv/bin/ringside calls show {call_id} --local", soft_wrap=True)


def page_of(console_url: str, call_id: str) -> str:
    """A call's page, by the URL that opens the console."""
    front, token = console_url.split("/?", 1)
    return f"{front}/calls/{call_id}?{token}"


def _invite(caller: str, called: str, texts: Sequence[str]) -> list[dict[str, str]]:
    """The headers of the call; `UsageError` for numbers that `ringside decide` refuses, too."""
    caller, called = headers.caller(caller, "--from"), headers.number(called, "--to")
    user = f"{ANONYMOUS}@anonymous.invalid" if caller == ANONYMOUS else f"{caller}@sip.example.com"
    given = headers.rows(texts)
    named = {row["name"].casefold() for row in given}
    usual = (("From", f"<sip:{user}>;tag=1"), ("To", f"<sip:{called}@sip.example.com>"))
    return [{"name": name, "value": value} for name, value in usual if name.casefold() not in named] + given
