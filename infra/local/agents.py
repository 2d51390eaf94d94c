"""The agent files, looked at before anything starts. Run as `python -m infra.local.agents FOLDER`.

In a process of its own: reading `tools.py` runs it, and it is the user's. The demonstration and the tests have agents
of their own, so that functions/agents can be changed at will.
"""

import subprocess
import sys
from pathlib import Path

from infra.local.host import inherited_environment, module
from infra.local.template import FUNCTIONS

AGENTS = FUNCTIONS / "agents"
DEMO_AGENTS = Path(__file__).parent / "demo_agents"


class BrokenAgents(Exception):
    """The agent files are wrong; the message names every place."""


def check(folder: Path | None = None) -> None:
    """Raise `BrokenAgents` if webhook and monitor could not read these agents, or those of this checkout."""
    folder = folder or AGENTS
    command = [*module("infra.local.agents"), str(folder)]
    done = subprocess.run(command, env=inherited_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrokenAgents(done.stderr.strip())


def credential_names(folder: Path) -> frozenset[str]:
    """The credentials of MCP servers that these agent files name; none of files that cannot be read."""
    from ringside.agentfile.loader import load_agents
    from ringside.agentfile.yaml_lines import AgentFileError

    try:
        return frozenset(name for agent in load_agents(folder) for name in agent.credential_names)
    except AgentFileError:
        return frozenset()


def main() -> int:
    from ringside.agentfile.yaml_lines import AgentFileError
    from ringside.tools.definition import ToolError
    from ringside.tools.loader import load_agents_and_tools

    folder = Path(sys.argv[1])
    try:
        load_agents_and_tools(folder)
    except (AgentFileError, ToolError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
