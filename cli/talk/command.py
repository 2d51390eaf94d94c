"""What `ringside talk` does: find the agent, decide, open the session, and let somebody type until the call is over."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import decision, headers, json_output
from cli.doctor.agents import agents_folder
from cli.errors import CliError, UsageError
from cli.main import INTERRUPTED
from cli.talk import admitted, keyboard, typed_commands
from cli.talk.call import PlainCall, TransferOutcome
from cli.talk.loudspeaker import Loudspeaker
from cli.talk.screen import JsonLines, Screen, View
from cli.talk.session import open_session
from cli.talk.sound_card import Sound, SoundCard
from cli.talk.tools import OwnTools, tracebacks
from cli.talk.voice_line import VoiceLine
from cli.terminal import console
from ringside import prices
from ringside.agentfile import yaml_lines
from ringside.agentfile.agent import DEFAULT, Agent
from ringside.agentfile.agents import Agents
from ringside.records import shapes
from ringside.sip import parties
from ringside.tools.definition import Tool, ToolError
from ringside.tools.loader import load_agents_and_tools

OPENAI = "https://api.openai.com/v1"
HALF_DUPLEX = (
    "The microphone is open while the agent is silent, so that it does not hear itself; with headphones, add "
    "--headphones to be able to interrupt it."
)

RECORDS = Path(".ringside/calls")
"""Where the record of each call is kept, in the directory in which the command runs."""

ANY_NUMBER = "+18005551212"
"""Dialled for an agent that answers every number that no other one does."""


@dataclass(frozen=True)
class Wanted:
    """What the command line says."""

    agent: str | None
    caller: str
    dialled: str | None
    at: str | None
    headers: tuple[str, ...]
    transfers: TransferOutcome
    stand_in: bool
    script: Path | None
    voice: bool
    headphones: bool


def run(wanted: Wanted, folder: Path | None, *, as_json: bool) -> int:
    """Returns the exit status; raises `CliError`."""
    agents, tools = _read(folder or agents_folder(os.environ))
    came = _admitted(wanted, agents)
    view: View = JsonLines() if as_json else Screen(console())
    item = admitted.call_item(came)
    view.decided(came, item, stand_in=wanted.stand_in, voice=wanted.voice)
    if came.agent is None or not came.is_accepted:
        return 0
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not (key or wanted.stand_in):
        raise CliError(
            "OPENAI_API_KEY is not set: export your key (https://platform.openai.com/api-keys), "
            f"or talk to the stand-in, which needs none: ringside talk {came.agent.name} --stand-in"
        )
    talk = _talk(wanted, came, item, tools, key, view)
    try:
        asyncio.run(talk)
    except KeyboardInterrupt:  # the call has been hung up, and its record is kept: at the prompt that is its usual end
        return 0 if keyboard.is_a_terminal(view.is_for_people) else INTERRUPTED
    finally:
        talk.close()  # Ctrl-C may come before it has begun, and Python warns of a coroutine that never does
    return 0


def _read(folder: Path) -> tuple[Agents, dict[str, Tool]]:
    try:
        return load_agents_and_tools(folder)
    except (yaml_lines.AgentFileError, ToolError) as error:
        raise CliError("; ".join(str(error).splitlines())) from None


def _admitted(wanted: Wanted, agents: Agents) -> admitted.Admitted:
    caller = headers.caller(wanted.caller, "--from")
    rows, trunk = headers.rows(wanted.headers), headers.trunk(os.environ)
    dialled = headers.number(wanted.dialled, "--to") if wanted.dialled else None
    if dialled is None and not any(row["name"].casefold() == "to" for row in rows):
        dialled = _number_of(wanted.agent, agents)
    made = admitted.headers_of(caller, dialled, rows)
    agent, number = agents.route(parties.dialled(made, trunk))
    if wanted.agent is not None and agent is not _named(wanted.agent, agents):
        answers = f"answered by {agent.name}" if agent else "answered by no agent"
        raise UsageError(f"{number} is {answers}, not by {wanted.agent}: leave out --to, or the agent's name")
    at = decision.moment(wanted.at, agent.time_zone if agent else "UTC")
    return admitted.admit(agents, made, at, trunk)


def _named(name: str, agents: Agents) -> Agent:
    found = agents.named(name)
    if found is None:
        known = ", ".join(sorted(agent.name for agent in agents))
        raise UsageError(f"there is no agent {name}; there are: {known}")
    return found


def _number_of(name: str | None, agents: Agents) -> str:
    """A number that leads to the agent."""
    if name is None:
        every = list(agents)
        if len(every) > 1:
            known = ", ".join(sorted(agent.name for agent in every))
            raise UsageError(f"name the agent, or give --to: there are {known}")
        agent = every[0]
    else:
        agent = _named(name, agents)
    return next((number for number in agent.answers if number != DEFAULT), ANY_NUMBER)


async def _talk(
    wanted: Wanted,
    came: admitted.Admitted,
    item: dict[str, Any],
    tools: Mapping[str, Tool],
    key: str,
    view: View,
) -> None:
    agent = came.agent
    if agent is None:
        return
    async with AsyncExitStack() as opened:
        base_url = os.environ.get("OPENAI_BASE_URL") or OPENAI
        if wanted.stand_in:
            base_url, key = await opened.enter_async_context(_stand_in(wanted.script)), "sk-stand-in"
        opened.enter_context(tracebacks(view.traceback))
        sound = line = None
        if wanted.voice:
            line, sound = _line(agent, headphones=wanted.headphones)
            await opened.enter_async_context(sound)
        session = await open_session(base_url, key, admitted.accept_body(agent, tools, came), voice=wanted.voice)
        if agent.credential_names:
            view.hint("MCP servers whose credentials the deployment keeps are left out: no credential is read here.")
        own = OwnTools(agent, tools, _lambda_client)
        outcomes = typed_commands.Transfers(wanted.transfers)
        call = PlainCall(
            agent, item, session, own, prices.load(), watcher=view, transfers=lambda target: outcomes.outcome, line=line
        )
        await opened.enter_async_context(call)
        typing = keyboard.opened(view.is_for_people)
        try:
            if line is None or sound is None:
                await _converse(call, typing, view, outcomes)
            else:
                view.hint("The microphone is open. Headphones are on." if wanted.headphones else HALF_DUPLEX)
                async with asyncio.TaskGroup() as both:
                    listening = both.create_task(_listen(call, line, sound))
                    await _converse(call, typing, view, outcomes)
                    listening.cancel()
        finally:
            # Whatever ended it, a caller who is gone has hung up, and the record is kept.
            await call.hangs_up()
            view.kept(_keep(call))


def _line(agent: Agent, *, headphones: bool) -> tuple[VoiceLine, Sound]:
    loudspeaker = Loudspeaker()
    interrupts = agent.turn_detection.interrupt_response is not False
    return VoiceLine(loudspeaker, headphones=headphones, interrupts_response=interrupts), SoundCard(loudspeaker.take)


async def _listen(call: PlainCall, line: VoiceLine, sound: Sound) -> None:
    while not call.is_over:
        call.follow(line.hears(await sound.block(), time.monotonic()))


async def _converse(call: PlainCall, typing: keyboard.Typing, view: View, outcomes: typed_commands.Transfers) -> None:
    """Let both sides speak until the call is over. Lines may be typed over the agent's words."""
    doing: set[asyncio.Task[None]] = {asyncio.create_task(call.begin())}
    reading: asyncio.Task[str | None] | None = None
    try:
        async with typing:
            while doing or not call.is_over:
                if reading is None and not call.is_over and (typing.may_interrupt or not doing):
                    reading = asyncio.create_task(typing.line())
                waiting: set[asyncio.Task[Any]] = {*doing, *([reading] if reading else [])}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for done in [task for task in doing if task.done()]:
                    doing.discard(done)
                    done.result()
                if call.is_over:
                    break
                if reading is not None and reading.done():
                    text, reading = reading.result(), None
                    if text is None:
                        await call.hangs_up()
                    elif (act := typed_commands.read(text, outcomes, view)) is not None:
                        doing.add(asyncio.create_task(act(call)))
    finally:
        left: list[asyncio.Task[Any]] = [*doing, *([reading] if reading else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _keep(call: PlainCall) -> Path | None:
    """Keep the record where the command runs; None if that cannot be written."""
    path = RECORDS / f"{call.record.call['call_id']}.json"
    try:
        RECORDS.mkdir(parents=True, exist_ok=True)
        path.write_text(json_output.dumps(shapes.whole(call.record.call, call.record.items)) + "\n", encoding="utf-8")
    except OSError:
        return None
    return path


@asynccontextmanager
async def _stand_in(script: Path | None) -> AsyncIterator[str]:
    """The emulator's base URL."""
    try:
        from infra.emulator import Emulator
        from infra.emulator.errors import BadInput
        from infra.emulator.scripts.script import load
        from infra.emulator.settings import Settings
    except ImportError:
        raise CliError("the stand-in belongs to the repository: run this in a clone of it") from None
    played: dict[str, Any] | None = None
    if script is not None:
        try:
            played = load(script).model_dump(mode="json", exclude_unset=True)
        except OSError as error:
            raise CliError(f"--script: {script}: {error.strerror}") from None
        except BadInput as error:
            raise CliError(f"--script: {error}") from None
    async with Emulator(settings=Settings(pace=0.1, session_script=played)) as emulator:
        yield emulator.base_url


def _lambda_client() -> Any:
    import boto3

    return boto3.client("lambda")
