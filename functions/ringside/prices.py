"""What a call cost, by its usage and a dated table of prices (`prices.yaml`). Pure, except for reading the table."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ringside.conversation.events import Usage


@dataclass(frozen=True)
class Prices:
    """A table of prices as of a date (ISO 8601)."""

    as_of: str
    realtime: dict[str, dict[str, list[float]]]  # model -> modality -> USD per million: in, cached, out
    transcription: dict[str, float]  # model -> USD per minute
    text: dict[str, list[float]] = field(default_factory=dict)  # model -> USD per million: in, cached, out

    def cost(self, usage: Usage, model: str, transcription_model: str | None) -> float | None:
        """US dollars, to the millionth; None if a price is unknown, never 0 instead."""
        realtime = self._realtime_cost(usage, model)
        transcription = self._transcription_cost(usage, transcription_model)
        return None if realtime is None or transcription is None else round(realtime + transcription, 6)

    def text_cost(self, model: str, read: int, cached: int, written: int) -> float | None:
        """US dollars of one answer of a text model, to the millionth; `cached` tokens are among those `read`."""
        price = self.text.get(model)
        if price is None:
            return None
        total = (read - cached) * price[0] + cached * price[1] + written * price[2]
        return round(total / 1_000_000, 6)

    def _realtime_cost(self, usage: Usage, model: str) -> float | None:
        table = self.realtime.get(model)
        if table is None or usage.unsplit:
            return None
        total = 0.0
        for kind, tokens, cached, said in (
            ("text", usage.input_text, usage.cached_text, usage.output_text),
            ("audio", usage.input_audio, usage.cached_audio, usage.output_audio),
            ("image", usage.input_image, usage.cached_image, 0),
        ):
            if not (tokens or said):
                continue
            if kind not in table:
                return None
            price, cached_price, *out_price = table[kind]
            total += (tokens - cached) * price + cached * cached_price
            total += said * out_price[0] if said else 0
        return total / 1_000_000

    def _transcription_cost(self, usage: Usage, model: str | None) -> float | None:
        if not usage.transcription_seconds:
            return 0.0
        price = self.transcription.get(model or "")
        return None if price is None else usage.transcription_seconds / 60 * price


def load() -> Prices:
    """The table that ships with this version."""
    import yaml  # the webhook, which prices nothing, imports this module and need not wait for it

    path = Path(__file__).with_name("prices.yaml")
    table: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Prices(str(table["as_of"]), table["realtime"], table["transcription"], table["text"])
