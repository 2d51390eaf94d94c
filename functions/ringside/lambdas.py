"""AWS Lambda functions as tools: the deployed team's own code stays outside of our process.

The function gets the model's arguments as its event, with the call's facts beside them under `ringside`;
what it returns is told to the model. Only functions that an agent file names are ever invoked, and the
monitor's role allows no others (template.yaml).
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ringside.agentparts import LambdaTool
from ringside.agents import Agent
from ringside.tools import CallContext, Options, Tool, ToolFailed

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient


def tools(client: "LambdaClient", agents: Iterable[Agent]) -> dict[tuple[str, str], Tool]:
    """The Lambda tools by agent and name."""
    return {(agent.name, entry.name): _tool(client, entry) for agent in agents for entry in agent.lambda_tools}


def _tool(client: "LambdaClient", entry: LambdaTool) -> Tool:
    def invoke(arguments: dict[str, Any], call: CallContext | None) -> Any:
        event = {**arguments, "ringside": None if call is None else vars(call)}
        answer = client.invoke(FunctionName=entry.function, Payload=json.dumps(event).encode())
        payload = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise ToolFailed("the service behind it reported an error")
        try:
            return json.loads(payload or b"null")
        except ValueError:
            return payload.decode("utf-8", "replace")

    options = Options(entry.repeatable, entry.seconds)
    return Tool(entry.name, entry.description, invoke, entry.parameters, None, "call", options)
