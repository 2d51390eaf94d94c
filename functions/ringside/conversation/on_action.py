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
from ringside.conversation.parts import Parts
from ringside.conversation.responses import Purpose
from ringside.conversation.tool_result import ToolResult

LEAVING = "the call is being left already"
TRANSFERRING = "the call is being transferred"
_DIED = "the monitor that took it died: it may have been done"
_SAY = 'Say exactly this, in these words, and nothing else: "{}"'
_ANNOUNCE = "Tell the caller in one short sentence that you are transferring them now. Call no tool."


def action_asked(parts: Parts, event: e.ActionAsked, now: float) -> list[Effect]:
    operator, known = parts.operator, parts.transcript.actions.get(ACTION + event.action_id)
    if known is not None:
        if not known.is_open:
            return [ActionSettled(event.action_id)]
        if not operator.is_orphan(known):
            return []
        known.text = event.text  # the record may have it redacted
        return _begin(parts, known, event, now, again=True)
    action = _entry(event, now)
    effects = parts.transcript.took(action)
    if not event.is_first and not operator.knows_all:
        return effects + _begin(parts, action, event, now, again=True)
    if now - event.asked_at > GOOD_FOR_SECONDS:
        return effects + operator.settle(action, "expired", now, f"nobody took it within {GOOD_FOR_SECONDS:.0f} s")
    return effects + _begin(parts, action, event, now, again=False)


def came_too_late(parts: Parts, event: e.ActionAsked, now: float) -> list[Effect]:
    """The call has ended."""
    action = parts.transcript.actions.get(ACTION + event.action_id)
    if action is not None:
        return [ActionSettled(event.action_id)]
    action = _entry(event, now)
    return parts.transcript.took(action) + parts.operator.settle(action, "expired", now, "the call ended first")


def response_ended(parts: Parts, item_id: str, status: str, now: float) -> list[Effect]:
    """The response is over that an action wanted, and is not tried again."""
    action = parts.transcript.actions.get(item_id)
    if action is None or not action.is_open or action.action != "say":
        return []
    if status == "failed":
        return parts.operator.settle(action, "failed", now, "OpenAI could not say it")
    why = "the caller spoke over it" if status == "cancelled" else None
    return parts.operator.settle(action, "done", now, why)


def response_lost(parts: Parts, item_id: str, now: float) -> list[Effect]:
    """The connection was lost while a response was under way that an action wanted."""
    action = parts.transcript.actions.get(item_id)
    if action is None or not action.is_open or action.action != "say":
        return []
    return parts.operator.settle(action, "unknown", now, "the connection was lost meanwhile: it may have been said")


def refer_answered(parts: Parts, event: e.ReferAnswered, now: float) -> list[Effect]:
    """OpenAI took the transfer. (What it refuses is the result of the attempt, `attempt_ended`.)"""
    action = parts.transcript.actions.get(event.tool_call_id)
    if action is None or not event.accepted:
        return []
    return parts.operator.settle(action, "done", now, "OpenAI took it; whether it worked, the end of the call shows")


def attempt_ended(parts: Parts, result: ToolResult, now: float) -> list[Effect]:
    """A transfer of an operator's did not work."""
    action = parts.transcript.actions[result.run.tool_call_id]
    parts.unanswered.add(action.item_id)
    effects = parts.operator.settle(action, "failed", now, result.why)
    return [*effects, Send(e.TellFact(parts.operator.told(action), action.item_id))]


def call_ended(parts: Parts, now: float) -> list[Effect]:
    """What is under way comes to an end with the call."""
    effects: list[Effect] = []
    for action in parts.operator.open():
        if action.action == "hang_up" and parts.goodbye.hung_up is EndReason.OPERATOR_HUNG_UP:
            effects += parts.operator.settle(action, "done", now)
        else:
            effects += parts.operator.settle(action, "failed", now, "the call ended first")
    return effects


# --- each ---


def _entry(event: e.ActionAsked, now: float) -> Action:
    item_id = ACTION + event.action_id
    return Action(item_id, event.action, event.by, event.asked_at, now, event.text, event.silent)


def _begin(parts: Parts, action: Action, event: e.ActionAsked, now: float, *, again: bool) -> list[Effect]:
    if parts.goodbye.hung_up is not None and action.action != "hang_up":
        return parts.operator.settle(action, "refused", now, LEAVING)
    return _DO[action.action](parts, action, event, now, again)


def _say(parts: Parts, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    if again:
        return parts.operator.settle(action, "unknown", now, _DIED)
    if parts.goodbye.is_wanted:
        return parts.operator.settle(action, "refused", now, LEAVING)
    if parts.tools.transfer.stage is not None:
        return parts.operator.settle(action, "refused", now, TRANSFERRING)
    parts.responses.want_for_action(action.item_id, _SAY.format(action.text))
    return []


def _instruct(parts: Parts, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    """Told again, the session refuses it: the item has an id of its own."""
    waits = parts.operator.is_holding and not action.silent
    if not action.silent:
        parts.unanswered.add(action.item_id)
    told = Send(e.TellFact(parts.operator.told(action), action.item_id))
    detail = "the agent is on hold: it answers when it goes on" if waits else None
    return [told, *parts.operator.settle(action, "done", now, detail)]


def _transfer(parts: Parts, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    """Requested again, it is refused by its claim, and what the call does next shows what came of it."""
    target = parts.tools.transfer.target(action.text)
    uri = event.uri or target
    if uri is None:
        known = ", ".join(parts.tools.transfer.targets) or "none"
        return parts.operator.settle(action, "refused", now, f"the agent has no such target; it has: {known}")
    effects = parts.stay(now)
    if parts.goodbye.is_wanted:
        return effects + parts.operator.settle(action, "refused", now, LEAVING)
    arguments = json.dumps({"to": action.text}, ensure_ascii=False)
    run = ToolRun(action.item_id, action.item_id, builtin_tools.TRANSFER, arguments, now)
    begun, result = parts.tools.transfer.begin_for_operator(run, uri, now)
    if result is not None:
        return effects + begun + parts.operator.settle(action, "refused", now, TRANSFERRING)
    if parts.tools.transfer.stage == "announcing":
        parts.responses.want_for_action(action.item_id, _ANNOUNCE)
    return effects + begun


def _hang_up(parts: Parts, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    goodbye, reason = parts.goodbye, EndReason.OPERATOR_HUNG_UP
    if goodbye.hung_up is not None:
        is_ours = again and goodbye.hung_up is reason
        return [] if is_ours else parts.operator.settle(action, "refused", now, LEAVING)
    effects: list[Effect] = []
    called_off = parts.tools.transfer.call_off()
    if called_off is not None and (other := parts.transcript.actions.get(called_off.tool_call_id)) is not None:
        effects += parts.operator.settle(other, "failed", now, "an operator hung up first")
    elif called_off is not None:
        output = "Not transferred: the operator of this line ends the call."
        effects += parts.tools.finished(e.ToolFinished(called_off.tool_call_id, "refused", output), now)
        parts.unanswered.drop({called_off.tool_call_id})
    if action.silent:
        return [*effects, goodbye.hang_up(reason)]
    already = goodbye.reason
    parts.leave(reason, now)
    if goodbye.reason is not reason or (already is reason and not again):
        return effects + parts.operator.settle(action, "refused", now, LEAVING)
    return effects


def _hold(parts: Parts, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    if parts.operator.is_holding and not again:
        return parts.operator.settle(action, "refused", now, "the agent is on hold already")
    for purpose in (Purpose.SILENCE, Purpose.WAITING):
        parts.responses.drop(purpose)
    return [parts.operator.hold(on=True), *parts.operator.settle(action, "done", now)]


def _resume(parts: Parts, action: Action, event: e.ActionAsked, now: float, again: bool) -> list[Effect]:
    if not parts.operator.is_holding and not again:
        return parts.operator.settle(action, "refused", now, "the agent is not on hold")
    parts.unanswered.add(action.item_id)
    told = Send(e.TellFact(parts.operator.told(action), action.item_id))
    return [parts.operator.hold(on=False), told, *parts.operator.settle(action, "done", now)]


_Do = Callable[[Parts, Action, e.ActionAsked, float, bool], list[Effect]]
_DO: dict[e.ActionKind, _Do] = {
    "say": _say,
    "instruct": _instruct,
    "transfer": _transfer,
    "hang_up": _hang_up,
    "hold": _hold,
    "resume": _resume,
}
