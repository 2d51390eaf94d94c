"""Realtime client events: what we can say to a session, as JSON (API reference, Realtime client events). Pure."""

import hashlib
import json
from typing import Any

from ringside.conversation import events as e

REF = "ref"


def encode(command: e.Command) -> str:
    """Write a command as the client event that carries it."""
    return json.dumps(_client_event(command), ensure_ascii=False, separators=(",", ":"))


def _client_event(command: e.Command) -> dict[str, Any]:
    match command:
        case e.Respond(instructions, ref):
            event: dict[str, Any] = {"type": "response.create"}
            given: dict[str, Any] = {}
            if ref is not None:  # errors name the event, responses carry their metadata
                event["event_id"], given["metadata"] = ref, {REF: ref}
            if instructions is not None:
                given["instructions"] = instructions
            return {**event, "response": given} if given else event
        case e.TellOutput(tool_call_id, output):
            # An id of our own: told twice, after a hand-over, the session refuses it the second time.
            own = f"out_{hashlib.sha256(tool_call_id.encode()).hexdigest()[:24]}"
            return _new_item({"type": "function_call_output", "id": own, "call_id": tool_call_id, "output": output})
        case e.TellFact(text, item_id):
            message = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}
            return _new_item(message if item_id is None else {"id": item_id, **message})
        case e.DetectTurns(detection):
            # Only the fields that are present change (API reference, session.update).
            session = {"type": "realtime", "audio": {"input": {"turn_detection": dict(detection)}}}
            return {"type": "session.update", "session": session}
        case e.RetrieveItem(item_id):
            return {"type": "conversation.item.retrieve", "item_id": item_id}
        case e.DeleteItem(item_id):
            return {"type": "conversation.item.delete", "item_id": item_id}
        case e.Approve(item_id, approve):
            # The item needs an id of its own (RealtimeMcpApprovalResponse: id is required).
            answer = {"type": "mcp_approval_response", "id": f"ok_{item_id}"[:32]}
            return _new_item({**answer, "approval_request_id": item_id, "approve": approve})


def _new_item(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}
