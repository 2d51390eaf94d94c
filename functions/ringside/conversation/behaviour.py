"""How an agent behaves on the phone: what the conversation needs to know of an agent file. Pure.

There are no defaults here: the agent file has them (`agentfile/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """Where a call may be transferred to, and what the model is to do if that does not work."""

    uri: str
    otherwise: str = ""


@dataclass(frozen=True)
class Behaviour:
    """How an agent behaves on the phone, apart from what it says. Times in seconds."""

    greeting: str  # instructions for the first response
    greeting_deadline: float
    silence_after: float
    silence_prompts: int
    silence_instructions: str
    farewell_instructions: str
    farewell_limit: float  # a goodbye that was not heard to its end by then is given up
    tool_patience: float | None  # seconds of quiet while a tool runs, before the caller hears that it takes longer
    waiting_instructions: str
    apology_instructions: str
    max_duration: float
    warn_before_end: float
    digit_pause: float
    digits_template: str
    digits_terminator: str | None  # ends what is collected
    digits_are_secret: bool  # keys are nowhere in the record
    digits_timeout: float  # for the first key that was asked for
    next_digit_timeout: float
    stall_after: float  # without any event, while the session has something to do
    approve_remote_tools: frozenset[str]  # MCP: "server" or "server.tool" that may run when it asks
    turn_detection: Mapping[str, Any]  # as the session was given it
    transfers: Mapping[str, Target]
    transfer_limit: float  # a caller who is still here then was not transferred
