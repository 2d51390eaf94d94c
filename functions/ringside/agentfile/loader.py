"""The agent files: `agents/*.yaml`, one agent each, checked before any call sees them.

Every error names file, line and field, and all errors are reported at once.
"""

from pathlib import Path

from pydantic import ValidationError

from ringside.agentfile import yaml_lines
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.agentfile.yaml_lines import AgentFileError, Lines
from ringside.conversation import builtin_tools


def load_agents(folder: Path, tools: frozenset[str] | set[str] | None = None) -> Agents:
    """Read `folder/*.yaml`; raise `AgentFileError` with every problem found.

    `tools`: the names an agent may use besides the built-in ones; None leaves them unchecked.
    """
    paths = sorted(folder.glob("*.yaml"))
    problems = [f"{path}:1: agent files must end in .yaml; rename this one" for path in sorted(folder.glob("*.yml"))]
    if not paths and not problems:
        raise AgentFileError(f"{folder}: contains no agent file (*.yaml)")
    agents: dict[str, Agent] = {}
    numbers: dict[str, Path] = {}
    for path in paths:
        try:
            agent, lines = _read(path)
            _check_tools(agent, tools, path, lines)
        except AgentFileError as error:
            problems.append(str(error))
            continue
        agents[agent.name] = agent
        for index, number in enumerate(agent.answers):
            if number in numbers:
                where = yaml_lines.line(lines, ("answers", index))
                problems.append(f"{path}:{where}: answers: {number} is already answered by {numbers[number].name}")
            numbers[number] = path
    if problems:
        raise AgentFileError("\n".join(problems))
    return Agents(agents)


def _read(path: Path) -> tuple[Agent, Lines]:
    values, lines = yaml_lines.read(path)
    name = values.setdefault("name", path.stem)
    if name != path.stem:
        where = yaml_lines.line(lines, ("name",))
        raise AgentFileError(f"{path}:{where}: name: must be {path.stem}, like the file")
    try:
        return Agent.model_validate(values), lines
    except ValidationError as error:
        raise AgentFileError("\n".join(yaml_lines.problems(error, path, lines))) from None


def _check_tools(agent: Agent, tools: frozenset[str] | set[str] | None, path: Path, lines: Lines) -> None:
    if tools is None:
        return
    known = set(tools) | builtin_tools.NAMES
    problems = [
        f"{path}:{yaml_lines.line(lines, ('tools', index))}: tools: there is no tool named {name}; "
        f"there are {', '.join(sorted(known))}"
        for index, name in enumerate(agent.tools)
        if name not in known
    ]
    problems += [
        f"{path}:{yaml_lines.line(lines, ('lambda_tools', index))}: lambda_tools: the name {tool.name} is already used"
        for index, tool in enumerate(agent.lambda_tools)
        if tool.name in known or tool.name in [other.name for other in agent.lambda_tools[:index]]
    ]
    if problems:
        raise AgentFileError("\n".join(problems))
