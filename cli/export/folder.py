"""A folder of exported days: a file for each day and table, written in full or not at all, and a list of finished days.

    FOLDER/export.json                     what is exported, and each day that is done
    FOLDER/calls/day=2026-11-22/calls.csv
    FOLDER/items/day=2026-11-22/items.csv  with --items, unless each line of JSON has them

Query engines know this layout as Hive's: `day` is a column.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.errors import CliError
from cli.export import writers
from cli.export.reading import Day
from cli.export.writers import Call, Format, JsonLines, Writer

LIST = "export.json"


@dataclass(frozen=True)
class What:
    """What is exported. A folder holds the days of one such export."""

    table: str
    format: Format
    items: bool
    agent: str | None
    outcome: str | None = None


class Folder:
    """Where the days are written. What another export has left there is not touched."""

    def __init__(self, path: Path, what: What) -> None:
        self._path = path
        self._what = what
        self._done = self._read()
        path.mkdir(parents=True, exist_ok=True)
        self._write()  # so that what is left of an interrupted export is known for one

    def is_done(self, day: str) -> bool:
        """Whether this day is here, and has not changed since."""
        done = self._done.get(day)
        return done is not None and done["settled"] and all(self._file(table, day).exists() for table in self._tables)

    @contextmanager
    def writing(self, day: Day) -> Iterator["DayFiles"]:
        """Files that take the day's calls, and are in their place once all of it is there."""
        parts = {table: self._file(table, day.day).with_suffix(".part") for table in self._tables}
        for part in parts.values():
            part.parent.mkdir(parents=True, exist_ok=True)
        try:
            with ExitStack() as stack:
                yield DayFiles([stack.enter_context(self._writer(table, part, stack)) for table, part in parts.items()])
            for table, part in parts.items():
                part.replace(self._file(table, day.day))
        finally:
            for part in parts.values():
                part.unlink(missing_ok=True)
        self._done[day.day] = {"calls": day.calls, "items": day.items, "settled": day.is_settled}
        self._write()

    @property
    def _tables(self) -> tuple[str, ...]:
        return ("calls", "items") if self._what.items and self._what.format != "jsonl" else ("calls",)

    def _file(self, table: str, day: str) -> Path:
        return self._path / table / f"day={day}" / f"{table}.{self._what.format}"

    def _writer(self, table: str, path: Path, stack: ExitStack) -> Writer:
        if self._what.format == "parquet":
            return writers.calls_parquet(path) if table == "calls" else writers.items_parquet(path)
        file = stack.enter_context(open(path, "w", encoding="utf-8", newline=""))  # noqa: SIM115  the stack closes it
        if self._what.format == "csv":
            return writers.calls_csv(file) if table == "calls" else writers.items_csv(file)
        return JsonLines(file, self._what.items)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads((self._path / LIST).read_text(encoding="utf-8"))
            what, days = What(**found["what"]), dict(found["days"])
        except FileNotFoundError:
            if self._path.exists() and (not self._path.is_dir() or any(self._path.iterdir())):
                raise CliError(f"{self._path} is there already, and is no export: choose another --output") from None
            return {}
        except (ValueError, TypeError, KeyError):
            raise CliError(f"{self._path / LIST} cannot be read: choose another --output") from None
        if what != self._what:
            differ = [name for name, value in asdict(what).items() if value != getattr(self._what, name)]
            was = ", ".join(f"{name} {getattr(what, name)}" for name in differ)
            raise CliError(f"{self._path} holds another export ({was}): choose another --output")
        return days

    def _write(self) -> None:
        text = json.dumps({"what": asdict(self._what), "days": dict(sorted(self._done.items()))}, indent=2)
        part = self._path / f"{LIST}.part"
        part.write_text(f"{text}\n", encoding="utf-8")
        os.replace(part, self._path / LIST)


@dataclass(frozen=True)
class DayFiles:
    """The files of one day."""

    writers: list[Writer]

    def add(self, call: Call) -> None:
        for writer in self.writers:
            writer.add(call)
