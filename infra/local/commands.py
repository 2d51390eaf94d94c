"""The commands of `python -m infra.local`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cli import headers
from cli.cloud import read_env
from cli.errors import CliError, UsageError
from cli.setup.openai import OpenAI as Project
from infra import command_line
from infra.local import agents, call_script, calls_watch, demo, engine, envfile, up
from infra.local import tunnel as tunnels
from infra.local.clients import Clients
from infra.local.cloud import LocalCloud
from infra.local.emulator_client import Emulator
from infra.local.engine import EngineError
from infra.local.host import Ports, PortTaken, no_proxy
from infra.local.openai import REAL_URL, MissingVariable, OpenAI
from infra.local.records import Records
from infra.terminal import console
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.calls import ANONYMOUS

EXPECTED = (
    agents.BrokenAgents,
    envfile.AlreadyRunning,
    envfile.NotRunning,
    MissingVariable,
    PortTaken,
    CliError,
    EngineError,
    AgentFileError,
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
    tunnel: Annotated[
        str | None,
        Parameter(
            help="with --openai real: cloudflared, ngrok, or a tunnel's address; makes OpenAI's webhook endpoint"
        ),
    ] = None,
    console_port: Annotated[int, Parameter(help="for the console; 0 is 7430, or any free port if that is taken")] = 0,
    containers: Annotated[bool, Parameter(help="let containers reach it; writes .local/sam.json")] = False,
    logs: Annotated[bool, Parameter(help="show every component's log lines in place of the calls")] = False,
    raw: Annotated[bool, Parameter(help="show log lines as they are written, as JSON")] = False,
    directory: Directory = envfile.DIRECTORY,
) -> int:
    """Start the local cloud and keep it running until Ctrl-C."""
    os.environ.update(no_proxy())
    real = _openai(openai, tunnel)
    folder = Path(os.environ.get("RINGSIDE_AGENTS") or agents.AGENTS)
    agents.check(folder)
    output = up.Output(console(), raw=raw, logs=logs)
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
        return up.run_until_stopped(cloud, output, stop, directory, way, folder, tunnel)


def _openai(who: str, tunnel: str | None) -> OpenAI:
    """Who calls, looked at before anything is started; raises what a person can mend."""
    if who != "real":
        if tunnel is not None:
            raise UsageError("--tunnel belongs to --openai real: the emulator is on this machine")
        return OpenAI()
    real = OpenAI.real(os.environ, has_tunnel=tunnel is not None)
    base_url = real.base_url or REAL_URL
    if tunnel is not None:
        tunnels.check(tunnel, base_url)
    with Project(base_url, real.api_key) as project:
        project.check_key()
    return real


@program.command(name="demo")
def _demo(*, pace: Annotated[float, Parameter(help="1 is real time")] = 0.3) -> int:
    """Show a call from ring to record, one transferred, one declined, and a message that is mailed."""
    os.environ.update(no_proxy())
    return demo.run(console(), pace)


@program.command(name="call")
def _call(
    *,
    caller: Annotated[str, Parameter(name="--from", help="the caller's number")] = "+14255550112",
    called: Annotated[str | None, Parameter(name="--to", help="the number that is dialled", show_default=False)] = None,
    agent: Annotated[str | None, Parameter(help="the agent that is to answer", show_default=False)] = None,
    script: Annotated[
        str, Parameter(help="a conversation of infra/emulator/scripts, or a file of your own (with a /, or .yaml)")
    ] = "small-talk",
    header: Annotated[
        tuple[str, ...], Parameter(negative="", help="a SIP header besides From and To, or in place of one; repeatable")
    ] = (),
    follow: Annotated[bool, Parameter(negative="--no-follow", help="show the call until it is over")] = True,
    directory: Directory = envfile.DIRECTORY,
) -> int:
    """Ring the running local cloud, and follow the call to its end."""
    folder = Path(os.environ.get("RINGSIDE_AGENTS") or agents.AGENTS)
    played = call_script.read(script)
    called = call_script.number_of(agent, called, folder)
    invite = _invite(caller, called, header)
    os.environ.update(no_proxy())
    variables = read_env(envfile.running(directory))
    if "RINGSIDE_EMULATOR_URL" not in variables:
        raise envfile.NotRunning("this local cloud talks to the real OpenAI: call it with a phone")
    if not header:
        call_script.check_fit(played, script, called, folder)
    given = script if isinstance(played, str) else played
    call_id = Emulator(variables["RINGSIDE_EMULATOR_URL"]).ring(given, caller, called, sip_headers=invite)
    shown = console()
    shown.print(f"{caller} rings {called}: {call_id}", soft_wrap=True)
    if not follow:
        return 0
    clients = Clients(variables["AWS_ENDPOINT_URL"])
    try:
        calls_watch.follow(Records(clients.dynamodb, variables["RINGSIDE_TABLE"]), call_id, shown)
    except TimeoutError as late:
        raise envfile.NotRunning(f"{late}: see what `make local` shows") from None
    finally:
        clients.close()
    if "RINGSIDE_CONSOLE_URL" in variables:
        shown.print(f"See it:       {page_of(variables['RINGSIDE_CONSOLE_URL'], call_id)}", soft_wrap=True)
    shown.print(f"Its record:   .venv/bin/ringside calls show {call_id} --local", soft_wrap=True)
    return 0


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
