"""What is to be done when a timer is due. Pure."""

from collections.abc import Callable

from ringside.calls import EndReason
from ringside.conversation import events as e
from ringside.conversation import on_action
from ringside.conversation.effects import Count, Effect, Reattach, Send
from ringside.conversation.on_event import came_of_transfer
from ringside.conversation.playback import BEFORE
from ringside.conversation.responses import Purpose
from ringside.conversation.state import ConversationState


def greeting_is_late(state: ConversationState, now: float) -> list[Effect]:
    effects: list[Effect] = [Count("greeting_late")]
    if state.patience.heard_anything:
        return effects
    may_be_heard = state.responses.active is not None or state.responses.is_held_up
    if may_be_heard or state.operator.is_holding:
        state.patience.await_greeting(now)
    elif state.patience.may_greet_again(now):
        state.responses.never_began()
        state.responses.want(Purpose.GREETING)
    else:
        effects.append(state.goodbye.hang_up(EndReason.NEVER_CONNECTED))
    return effects


def caller_is_silent(state: ConversationState, now: float) -> list[Effect]:
    if state.patience.may_ask_again():
        state.responses.want(Purpose.SILENCE)
    else:
        state.leave(EndReason.SILENCE, now)
    return [Count("silence")]


def tool_is_slow(state: ConversationState, now: float) -> list[Effect]:
    state.patience.excused()
    state.responses.want(Purpose.WAITING)
    return [Count("tools_slow")]


def time_is_nearly_up(state: ConversationState, now: float) -> list[Effect]:
    seconds = state.patience.remaining(now)
    text = f"This call ends in {seconds} seconds. Bring the conversation to a close."
    return [Send(e.TellFact(text))] if seconds > 0 else []


def time_is_up(state: ConversationState, now: float) -> list[Effect]:
    state.leave(EndReason.MAX_DURATION, now)
    return []


def give_up_goodbye(state: ConversationState, now: float) -> list[Effect]:
    reason = state.goodbye.reason
    return [] if reason is None else [Count("farewell_cut"), state.goodbye.hang_up(reason)]


def was_heard_meanwhile(state: ConversationState, now: float) -> list[Effect]:
    state.playback.stopped(BEFORE)
    return []


def digits_are_complete(state: ConversationState, now: float) -> list[Effect]:
    return state.tools.row_of_keys(now)


def keys_are_collected(state: ConversationState, now: float) -> list[Effect]:
    return state.tools.progress(state.tools.keypad.gave_up(now), now)


def transfer_is_judged(state: ConversationState, now: float) -> list[Effect]:
    effects, result = state.tools.transfer.still_here(now)
    return effects if result is None else effects + came_of_transfer(state, result, now)


def response_never_began(state: ConversationState, now: float) -> list[Effect]:
    waiting = state.responses.pending_action
    state.responses.never_began()
    effects = [] if waiting is None else on_action.response_ended(state, waiting[0], "failed", now)
    return [*effects, Count("response_never_started")]


def session_is_stalled(state: ConversationState, now: float) -> list[Effect]:
    is_stalled = state.patience.is_stalled(now, generating=not state.responses.is_idle)
    return [Count("session_stalled"), Reattach()] if is_stalled else []


def may_ask_again(state: ConversationState, now: float) -> list[Effect]:
    return []


WHEN_DUE: dict[str, Callable[[ConversationState, float], list[Effect]]] = {
    "asked": response_never_began,
    "collecting": keys_are_collected,
    "digits": digits_are_complete,
    "farewell": give_up_goodbye,
    "greeting": greeting_is_late,
    "max_duration": time_is_up,
    "pause": may_ask_again,
    "silence": caller_is_silent,
    "slow": tool_is_slow,
    "stalled": session_is_stalled,
    "unheard": was_heard_meanwhile,
    "verdict": transfer_is_judged,
    "warning": time_is_nearly_up,
}
