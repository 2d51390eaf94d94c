"""The parts of an agent file about what comes after a call: what events say of it. Pure."""

from typing import Literal

from ringside.strict_model import Strict


class Events(Strict):
    """What EventBridge is told of this agent's calls, besides which call it was and how it went."""

    notes: bool = False
    transcript: bool = False  # in Call Ended
    numbers: Literal["masked", "full"] = "masked"
