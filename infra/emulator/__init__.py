"""OpenAI's side of a SIP call, on localhost and over the real wire.

`Emulator` is the whole thing as an async context manager; `python -m infra.emulator`
is the same from a shell. What it models, and what it does not, is in README.md.
"""

from infra.emulator.app import Emulator
from infra.emulator.settings import Settings

__all__ = ["Emulator", "Settings"]
