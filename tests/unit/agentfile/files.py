"""Agent files for tests: written to a folder, loaded, and what is reported about them."""

from pathlib import Path

import pytest

from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError

LINE = 'answers: ["+18005551212"]\ninstructions: Be kind.\n'


"""The least an agent file says, in two lines."""


def load(folder: Path, *, tools: set[str] | None = None, **files: str) -> Agents:
    """Load files given as `name="content"`, each `name.yaml`."""
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    return load_agents(folder, tools)


def problems(folder: Path, content: str, *, tools: set[str] | None = None) -> list[str]:
    """What is told of `desk.yaml` with this content, without the folder's name."""
    with pytest.raises(AgentFileError) as refused:
        load(folder, tools=tools, desk=content)
    return [line.removeprefix(f"{folder}/") for line in str(refused.value).splitlines()]
