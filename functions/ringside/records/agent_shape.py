"""An agent as the API and the console show it: what it answers, whom it lets in, what it may do. Pure."""

from typing import Any

from ringside.agentfile.agent import Agent


def shape(agent: Agent, at: float) -> dict[str, Any]:
    """`at`: for whether its line is open (Unix seconds). Nothing secret is in it: an agent file has none."""
    return {
        "name": agent.name,
        "answers": list(agent.answers),
        "model": agent.model,
        "greeting": agent.greeting or agent.greeting_instructions,
        "instructions": agent.instructions,
        "tools": [*agent.tools, *(tool.name for tool in agent.lambda_tools)],
        "transfers": [
            {"name": name, "uri": target.uri, "description": target.description}
            for name, target in agent.transfer.items()
        ],
        "rules": [rule.model_dump(mode="json", exclude_defaults=True) for rule in agent.admission],
        "time_zone": agent.time_zone,
        "opening_hours": (
            None if agent.opening_hours is None else agent.opening_hours.model_dump(mode="json", exclude_defaults=True)
        ),
        "open": agent.is_open(at),
        "max_duration": agent.limits.max_duration,
    }
