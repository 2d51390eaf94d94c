"""The model's calls of tools, from the call to what the model learns of it. Pure.

Functions are run by the shell, MCP tools by the session; the built-in ones are machines of their own.
"""

import json
from collections.abc import Iterator

from ringside.conversation import builtin_tools
from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Effect, RunTool, Send
from ringside.conversation.items import ToolRun
from ringside.conversation.keypad import Keypad
from ringside.conversation.notes import Notes
from ringside.conversation.operator import Operator
from ringside.conversation.timers import Timers
from ringside.conversation.tool_result import Progress, ToolResult
from ringside.conversation.transcript import Transcript
from ringside.conversation.transfer import Transfer
from ringside.conversation.unanswered import Unanswered


class ToolCalls:
    """The runs themselves are the transcript's: they are in the record."""

    def __init__(
        self,
        behaviour: Behaviour,
        timers: Timers,
        transcript: Transcript,
        unanswered: Unanswered,
        operator: Operator,
    ) -> None:
        self._operator = operator
        self._approved = behaviour.approve_remote_tools
        self._transcript = transcript
        self._unanswered = unanswered
        self.transfer = Transfer(behaviour, timers)
        self.keypad = Keypad(behaviour, timers, transcript)
        self.notes = Notes()
        self._waiting: set[str] = set()  # what is told as soon as there is a connection

    @property
    def any_function_runs(self) -> bool:
        for run in self._transcript.tools.values():  # asked after every event: no generator
            if run.outcome == "running" and run.name not in builtin_tools.NAMES:
                return True
        return False

    @property
    def is_unhurried(self) -> bool:
        """Whether something is under way that the caller is not to be hurried in."""
        return self.keypad.is_collecting or self.transfer.stage is not None

    @property
    def holds_answers(self) -> bool:
        """Whether what is unanswered is to wait for what comes of a transfer, or of the keys that were asked for."""
        return self.transfer.stage in ("announcing", "asked") or (self.keypad.is_collecting and self._only_notes)

    @property
    def _only_notes(self) -> bool:
        """Whether there is nothing to say to what is unanswered: the agent has just asked for keys, and listens."""
        runs = (self._transcript.tools.get(item_id) for item_id in self._unanswered.all())
        return all(run is not None and run.name == builtin_tools.NOTE for run in runs)

    def called(self, event: e.ToolCalled, now: float) -> tuple[ToolRun | None, list[Effect]]:
        """A call counts once, though the session reports it twice."""
        if event.tool_call_id in self._transcript.tools:
            return None, []
        run = ToolRun(event.tool_call_id, event.item_id, event.name, event.arguments, now)
        self._transcript.tools[event.tool_call_id] = run
        return run, self._transcript.save(run)

    def begin(self, run: ToolRun, now: float) -> list[Effect]:
        """Anything but hanging up, which ends more than a tool."""
        match run.name:
            case builtin_tools.TRANSFER:
                return self.progress(self.transfer.begin(run, now), now)
            case builtin_tools.COLLECT_DIGITS:
                effects = self.progress(([], self.keypad.replaced_by(run)), now)
                return effects + self.progress(self.keypad.collect(run, now), now)
            case builtin_tools.NOTE:
                return self.progress(self.notes.take(run), now)
            case _:
                return [RunTool(run.tool_call_id, run.name, run.arguments)]

    def progress(self, progress: Progress, now: float) -> list[Effect]:
        """What came of a built-in tool, if anything did yet."""
        effects, result = progress
        return effects + self.result(result, now) if result is not None else effects

    def result(self, result: ToolResult, now: float) -> list[Effect]:
        seconds = round(now - result.run.started_at, 3)
        output = json.dumps(result.message, ensure_ascii=False)
        effects = self.finished(e.ToolFinished(result.run.tool_call_id, result.outcome, output, seconds), now)
        if not result.needs_answer:
            self._unanswered.drop({result.run.tool_call_id})
        return effects

    def finished(self, event: e.ToolFinished, now: float) -> list[Effect]:
        run = self._transcript.tools.get(event.tool_call_id)
        if run is None or run.outcome != "running":
            return []
        run.outcome, run.output, run.seconds, run.ended_at = event.outcome, event.output, event.seconds, now
        self._unanswered.sent(event.tool_call_id)
        return [*self._transcript.save(run), Send(e.TellOutput(event.tool_call_id, event.output))]

    def refuse_hang_ups(self, now: float) -> list[Effect]:
        """The model called hang_up, but the caller is not done, or being transferred."""
        output = "Not hung up: the caller spoke before the goodbye ended. Go on with the conversation."
        if self.transfer.stage is not None:
            output = "Not hung up: that would end the transfer. A transfer that works ends the call by itself."
        effects: list[Effect] = []
        for run in list(self.hang_ups()):
            effects += self.finished(e.ToolFinished(run.tool_call_id, "refused", output), now)
            if self.transfer.stage is not None:  # no word more, the transfer was announced
                self._unanswered.drop({run.tool_call_id})
        return effects

    def hang_ups(self) -> Iterator[ToolRun]:
        return (run for run in self._transcript.running() if run.name == builtin_tools.HANG_UP)

    def row_of_keys(self, now: float) -> list[Effect]:
        """Keys that were not asked for: the model learns of them as of something that the caller said."""
        saves, item_id, text = self.keypad.row_is_complete(now)
        self._unanswered.add(item_id)
        return [*saves, Send(e.TellFact(text, item_id))]

    # --- tools that run on OpenAI's side ---

    def approval_asked(self, event: e.ApprovalAsked) -> list[Effect]:
        approve = event.server in self._approved or f"{event.server}.{event.tool}" in self._approved
        self._unanswered.add(event.item_id)  # an approval does not continue by itself
        return [Send(e.Approve(event.item_id, approve))]

    def remote_called(self, event: e.RemoteToolCalled, now: float) -> list[Effect]:
        outcome = "error" if event.failed else "ok"
        run = ToolRun(event.item_id, event.item_id, f"{event.server}.{event.name}", event.arguments, now, outcome)
        run.output = event.output
        self._transcript.tools[event.item_id] = run
        self._unanswered.seen(event.item_id)
        self._unanswered.add(event.item_id)  # the session knows the output, but does not go on by itself
        return self._transcript.save(run)

    # --- handed over ---

    def go_on(self, transfer: object, keypad: object, now: float) -> list[Effect]:
        """With the snapshots of a former owner, go on with what is running; what they do not mention begins anew."""
        runs = self._transcript.tools
        effects = self.transfer.restore(transfer, {**runs, **self._of_operators()}, now)
        self.keypad.restore(keypad, runs, now)
        for run in list(self._transcript.running()):
            known = self.transfer.is_of(run) or self.keypad.is_collecting_for(run) or run.name == builtin_tools.HANG_UP
            effects += [] if known else self.begin(run, now)
        for item_id in sorted(self._unanswered.unseen()):  # it may never have reached the session
            effects += self.tell_again(item_id)
        return effects

    def wait_for_operators_transfer(self, now: float) -> None:
        """The owner before us died after OpenAI had taken a transfer that an operator wanted."""
        for item_id, run in self._of_operators().items():
            if self.transfer.was_taken(item_id):
                self.transfer.begin_for_operator(run, "", now)

    def _of_operators(self) -> dict[str, ToolRun]:
        """The transfers that operators want, as runs of the tool: by the ids of their entries."""
        return {
            action.item_id: ToolRun(
                action.item_id,
                action.item_id,
                builtin_tools.TRANSFER,
                json.dumps({"to": action.text}),
                action.started_at,
            )
            for action in self._transcript.actions.values()
            if action.action == "transfer" and action.outcome in ("under_way", "done")
        }

    def waits_for_a_connection(self) -> None:
        """All that this owner tells on taking over is still to be sent."""
        self._waiting = self._unanswered.unseen()

    def tell_lost(self) -> list[Effect]:
        """There is a new connection. What the session has not shown may have been sent into the one that was lost."""
        lost, self._waiting = self._unanswered.unseen() - self._waiting, set()
        return [effect for item_id in sorted(lost) for effect in self.tell_again(item_id)]

    def tell_again(self, item_id: str) -> list[Effect]:
        """Outputs and keys carry ids of ours: the session refuses what it has already."""
        run, remark = self._transcript.tools.get(item_id), self._transcript.remarks.get(item_id)
        if run is not None and run.outcome != "running":
            return [Send(e.TellOutput(item_id, run.output or ""))]
        if (action := self._transcript.actions.get(item_id)) is not None:
            return [Send(e.TellFact(self._operator.told(action), item_id))]
        return [] if remark is None else [Send(e.TellFact(self.keypad.text(remark.text), item_id))]
