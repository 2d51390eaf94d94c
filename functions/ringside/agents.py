"""The agent files: `agents/*.yaml`, one agent each, checked whole before any call sees them.

Every error names file, line and field, and all errors of a file are told at once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from ringside import builtin, policy, sip, templates, yamlfile
from ringside.conversation import Manners, Target
from ringside.session import Session, Strict
from ringside.yamlfile import AgentFileError as AgentFileError
from ringside.yamlfile import Lines, Place

DEFAULT = "default"
"""Among the numbers an agent answers: every one that no other agent answers."""


def _answered(entry: str) -> str:
    found = entry if entry == DEFAULT else sip.number(entry)
    if found is None:
        raise ValueError(f'neither an international number such as "+14255550112" nor {DEFAULT}')
    return found


Answered = Annotated[str, AfterValidator(_answered)]
TargetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]


class Transfer(Strict):
    """Where a call may go. Only what stands in the file can be reached: the model chooses a name, not an address."""

    uri: str = Field(pattern=r"^(tel:\+[0-9]{4,15}|sips?:[^\s<>\"]{3,200})$")
    description: str = ""
    otherwise: str = "Tell the caller that nobody could be reached, and offer to go on yourself or to take a note."


class Limits(Strict):
    """In seconds, unless another unit is named. OpenAI itself ends a session after 60 minutes."""

    max_duration: float = Field(default=1800, gt=0, le=3500)
    warning: float = Field(default=60, ge=0, le=600)  # before max_duration: the model is told
    first_word: float = Field(default=6, gt=0, le=60)  # the greeting is asked for once more after that
    silence: float = Field(default=12, gt=0, le=600)
    silence_prompts: int = Field(default=2, ge=0, le=10)
    farewell: float = Field(default=15, gt=0, le=60)  # a goodbye that takes longer is cut
    transfer: float = Field(default=15, gt=0, le=120)  # a call that is still here then was not transferred
    tool_seconds: float = Field(default=10, gt=0, le=120)
    max_cost: float | None = Field(default=None, gt=0)  # US dollars


class Digits(Strict):
    """How the model is told of keys that it did not ask for."""

    pause: float = Field(default=1.5, gt=0, le=10)  # seconds without a key that end a row of them
    told: str = Field(default="The caller pressed {digits} on the phone's keypad.", pattern=r"\{digits\}")


class LambdaTool(Strict):
    """An AWS Lambda function as a tool: it gets the arguments as its event, and what it returns is told."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_]{1,64}$")
    function: str = Field(pattern=r"^[a-zA-Z0-9-_:]{1,170}$")  # its name or ARN
    description: str = Field(min_length=1)
    parameters: dict[str, Any] = Field(default={"type": "object", "properties": {}})  # JSON schema
    seconds: float | None = Field(default=None, gt=0, le=120)
    repeatable: bool = False

    @field_validator("parameters")
    @classmethod
    def _object(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("type") != "object" or not isinstance(value.get("properties", {}), dict):
            raise ValueError('a JSON schema of an object: {"type": "object", "properties": {…}}')
        return value


class Agent(Session):
    """One agent: the numbers it answers, what it is told, what it may do."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    answers: tuple[Answered, ...] = Field(min_length=1)
    greeting: str | None = None  # said word for word
    greeting_instructions: str | None = None  # or said as instructed
    farewell_instructions: str = "Say a short, friendly goodbye now. Do not call any tool."
    silence_instructions: str = "The caller has been silent. Ask briefly whether they are still there."
    headers: tuple[str, ...] = ()  # SIP headers that the instructions may use
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
        if self.greeting and self.greeting_instructions:
            raise ValueError("give either greeting or greeting_instructions, not both")
        if builtin.TRANSFER in self.tools and not self.transfer:
            raise ValueError("tools has transfer, but transfer: names no target")
        if self.opening_hours is None and any(rule.outside_hours for rule in self.admission):
            raise ValueError("admission asks for outside_hours, but there are no opening_hours")
        wrong = templates.wrong_places(self.instructions, self.headers)
        if wrong:
            raise ValueError(
                f"instructions: {{{{{wrong[0]}}}}} is none of {', '.join(sorted(templates.FACTS))}, "
                "and no header that headers: names"
            )
        return self

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
        approved = [
            f"{server.server_label}.{tool}"
            for server in self.mcp_servers
            for tool in (server.approve if server.approve != "all" else ())
        ]
        return Manners(
            greeting=greeting,
            greeting_deadline=self.limits.first_word,
            silence_after=self.limits.silence,
            silence_prompts=self.limits.silence_prompts,
            silence_instructions=self.silence_instructions,
            farewell_instructions=self.farewell_instructions,
            farewell_limit=self.limits.farewell,
            max_duration=self.limits.max_duration,
            warn_before_end=self.limits.warning,
            digit_pause=self.digits.pause,
            digits_template=self.digits.told,
            approve_remote_tools=frozenset(approved),
            transfers={name: Target(target.uri, target.otherwise) for name, target in self.transfer.items()},
            transfer_limit=self.limits.transfer,
        )


class Agents:
    """All agents of a deployment, found by the number that was dialled."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._by_name = dict(agents)
        self._by_number = {number: agent for agent in agents.values() for number in agent.answers}

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
        told: dict[Place, tuple[int, str]] = {}  # one problem a place: a union tells one for each branch
        found = error.errors()
        for problem in found:
            if problem["type"] == "too_short" and any(_is_within(other["loc"], problem["loc"]) for other in found):
                continue  # its entries were wrong, and have been told
            place = _place(lines, problem["loc"], problem["type"])
            line = yamlfile.line(lines, place)
            field = ".".join(str(part) for part in place) or "agent"
            what = _WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
            if not any(_is_within(place, other) for other in told):
                told.setdefault(place, (line, f"{path}:{line}: {field}: {what}"))
        raise AgentFileError("\n".join(text for _, text in sorted(told.values()))) from None


def _place(lines: Lines, where: Place, kind: str) -> Place:
    """The place as the file has it: pydantic adds the branch of a union that it tried."""
    place: Place = ()
    for part in where:
        if (*place, part) in lines or (kind == "missing" and part == where[-1]) or part == where[0]:
            place = (*place, part)
    return place


def _is_within(place: Place, other: Place) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing",
    "model_type": "must be a mapping of fields",
    "dict_type": "must be a mapping of fields",
    "string_type": "must be text; put a number or a date in quotes",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
}
"""Pydantic's kinds of errors in the words of somebody who writes YAML."""


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
