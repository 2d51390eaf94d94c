"""`POST /v1/responses`: a text model, as far as tools around calls use it (API reference, Responses).

Its answers are data: the setting `responses` has them, with what can go wrong. What no entry fits is answered by the
smallest value of the schema that is asked for.
"""

import asyncio
import json
import secrets
import time
from typing import Any

from aiohttp import web

from infra.emulator.openai_api.answers import failure
from infra.emulator.openai_api.api_key import refused_key
from infra.emulator.settings import TextAnswer
from infra.emulator.state import STATE, State
from infra.emulator.wire.http_errors import http_error

KNOWN = frozenset(
    (
        "background",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    )
)
"""The parameters of a request. Streams, tools and conversations are taken and not acted on."""

STAND_IN = "I am a stand-in for the model."


async def create(request: web.Request) -> web.StreamResponse:
    if (refused := refused_key(request)) is not None:
        return refused
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if (wrong := _wrong(body)) is not None:
        return web.json_response(http_error(*wrong), status=400)
    state = request.app[STATE]
    noted: dict[str, Any] = {"at": time.time(), "body": body, "status": None}
    state.text_requests.append(noted)
    answer = _chosen(state, body)
    if answer is None:
        return _done(noted, body, _smallest(body))
    if answer.delay_s:
        await asyncio.sleep(answer.delay_s)
    if answer.hang:
        await state.stopping.wait()
        raise asyncio.CancelledError
    if answer.status is not None:
        noted["status"] = answer.status
        refused = failure(answer.status)
        if answer.retry_after is not None:
            refused.headers["retry-after"] = f"{answer.retry_after:g}"
        return refused
    return _done(noted, body, answer)


def _wrong(body: Any) -> tuple[str, str | None, str | None] | None:
    """Message, code and parameter of a request that is refused."""
    if not isinstance(body, dict):
        return "We could not parse the JSON body of your request.", None, None
    for name in body:
        if name not in KNOWN:
            return f"Unknown parameter: '{name}'.", "unknown_parameter", str(name)
    for name in ("model", "input"):
        if name not in body:
            return f"Missing required parameter: '{name}'.", "missing_required_parameter", name
    if not isinstance(body["model"], str) or not isinstance(body["input"], str | list):
        name = "model" if not isinstance(body["model"], str) else "input"
        return f"Invalid type for '{name}'.", "invalid_type", name
    return None


def _chosen(state: State, body: dict[str, Any]) -> TextAnswer | None:
    """The first entry that fits and is not used up."""
    asked = json.dumps([body.get("instructions"), body["input"]], ensure_ascii=False)
    for index, answer in enumerate(state.settings.responses):
        used = state.text_answers_used.get(index, 0)
        if answer.when in asked and (answer.times is None or used < answer.times):
            state.text_answers_used[index] = used + 1
            return answer
    return None


def _done(noted: dict[str, Any], body: dict[str, Any], answer: TextAnswer) -> web.Response:
    noted["status"] = 200
    text = answer.answer if isinstance(answer.answer, str) else json.dumps(answer.answer, ensure_ascii=False)
    if answer.refusal is not None:
        content: dict[str, Any] = {"type": "refusal", "refusal": answer.refusal}
    else:
        content = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    status = "failed" if answer.failed else "incomplete" if answer.incomplete else "completed"
    reason = answer.incomplete if isinstance(answer.incomplete, str) else "max_output_tokens"
    message = {"id": _id("msg"), "type": "message", "role": "assistant", "status": status, "content": [content]}
    asked, said = _tokens(body.get("instructions")) + _tokens(body["input"]), _tokens(text)
    usage = {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + said,
    }
    response = {
        "id": _id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": {"code": answer.failed, "message": "The response failed."} if answer.failed else None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": body.get("instructions"),
        "model": body["model"],
        "output": [] if answer.failed else [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }
    return web.json_response(response)


def _id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(24)}"


def _tokens(value: Any) -> int:
    """A token for four characters, as a rule of thumb has it."""
    return 0 if value is None else (len(value if isinstance(value, str) else json.dumps(value)) + 3) // 4


def _smallest(body: dict[str, Any]) -> TextAnswer:
    shape = ((body.get("text") or {}).get("format") or {}).get("schema")
    return TextAnswer(answer=STAND_IN if shape is None else _value(shape))


def _value(shape: dict[str, Any]) -> Any:
    if "enum" in shape:
        return shape["enum"][0]
    kind = shape.get("type")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            return {name: _value(each) for name, each in shape.get("properties", {}).items()}
        case "array":
            return [_value(shape["items"]) for _ in range(shape.get("minItems", 0))]
        case "integer" | "number":
            return shape.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
    return STAND_IN


def routes() -> list[web.RouteDef]:
    return [web.post("/v1/responses", create)]
