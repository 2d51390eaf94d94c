"""What operators want done on a call: what is under way of it, and whether the agent is on hold. Pure.

What each action does is in `on_action`; this is what is known of them. An action is an entry of the record, from the
moment when an owner takes it: a former owner's are found there.
"""

from collections.abc import Iterator
from typing import Any

from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import ActionSettled, Effect, Send
from ringside.conversation.items import Action, ActionOutcome
from ringside.conversation.transcript import Transcript

GOOD_FOR_SECONDS = 30.0
"""After which an action that nobody has taken is not done any more: longer than a call is without an owner after a
crash, and short enough that nothing is done that nobody expects any longer."""

_RESUMED = "(The operator has given the conversation back to you. Go on with it.)"


class Operator:
    def __init__(self, behaviour: Behaviour, transcript: Transcript) -> None:
        self._detection = behaviour.turn_detection
        self._targets = behaviour.transfers
        self._transcript = transcript
        self._orphans: set[str] = set()  # entries that an owner began which died
        self.is_holding = False
        """Whether the agent listens and does not answer."""
        self.knows_all = True
        """Whether every action that was claimed before is in the record, or was never begun."""

    def settle(self, action: Action, outcome: ActionOutcome, now: float, detail: str | None = None) -> list[Effect]:
        """This is what came of it."""
        action.outcome, action.detail, action.ended_at = outcome, detail, now
        return [*self._transcript.save(action), ActionSettled(action.action_id)]

    def is_orphan(self, action: Action) -> bool:
        """Whether an owner that died had begun it; asked once."""
        known = action.item_id in self._orphans
        self._orphans.discard(action.item_id)
        return known

    def open(self) -> Iterator[Action]:
        return (action for action in list(self._transcript.actions.values()) if action.is_open)

    # --- on hold ---

    def hold(self, *, on: bool) -> Effect:
        self.is_holding = on
        return Send(e.DetectTurns(self._turn_detection()))

    def told_again(self) -> list[Effect]:
        """There is a new connection: what the session was told of a hold may have been lost with the former one."""
        return [Send(e.DetectTurns(self._turn_detection()))] if any(self._holds()) else []

    def _turn_detection(self) -> dict[str, Any]:
        given = dict(self._detection)
        if not self.is_holding:
            return {**given, "create_response": given.get("create_response", True)}
        if "idle_timeout_ms" in given:  # the session speaks up by itself after that
            given["idle_timeout_ms"] = None
        return {**given, "create_response": False}

    def _holds(self) -> Iterator[Action]:
        actions = self._transcript.actions.values()
        return (action for action in actions if action.action in ("hold", "resume") and action.outcome == "done")

    # --- what the model is told ---

    def told(self, action: Action) -> str:
        """The system message of an action, which has the entry's id in the session."""
        match action.action:
            case "resume":
                return _RESUMED
            case "transfer":
                target = self._targets.get(action.text)
                otherwise = target.otherwise if target is not None else ""
                text = f"The transfer to {action.text} did not work; the caller is still on the line."
                return f"{text} {otherwise}".rstrip()
            case _:
                return f"Instruction from the operator of this line, who listens: {action.text}"

    # --- handed over ---

    def restore(self) -> None:
        """The transcript is loaded."""
        # Of two of the same moment the later entry counts: `max` would take the first.
        holds = sorted(self._holds(), key=lambda action: action.ended_at or 0.0)
        self.is_holding = bool(holds) and holds[-1].action == "hold"

    def start_over(self) -> None:
        """The owner before us has died."""
        self._orphans = {action.item_id for action in self.open()}
        self.knows_all = False
