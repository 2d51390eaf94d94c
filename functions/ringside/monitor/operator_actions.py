"""What operators want of one call: claimed by its owner, told to the conversation, and forgotten when it is settled."""

import asyncio
from typing import Protocol, get_args

from ringside.aws.actions import Asked
from ringside.conversation import events as e
from ringside.monitor.record_writer import RecordWriter
from ringside.monitor.supervision_state import SupervisionState


class Listener(Protocol):
    """The conversation, which is told of actions."""

    def feed(self, event: e.Event) -> None: ...

    def came_too_late(self, action: e.ActionAsked) -> None: ...


class OperatorActions:
    """Each action once, in the order in which they were asked for."""

    def __init__(self, supervision: SupervisionState, writer: RecordWriter, conversation: Listener) -> None:
        self._supervision = supervision
        self._writer = writer
        self._conversation = conversation
        self._one_by_one = asyncio.Lock()
        self._known: dict[str, Asked] = {}  # by their ids, until they are settled
        self._settled: set[str] = set()

    async def take(self, asked: Asked) -> None:
        """Do it, unless this owner has it already. Raises `Fenced`."""
        if asked.action_id in self._known or asked.action_id in self._settled:
            return
        if asked.action not in get_args(e.ActionKind):  # a newer version's, or written by hand
            return
        self._known[asked.action_id] = asked
        async with self._one_by_one:
            uri = await self._writer.number_of(asked.action_id) if asked.action == "transfer" else None
            if not self._supervision.acts:  # the next owner finds it with the call
                return
            is_first = await self._writer.claim(f"action:{asked.action_id}")
            if self._supervision.acts and self._supervision.may_act():
                self._conversation.feed(_event(asked, uri, is_first=is_first))

    async def take_over(self) -> None:
        """Another owner had the call: do what was asked of it, and was not done or not known to be done."""
        for asked in await self._writer.actions_open():
            await self.take(asked)

    async def too_late(self) -> None:
        """The call has ended, so nothing more can be asked: say so of what is left."""
        for asked in await self._writer.actions_open():
            self._known.setdefault(asked.action_id, asked)
            self._conversation.came_too_late(_event(asked))

    def settled(self, action_id: str) -> None:
        """Its outcome was given to the record: delete what was asked after that is written."""
        self._settled.add(action_id)
        if (asked := self._known.pop(action_id, None)) is not None:
            self._writer.forget_action(asked)


def _event(asked: Asked, uri: str | None = None, *, is_first: bool = True) -> e.ActionAsked:
    return e.ActionAsked(
        asked.action_id, asked.action, asked.by, asked.asked_at, asked.text, asked.silent, uri, is_first
    )
