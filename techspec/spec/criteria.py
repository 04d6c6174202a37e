"""Success Criteria in, bands of a metric out."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from techspec.spec import markup
from techspec.spec.model import Band, Problem
from techspec.spec.names import metric_of
from techspec.spec.ranges import nameless, surplus
from techspec.spec.sections import Part
from techspec.spec.tables import Row, Table
from techspec.spec.units import interval, quantity

_NAMES = ("scenario", "case", "band", "name", "outcome", "level", "criterion", "result", "verdict")
_NOTES = ("notes", "note", "meaning", "description", "rationale", "action", "comment")
_ANY_METRIC = {"threshold", "criteria", "target", "value", "range", "condition", "score"}
_RELATION = re.compile(
    r"(?P<above>>=?|≥|at\s+least|above|over|more\s+than)"
    r"|(?P<below><=?|≤|at\s+most|below|under|less\s+than)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\s?[~≈]?\s?[-+−]?[0-9.,]{0,40}[0-9](?:e[-+]?[0-9]{1,3})?\s?(?:%|[kmb]\b|pts?\b)?",
    re.IGNORECASE,
)
_AND_MORE = re.compile(rf"({_NUMBER.pattern})\s?\+", re.IGNORECASE)
_INTERVAL = re.compile(
    r"[~≈]?[0-9.]{1,40}(?:e-?[0-9]{1,3})?\s?%?\s?(?:–|—|-|to)\s?[0-9.]{1,40}(?:e-?[0-9]{1,3})?\s?%?",
    re.IGNORECASE,
)
_LONGEST = 500
"""Characters of a line that are searched for a range."""
_PROSE = {"for", "in", "on", "with", "at", "over", "across", "and", "or", "is", "means", "when"}

Ends = tuple[float | None, float | None]


def bands(parts: Sequence[Part], metric: str) -> tuple[tuple[Band, ...], tuple[Problem, ...]]:
    """Every band, from tables and from lines such as `Best case: >95% exact match`.

    Args:
        parts: the sections Success Criteria.
        metric: what a band without a metric of its own is about.
    """
    found: list[Band] = []
    problems: list[Problem] = []
    for part in parts:
        for table in part.tables:
            for row in table.rows:
                problems.extend(surplus(row))
                if row.cells[_name_column(table)].strip():
                    _take(_of_row(table, row, metric), found, problems)
                else:
                    problems.append(nameless(row))
        for text in part.texts:
            for line, written in enumerate(markup.plain(text.content).split("\n"), text.line):
                read = _of_line(line, " ".join(written.split()), metric)
                if isinstance(read, Band) or (text.item is not None and "|" not in written):
                    _take([read], found, problems)
    return tuple(found), tuple(problems)


def ends_of(text: str) -> tuple[Ends, str] | None:
    """The range that the text names, and the words around it; None if it names none.

    >>> ends_of(">95% exact match"), ends_of("85-95%"), ends_of("loss < 2")
    (((0.95, None), 'exact match'), ((0.85, 0.95), ''), ((None, 2.0), 'loss'))
    """
    low: float | None = None
    high: float | None = None
    around, position = "", 0
    text = text[:_LONGEST]
    for relation in _RELATION.finditer(text):
        written = _NUMBER.match(text, relation.end())
        number = quantity(written.group()) if written else None
        if written is None or number is None:
            return None
        if relation["above"]:
            low = float(number.value)
        else:
            high = float(number.value)
        around += text[position : relation.start()]
        position = written.end()
    if position:
        return (low, high), (around + text[position:]).strip()
    if more := _AND_MORE.search(text):
        number = quantity(more[1])
        if number is not None:
            around = f"{text[: more.start()]} {text[more.end() :]}".strip()
            return (float(number.value), None), around
    both = _INTERVAL.search(text)
    found = interval(both.group()) if both else None
    if both is None or found is None:
        return None
    around = f"{text[: both.start()]} {text[both.end() :]}".strip()
    return (float(found[0]), float(found[1])), around


def _take(
    read: Sequence[Band | Problem] | Iterator[Band | Problem],
    found: list[Band],
    problems: list[Problem],
) -> None:
    for each in read:
        if isinstance(each, Band):
            found.append(each)
        else:
            problems.append(each)


def _name_column(table: Table) -> int:
    return table.column(*_NAMES) or 0


def _of_row(table: Table, row: Row, metric: str) -> Iterator[Band | Problem]:
    name = row.cells[_name_column(table)]
    named = table.column("metric")
    for index, (title, cell) in enumerate(zip(table.header, row.cells, strict=True)):
        word = " ".join(title.lower().split())
        if index in (_name_column(table), named) or word in _NOTES or not cell:
            continue
        if named is not None:
            of = _spelled(row.cells[named], metric)
        else:
            of = metric if word in _ANY_METRIC else _spelled(title, metric)
        found = ends_of(" ".join(cell.split()))
        if found is None:
            yield _unclear(row.line, cell)
        else:
            (low, high), _ = found
            yield Band(name, of, row.line, cell, low, high)


def _of_line(line: int, written: str, metric: str) -> Band | Problem:
    """The band in `Best case: >95% exact match`, or in `>95%: best case`."""
    name, _, text = (part.strip() for part in written.partition(":"))
    found = ends_of(text)
    if found is None and ends_of(name) is not None:
        name, text, found = text, name, ends_of(name)
    if found is None:
        return _unclear(line, text or written)
    if not name:
        return Problem(line, f"{text!r} has no name.", "write it as Best case: >95%.")
    (low, high), around = found
    words = re.split(r"[(,;]|\.(?:\s|$)", around)[0].split()
    words = list(takewhile(lambda word: word.lower() not in _PROSE, words))
    of = _spelled(" ".join(words), metric) if 0 < len(words) <= 3 else metric
    return Band(name, of, line, text, low, high)


def _spelled(name: str, metric: str) -> str:
    """The metric of this name, in lower case; as the spec's own is spelled where it is that one."""
    key = metric_of(name).lower()
    return metric if not key or key == metric.lower() else key


def _unclear(line: int, text: str) -> Problem:
    return Problem(
        line,
        f"{text!r} does not say which values are meant.",
        "write >95%, <50% or 85-95%.",
    )
