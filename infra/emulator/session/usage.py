"""Tokens: what each response and each transcription costs, and the totals of a call (facts 4, "Usage objects")."""

from typing import Any

from infra.emulator.session import speech
from infra.emulator.session.conversation import Conversation, Item

_CACHE_STEP = 64  # prompt caching counts whole blocks


class Meter:
    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._before = (0, 0)
        self.fixed_text = 0
        self.totals: dict[str, Any] = {}

    def configured(self, session: dict[str, Any]) -> None:
        """Instructions and tools are sent with every response; changing them empties the cache (facts 5)."""
        fixed = speech.text_tokens(session["instructions"]) + speech.text_tokens(str(session["tools"]))
        if fixed != self.fixed_text:
            self._before = (0, 0)
        self.fixed_text = fixed

    def context(self) -> tuple[int, int]:
        """Audio and text tokens that a response beginning now is given."""
        audio, text = self._conversation.tokens()
        return audio, text + self.fixed_text

    def response(self, context: tuple[int, int], output: list[Item], audio_ms: int) -> dict[str, Any]:
        audio_in, text_in = context
        audio_out = speech.agent_tokens(audio_ms)
        text_out = sum(_text_of(item) for item in output)
        cached_audio = min(audio_in, self._before[0] // _CACHE_STEP * _CACHE_STEP)
        cached_text = min(text_in, self._before[1] // _CACHE_STEP * _CACHE_STEP)
        self._before = (audio_in, text_in)
        usage = {
            "total_tokens": audio_in + text_in + audio_out + text_out,
            "input_tokens": audio_in + text_in,
            "output_tokens": audio_out + text_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "image_tokens": 0,
                "cached_tokens": cached_audio + cached_text,
                "cached_tokens_details": {
                    "text_tokens": cached_text,
                    "audio_tokens": cached_audio,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
        }
        _add(self.totals, usage | {"responses": 1})
        return usage

    def transcription(self, text: str, audio_ms: int, variant: str) -> dict[str, Any]:
        """Either variant: which one the newer models report is not known (facts 4)."""
        if variant == "duration":
            usage: dict[str, Any] = {"type": "duration", "seconds": round(audio_ms / 1000, 2)}
        else:
            heard, wrote = speech.caller_tokens(audio_ms), speech.text_tokens(text)
            usage = {
                "type": "tokens",
                "total_tokens": heard + wrote,
                "input_tokens": heard,
                "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
                "output_tokens": wrote,
            }
        counted = {name: value for name, value in usage.items() if name != "type"}
        _add(self.totals, {"transcription": counted | {"transcriptions": 1}})
        return usage


def _text_of(item: Item) -> int:
    if item["type"] == "message":
        return sum(speech.text_tokens(part.get("transcript") or part.get("text") or "") for part in item["content"])
    return speech.text_tokens(item.get("arguments") or "")


def _add(totals: dict[str, Any], usage: dict[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, dict):
            _add(totals.setdefault(name, {}), value)
        else:
            totals[name] = totals.get(name, 0) + value
