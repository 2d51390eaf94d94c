"""A transfer: announced, then asked for, then waited for, since OpenAI does not report how it went. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ringside.conversation import events as e
from ringside.conversation import snapshot
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Count, Effect, Note, Refer
from ringside.conversation.items import ToolRun
from ringside.conversation.timers import Timers
from ringside.conversation.tool_result import Progress, ToolResult, arguments, refused

Stage = Literal["announcing", "asked", "waiting"]


@dataclass(slots=True)
class _Attempt:
    run: ToolRun
    target: str
    uri: str
    stage: Stage = "announcing"
    by_operator: bool = False


class Transfer:
    """`verdict` is its timer: a caller who is still here then was not transferred."""

    def __init__(self, behaviour: Behaviour, timers: Timers) -> None:
        self._behaviour = behaviour
        self._timers = timers
        self._attempt: _Attempt | None = None
        self._noted: Mapping[str, Any] = {}  # the call item's attribute `transfer`

    @property
    def stage(self) -> Stage | None:
        """How far it is; None without one."""
        return None if self._attempt is None else self._attempt.stage

    @property
    def targets(self) -> Collection[str]:
        """The names of the agent's targets."""
        return self._behaviour.transfers.keys()

    def target(self, name: str) -> str | None:
        """The URI of the agent's target of that name, if it has one."""
        found = self._behaviour.transfers.get(name)
        return None if found is None else found.uri

    def call_off(self) -> ToolRun | None:
        """The call is to be left instead. Returns the run that was not asked for yet, if there was one."""
        if self._attempt is None or self._attempt.stage != "announcing":
            return None
        run, self._attempt = self._attempt.run, None
        return run

    def is_of(self, run: ToolRun) -> bool:
        return self._attempt is not None and self._attempt.run is run

    def begin(self, run: ToolRun, now: float) -> Progress:
        """The model called the tool, and announces the transfer in the same response."""
        target = str(arguments(run).get("to"))
        if target not in self._behaviour.transfers:
            known = ", ".join(self._behaviour.transfers)
            return [], refused(run, f"Unknown target. Choose one of: {known}.")
        return self._begin(_Attempt(run, target, self._behaviour.transfers[target].uri), now)

    def begin_for_operator(self, run: ToolRun, uri: str, now: float) -> Progress:
        """An operator wants it. What comes of it is not the result of a tool; see `ToolCalls.result`."""
        return self._begin(_Attempt(run, str(arguments(run).get("to")), uri, by_operator=True), now)

    def _begin(self, attempt: _Attempt, now: float) -> Progress:
        run = attempt.run
        if self._attempt is not None:
            return [], refused(run, "A transfer is already under way.")
        self._attempt = attempt
        if self._noted.get("tool_call_id") == run.tool_call_id and self._noted.get("accepted_at"):
            self._wait(now)  # taken by OpenAI for the owner before us
        return [], None

    def refer(self, now: float) -> list[Effect]:
        """The announcement was heard: ask for the transfer."""
        if self._attempt is None:
            return []
        self._attempt.stage = "asked"
        run, target = self._attempt.run, self._attempt.target
        self._noted = {"tool_call_id": run.tool_call_id, "target": target, "asked_at": now, "verdict": "asked"}
        return [Note({"transfer": self._noted}), *self._ask()]

    def _ask(self) -> list[Effect]:
        if self._attempt is None:
            return []
        return [Refer(self._attempt.run.tool_call_id, self._attempt.uri)]

    def answered(self, event: e.ReferAnswered, now: float) -> Progress:
        if self._attempt is None or self._attempt.run.tool_call_id != event.tool_call_id:
            return [], None
        if not event.accepted:
            return self._failed(event.detail or "refused", now)
        self._wait(now)
        return [self._note({"accepted_at": now, "verdict": "accepted"})], None

    def _wait(self, now: float) -> None:
        if self._attempt is not None:
            self._attempt.stage = "waiting"
            self._timers.set("verdict", now + self._behaviour.transfer_limit)

    def still_here(self, now: float) -> Progress:
        """The time for a verdict is up, and the caller has not left."""
        return self._failed("the caller was still here", now)

    def caller_speaks(self) -> ToolResult | None:
        """The caller speaks to the announcement: they are not sent away in the middle of a sentence.

        What an operator wants is done when they have finished."""
        if self._attempt is None or self._attempt.stage != "announcing" or self._attempt.by_operator:
            return None
        run, self._attempt = self._attempt.run, None
        why = "Not transferred: the caller spoke during the announcement."
        return refused(run, f"{why} Listen, and call transfer again if they still want it.")

    def left(self, now: float) -> Effect:
        """The call has ended while a transfer was waited for: it worked."""
        return self._note({"decided_at": now, "verdict": "left"})

    def _failed(self, why: str, now: float) -> Progress:
        if self._attempt is None:
            return [], None
        run, target, self._attempt = self._attempt.run, self._attempt.target, None
        self._timers.cancel("verdict")
        known = self._behaviour.transfers.get(target)
        text = f"The transfer to {target} did not work; the caller is still on the line."
        text = f"{text} {known.otherwise if known else ''}".rstrip()
        result = ToolResult(run, "error", {"error": text}, why=why)
        return [self._note({"decided_at": now, "verdict": "failed", "why": why}), Count("transfers_failed")], result

    def _note(self, news: Mapping[str, Any]) -> Note:
        self._noted = {**self._noted, **news}
        return Note({"transfer": self._noted})

    # --- handed over ---

    def noted(self, value: object) -> None:
        """What the record says of the call's last transfer."""
        self._noted = snapshot.mapping(value)

    def was_taken(self, tool_call_id: str) -> bool:
        """Whether the call's last transfer is this one, and OpenAI took it, and nothing more is known."""
        return self._noted.get("tool_call_id") == tool_call_id and self._noted.get("verdict") == "accepted"

    def snapshot(self) -> dict[str, Any] | None:
        attempt = self._attempt
        if attempt is None:
            return None
        return {
            "tool_call_id": attempt.run.tool_call_id,
            "target": attempt.target,
            "stage": attempt.stage,
            "uri": attempt.uri if attempt.by_operator else None,
        }

    def restore(self, value: object, tools: Mapping[str, ToolRun], now: float) -> list[Effect]:
        """`tools`: the runs, by the function calls' ids. A transfer that was asked for is asked for again: whether
        that was done is in the record (it is claimed), how it was answered may not be known to anybody."""
        given = snapshot.mapping(value)
        run, target = tools.get(str(given.get("tool_call_id"))), str(given.get("target"))
        stage = next((stage for stage in get_args(Stage) if stage == given.get("stage")), None)
        known, own = self._behaviour.transfers.get(target), snapshot.text(given.get("uri"))
        uri = own if own is not None else known.uri if known is not None else None
        if run is None or run.outcome != "running" or stage is None or uri is None:
            return []
        self._attempt = _Attempt(run, target, uri, stage, by_operator=own is not None)
        if stage == "waiting":
            self._timers.set_once("verdict", now + self._behaviour.transfer_limit)
        return self._ask() if stage == "asked" else []
