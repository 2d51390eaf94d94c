"""What each action of an operator means to the parts of a conversation, and what is to be done about it. Pure.

An action is begun once. What an owner had begun that died is begun again where that does no harm, as the session or
the record's claims refuse it the second time; else it is not known whether it was done, and the record says so.
"""

import json
from collections.abc import Callable

from ringside.calls import EndReason
from ringside.conversation import builtin_tools
from ringside.conversation import events as e
from ringside.conversation.effects import ActionSettled, Effect, Send
from ringside.conversation.items import ACTION, Action, ToolRun
from ringside.conversation.operator import GOOD_FOR_SECONDS
from ringside.conversation.responses import Purpose
from ringside.conversation.state import ConversationState
from ringside.conversation.tool_result import ToolResult

LEAVING = "the call is being left already"
TRANSFERRING = "the call is being transferred"
_DIED = "the monitor that took it died: it may have been done"
_SAY = 'Say exactly this, in these words, and nothing else: "{}"'
_ANNOUNCE = "Tell the caller in one short sentence that you are transferring them now. Call no tool."


def action_asked(state: ConversationState, event: e.ActionAsked, now: float) -> list[Effect]:
    operator, known = state.operator, state.transcript.actions.get(ACTION + event.action_id)
    if known is not None:
        if not known.is_open:
            return [ActionSettled(event.action_id)]
        if not operator.is_orphan(known):
            return []
        known.text = event.text  # the record may have it redacted
        return _begin(state, known, event, now, again=True)
    action = _entry(event, now)
    effects = state.transcript.took(action)
    if not event.is_first and not operator.knows_all:
        return effects + _begin(state, action, event, now, again=True)
    if now - event.asked_at > GOOD_FOR_SECONDS:
        return effects + operator.settle(action, "expired", now, f"nobody took it within {GOOD_FOR_SECONDS:.0f} s")
    return effects + _begin(state, action, event, now, again=False)


def came_too_late(state: ConversationState, event: e.ActionAsked, now: float) -> list[Effect]:
    """The call has ended."""
    action = state.transcript.actions.get(ACTION + event.action_id)
    if action is not None:
        return [ActionSettled(event.action_id)]
    action = _entry(event, now)
    return state.transcript.took(action) + state.operator.settle(action, "expired", now, "the call ended first")


def response_ended(state: ConversationState, item_id: str, status: str, now: float) -> list[Effect]:
    """The response is over that an action wanted, and is not tried again."""
    action = state.transcript.actions.get(item_id)
    if action is None or not action.is_open or action.action != "say":
        return []
    if status == "failed":
        return state.operator.settle(action, "failed", now, "OpenAI could not say it")
    why = "the caller spoke over it" if status == "cancelled" else None
    return state.operator.settle(action, "done", now, why)


def response_lost(state: ConversationState, item_id: str, now: float) -> list[Effect]:
    """The connection was lost while a response was under way that an action wanted."""
    action = state.transcript.actions.get(item_id)
    if action is None or not action.is_open or action.action != "say":
        return []
    return state.operator.settle(action, "unknown", now, "the connection was lost meanwhile: it may have been said")


def refer_answered(state: ConversationState, event: e.ReferAnswered, now: float) -> list[Effect]:
    """OpenAI took the transfer. (What it refuses is the result of the attempt, `attempt_ended`.)"""
    action = state.transcript.actions.get(event.tool_call_id)
    if action is None or not event.accepted:
        return []
    return state.operator.settle(action, "done", now, "OpenAI took it; whether it worked, the end of the call shows")


def attempt_ended(state: ConversationState, result: ToolResult, now: float) -> list[Effect]:
    """A transfer of an operator's did not work."""
    action = state.transcript.actions[result.run.tool_call_id]
    state.unanswered.add(action.item_id)
    effects = state.operator.settle(action, "failed", now, result.why)
    return [*effects, Send(e.TellFact(state.operator.told(action), action.item_id))]


def call_ended(state: ConversationState, now: float) -> list[Effect]:
    """What is under way comes to an end with the call."""
    effects: list[Effect] = []
    for action in state.operator.open():
        if action.action == "hang_up" and state.goodbye.hung_up is EndReason.OPERATOR_HUNG_UP:
            effects += state.operator.settle(action, "done", now)
        else:
            effects += state.operator.settle(action, "failed", now, "the call ended first")
    return effects


# --- each ---


def _entry(event: e.ActionAsked, now: float) -> Action:
    item_id = ACTION + event.action_id
    return Action(item_id, event.action, event.by, event.asked_at, now, event.text, event.silent)


def _begin(state: ConversationState, action: Action, event: e.ActionAsked, now: float, *, again: bool) -> list[Effect]:
    if state.goodbye.hung_up is not None and action.action != "hang_up":
        return state.operator.settle(action, "refused", now, LEAVING)
    return _DO[action.action](state, action, event, now, again)


def _say(state: ConversationState, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    if again:
        return state.operator.settle(action, "unknown", now, _DIED)
    if state.goodbye.is_wanted:
        return state.operator.settle(action, "refused", now, LEAVING)
    if state.tools.transfer.stage is not None:
        return state.operator.settle(action, "refused", now, TRANSFERRING)
    state.responses.want_for_action(action.item_id, _SAY.format(action.text))
    return []


def _instruct(state: ConversationState, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    """Told again, the session refuses it: the item has an id of its own."""
    waits = state.operator.is_holding and not action.silent
    if not action.silent:
        state.unanswered.add(action.item_id)
    told = Send(e.TellFact(state.operator.told(action), action.item_id))
    detail = "the agent is on hold: it answers when it goes on" if waits else None
    return [told, *state.operator.settle(action, "done", now, detail)]


def _transfer(state: ConversationState, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    """Requested again, it is refused by its claim, and what the call does next shows what came of it."""
    target = state.tools.transfer.target(action.text)
    uri = event.uri or target
    if uri is None:
        known = ", ".join(state.tools.transfer.targets) or "none"
        return state.operator.settle(action, "refused", now, f"the agent has no such target; it has: {known}")
    effects = state.stay(now)
    if state.goodbye.is_wanted:
        return effects + state.operator.settle(action, "refused", now, LEAVING)
    arguments = json.dumps({"to": action.text}, ensure_ascii=False)
    run = ToolRun(action.item_id, action.item_id, builtin_tools.TRANSFER, arguments, now)
    begun, result = state.tools.transfer.begin_for_operator(run, uri, now)
    if result is not None:
        return effects + begun + state.operator.settle(action, "refused", now, TRANSFERRING)
    if state.tools.transfer.stage == "announcing":
        state.responses.want_for_action(action.item_id, _ANNOUNCE)
    return effects + begun


def _hang_up(state: ConversationState, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    goodbye, reason = state.goodbye, EndReason.OPERATOR_HUNG_UP
    if goodbye.hung_up is not None:
        is_ours = again and goodbye.hung_up is reason
        return [] if is_ours else state.operator.settle(action, "refused", now, LEAVING)
    effects: list[Effect] = []
    called_off = state.tools.transfer.call_off()
    if called_off is not None and (other := state.transcript.actions.get(called_off.tool_call_id)) is not None:
        effects += state.operator.settle(other, "failed", now, "an operator hung up first")
    elif called_off is not None:
        output = "Not transferred: the operator of this line ends the call."
        effects += state.tools.finished(e.ToolFinished(called_off.tool_call_id, "refused", output), now)
        state.unanswered.drop({called_off.tool_call_id})
    if action.silent:
        return [*effects, goodbye.hang_up(reason)]
    already = goodbye.reason
    state.leave(reason, now)
    if goodbye.reason is not reason or (already is reason and not again):
        return effects + state.operator.settle(action, "refused", now, LEAVING)
    return effects


def _hold(state: ConversationState, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    if state.operator.is_holding and not again:
        return state.operator.settle(action, "refused", now, "the agent is on hold already")
    for purpose in (Purpose.SILENCE, Purpose.WAITING):
        state.responses.drop(purpose)
    return [state.operator.hold(on=True), *state.operator.settle(action, "done", now)]


def _resume(state: ConversationState, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    if not state.operator.is_holding and not again:
        return state.operator.settle(action, "refused", now, "the agent is not on hold")
    state.unanswered.add(action.item_id)
    told = Send(e.TellFact(state.operator.told(action), action.item_id))
    return [state.operator.hold(on=False), told, *state.operator.settle(action, "done", now)]


_Do = Callable[[ConversationState, Action, e.ActionAsked, float, bool], list[Effect]]
_DO: dict[e.ActionKind, _Do] = {
    "say": _say,
    "instruct": _instruct,
    "transfer": _transfer,
    "hang_up": _hang_up,
    "hold": _hold,
    "resume": _resume,
}
