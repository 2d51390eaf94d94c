"""Scripts: conversations as data, with errors that name the file, the line and the field."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from infra.emulator.errors import NO_CHARACTER, BadInput, half_a_pair, place, sentence
from infra.emulator.scripts.lines import MAX_LINES, Agent, Line, Transcription, unrolled
from infra.emulator.strict_model import Strict, checked

SHIPPED = Path(__file__).parent


class Script(Strict):
    name: str = Field(default="inline", min_length=1)
    description: str = ""
    speed: float = Field(default=1.0, gt=0)
    transcription: Transcription = "after"
    transcription_usage: Literal["tokens", "duration"] = "tokens"
    wait_for_sideband_s: float = Field(default=10.0, ge=0)
    then: Literal["hang_up", "stay"] = "hang_up"
    hang_up_after_s: float = Field(default=1.0, ge=0)
    lines: list[Line] = Field(default_factory=list)

    @field_validator("lines", mode="after")
    @classmethod
    def unroll(cls, lines: list[Any]) -> list[Any]:
        flat: list[Any] = []
        for line in unrolled(lines):
            flat.append(line)
            if len(flat) > MAX_LINES:
                raise ValueError(f"a script has at most {MAX_LINES} lines once its repeats are unrolled.")
        return flat

    @property
    def speaks_for_the_model(self) -> bool:
        """Whether it has lines of the model's; the stand-in answers to one that has none."""
        return any(isinstance(line, Agent) for line in self.lines)


def parse(data: object) -> Script:
    """A script given inline, as an object of the control API."""
    return checked(Script, data, "script")


def load(path: Path) -> Script:
    """A script file. An error names the file, the line and the field."""
    source = path.read_text(encoding="utf-8")
    try:
        data = yaml.safe_load(source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadInput(f"{path.name}{line}: not valid YAML ({getattr(error, 'problem', error)}).") from None
    if not isinstance(data, dict):
        raise BadInput(f"{path.name}: a script is a mapping with name and lines.")
    try:
        script = Script.model_validate({"name": path.stem, **data})
    except ValidationError as error:
        text, where = sentence(error)
        raise BadInput(f"{path.name}, line {_line(source, where)}: {text}") from None
    if (half := half_a_pair(data)) is not None:
        raise BadInput(f"{path.name}, line {_line(source, half)}: {place(half)} {NO_CHARACTER}")
    return script


def _line(source: str, where: tuple[int | str, ...]) -> int:
    """The line of the deepest node on that path that exists in the file."""
    node = yaml.compose(source, Loader=yaml.SafeLoader)
    line = 0
    for step in where:
        line = node.start_mark.line if node else line
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return line + 1


def load_all(*folders: Path) -> dict[str, Script]:
    """Every script of these folders by name; a later folder wins."""
    found: dict[str, Script] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"{folder} is not a folder of scripts.")
        for path in sorted(folder.glob("*.y*ml")):
            script = load(path)
            found[script.name] = script
    return found
