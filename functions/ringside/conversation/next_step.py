"""What follows from the state of all parts together: who is to speak next, and what is waited for. Pure."""

from ringside.conversation.effects import Effect
from ringside.conversation.parts import Parts
from ringside.conversation.responses import Purpose


def settle(parts: Parts, now: float) -> list[Effect]:
    """Bring what we want into line with what is: ask for a response, hang up, set the timers."""
    goodbye, responses = parts.goodbye, parts.responses
    if goodbye.hung_up is not None:
        parts.timers.clear()
        return []
    tool_running = parts.tools.any_function_runs
    effects: list[Effect] = []
    if not parts.caller_speaks and responses.may_ask:
        effects = _next_step(parts, now, tool_running)
        if goodbye.hung_up is not None:
            return effects
    listens_only = parts.operator.is_holding
    playing, idle = bool(parts.playback.unheard), responses.is_idle
    parts.patience.mind(
        now,
        generating=not idle,
        expecting=playing or (parts.answer_due and not listens_only),
        quiet=idle and not (listens_only or playing or parts.caller_speaks or responses.is_held_up),
        tool_running=tool_running,
        leaving=goodbye.reason is not None,
        unhurried=parts.tools.is_unhurried,
    )
    return effects


def _next_step(parts: Parts, now: float, tool_running: bool) -> list[Effect]:
    """Neither side is about to speak: whose turn is it?"""
    on_hold = parts.operator.is_holding
    wanted = parts.responses.next(now, on_hold=on_hold)
    if wanted is not None:
        return [wanted]
    if parts.unanswered and not (parts.goodbye.is_wanted or on_hold):
        # The outcome of a transfer, and keys that are waited for, are answered together with what came before.
        # But a caller who presses keys unasked is answered at once, whatever else is under way; and so is an operator.
        transcript, unanswered = parts.transcript, parts.unanswered
        at_once = unanswered.includes_any(transcript.remarks) or unanswered.includes_any(transcript.actions)
        if at_once or not (tool_running or parts.tools.holds_answers):
            return [parts.responses.answer(now)]
    if parts.playback.is_playing:
        return []
    if parts.tools.transfer.stage == "announcing":
        return parts.tools.transfer.refer(now)
    reason = parts.goodbye.reason
    if reason is not None and not tool_running and not parts.responses.awaits(Purpose.FAREWELL):
        return [parts.goodbye.hang_up(reason)]
    return []
