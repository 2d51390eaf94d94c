"""The agent files: `agents/*.yaml`, one agent each, checked whole before any call sees them.

Every error names file, line and field, and all errors of a file are told at once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from ringside import builtin, policy, sip, templates, yamlfile
from ringside.agentparts import Digits, LambdaTool, Limits, TargetName, Transfer
from ringside.manners import Manners, Target
from ringside.session import FunctionChoice, McpChoice, Session
from ringside.yamlfile import AgentFileError as AgentFileError
from ringside.yamlfile import Lines

DEFAULT = "default"
"""Among the numbers an agent answers: every one that no other agent answers."""


def _answered(entry: str) -> str:
    found = entry if entry == DEFAULT else sip.number(entry)
    if found is None:
        raise ValueError(f'neither an international number such as "+14255550112" nor {DEFAULT}')
    return found


Answered = Annotated[str, AfterValidator(_answered)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!%*_+`'~.-]{1,100}$")]  # RFC 3261 section 25.1: token


class Agent(Session):
    """One agent: the numbers it answers, what it is told, what it may do."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    answers: tuple[Answered, ...] = Field(min_length=1)
    greeting: str | None = None  # said word for word
    greeting_instructions: str | None = None  # or said as instructed
    farewell_instructions: str = "Say a short, friendly goodbye now. Do not call any tool."
    silence_instructions: str = "The caller has been silent. Ask briefly whether they are still there."
    waiting_instructions: str = Manners.waiting_instructions
    headers: tuple[HeaderName, ...] = ()  # SIP headers that the instructions may use
    time_zone: str = "UTC"
    opening_hours: policy.OpeningHours | None = None
    admission: tuple[policy.Rule, ...] = ()
    tools: tuple[str, ...] = ()
    lambda_tools: tuple[LambdaTool, ...] = ()
    transfer: dict[TargetName, Transfer] = Field(default={})
    digits: Digits = Digits()
    limits: Limits = Limits()

    @field_validator("answers", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("transfer", mode="before")
    @classmethod
    def _uri_alone(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"uri": target} if isinstance(target, str) else target for name, target in value.items()}

    @field_validator("tools")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands there twice")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"{value} is no IANA time zone such as America/New_York") from None
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        # "field: what" gets the field's line in the file.
        if self.greeting and self.greeting_instructions:
            raise ValueError("give either greeting or greeting_instructions, not both")
        if builtin.TRANSFER in self.tools and not self.transfer:
            raise ValueError("tools: there is transfer, but transfer: names no target")
        if self.opening_hours is None and any(rule.outside_hours for rule in self.admission):
            raise ValueError("admission: a rule asks for outside_hours, but there are no opening_hours")
        wrong = templates.wrong_places(self.instructions, self.headers)
        if wrong:
            known = ", ".join(sorted(templates.FACTS))
            raise ValueError(f"instructions: {{{{{wrong[0]}}}}} is none of {known}, and no header that headers: names")
        for name in ("greeting", *(name for name in type(self).model_fields if name.endswith("_instructions"))):
            if "{{" in (getattr(self, name) or ""):
                raise ValueError(f"{name}: facts of the call can stand in instructions only")
        self._check_tool_choice()
        return self

    def _check_tool_choice(self) -> None:
        named = {*self.tools, *(tool.name for tool in self.lambda_tools)}
        servers = {server.server_label for server in self.mcp_servers}
        match self.tool_choice:
            case FunctionChoice(name=name) if name not in named:
                raise ValueError(f"tool_choice: {name} is not among the agent's tools")
            case McpChoice(server_label=label) if label not in servers:
                raise ValueError(f"tool_choice: {label} is not among mcp_servers")

    def is_open(self, at: float) -> bool:
        """Whether the line is open at that moment (Unix seconds); always, without opening hours."""
        return self.opening_hours is None or self.opening_hours.are_open(at, self.time_zone)

    def instructions_for(self, caller: str | None, dialled: str | None, at: float, headers: Mapping[str, str]) -> str:
        """The instructions with this call's facts in their places."""
        facts = templates.facts(self.name, caller, dialled, at, self.time_zone)
        return templates.render(self.instructions, facts, headers)

    @property
    def manners(self) -> Manners:
        if self.greeting:
            greeting = f'Say exactly this, in these words, and nothing else: "{self.greeting}"'
        else:
            greeting = self.greeting_instructions or "Greet the caller briefly and ask how you can help."
        approved: list[str] = []
        for server in self.mcp_servers:
            label = server.server_label
            approved += [label] if server.approve == "all" else [f"{label}.{tool}" for tool in server.approve]
        return Manners(
            greeting=greeting,
            greeting_deadline=self.limits.first_word,
            silence_after=self.limits.silence,
            silence_prompts=self.limits.silence_prompts,
            silence_instructions=self.silence_instructions,
            farewell_instructions=self.farewell_instructions,
            farewell_limit=self.limits.farewell,
            tool_patience=self.limits.tool_patience,
            waiting_instructions=self.waiting_instructions,
            max_duration=self.limits.max_duration,
            warn_before_end=self.limits.warning,
            digit_pause=self.digits.pause,
            digits_template=self.digits.told,
            digits_terminator=self.digits.terminator,
            digits_timeout=self.digits.timeout,
            next_digit_timeout=self.digits.next_key,
            approve_remote_tools=frozenset(approved),
            transfers={name: Target(target.uri, target.otherwise) for name, target in self.transfer.items()},
            transfer_limit=self.limits.transfer,
        )


class Agents:
    """All agents of a deployment, found by the number that was dialled."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._by_name = dict(agents)
        self._by_number = {number: agent for agent in agents.values() for number in agent.answers}
        self.count_the_stack = any(policy.counts(agent.admission, "stack") for agent in agents.values())
        """Whether any agent limits the calls of the whole deployment: then the calls of all agents are counted."""

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Agent | None:
        return self._by_name.get(name)

    def answering(self, dialled: str | None) -> Agent | None:
        """The agent for this number, else the one that answers "default", else None."""
        return self._by_number.get(dialled or "") or self._by_number.get(DEFAULT)


def load(folder: Path, tools: frozenset[str] | set[str] | None = None) -> Agents:
    """Read `folder/*.yaml`; raise `AgentFileError` with every problem found.

    `tools`: the names an agent may use besides the built-in ones; None leaves them unchecked.
    """
    paths = sorted(folder.glob("*.yaml"))
    problems = [f"{path}:1: an agent file's name ends in .yaml: rename it" for path in sorted(folder.glob("*.yml"))]
    if not paths and not problems:
        raise AgentFileError(f"{folder}: there is no agent file (*.yaml) in it")
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
                where = yamlfile.line(lines, ("answers", index))
                problems.append(f"{path}:{where}: answers: {number} is answered by {numbers[number].name} already")
            numbers[number] = path
    if problems:
        raise AgentFileError("\n".join(problems))
    return Agents(agents)


def _read(path: Path) -> tuple[Agent, Lines]:
    values, lines = yamlfile.read(path)
    name = values.setdefault("name", path.stem)
    if name != path.stem:
        where = yamlfile.line(lines, ("name",))
        raise AgentFileError(f"{path}:{where}: name: must be {path.stem}, as the file is called")
    try:
        return Agent.model_validate(values), lines
    except ValidationError as error:
        raise AgentFileError("\n".join(yamlfile.problems(error, path, lines))) from None


def _check_tools(agent: Agent, tools: frozenset[str] | set[str] | None, path: Path, lines: Lines) -> None:
    if tools is None:
        return
    known = set(tools) | builtin.NAMES
    problems = [
        f"{path}:{yamlfile.line(lines, ('tools', index))}: tools: there is no tool named {name}; "
        f"tools.py and the built-in ones have {', '.join(sorted(known))}"
        for index, name in enumerate(agent.tools)
        if name not in known
    ]
    problems += [
        f"{path}:{yamlfile.line(lines, ('lambda_tools', index))}: lambda_tools: the name {tool.name} is taken"
        for index, tool in enumerate(agent.lambda_tools)
        if tool.name in known or tool.name in [other.name for other in agent.lambda_tools[:index]]
    ]
    if problems:
        raise AgentFileError("\n".join(problems))
