"""Agent files, their tools and their models."""

import os
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path

from cli.check import check
from cli.cloud import Cloud
from cli.doctor.finding import Finding, Findings, State
from ringside import prices, settings
from ringside.agentfile.fingerprint import fingerprint
from ringside.tools.loader import tool_files

SHUTDOWNS = {
    "gpt-realtime": date(2027, 1, 20),
    "gpt-realtime-2025-08-28": date(2027, 1, 20),
    "gpt-realtime-mini": date(2027, 1, 20),
    "gpt-realtime-mini-2025-12-15": date(2027, 1, 20),
    "whisper-1": date(2027, 2, 26),
    "gpt-4o-transcribe": date(2027, 2, 26),
    "gpt-4o-transcribe-diarize": date(2027, 2, 26),
    "gpt-4o-mini-transcribe": date(2027, 2, 26),
    "gpt-4o-mini-transcribe-2025-12-15": date(2027, 2, 26),
}
"""When OpenAI shuts models down, as its Python library 3.54.0 says (`Calls.accept`, `AudioTranscription`)."""


def agents_folder(variables: Mapping[str, str]) -> Path:
    """Where the agent files are: a relative RINGSIDE_AGENTS is relative to this directory, or to what ships."""
    given = Path(os.environ.get("RINGSIDE_AGENTS") or variables.get("RINGSIDE_AGENTS") or "agents")
    return given if given.is_dir() else settings.SHIPPED / given


def check_agents(folder: Path, today: date, listed: Collection[str] = ()) -> Findings:
    """The agents' folder, looked at closely. `listed`: the models that OpenAI lists for the key."""
    checked = check(folder, listed)
    files = tuple(f"{path}:" for path in tool_files(folder).values())
    of_tools = [problem for problem in checked.problems if problem.text.startswith(files)]
    if not of_tools:
        yield Finding("tools", State.OK, ", ".join(checked.tools) or "none")
    for problem in checked.problems:
        state = State.WRONG if problem.is_wrong else State.WARNING
        where, todo = "agents", "fix the file"
        if problem in of_tools:
            where, todo = "tools", "fix it; no tool is available until then"
        yield Finding(where, state, problem.text, todo if problem.is_wrong else "")
    if any(problem.is_wrong for problem in checked.problems):
        return
    found = [file.agent for file in checked.agents.values()]
    for agent in found:
        yield Finding("agents", State.OK, f"{agent.name} answers {', '.join(agent.answers)}")
    priced = prices.load()
    for agent in found:
        transcription = agent.transcription.model if agent.transcription else None
        yield from check_model(agent.name, agent.model, priced.realtime, today)
        if transcription:
            yield from check_model(agent.name, transcription, priced.transcription, today)


def check_deployed_agents(where: Cloud, folder: Path, now: float) -> Findings:
    """Whether the monitors that live have these agent files, or others."""
    if not where.variables.get("RINGSIDE_TABLE") or not folder.is_dir():
        return
    here = fingerprint(folder)
    with where.record() as record:
        alive = [each for each in record.monitors() if each["until"] > now and not each.get("draining")]
    running = [str(each["agents"]) for each in alive if "agents" in each]
    if not running:
        return
    others = sum(each != here for each in running)
    if not others:
        yield Finding("agents", State.OK, f"what runs is what is in {folder}")
        return
    told = "the monitors have" if others == len(running) else f"{others} of {len(running)} monitors have"
    todo = "a deployment may be under way; otherwise `make deploy`, or name the right folder with --agents"
    yield Finding("agents", State.WARNING, f"{told} other agent files than {folder}", todo)


def check_model(agent: str, model: str, priced: Iterable[str], today: date) -> Findings:
    """Whether a model is still available, and its price known. Pure."""
    shutdown = SHUTDOWNS.get(model)
    if shutdown is not None:
        gone = today >= shutdown
        what = f"{agent}: OpenAI {'has shut' if gone else 'shuts'} {model} down on {shutdown}"
        yield Finding("models", State.WRONG if gone else State.WARNING, what, "use a current model in the agent file")
    if model not in priced:
        what = f"{agent}: there is no price for {model}, so the cost of its calls is unknown"
        yield Finding("models", State.WARNING, what, "add it to functions/ringside/prices.yaml")
    elif shutdown is None:
        yield Finding("models", State.OK, f"{agent}: {model}")
