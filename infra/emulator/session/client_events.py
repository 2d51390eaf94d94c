"""Client events: each is checked against its documented shape, then done; a bad one is an `error` event.

`error.event_id` repeats the client's, `error.param` names the field (facts 3.9). Only the
socket that sent the event gets the error; what the event causes goes to all.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.emulator.session import configuration
from infra.emulator.session.conversation import ItemNotFound
from infra.emulator.session.input_audio import InputAudio
from infra.emulator.session.live_session import LiveSession
from infra.emulator.wire import ids
from infra.emulator.wire.schemas import CLIENT_EVENTS
from infra.emulator.wire.server_events import Event, error, event
from infra.emulator.wire.validation import InvalidRequest, unsupported_value

Emit = Callable[[Event], None]


def parse(frame: str | bytes) -> Event:
    """The client's event as sent; `InvalidRequest` when it is not even JSON."""
    try:
        data = json.loads(frame)
    except ValueError:
        raise InvalidRequest("We could not parse the JSON body of your event.", "invalid_event", None) from None
    if not isinstance(data, dict):
        raise InvalidRequest("An event must be a JSON object.", "invalid_event", None)
    return data


def check(sent: Event) -> None:
    if "type" not in sent:
        raise InvalidRequest("The 'type' field is missing.", "invalid_event", "type")  # facts 3.9
    kind = sent["type"]
    if kind not in CLIENT_EVENTS:
        raise unsupported_value("type", kind, list(CLIENT_EVENTS))
    CLIENT_EVENTS[kind](sent, "")


@dataclass(frozen=True)
class ClientEvents:
    """Does what a call's client events ask for: what they act on, and where the results go."""

    session: LiveSession
    input_audio: InputAudio
    emit: Emit
    note_output: Callable[[str, str], None]

    def handle(self, sent: Event, reply: Emit) -> None:
        """Do what the client asked; `reply` goes to its socket only."""
        try:
            check(sent)
            self._do(sent)
        except InvalidRequest as invalid:
            given = sent.get("event_id")
            echoed = given if isinstance(given, str) else None
            reply(error(invalid.message, invalid.code, param=invalid.param, client_event_id=echoed))

    def _do(self, sent: Event) -> None:
        match sent["type"]:
            case "session.update":
                self._update_session(sent["session"])
            case "response.create":
                self.session.respond(sent.get("response"))
            case "response.cancel":
                _cancel(self.session, sent.get("response_id"))
            case "output_audio_buffer.clear":
                self.session.clear_audio(truncate=False)
            case "input_audio_buffer.append":
                self.input_audio.append(_pcm(sent["audio"]))
            case "input_audio_buffer.commit":
                self.input_audio.commit()
            case "input_audio_buffer.clear":
                self.input_audio.clear()
            case "conversation.item.create":
                self._create_item(sent)
            case _:
                _on_item(self.session, self.emit, sent)

    def _update_session(self, update: dict[str, Any]) -> None:
        locked = self.session.conversation.has_agent_audio()
        self.session.configuration = configuration.updated(self.session.configuration, update, voice_locked=locked)
        self.session.meter.configured(self.session.configuration)
        self.emit(event("session.updated", session=self.session.configuration))
        self.session.changed()

    def _create_item(self, sent: Event) -> None:
        item: dict[str, Any] = {"id": ids.new("item"), "object": "realtime.item", **sent["item"]}
        _check_new(self.session, item)
        if item["type"] == "mcp_approval_response":
            del item["object"]
        else:
            item["status"] = "completed"
        try:
            previous = self.session.conversation.add(item, sent.get("previous_item_id"))
        except ItemNotFound as missing:
            raise _not_found(str(missing), "previous_item_id") from None
        if item["type"] == "function_call_output":
            self.note_output(item["call_id"], item["output"])
        self.emit(event("conversation.item.added", previous_item_id=previous, item=item))
        self.emit(event("conversation.item.done", previous_item_id=previous, item=item))


def _pcm(audio: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except binascii.Error:
        message = "Invalid 'audio'. Expected base64-encoded audio bytes, but could not decode the value."
        raise InvalidRequest(message, "invalid_value", "audio") from None


def _cancel(session: LiveSession, response_id: str | None) -> None:
    if session.active is None or response_id not in (None, session.active.id):
        raise InvalidRequest("Cancellation failed: no active response found", "response_cancel_not_active", None)
    session.cancel("client_cancelled")


def _check_new(session: LiveSession, item: dict[str, Any]) -> None:
    items = session.conversation.items
    if item["id"] in items:
        message = f"Error adding item: an item with id '{item['id']}' already exists in the conversation."
        raise InvalidRequest(message, "invalid_value", "item.id")
    if item["type"] == "function_call_output":
        calls = (entry.get("call_id") for entry in items.values() if entry["type"] == "function_call")
        if item["call_id"] not in calls:
            # This wording and code: github.com/livekit/agents/issues/3344
            message = f"Tool call ID '{item['call_id']}' not found in conversation."
            raise InvalidRequest(message, "invalid_tool_call_id", None)
    if item["type"] == "mcp_approval_response":
        _known(session, item["approval_request_id"], "item.approval_request_id")


def _known(session: LiveSession, item_id: str, param: str) -> dict[str, Any]:
    try:
        return session.conversation.get(item_id)
    except ItemNotFound:
        raise _not_found(item_id, param) from None


def _not_found(item_id: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"Item with id '{item_id}' not found.", "item_not_found", param)


def _on_item(session: LiveSession, emit: Emit, sent: Event) -> None:
    item_id = sent["item_id"]
    item = _known(session, item_id, "item_id")
    match sent["type"]:
        case "conversation.item.retrieve":
            emit(event("conversation.item.retrieved", item=item))
        case "conversation.item.delete":
            session.conversation.delete(item_id)
            emit(event("conversation.item.deleted", item_id=item_id))
        case "conversation.item.truncate":
            _truncate(session, emit, item, sent)


def _truncate(session: LiveSession, emit: Emit, item: dict[str, Any], sent: Event) -> None:
    words = session.conversation.spoken.get(item["id"])
    if item.get("role") != "assistant" or words is None:
        raise InvalidRequest("Only model output audio messages can be truncated.", "invalid_value", "item_id")
    if sent["audio_end_ms"] > words.audio_ms:
        message = f"Audio content of {words.audio_ms}ms is already shorter than {sent['audio_end_ms']}ms."
        raise InvalidRequest(message, "invalid_value", "audio_end_ms")
    words.heard_ms, words.interrupted, words.audio_ms = sent["audio_end_ms"], True, sent["audio_end_ms"]
    what = {name: sent[name] for name in ("item_id", "content_index", "audio_end_ms")}
    emit(event("conversation.item.truncated", **what))
