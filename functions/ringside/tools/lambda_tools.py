"""AWS Lambda functions as tools: other teams' code runs outside our process.

The function's event is the model's arguments, with the call's facts under `ringside`; its result goes to the
model. Only functions that an agent file names are ever invoked, and the monitor's role allows no others
(template.yaml, ToolFunctions).
"""

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from ringside.agentfile.agent import Agent
from ringside.agentfile.sections import LambdaTool
from ringside.tools.definition import CallContext, Options, Tool, ToolFailed, ToolTimedOut

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

log = logging.getLogger(__name__)

TIMED_OUT = "Task timed out"
"""Lambda's message for a function that exceeded its own time limit (Lambda developer guide, "Timeouts")."""


def tools(client: "LambdaClient", agents: Iterable[Agent]) -> dict[tuple[str, str], Tool]:
    """The Lambda tools by agent and name."""
    return {(agent.name, entry.name): _tool(client, entry) for agent in agents for entry in agent.lambda_tools}


def _tool(client: "LambdaClient", entry: LambdaTool) -> Tool:
    def invoke(arguments: dict[str, Any], call: CallContext | None) -> Any:
        event = {**arguments, "ringside": None if call is None else vars(call)}
        try:
            answer = client.invoke(FunctionName=entry.function, Payload=json.dumps(event).encode())
            payload = answer["Payload"].read()
        except ReadTimeoutError as error:
            raise ToolTimedOut from error
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            log.error("lambda_tool.failed", extra={"tool": entry.name, "function": entry.function, "error": code})
            raise ToolFailed("the service behind it cannot be reached") from error
        if answer.get("FunctionError"):
            log.error("lambda_tool.failed", extra={"tool": entry.name, "function": entry.function, "error": "function"})
            if TIMED_OUT.encode() in payload:
                raise ToolTimedOut
            raise ToolFailed("the service behind it reported an error")  # its message may be confidential
        try:
            return json.loads(payload or b"null")
        except ValueError:
            return payload.decode("utf-8", "replace")

    options = Options(entry.repeatable, entry.seconds)
    return Tool(entry.name, entry.description, invoke, entry.parameters, None, "call", options)
