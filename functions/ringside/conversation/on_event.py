"""What each event means to the parts of a conversation, and what is to be done about it. Pure."""

from collections.abc import Callable

from ringside.calls import Step
from ringside.conversation import events as e
from ringside.conversation import on_action
from ringside.conversation.effects import Count, Effect, Mark, SaveUsage
from ringside.conversation.items import has_words
from ringside.conversation.next_step import settle
from ringside.conversation.parts import Parts
from ringside.conversation.responses import ANSWERS, Purpose
from ringside.conversation.tool_result import ToolResult

# --- the caller ---


def caller_started(parts: Parts, event: e.CallerStarted, now: float) -> list[Effect]:
    parts.caller_speaks = True
    parts.patience.sound(now)
    parts.transcript.turn(event.item_id, "caller", now)
    effects = parts.stay(now, in_doubt=True)
    return effects + parts.tools.progress(([], parts.tools.transfer.caller_speaks()), now)


def caller_stopped(parts: Parts, event: e.CallerStopped, now: float) -> list[Effect]:
    parts.caller_speaks = False
    return []


def item_added(parts: Parts, event: e.ItemAdded, now: float) -> list[Effect]:
    effects = parts.transcript.added(event)
    match event.kind:
        case "caller":
            parts.caller_speaks, parts.answer_due = False, True
            effects += parts.transcript.caller_committed(event.item_id, now)
        case "tool_output" | "approval" if event.tool_call_id is not None:
            parts.unanswered.seen(event.tool_call_id)
        case "other" if event.item_id in parts.transcript.remarks or event.item_id in parts.transcript.actions:
            parts.unanswered.seen(event.item_id)
    return effects


def caller_words(parts: Parts, event: e.CallerWords, now: float) -> list[Effect]:
    parts.transcript.words(event.item_id, event.delta)
    return []


def caller_transcript(parts: Parts, event: e.CallerTranscript, now: float) -> list[Effect]:
    parts.usage += event.usage
    effects = parts.transcript.caller_said(event.item_id, event.text, now)
    return effects + caller_was_heard(parts, event.item_id, event.text, now)


def caller_was_heard(parts: Parts, item_id: str, text: str | None, now: float) -> list[Effect]:
    """What the caller's turn comes to is known."""
    if not has_words(text):
        parts.was_a_noise(now)
        return []
    parts.was_a_caller()
    return parts.tools.progress(parts.tools.keypad.caller_said(item_id, now), now)


def caller_transcript_failed(parts: Parts, event: e.CallerTranscriptFailed, now: float) -> list[Effect]:
    effects = parts.transcript.caller_said(event.item_id, None, now)
    parts.was_a_caller()  # perhaps: nobody is hung up on because a transcription fails
    return [Count("transcription_failed"), *effects]


def digit_pressed(parts: Parts, event: e.DigitPressed, now: float) -> list[Effect]:
    effects = parts.stay(now)
    parts.was_a_caller()
    return effects + parts.tools.progress(parts.tools.keypad.pressed(event.digit, now), now)


# --- the agent ---


def response_started(parts: Parts, event: e.ResponseStarted, now: float) -> list[Effect]:
    parts.answer_due = False
    parts.playback.begins()
    if parts.responses.begun(event) in ANSWERS:
        parts.tools.keypad.overtaken()
    return []


def agent_words(parts: Parts, event: e.AgentWords, now: float) -> list[Effect]:
    if parts.transcript.goes_on(event.item_id, event.delta):
        return []
    effects: list[Effect] = []
    if parts.transcript.is_new(event.item_id):
        _, effects = parts.transcript.agent_turn(event.item_id, event.response_id, now)
        parts.playback.speaks(event.response_id)
        effects += settle(parts, now)
    parts.transcript.words(event.item_id, event.delta)
    return effects


def agent_transcript(parts: Parts, event: e.AgentTranscript, now: float) -> list[Effect]:
    parts.playback.speaks(event.response_id)
    return parts.transcript.agent_said(event, now)


def agent_cut_off(parts: Parts, event: e.AgentCutOff, now: float) -> list[Effect]:
    return parts.transcript.cut_off(event)


def response_ended(parts: Parts, event: e.ResponseEnded, now: float) -> list[Effect]:
    wanted_by = parts.responses.active_action if event.response_id == parts.responses.active else None
    failed = parts.responses.ended(event, now)
    effects: list[Effect] = []
    if wanted_by is not None:
        if failed is Purpose.OPERATOR and not parts.goodbye.is_wanted:
            parts.responses.want_for_action(*wanted_by, first=True)
        else:
            effects += on_action.response_ended(parts, wanted_by[0], event.status, now)
    if event.usage != e.Usage():
        parts.usage += event.usage
        effects.append(SaveUsage(parts.usage))
    effects += parts.transcript.missed_of(event, now)
    for call in event.tool_calls:
        effects += tool_called(parts, call, now)
    if event.status == "cancelled":
        effects += parts.transcript.interrupted(event.response_id)
        if event.reason != "client_cancelled":  # what is not interrupted by speech goes on playing
            parts.playback.stopped(event.response_id)
    if event.status == "failed":
        effects.append(Count("response_failed", event.error_code))
        if not parts.playback.was_audible(event.response_id):
            parts.playback.stopped(event.response_id)
    if failed is Purpose.FAREWELL:
        parts.say_goodbye_again()
    elif failed is not None and failed is not Purpose.OPERATOR:
        parts.responses.want(failed)
    return effects


def playback_started(parts: Parts, event: e.PlaybackStarted, now: float) -> list[Effect]:
    parts.patience.greeting_heard()
    return [Mark(Step.FIRST_AUDIO)] if parts.playback.started(event.response_id) else []


def playback_stopped(parts: Parts, event: e.PlaybackStopped, now: float) -> list[Effect]:
    parts.playback.stopped(event.response_id)
    return []


def playback_cleared(parts: Parts, event: e.PlaybackCleared, now: float) -> list[Effect]:
    effects: list[Effect] = []
    for response_id in parts.playback.cleared(event.response_id):
        effects += parts.transcript.interrupted(response_id)
    return effects + parts.stay(now, in_doubt=True)


def rate_limits_updated(parts: Parts, event: e.RateLimitsUpdated, now: float) -> list[Effect]:
    parts.responses.limits.updated(event, now)
    return []


# --- tools ---


def tool_called(parts: Parts, event: e.ToolCalled, now: float) -> list[Effect]:
    run, effects = parts.tools.called(event, now)
    return effects if run is None else effects + parts.begin(run, now)


def tool_finished(parts: Parts, event: e.ToolFinished, now: float) -> list[Effect]:
    return parts.tools.finished(event, now)


def refer_answered(parts: Parts, event: e.ReferAnswered, now: float) -> list[Effect]:
    effects = on_action.refer_answered(parts, event, now)
    progress, result = parts.tools.transfer.answered(event, now)
    return effects + progress + ([] if result is None else came_of_transfer(parts, result, now))


def came_of_transfer(parts: Parts, result: ToolResult, now: float) -> list[Effect]:
    """It did not work: whoever wanted it learns that."""
    if result.run.tool_call_id in parts.transcript.actions:
        return on_action.attempt_ended(parts, result, now)
    return parts.tools.result(result, now)


def approval_asked(parts: Parts, event: e.ApprovalAsked, now: float) -> list[Effect]:
    return parts.tools.approval_asked(event)


def remote_tool_called(parts: Parts, event: e.RemoteToolCalled, now: float) -> list[Effect]:
    return parts.tools.remote_called(event, now)


# --- the session ---


def session_error(parts: Parts, event: e.SessionError, now: float) -> list[Effect]:
    # Greeting and questions are not asked for again: somebody has spoken, or their timers see to it.
    waiting = parts.responses.pending_action
    purpose = parts.responses.refused(event, now)
    effects: list[Effect] = []
    if purpose is Purpose.FAREWELL:
        parts.say_goodbye_again()
    elif waiting is not None and purpose is Purpose.OPERATOR and not parts.goodbye.is_wanted:
        parts.responses.want_for_action(*waiting, first=True)
    elif waiting is not None and not parts.responses.is_pending:
        effects = on_action.response_ended(parts, waiting[0], "failed", now)
    return [*effects, Count("session_errors", event.code)]


def item_retrieved(parts: Parts, event: e.ItemRetrieved, now: float) -> list[Effect]:
    effects = parts.transcript.place(event.item_id, None)
    if event.tool_call is not None:
        effects += tool_called(parts, event.tool_call, now)
    effects += parts.transcript.retrieved(event, now)
    return effects + (caller_was_heard(parts, event.item_id, event.text, now) if event.role == "caller" else [])


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
