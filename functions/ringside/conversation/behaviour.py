"""How an agent behaves on the phone: what the conversation needs to know of an agent file. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """Where a call may be transferred to, and what the model is told if that does not work."""

    uri: str
    otherwise: str = ""


@dataclass(frozen=True)
class Behaviour:
    """How an agent behaves on the phone, apart from what it says. Times in seconds."""

    greeting: str  # instructions for the first response
    greeting_deadline: float = 6.0
    silence_after: float = 12.0
    silence_prompts: int = 2
    silence_instructions: str = "The caller has been silent. Ask briefly whether they are still there."
    farewell_instructions: str = "Say a short, friendly goodbye now. Do not call any tool."
    farewell_limit: float = 15.0  # a goodbye that was not heard to its end by then is given up
    tool_patience: float | None = None  # with a tool running and nothing to be heard, until the caller is told
    waiting_instructions: str = "It takes a moment longer. Say so to the caller in a few words. Do not call any tool."
    max_duration: float = 1800.0
    warn_before_end: float = 60.0
    digit_pause: float = 1.5
    digits_template: str = "The caller pressed {digits} on the phone's keypad."
    digits_terminator: str | None = "#"  # ends what is collected
    digits_timeout: float = 20.0  # for the first key that was asked for
    next_digit_timeout: float = 5.0
    stall_after: float = 20.0  # without any event, while the session has something to do
    approve_remote_tools: frozenset[str] = frozenset()  # MCP: "server" or "server.tool" that may run when it asks
    transfers: Mapping[str, Target] = field(default_factory=dict)
    transfer_limit: float = 15.0  # a caller who is still here then was not transferred
