"""One response of the model: a generator of timed events in the order of the GA API.

`Response.steps()` yields what is sent and when, `Response.cut()` what is sent when it is
interrupted. Neither knows a clock or a socket; the live session plays them.
Order: facts 3.4, 3.7 and 4; the fields: facts, appendix A.
"""

import base64
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from infra.emulator.scripts.lines import Agent, McpApproval, McpCall, Tool
from infra.emulator.session import speech
from infra.emulator.session.conversation import Conversation, Item
from infra.emulator.session.usage import Meter
from infra.emulator.wire import ids
from infra.emulator.wire.server_events import Event, event, rate_limits

_BYTES_PER_MS = 48  # 24 kHz, 16 bit


def _silence(milliseconds: int) -> str:
    return base64.b64encode(bytes(milliseconds * _BYTES_PER_MS)).decode()


class Step(NamedTuple):
    """After `after` seconds at pace 1, send `event` (or nothing); then, if the cue says so, audio begins to play."""

    after: float
    event: Event | None
    audio_begins: bool = False


class Response:
    """One class, since a response can be cut at any of its events, and what is sent then depends on the one before."""

    def __init__(
        self,
        line: Agent,
        conversation: Conversation,
        meter: Meter,
        session: dict[str, Any],
        params: dict[str, Any] | None = None,
        *,
        audio_deltas: bool = False,
        obfuscation: bool = True,
    ) -> None:
        params = params or {}
        self.id = ids.new("resp")
        self.line = line
        self.status = "in_progress"
        self.status_details: dict[str, Any] | None = None
        self.output: list[Item] = []
        self.usage: dict[str, Any] | None = None
        self.metadata = params.get("metadata")
        self.modalities: list[str] = params.get("output_modalities") or session["output_modalities"]
        self.out_of_band = params.get("conversation") == "none"
        self.audio_ms = 0
        self.message: Item | None = None
        self._said = ""
        self._open: tuple[str, Item, int] | None = None
        self._conversation = conversation
        self._meter = meter
        self._context = meter.context()
        self._limit = params.get("max_output_tokens", session["max_output_tokens"])
        self._voice = params.get("audio", {}).get("output", {}).get("voice") or session["audio"]["output"]["voice"]
        self._audio_deltas = audio_deltas
        self._obfuscation = obfuscation

    @property
    def speaks(self) -> bool:
        return self.modalities == ["audio"]

    def resource(self) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": self.status_details,
            "output": [dict(item) for item in self.output],
            "conversation_id": None if self.out_of_band else self._conversation.id,
            "output_modalities": self.modalities,
            "max_output_tokens": self._limit,
            "audio": {"output": {"voice": self._voice}},
            "usage": self.usage,
            "metadata": self.metadata,
        }

    def steps(self) -> Iterator[Step]:
        """Everything a response that nobody disturbs sends."""
        yield Step(0, event("response.created", response=self.resource()))
        yield Step(0, rate_limits(800_000 - sum(self._context)))
        thinking = self.line.thinking_ms / 1000
        if self.line.fails and self.line.agent is None:
            yield Step(thinking, None)
            yield Step(0, self._finish("failed"))
            return
        if self.line.agent is not None:
            yield from self._message(self.line.agent, thinking)
            thinking = 0.05
        for call in self.line.calls:
            yield from self._function_call(call, thinking)
            thinking = 0.05
        if self.line.mcp_call:
            yield from self._mcp_call(self.line.mcp_call, thinking)
        if self.line.mcp_approval:
            yield from self._mcp_approval(self.line.mcp_approval, thinking)
        ending = "failed" if self.line.fails else "incomplete" if self.line.incomplete else "completed"
        yield Step(0, self._finish(ending))

    def cut(self, reason: str) -> Iterator[Event]:
        """What is sent when the response is cancelled: the `*.done` events come all the same (facts 4)."""
        if self._open:
            kind, item, index = self._open
            closing = {"speech": self._message_done, "function": self._function_done, "mcp": self._mcp_arguments_done}
            yield from closing[kind](item, index, "incomplete")
        yield self._finish("cancelled", reason)

    # ------------------------------------------------------------------ messages

    def _message(self, text: str, thinking: float) -> Iterator[Step]:
        item: Item = {"id": ids.new("item"), "object": "realtime.item", "type": "message", "role": "assistant"}
        item |= {"status": "in_progress", "content": []}
        index = yield from self._begin(item, thinking)
        words = self._conversation.say(item["id"], "agent", "") if not self.out_of_band else None
        if words:
            words.transcribed = "completed"
        self.message = item
        self._open = ("speech", item, index)
        ids_of = {"response_id": self.id, "item_id": item["id"], "output_index": index, "content_index": 0}
        part = {"type": "audio", "transcript": ""} if self.speaks else {"type": "text", "text": ""}
        yield Step(0, event("response.content_part.added", **ids_of, part=part), audio_begins=self.speaks)
        kind = "response.output_audio_transcript.delta" if self.speaks else "response.output_text.delta"
        whole_ms = speech.audio_ms(text)
        for number, piece in enumerate(speech.pieces(text)):
            share = len(piece) / len(text) if text else 1.0
            after = whole_ms / 1000 * share / speech.GENERATION_SPEED
            delta = event(kind, **ids_of, delta=piece)
            if self._obfuscation and number % 3 == 0:
                delta["obfuscation"] = "x" * (8 - len(piece) % 8)  # seen on the wire, not in the types (facts 3.7)
            yield Step(after, delta)
            self._said += piece
            before_ms = self.audio_ms
            self.audio_ms = round(whole_ms * len(self._said) / len(text)) if self.speaks and text else 0
            if words:
                words.text, words.audio_ms = self._said, self.audio_ms
            if self.speaks and self._audio_deltas:
                yield Step(0, event("response.output_audio.delta", **ids_of, delta=_silence(self.audio_ms - before_ms)))
        status = "incomplete" if self.line.incomplete or self.line.fails else "completed"
        for closing in self._message_done(item, index, status):
            yield Step(0, closing)

    def _message_done(self, item: Item, index: int, status: str) -> Iterator[Event]:
        self._open = None
        ids_of = {"response_id": self.id, "item_id": item["id"], "output_index": index, "content_index": 0}
        if self.speaks:
            yield event("response.output_audio.done", **ids_of)
            yield event("response.output_audio_transcript.done", **ids_of, transcript=self._said)
            part = {"type": "audio", "transcript": self._said}
            content = {"type": "output_audio", "transcript": self._said}
        else:
            yield event("response.output_text.done", **ids_of, text=self._said)
            part = {"type": "text", "text": self._said}
            content = {"type": "output_text", "text": self._said}
        yield event("response.content_part.done", **ids_of, part=part)
        item["content"] = [content]
        yield from self._end(item, index, status)

    # ------------------------------------------------------------------ tools

    def _function_call(self, call: Tool, thinking: float) -> Iterator[Step]:
        item: Item = {"id": ids.new("item"), "object": "realtime.item", "type": "function_call"}
        item |= {"status": "in_progress", "call_id": ids.new("call", 16), "name": call.name, "arguments": ""}
        index = yield from self._begin(item, thinking)
        self._open = ("function", item, index)
        ids_of = {"response_id": self.id, "item_id": item["id"], "output_index": index, "call_id": item["call_id"]}
        for fragment in speech.fragments(call.json_arguments):
            yield Step(0.01, event("response.function_call_arguments.delta", **ids_of, delta=fragment))
            item["arguments"] += fragment
        for closing in self._function_done(item, index, "completed"):
            yield Step(0, closing)

    def _function_done(self, item: Item, index: int, status: str) -> Iterator[Event]:
        self._open = None
        ids_of = {"response_id": self.id, "item_id": item["id"], "output_index": index, "call_id": item["call_id"]}
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield event("response.function_call_arguments.done", **ids_of, **done)
        yield from self._end(item, index, status)

    def _mcp_call(self, call: McpCall, thinking: float) -> Iterator[Step]:
        item: Item = {"id": ids.new("mcp"), "type": "mcp_call", "server_label": call.server_label, "name": call.name}
        item |= {"arguments": "", "output": None, "error": None, "approval_request_id": None}
        index = yield from self._begin(item, thinking)
        self._open = ("mcp", item, index)
        ids_of = {"item_id": item["id"], "output_index": index}
        for fragment in speech.fragments(call.json_arguments):
            delta = event("response.mcp_call_arguments.delta", response_id=self.id, **ids_of, delta=fragment)
            yield Step(0.01, delta)
            item["arguments"] += fragment
        done = event("response.mcp_call_arguments.done", response_id=self.id, **ids_of, arguments=item["arguments"])
        yield Step(0, done)
        yield Step(0, event("response.mcp_call.in_progress", **ids_of))
        if call.error is None:
            item["output"] = call.output or ""
            yield Step(0.2, event("response.mcp_call.completed", **ids_of))
        else:
            item["error"] = {"type": "tool_execution_error", "message": call.error}
            yield Step(0.2, event("response.mcp_call.failed", **ids_of))
        self._open = None
        for closing in self._end(item, index, None):
            yield Step(0, closing)

    def _mcp_arguments_done(self, item: Item, index: int, _: str) -> Iterator[Event]:
        self._open = None
        yield from self._end(item, index, None)

    def _mcp_approval(self, call: McpApproval, thinking: float) -> Iterator[Step]:
        item: Item = {"id": ids.new("mcpr"), "type": "mcp_approval_request", "server_label": call.server_label}
        item |= {"name": call.name, "arguments": call.json_arguments}
        index = yield from self._begin(item, thinking)
        for closing in self._end(item, index, None):
            yield Step(0, closing)

    # ------------------------------------------------------------------ items and the end

    def _begin(self, item: Item, thinking: float) -> Generator[Step, None, int]:
        index = len(self.output)
        added = event("response.output_item.added", response_id=self.id, output_index=index, item=dict(item))
        yield Step(thinking, added)
        self.output.append(item)
        if not self.out_of_band:
            previous = self._conversation.add(item)
            yield Step(0, event("conversation.item.added", previous_item_id=previous, item=dict(item)))
        return index

    def _end(self, item: Item, index: int, status: str | None) -> Iterator[Event]:
        if status:
            item["status"] = status
        yield event("response.output_item.done", response_id=self.id, output_index=index, item=dict(item))
        if not self.out_of_band:
            previous = self._conversation.previous(item["id"])
            yield event("conversation.item.done", previous_item_id=previous, item=dict(item))

    def _finish(self, status: str, reason: str | None = None) -> Event:
        self.status = status
        if status == "cancelled":
            self.status_details = {"type": "cancelled", "reason": reason}
        elif status == "incomplete":
            self.status_details = {"type": "incomplete", "reason": self.line.incomplete}
        elif status == "failed" and self.line.fails:
            self.status_details = {"type": "failed", "error": self.line.fails.model_dump()}
        self.usage = self._meter.response(self._context, self.output, self.audio_ms)
        return event("response.done", response=self.resource())
