"""What is to be done when a timer is due. Pure."""

from collections.abc import Callable

from ringside.calls import EndReason
from ringside.conversation import events as e
from ringside.conversation import on_action
from ringside.conversation.effects import Count, Effect, Reattach, Send
from ringside.conversation.on_event import came_of_transfer
from ringside.conversation.parts import Parts
from ringside.conversation.playback import BEFORE
from ringside.conversation.responses import Purpose


def greeting_is_late(parts: Parts, now: float) -> list[Effect]:
    effects: list[Effect] = [Count("greeting_late")]
    if parts.patience.heard_anything:
        return effects
    may_be_heard = parts.responses.active is not None or parts.responses.is_held_up
    if may_be_heard or parts.operator.is_holding:
        parts.patience.await_greeting(now)
    elif parts.patience.may_greet_again(now):
        parts.responses.never_began()
        parts.responses.want(Purpose.GREETING)
    else:
        effects.append(parts.goodbye.hang_up(EndReason.NEVER_CONNECTED))
    return effects


def caller_is_silent(parts: Parts, now: float) -> list[Effect]:
    if parts.patience.may_ask_again():
        parts.responses.want(Purpose.SILENCE)
    else:
        parts.leave(EndReason.SILENCE, now)
    return [Count("silence")]


def tool_is_slow(parts: Parts, now: float) -> list[Effect]:
    parts.patience.excused()
    parts.responses.want(Purpose.WAITING)
    return [Count("tools_slow")]


def time_is_nearly_up(parts: Parts, now: float) -> list[Effect]:
    seconds = parts.patience.remaining(now)
    text = f"This call ends in {seconds} seconds. Bring the conversation to a close."
    return [Send(e.TellFact(text))] if seconds > 0 else []


def time_is_up(parts: Parts, now: float) -> list[Effect]:
    parts.leave(EndReason.MAX_DURATION, now)
    return []


def give_up_goodbye(parts: Parts, now: float) -> list[Effect]:
    reason = parts.goodbye.reason
    return [] if reason is None else [Count("farewell_cut"), parts.goodbye.hang_up(reason)]


def was_heard_meanwhile(parts: Parts, now: float) -> list[Effect]:
    parts.playback.stopped(BEFORE)
    return []


def digits_are_complete(parts: Parts, now: float) -> list[Effect]:
    return parts.tools.row_of_keys(now)


def keys_are_collected(parts: Parts, now: float) -> list[Effect]:
    return parts.tools.progress(parts.tools.keypad.gave_up(now), now)


def transfer_is_judged(parts: Parts, now: float) -> list[Effect]:
    effects, result = parts.tools.transfer.still_here(now)
    return effects if result is None else effects + came_of_transfer(parts, result, now)


def response_never_began(parts: Parts, now: float) -> list[Effect]:
    waiting = parts.responses.pending_action
    parts.responses.never_began()
    effects = [] if waiting is None else on_action.response_ended(parts, waiting[0], "failed", now)
    return [*effects, Count("response_never_started")]


def session_is_stalled(parts: Parts, now: float) -> list[Effect]:
    is_stalled = parts.patience.is_stalled(now, generating=not parts.responses.is_idle)
    return [Count("session_stalled"), Reattach()] if is_stalled else []


def may_ask_again(parts: Parts, now: float) -> list[Effect]:
    return []


WHEN_DUE: dict[str, Callable[[Parts, float], list[Effect]]] = {
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
