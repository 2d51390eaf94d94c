"""Threads for blocking functions."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    def __init__(self, size: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(size, name)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a blocking function in one of the threads; returns what it returns, raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *args, **kwargs))

    def shutdown(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


class Threads:
    """A monitor's threads: for OpenAI's call control and the secret. The record and the queue need none."""

    def __init__(self) -> None:
        # Asking OpenAI may take half a minute when OpenAI is down.
        self.openai = Pool(64, "openai")

    def shutdown(self) -> None:
        """Let the process end: nothing that waits for a thread is begun any more."""
        self.openai.shutdown()
