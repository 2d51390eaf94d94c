"""The queue of calls between webhook and monitor of one run, in this process. For any number of threads."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import count

from infra.scenarios.clock import waits
from ringside.aws.call_queue import CallQueue, Message


class LocalQueue(CallQueue):
    """What `CallQueue` does, for one monitor: nothing is ever delivered twice, since nothing is lost."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._condition = threading.Condition()
        self._numbers = count(1)
        self._on_the_way = 0
        self._closed = False

    @property
    def is_busy(self) -> bool:
        """Whether a call was sent that the monitor has not been given yet."""
        return self._on_the_way > 0

    def arrived(self) -> None:
        with self._condition:
            self._on_the_way = len(self._messages)

    def close(self) -> None:
        """Whoever receives is given nothing, at once."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def send(self, call_id: str) -> None:
        with self._condition:
            number = f"message-{next(self._numbers)}"
            self._messages.append(Message(number, number, call_id, time.time(), 1))
            self._on_the_way += 1
            self._condition.notify()

    @waits
    def receive(self, visibility: float, wait: float = 20, most: int = 1) -> list[Message]:
        with self._condition:
            self._condition.wait_for(lambda: bool(self._messages) or self._closed, wait)
            return [self._messages.popleft() for _ in range(min(most, len(self._messages)))]

    def extend(self, receipts: Sequence[str], visibility: float) -> set[str]:
        return set()

    def delete(self, receipt: str) -> None:
        pass
