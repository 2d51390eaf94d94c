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

from infra.emulator import events, ids, session
from infra.emulator.conversation import ItemNotFound
from infra.emulator.ear import Ear
from infra.emulator.events import Event, event
from infra.emulator.shapes import Wrong, wrong_value
from infra.emulator.stage import Stage
from infra.emulator.wire_shapes import CLIENT_EVENTS

Emit = Callable[[Event], None]
_PCM_BYTES_PER_MS = 48  # 24 kHz, 16 bit


def parse(frame: str | bytes) -> Event:
    """The client's event as sent; `Wrong` when it is not even JSON."""
    try:
        data = json.loads(frame)
    except ValueError:
        raise Wrong("We could not parse the JSON body of your event.", "invalid_event", None) from None
    if not isinstance(data, dict):
        raise Wrong("An event must be a JSON object.", "invalid_event", None)
    return data


def check(sent: Event) -> None:
    if "type" not in sent:
        raise Wrong("The 'type' field is missing.", "invalid_event", "type")  # facts 3.9
    kind = sent["type"]
    if kind not in CLIENT_EVENTS:
        raise wrong_value("type", kind, list(CLIENT_EVENTS))
    CLIENT_EVENTS[kind](sent, "")


@dataclass(frozen=True)
class Desk:
    """Where a call's client events are dealt with: what they act on, and where the results go."""

    stage: Stage
    ear: Ear
    emit: Emit
    note_output: Callable[[str, str], None]

    def handle(self, sent: Event, reply: Emit) -> None:
        """Do what the client asked; `reply` goes to its socket only."""
        try:
            check(sent)
            self._do(sent)
        except Wrong as wrong:
            given = sent.get("event_id")
            echoed = given if isinstance(given, str) else None
            reply(events.error(wrong.message, wrong.code, param=wrong.param, client_event_id=echoed))

    def _do(self, sent: Event) -> None:
        match sent["type"]:
            case "session.update":
                self._update_session(sent["session"])
            case "response.create":
                self.stage.respond(sent.get("response"))
            case "response.cancel":
                _cancel(self.stage, sent.get("response_id"))
            case "output_audio_buffer.clear":
                self.stage.silence(truncate=False)
            case "input_audio_buffer.append":
                self.ear.append_input(_milliseconds(sent["audio"]))
            case "input_audio_buffer.commit":
                self.ear.commit_input()
            case "input_audio_buffer.clear":
                self.ear.clear_input()
            case "conversation.item.create":
                self._create_item(sent)
            case _:
                _on_item(self.stage, self.emit, sent)

    def _update_session(self, update: dict[str, Any]) -> None:
        locked = self.stage.conversation.has_agent_audio()
        self.stage.session = session.updated(self.stage.session, update, voice_locked=locked)
        self.stage.meter.configured(self.stage.session)
        self.emit(event("session.updated", session=self.stage.session))
        self.stage.changed()

    def _create_item(self, sent: Event) -> None:
        item: dict[str, Any] = {"id": ids.new("item"), "object": "realtime.item", **sent["item"]}
        _check_new(self.stage, item)
        if item["type"] == "mcp_approval_response":
            del item["object"]
        else:
            item["status"] = "completed"
        try:
            previous = self.stage.conversation.add(item, sent.get("previous_item_id"))
        except ItemNotFound as missing:
            raise _not_found(str(missing), "previous_item_id") from None
        if item["type"] == "function_call_output":
            self.note_output(item["call_id"], item["output"])
        self.emit(event("conversation.item.added", previous_item_id=previous, item=item))
        self.emit(event("conversation.item.done", previous_item_id=previous, item=item))


def _milliseconds(audio: str) -> float:
    try:
        return len(base64.b64decode(audio, validate=True)) / _PCM_BYTES_PER_MS
    except binascii.Error:
        message = "Invalid 'audio'. Expected base64-encoded audio bytes, but could not decode the value."
        raise Wrong(message, "invalid_value", "audio") from None


def _cancel(stage: Stage, response_id: str | None) -> None:
    if stage.active is None or response_id not in (None, stage.active.id):
        raise Wrong("Cancellation failed: no active response found", "response_cancel_not_active", None)
    stage.cancel("client_cancelled")


def _check_new(stage: Stage, item: dict[str, Any]) -> None:
    items = stage.conversation.items
    if item["id"] in items:
        message = f"Error adding item: an item with id '{item['id']}' already exists in the conversation."
        raise Wrong(message, "invalid_value", "item.id")
    if item["type"] == "function_call_output":
        calls = (entry.get("call_id") for entry in items.values() if entry["type"] == "function_call")
        if item["call_id"] not in calls:
            # This wording and code: github.com/livekit/agents/issues/3344
            message = f"Tool call ID '{item['call_id']}' not found in conversation."
            raise Wrong(message, "invalid_tool_call_id", None)
    if item["type"] == "mcp_approval_response":
        _known(stage, item["approval_request_id"], "item.approval_request_id")


def _known(stage: Stage, item_id: str, param: str) -> dict[str, Any]:
    try:
        return stage.conversation.get(item_id)
    except ItemNotFound:
        raise _not_found(item_id, param) from None


def _not_found(item_id: str, param: str) -> Wrong:
    return Wrong(f"Item with id '{item_id}' not found.", "item_not_found", param)


def _on_item(stage: Stage, emit: Emit, sent: Event) -> None:
    item_id = sent["item_id"]
    item = _known(stage, item_id, "item_id")
    match sent["type"]:
        case "conversation.item.retrieve":
            emit(event("conversation.item.retrieved", item=item))
        case "conversation.item.delete":
            stage.conversation.delete(item_id)
            emit(event("conversation.item.deleted", item_id=item_id))
        case "conversation.item.truncate":
            _truncate(stage, emit, item, sent)


def _truncate(stage: Stage, emit: Emit, item: dict[str, Any], sent: Event) -> None:
    words = stage.conversation.spoken.get(item["id"])
    if item.get("role") != "assistant" or words is None:
        raise Wrong("Only model output audio messages can be truncated.", "invalid_value", "item_id")
    if sent["audio_end_ms"] > words.audio_ms:
        message = f"Audio content of {words.audio_ms}ms is already shorter than {sent['audio_end_ms']}ms."
        raise Wrong(message, "invalid_value", "audio_end_ms")
    words.heard_ms, words.interrupted, words.audio_ms = sent["audio_end_ms"], True, sent["audio_end_ms"]
    what = {name: sent[name] for name in ("item_id", "content_index", "audio_end_ms")}
    emit(event("conversation.item.truncated", **what))
