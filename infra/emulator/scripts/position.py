"""How far a script has been played."""

from infra.emulator.scripts import lines
from infra.emulator.scripts.lines import Agent

_OF_THE_CALLER = (lines.Caller, lines.Dtmf, lines.Silence, lines.HangUp)


class Position:
    """The place in a script: `here` is the index of the line that is being played."""

    def __init__(self, played: list[lines.Line]) -> None:
        self.here = 0
        self._lines = played
        self._said: set[int] = set()

    def next_line(self) -> Agent | None:
        """The model's next line, which counts as said from now on; None when it is not the model's turn.

        It is the model's turn when nothing that the caller does comes first.
        """
        for index in range(self.here, len(self._lines)):
            line = self._lines[index]
            if isinstance(line, _OF_THE_CALLER):
                break
            if isinstance(line, Agent) and index not in self._said:
                self._said.add(index)
                return line
        return None

    @property
    def begun(self) -> int:
        """How many lines are played or being played, from the first on."""
        return max([self.here, *(index + 1 for index in self._said)])

    def is_said(self, index: int) -> bool:
        return index in self._said

    def past(self, index: int) -> None:
        """From now on the line after this one is the next."""
        self.here = max(self.here, index + 1)
