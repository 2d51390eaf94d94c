"""What a drill measured, and the table that shows it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.terminal import UNLIMITED
from tests.drills.compare import Flaw


@dataclass(frozen=True)
class Measure:
    """A line of the table: what must hold, what was seen, and whether it did."""

    drill: str
    bound: str
    measured: str
    ok: bool


@dataclass(frozen=True)
class Size:
    """How big a drill is. `short`: the form that runs with the tests."""

    calls: int
    short: bool = False


SHORT_ROOM = 5.0
"""By how much the bounds in seconds are wider in the short form: it runs on any machine, beside other tests. What is
lost, doubled or left open has no room in either."""


class Sheet:
    """The measures of one drill, as they come in."""

    def __init__(self, drill: str, size: Size) -> None:
        self._drill = drill
        self._room = SHORT_ROOM if size.short else 1.0
        self.measures: list[Measure] = []
        self.remarks: list[str] = []

    def note(self, bound: str, measured: object, ok: bool) -> None:
        self.measures.append(Measure(self._drill, bound, str(measured), ok))

    def none(self, what: str, found: Iterable[Flaw], *kinds: str) -> None:
        """There must be no flaw of these kinds; the first few are shown."""
        bad = [flaw for flaw in found if flaw.kind in kinds]
        self.note(f"0 {what}", len(bad), not bad)
        self.remarks += [f"{self._drill}: {flaw.kind}: {flaw.call_id}: {flaw.what}" for flaw in bad[:5]]

    def all_of(self, what: str, good: int, of: int) -> None:
        self.note(f"all {what}", f"{good} of {of}", good == of)

    def at_most(self, what: str, seconds: Sequence[float], bound: float, share: float = 1.0) -> None:
        """A quantile of these seconds must be within the bound; share 1 is the slowest. None at all is a failure."""
        bound *= self._room
        name = f"{what} {'max' if share == 1 else f'p{share * 100:g}'} <= {bound:g} s"
        if not seconds:
            self.note(name, "nothing to measure", False)
            return
        found = quantile(seconds, share)
        self.note(name, f"{found:.2f} s (median {quantile(seconds, 0.5):.2f} of {len(seconds)})", found <= bound)


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(measures: Sequence[Measure]) -> Table:
    """The measures, for a terminal."""
    shown = Table("drill", "must hold", "measured", "", box=SIMPLE_HEAD, pad_edge=False)
    for each in measures:
        verdict = Text("ok", "green") if each.ok else Text("BROKEN", "bold red")
        shown.add_row(each.drill, Text(each.bound), Text(each.measured), verdict)
    return shown


def as_text(measures: Sequence[Measure]) -> str:
    """The same table as plain text, however wide."""
    page = Console(width=UNLIMITED, color_system=None, file=StringIO())
    with page.capture() as captured:
        page.print(table(measures))
    return captured.get()
