"""A file of reported numbers in, its rows out: which model, which value, which line said so.

Columns are found by their titles, leniently; a cell that cannot be read is never guessed at.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from techspec.errors import TechspecError
from techspec.spec.blocks import blocks
from techspec.spec.grid import NAMES
from techspec.spec.model import Quantity, Value
from techspec.spec.names import key_of, metric_of, own_key_of
from techspec.spec.tables import Row, Table
from techspec.spec.units import quantity, value

LARGEST = 1_000_000
"""Bytes of a file that is read; a table of ten thousand runs has less."""

_SEED = ("seed", "random seed")
_COUNT = ("runs", "n", "seeds", "repeats", "n seeds", "n runs")
_SOURCE = ("source", "reference")
_VALUE = ("value", "score", "result")
_NOT_RUN = {"", "-", "–", "—", "n/a", "na", "not run"}
_DIVERGED = {"diverged", "nan", "inf", "-inf"}
_PERCENT = re.compile(r"\s*[(\[](?:%|in %|percent|pct)[)\]]$|\s+%$", re.IGNORECASE)
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


class ReportedNotReadable(TechspecError):
    """No text where the reported numbers should be."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The reported numbers at {str(path)!r} cannot be read: {why}.",
            "pass a markdown file with a table, or a CSV file with a header, as UTF-8.",
        )


class NoReportedNumbers(TechspecError):
    """A file without a table that says what which model scored."""

    def __init__(self, path: Path, metrics: Set[str], titles: Sequence[str]) -> None:
        found = f"its columns are {', '.join(titles)}" if titles else "it has no table"
        super().__init__(
            f"{path} reports no {' or '.join(sorted(metrics))} by model: {found}.",
            f"head the column of values with {min(metrics)!r}, and name the model of each row "
            "under Name, or by its parameters, such as d_model.",
        )


class ReportedCellsUnreadable(TechspecError):
    """Cells that hold neither a run's number nor a word for a run without one."""

    def __init__(self, path: Path, problems: Sequence[tuple[int, str]]) -> None:
        super().__init__(
            "\n".join(f"{path}:{line}: {what}" for line, what in problems),
            "give each run a row of its own, with its value as 87.2% or 0.872, or 'diverged'.",
        )


@dataclass(frozen=True, slots=True)
class Said:
    """A value as a row has it; `value` is None for a run that diverged."""

    value: float | None
    text: str
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One row: a run of some model, as somebody reported it."""

    line: int
    name: str
    """Empty where the row names its model by settings alone."""
    settings: Mapping[str, Value]
    """By trainer key; the parameter count is not among them."""
    metrics: Mapping[str, Said]
    seed: int | None = None
    params: Quantity | None = None
    source: str = ""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """The cells of the columns that mean nothing to us, by their titles."""

    @property
    def label(self) -> str:
        """How a person finds it again: its name, or its settings."""
        return self.name or ", ".join(f"{key}={value}" for key, value in self.settings.items())


@dataclass(frozen=True, slots=True)
class _Columns:
    """What each column of a table is, by index."""

    name: int | None
    seed: int | None
    count: int | None
    source: int | None
    params: int | None
    settings: Mapping[int, str]
    metrics: Mapping[int, str]
    in_percent: frozenset[int]

    @property
    def taken(self) -> frozenset[int | None]:
        """The columns that mean something to us."""
        single = (self.name, self.seed, self.count, self.source, self.params)
        return frozenset({*single, *self.settings, *self.metrics})

    @property
    def of_runs(self) -> bool:
        """Whether its rows say of some model what it scored."""
        named = self.name is not None or self.params is not None or bool(self.settings)
        return bool(self.metrics) and named


def read_runs(
    path: Path, metrics: Sequence[str], parameters: Set[str], shares: Set[str]
) -> tuple[Run, ...]:
    """The runs that a markdown or CSV file reports, in the order of the file.

    Args:
        path: ends in `.csv` or `.tsv`, or is read as markdown, every table of it.
        metrics: those that may head a column; the first also stands for `value` or `score`.
        parameters: trainer keys that may head a column.
        shares: those of the metrics that go from 0 to 1.

    Raises:
        ReportedNotReadable: there is no such text.
        NoReportedNumbers: no table has a metric beside something that tells models apart.
        ReportedCellsUnreadable: with every such cell by its line.
    """
    tables = list(_tables(path))
    columns = [_columns(table, metrics, parameters) for table in tables]
    if not any(each.of_runs for each in columns):
        titles = dict.fromkeys(title for table in tables for title in table.header if title)
        raise NoReportedNumbers(path, set(metrics), list(titles))
    problems: list[tuple[int, str]] = []
    runs = [
        run
        for table, each in zip(tables, columns, strict=True)
        if each.of_runs
        for row in table.rows
        if (run := _run(table, each, row, shares, problems))
    ]
    if problems:
        raise ReportedCellsUnreadable(path, problems)
    return tuple(runs)


def _tables(path: Path) -> Iterator[Table]:
    try:
        if path.stat().st_size > LARGEST:
            raise ReportedNotReadable(path, f"it has more than {LARGEST:,} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReportedNotReadable(path, error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise ReportedNotReadable(path, f"byte {error.start} is no UTF-8") from None
    delimiter = _DELIMITERS.get(path.suffix.lower())
    if delimiter is None:
        yield from (block for block in blocks(text) if isinstance(block, Table))
        return
    lines = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines if any(row)]
    except csv.Error as error:
        raise ReportedNotReadable(path, f"line {lines.line_num} is no CSV: {error}") from None
    if rows:
        (line, header), width = rows[0], len(rows[0][1])
        body = (Row(n, tuple((cells + [""] * width)[:width])) for n, cells in rows[1:])
        yield Table(line, tuple(header), tuple(body))


def _columns(table: Table, metrics: Sequence[str], parameters: Set[str]) -> _Columns:
    by_name = {metric.casefold(): metric for metric in metrics}
    found: dict[int, str] = {}
    settings: dict[int, str] = {}
    params: int | None = None
    for index, title in enumerate(table.header):
        metric = by_name.get(metric_of(_PERCENT.sub("", title)).casefold()) if title else None
        key = own if (own := own_key_of(title)) in parameters else key_of(title)
        if metric is not None:
            found[index] = metric
        elif key == "params":
            params = index if params is None else params
        elif key in parameters:
            settings[index] = key
    generic = table.column(*_VALUE)
    if not found and generic is not None:
        found[generic] = metrics[0]
    return _Columns(
        name=table.column(*NAMES),
        seed=table.column(*_SEED),
        count=table.column(*_COUNT),
        source=table.column(*_SOURCE),
        params=params,
        settings=settings,
        metrics=found,
        in_percent=frozenset(n for n in found if _PERCENT.search(table.header[n])),
    )


def _run(
    table: Table, columns: _Columns, row: Row, shares: Set[str], problems: list[tuple[int, str]]
) -> Run | None:
    """The run of a row; None where nothing was run, or where `problems` says what is wrong."""
    complaints = [*_no_run(columns, row, shares), *_no_seed(columns, row)]
    problems += [
        (row.line, f"{row.cells[index]!r} under {table.header[index]!r} {why}.")
        for index, why in complaints
    ]
    metrics = {
        metric: said
        for index, metric in columns.metrics.items()
        if (said := _said(row.cells[index], index in columns.in_percent))
    }
    if complaints or not metrics:
        return None
    seed = quantity(_cell(row, columns.seed))
    return Run(
        line=row.line,
        name=_cell(row, columns.name),
        settings={
            key: value(row.cells[index])
            for index, key in columns.settings.items()
            if row.cells[index].casefold() not in _NOT_RUN
        },
        metrics=metrics,
        seed=int(seed.value) if seed else None,
        params=quantity(_cell(row, columns.params)),
        source=_cell(row, columns.source),
        remarks={
            title: row.cells[index]
            for index, title in enumerate(table.header)
            if index not in columns.taken and row.cells[index]
        },
    )


def _no_run(columns: _Columns, row: Row, shares: Set[str]) -> Iterator[tuple[int, str]]:
    """Why a row with values is not one run, by the column that says so."""
    written = {n: m for n, m in columns.metrics.items() if row.cells[n].casefold() not in _NOT_RUN}
    for index, metric in written.items():
        said = _said(row.cells[index], index in columns.in_percent)
        if said is None:
            yield index, "is no single number"
        elif metric in shares and said.value is not None and not 0.0 <= said.value <= 1.0:
            yield index, f"is no share, and the spec writes {metric} as one"
    count = quantity(_cell(row, columns.count))
    if written and columns.count is not None and count is not None and count.value != 1:
        yield columns.count, "says that the row is a mean or a best of several, and that is no run"


def _no_seed(columns: _Columns, row: Row) -> Iterator[tuple[int, str]]:
    text = _cell(row, columns.seed)
    seed = quantity(text)
    whole = seed is not None and isinstance(seed.value, int) and seed.value >= 0
    if columns.seed is not None and text.casefold() not in _NOT_RUN and not whole:
        yield columns.seed, "is no seed, which is a whole number from 0"


def _cell(row: Row, index: int | None) -> str:
    return "" if index is None else row.cells[index]


def _said(cell: str, in_percent: bool) -> Said | None:
    if cell.casefold() in _DIVERGED:
        return Said(None, cell)
    found = quantity(cell)
    if found is None:
        return None
    scale = 100.0 if in_percent and not found.unit else 1.0
    return Said(found.value / scale, cell, found.approximate)
