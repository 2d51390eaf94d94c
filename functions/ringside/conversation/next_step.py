"""What follows from the state of all parts together: who is to speak next, and what is waited for. Pure."""

from ringside.conversation.effects import Effect
from ringside.conversation.responses import Purpose
from ringside.conversation.state import ConversationState


def settle(state: ConversationState, now: float) -> list[Effect]:
    """Bring what we want into line with what is: ask for a response, hang up, set the timers."""
    goodbye, responses = state.goodbye, state.responses
    if goodbye.hung_up is not None:
        state.timers.clear()
        return []
    tool_running = state.tools.any_function_runs
    effects: list[Effect] = []
    if not state.caller_speaks and responses.may_ask:
        effects = _next_step(state, now, tool_running)
        if goodbye.hung_up is not None:
            return effects
    listens_only = state.operator.is_holding
    playing, idle = bool(state.playback.unheard), responses.is_idle
    state.patience.mind(
        now,
        generating=not idle,
        expecting=playing or (state.answer_due and not listens_only),
        quiet=idle and not (listens_only or playing or state.caller_speaks or responses.is_held_up),
        tool_running=tool_running,
        leaving=goodbye.reason is not None,
        unhurried=state.tools.is_unhurried,
    )
    return effects


def _next_step(state: ConversationState, now: float, tool_running: bool) -> list[Effect]:
    """Neither side is about to speak: whose turn is it?"""
    on_hold = state.operator.is_holding
    wanted = state.responses.next(now, on_hold=on_hold)
    if wanted is not None:
        return [wanted]
    if state.unanswered and not (state.goodbye.is_wanted or on_hold):
        # The outcome of a transfer, and keys that are waited for, are answered together with what came before.
        # But a caller who presses keys unasked is answered at once, whatever else is under way; and so is an operator.
        transcript, unanswered = state.transcript, state.unanswered
        at_once = unanswered.includes_any(transcript.remarks) or unanswered.includes_any(transcript.actions)
        if at_once or not (tool_running or state.tools.holds_answers):
            return [state.responses.answer(now)]
    if state.playback.is_playing:
        return []
    if state.tools.transfer.stage == "announcing":
        return state.tools.transfer.refer(now)
    reason = state.goodbye.reason
    if reason is not None and not tool_running and not state.responses.awaits(Purpose.FAREWELL):
        return [state.goodbye.hang_up(reason)]
    return []
