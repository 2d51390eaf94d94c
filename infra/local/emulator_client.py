"""The emulator of OpenAI for callers without an event loop; `control()` is for those that have one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from infra.emulator.client import CALLED, CALLER, Control, Shown

T = TypeVar("T")


class Emulator:
    """A running emulator. `url` is its origin, where both OpenAI's API and the control API are."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self) -> Control:
        """The control API, to be entered with `async with`."""
        return Control(f"{self.url}/_emulator")

    def ring(
        self, script: str | dict[str, Any] = "opening-hours", caller: str = CALLER, called: str = CALLED, **more: Any
    ) -> str:
        """A phone rings, and the call goes as the script says; the call's id. `more`: sip_headers, faults."""
        return self._do(lambda control: control.ring(caller, called, script=script, **more))

    def shown(self, call_id: str) -> Shown:
        """Everything the emulator knows of a call."""
        return self._do(lambda control: control.shown(call_id))

    def until(self, call_id: str, ready: Callable[[Shown], Any], within_s: float = 30.0) -> Shown:
        """The call as soon as `ready` holds of it."""
        return self._do(lambda control: control.until(call_id, ready, within_s))

    def until_ended(self, call_id: str, within_s: float = 60.0) -> Shown:
        """The call once it is over, whether it ended, was rejected or was missed."""
        return self._do(lambda control: control.until_ended(call_id, within_s))

    def say(self, call_id: str, text: str) -> None:
        """The caller says something that is not in the script."""
        self._do(lambda control: control.say(call_id, text))

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change what holds for the whole emulator, such as `pace`."""
        return self._do(lambda control: control.settings(**changes))

    def _do(self, act: Callable[[Control], Awaitable[T]]) -> T:
        async def alone() -> T:
            async with self.control() as control:
                return await act(control)

        return asyncio.run(alone())
