"""Server VAD in its simplest form: where sound begins and ends in 16-bit PCM of 24 kHz. Pure."""

import sys
from array import array
from typing import Literal

LOUD = 500
"""Of 32,768: what is softer counts as silence."""

BYTES_PER_MS = 48
_FRAME = 20 * BYTES_PER_MS

Change = Literal["started", "stopped"]


class VoiceActivity:
    def __init__(self) -> None:
        self.spoken_ms = 0  # of the speech that is under way, or ended last, without the silence after it
        self._left = b""
        self._speaking = False
        self._quiet_ms = 0

    def feed(self, pcm: bytes, silence_ms: int) -> list[Change]:
        """What changes with this audio. Speech stops after `silence_ms` without a loud frame."""
        changes: list[Change] = []
        data = self._left + pcm
        whole = len(data) // _FRAME * _FRAME
        self._left = data[whole:]
        for start in range(0, whole, _FRAME):
            change = self._frame(data[start : start + _FRAME], silence_ms)
            if change is not None:
                changes.append(change)
        return changes

    def _frame(self, frame: bytes, silence_ms: int) -> Change | None:
        samples = array("h", frame)
        if sys.byteorder == "big":
            samples.byteswap()
        milliseconds = len(frame) // BYTES_PER_MS
        if max(samples) >= LOUD or min(samples) <= -LOUD:
            began, self._speaking = not self._speaking, True
            self.spoken_ms = milliseconds if began else self.spoken_ms + self._quiet_ms + milliseconds
            self._quiet_ms = 0
            return "started" if began else None
        if not self._speaking:
            return None
        self._quiet_ms += milliseconds
        if self._quiet_ms < silence_ms:
            return None
        self._speaking, self._quiet_ms = False, 0
        return "stopped"
