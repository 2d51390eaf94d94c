"""Threads for the neighbours' blocking functions, in pools that never wait for each other."""

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
    """A monitor's threads. What must not wait for anything else has its own: beats above all, then the messages."""

    def __init__(self, polls: int) -> None:
        self.record = Pool(64, "record")
        self.beats = Pool(10, "beat")  # as many as may be under way at the same time (lease.MAX_UNANSWERED)
        self.queue = Pool(8, "queue")
        self.polls = Pool(polls, "poll")
        # Asking OpenAI may take half a minute when OpenAI is down. That must not keep the record waiting for a thread.
        self.openai = Pool(64, "openai")

    def shutdown(self) -> None:
        """Let the process end: nothing that waits for a thread is begun any more."""
        for pool in (self.record, self.beats, self.queue, self.polls, self.openai):
            pool.shutdown()
