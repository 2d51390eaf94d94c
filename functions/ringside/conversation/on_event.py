"""What each event means to the parts of a conversation, and what is to be done about it. Pure."""

from collections.abc import Callable

from ringside.calls import Step
from ringside.conversation import events as e
from ringside.conversation import on_action
from ringside.conversation.effects import Count, Effect, Mark, SaveUsage
from ringside.conversation.items import has_words
from ringside.conversation.next_step import settle
from ringside.conversation.responses import ANSWERS, Purpose
from ringside.conversation.state import ConversationState
from ringside.conversation.tool_result import ToolResult

# --- the caller ---


def caller_started(state: ConversationState, event: e.CallerStarted, now: float) -> list[Effect]:
    state.caller_speaks = True
    state.patience.sound(now)
    state.transcript.turn(event.item_id, "caller", now)
    effects = state.stay(now, in_doubt=True)
    return effects + state.tools.progress(([], state.tools.transfer.caller_speaks()), now)


def caller_stopped(state: ConversationState, event: e.CallerStopped, now: float) -> list[Effect]:
    state.caller_speaks = False
    return []


def item_added(state: ConversationState, event: e.ItemAdded, now: float) -> list[Effect]:
    effects = state.transcript.added(event)
    match event.kind:
        case "caller":
            state.caller_speaks, state.answer_due = False, True
            effects += state.transcript.caller_committed(event.item_id, now)
        case "tool_output" | "approval" if event.tool_call_id is not None:
            state.unanswered.seen(event.tool_call_id)
        case "other" if event.item_id in state.transcript.remarks or event.item_id in state.transcript.actions:
            state.unanswered.seen(event.item_id)
    return effects


def caller_words(state: ConversationState, event: e.CallerWords, now: float) -> list[Effect]:
    state.transcript.words(event.item_id, event.delta)
    return []


def caller_transcript(state: ConversationState, event: e.CallerTranscript, now: float) -> list[Effect]:
    state.usage += event.usage
    effects = state.transcript.caller_said(event.item_id, event.text, now)
    return effects + caller_was_heard(state, event.item_id, event.text, now)


def caller_was_heard(state: ConversationState, item_id: str, text: str | None, now: float) -> list[Effect]:
    """What the caller's turn comes to is known."""
    if not has_words(text):
        state.was_a_noise(now)
        return []
    state.was_a_caller()
    return state.tools.progress(state.tools.keypad.caller_said(item_id, now), now)


def caller_transcript_failed(state: ConversationState, event: e.CallerTranscriptFailed, now: float) -> list[Effect]:
    effects = state.transcript.caller_said(event.item_id, None, now)
    state.was_a_caller()  # perhaps: nobody is hung up on because a transcription fails
    return [Count("transcription_failed"), *effects]


def digit_pressed(state: ConversationState, event: e.DigitPressed, now: float) -> list[Effect]:
    effects = state.stay(now)
    state.was_a_caller()
    return effects + state.tools.progress(state.tools.keypad.pressed(event.digit, now), now)


# --- the agent ---


def response_started(state: ConversationState, event: e.ResponseStarted, now: float) -> list[Effect]:
    state.answer_due = False
    state.playback.begins()
    if state.responses.begun(event) in ANSWERS:
        state.tools.keypad.overtaken()
    return []


def agent_words(state: ConversationState, event: e.AgentWords, now: float) -> list[Effect]:
    if state.transcript.goes_on(event.item_id, event.delta):
        return []
    effects: list[Effect] = []
    if state.transcript.is_new(event.item_id):
        _, effects = state.transcript.agent_turn(event.item_id, event.response_id, now)
        state.playback.speaks(event.response_id)
        effects += settle(state, now)
    state.transcript.words(event.item_id, event.delta)
    return effects


def agent_transcript(state: ConversationState, event: e.AgentTranscript, now: float) -> list[Effect]:
    state.playback.speaks(event.response_id)
    return state.transcript.agent_said(event, now)


def agent_cut_off(state: ConversationState, event: e.AgentCutOff, now: float) -> list[Effect]:
    return state.transcript.cut_off(event)


def response_ended(state: ConversationState, event: e.ResponseEnded, now: float) -> list[Effect]:
    wanted_by = state.responses.active_action if event.response_id == state.responses.active else None
    failed = state.responses.ended(event, now)
    effects: list[Effect] = []
    if wanted_by is not None:
        if failed is Purpose.OPERATOR and not state.goodbye.is_wanted:
            state.responses.want_for_action(*wanted_by, first=True)
        else:
            effects += on_action.response_ended(state, wanted_by[0], event.status, now)
    if event.usage != e.Usage():
        state.usage += event.usage
        effects.append(SaveUsage(state.usage))
    effects += state.transcript.missed_of(event, now)
    for call in event.tool_calls:
        effects += tool_called(state, call, now)
    if event.status == "cancelled":
        effects += state.transcript.interrupted(event.response_id)
        if event.reason != "client_cancelled":  # what is not interrupted by speech goes on playing
            state.playback.stopped(event.response_id)
    if event.status == "failed":
        effects.append(Count("response_failed", event.error_code))
        if not state.playback.was_audible(event.response_id):
            state.playback.stopped(event.response_id)
    if failed is Purpose.FAREWELL:
        state.say_goodbye_again()
    elif failed is not None and failed is not Purpose.OPERATOR:
        state.responses.want(failed)
    return effects


def playback_started(state: ConversationState, event: e.PlaybackStarted, now: float) -> list[Effect]:
    state.patience.greeting_heard()
    return [Mark(Step.FIRST_AUDIO)] if state.playback.started(event.response_id) else []


def playback_stopped(state: ConversationState, event: e.PlaybackStopped, now: float) -> list[Effect]:
    state.playback.stopped(event.response_id)
    return []


def playback_cleared(state: ConversationState, event: e.PlaybackCleared, now: float) -> list[Effect]:
    effects: list[Effect] = []
    for response_id in state.playback.cleared(event.response_id):
        effects += state.transcript.interrupted(response_id)
    return effects + state.stay(now, in_doubt=True)


def rate_limits_updated(state: ConversationState, event: e.RateLimitsUpdated, now: float) -> list[Effect]:
    state.responses.limits.updated(event, now)
    return []


# --- tools ---


def tool_called(state: ConversationState, event: e.ToolCalled, now: float) -> list[Effect]:
    run, effects = state.tools.called(event, now)
    return effects if run is None else effects + state.begin(run, now)


def tool_finished(state: ConversationState, event: e.ToolFinished, now: float) -> list[Effect]:
    return state.tools.finished(event, now)


def refer_answered(state: ConversationState, event: e.ReferAnswered, now: float) -> list[Effect]:
    effects = on_action.refer_answered(state, event, now)
    progress, result = state.tools.transfer.answered(event, now)
    return effects + progress + ([] if result is None else came_of_transfer(state, result, now))


def came_of_transfer(state: ConversationState, result: ToolResult, now: float) -> list[Effect]:
    """It did not work: whoever wanted it learns that."""
    if result.run.tool_call_id in state.transcript.actions:
        return on_action.attempt_ended(state, result, now)
    return state.tools.result(result, now)


def approval_asked(state: ConversationState, event: e.ApprovalAsked, now: float) -> list[Effect]:
    return state.tools.approval_asked(event)


def remote_tool_called(state: ConversationState, event: e.RemoteToolCalled, now: float) -> list[Effect]:
    return state.tools.remote_called(event, now)


# --- the session ---


def session_error(state: ConversationState, event: e.SessionError, now: float) -> list[Effect]:
    # Greeting and questions are not asked for again: somebody has spoken, or their timers see to it.
    waiting = state.responses.pending_action
    purpose = state.responses.refused(event, now)
    effects: list[Effect] = []
    if purpose is Purpose.FAREWELL:
        state.say_goodbye_again()
    elif waiting is not None and purpose is Purpose.OPERATOR and not state.goodbye.is_wanted:
        state.responses.want_for_action(*waiting, first=True)
    elif waiting is not None and not state.responses.is_pending:
        effects = on_action.response_ended(state, waiting[0], "failed", now)
    return [*effects, Count("session_errors", event.code)]


def item_retrieved(state: ConversationState, event: e.ItemRetrieved, now: float) -> list[Effect]:
    effects = state.transcript.place(event.item_id, None)
    if event.tool_call is not None:
        effects += tool_called(state, event.tool_call, now)
    effects += state.transcript.retrieved(event, now)
    return effects + (caller_was_heard(state, event.item_id, event.text, now) if event.role == "caller" else [])


FRAGMENTS: dict[type, Callable[..., list[Effect]]] = {
    e.AgentWords: agent_words,
    e.CallerWords: caller_words,
    e.RateLimitsUpdated: rate_limits_updated,
}
"""Most events are of these kinds. Nothing follows from them."""

HANDLERS: dict[type, Callable[..., list[Effect]]] = {
    e.CallerStarted: caller_started,
    e.CallerStopped: caller_stopped,
    e.ItemAdded: item_added,
    e.CallerTranscript: caller_transcript,
    e.CallerTranscriptFailed: caller_transcript_failed,
    e.ResponseStarted: response_started,
    e.AgentTranscript: agent_transcript,
    e.ToolCalled: tool_called,
    e.ResponseEnded: response_ended,
    e.PlaybackStarted: playback_started,
    e.PlaybackStopped: playback_stopped,
    e.PlaybackCleared: playback_cleared,
    e.AgentCutOff: agent_cut_off,
    e.DigitPressed: digit_pressed,
    e.ItemRetrieved: item_retrieved,
    e.ApprovalAsked: approval_asked,
    e.RemoteToolCalled: remote_tool_called,
    e.SessionError: session_error,
    e.ToolFinished: tool_finished,
    e.ReferAnswered: refer_answered,
    e.ActionAsked: on_action.action_asked,
}
