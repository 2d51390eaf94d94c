"""Files of calls: JSON Lines, CSV and Parquet. Each is a context manager that takes whole calls (`shapes.whole`)."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol, Self

from cli import json_output
from cli.errors import CliError
from cli.export.columns import CALLS, ITEMS, Column, Row, call_row, item_rows
from cli.spreadsheet import cell

Format = Literal["jsonl", "csv", "parquet"]

ROWS = 10_000
"""Rows of a Parquet file that are in memory at most: a row group."""

Call = Mapping[str, Any]


class Writer(AbstractContextManager["Writer"], Protocol):
    def add(self, call: Call) -> None: ...


class JsonLines:
    """A call on each line, with its items inside, where they are wanted: as `calls show --json` has it."""

    def __init__(self, file: IO[str], items: bool) -> None:
        self._file = file
        self._items = items

    def add(self, call: Call) -> None:
        shown = call if self._items else {name: value for name, value in call.items() if name != "items"}
        self._file.write(f"{json_output.dumps_line(shown)}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()


class Csv:
    """A row for each of a call's rows, below the names of the columns."""

    def __init__(self, file: IO[str], columns: Sequence[Column], rows: Callable[[Call], Iterable[Row]]) -> None:
        self._file = file
        self._rows = rows
        self._names = [column.name for column in columns]
        self._writer = csv.writer(file)
        self._writer.writerow(self._names)

    def add(self, call: Call) -> None:
        self._writer.writerows([cell(row[name]) for name in self._names] for row in self._rows(call))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()


class Parquet:
    """The same rows with types. A file without a row has its columns, too."""

    def __init__(self, path: Path, columns: Sequence[Column], rows: Callable[[Call], Iterable[Row]]) -> None:
        arrow = _pyarrow()
        types = {
            "text": arrow.string(),
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "moment": arrow.timestamp("ms", tz="UTC"),
            "json": arrow.string(),
        }
        self._arrow = arrow
        self._moments = [column.name for column in columns if column.kind == "moment"]
        self._schema = arrow.schema([(column.name, types[column.kind]) for column in columns])
        self._rows = rows
        self._waiting: list[Row] = []
        self._writer = arrow.parquet.ParquetWriter(str(path), self._schema, compression="zstd")

    def add(self, call: Call) -> None:
        self._waiting += map(self._with_moments, self._rows(call))
        if len(self._waiting) >= ROWS:
            self._write()

    def _with_moments(self, row: Row) -> Row:
        from datetime import datetime

        return {**row, **{name: datetime.fromisoformat(row[name]) for name in self._moments if row[name]}}

    def _write(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write()
        self._writer.close()


def check(format: Format) -> None:
    """`CliError` if files of this format cannot be written here."""
    if format == "parquet":
        _pyarrow()


def calls_csv(file: IO[str]) -> Csv:
    return Csv(file, CALLS, _one)


def items_csv(file: IO[str]) -> Csv:
    return Csv(file, ITEMS, item_rows)


def calls_parquet(path: Path) -> Parquet:
    return Parquet(path, CALLS, _one)


def items_parquet(path: Path) -> Parquet:
    return Parquet(path, ITEMS, item_rows)


def _one(call: Call) -> list[Row]:
    return [call_row(call)]


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise CliError("Parquet needs the package pyarrow: pip install 'ringside[cli,parquet]'") from None
    return pyarrow
