"""Parameter Grid and Parameter-Matched Pairs in, named arms and their common size out."""

import re
from collections.abc import Iterator, Sequence

from techspec.spec import markup
from techspec.spec.model import Matching, NamedArm, Priority, Problem, Quantity, Value
from techspec.spec.names import KeyOf, key_of
from techspec.spec.ranges import nameless, no_priority, priority_of, surplus
from techspec.spec.sections import Part
from techspec.spec.tables import Row, Table
from techspec.spec.units import quantities, quantity, value

NAMES = ("name", "config", "configuration", "arm", "model", "variant")
_NOTES = ("rationale", "notes", "note", "description", "purpose", "comment")
_CHANGES = ("changes", "change")
_TARGET = re.compile(r"target(?: (?:params?|parameters?|size))? ?:", re.IGNORECASE)
# Ours: what a study calls an arm that only marks an end, so that it may be left to the last.
_LAST = re.compile(r"\b(?:floor|ceiling|optional|sanity|last)\b", re.IGNORECASE)
_BLANK = {"", "-", "–", "—", "same", '"'}


def arms(
    parts: Sequence[Part], key_of: KeyOf = key_of
) -> tuple[tuple[NamedArm, ...], tuple[Problem, ...]]:
    """One arm a row, from every table of these sections."""
    found: list[NamedArm] = []
    problems: list[Problem] = []
    for part in parts:
        for table in part.tables:
            for row in table.rows:
                problems.extend(surplus(row))
                if not row.cells[_name_column(table)].strip():
                    problems.append(nameless(row))
                    continue
                arm, complaints = _arm(table, row, key_of, matched=part.kind == "matched")
                found.append(arm)
                problems.extend(complaints)
    return tuple(found), tuple(problems)


def matching(parts: Sequence[Part]) -> Matching | None:
    """The size that the arms of the first matched section share, if it states one."""
    without = None
    for part in parts:
        for text in part.texts:
            for row, line in enumerate(markup.plain(text.content).split("\n")):
                if _TARGET.match(line.strip()):
                    sizes = (size for size in quantities(line) if not size.unit)
                    return Matching(text.line + row, next(sizes, None))
        without = without or Matching(part.heading.line, None)
    return without


def _name_column(table: Table) -> int:
    return table.column(*NAMES) or 0


def _arm(table: Table, row: Row, key_of: KeyOf, *, matched: bool) -> tuple[NamedArm, list[Problem]]:
    settings: dict[str, Value] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    claimed: Quantity | None = None
    priority: Priority | None = None
    name = row.cells[_name_column(table)]
    is_baseline = name.lower() == "baseline"
    for index, (title, cell) in enumerate(zip(table.header, row.cells, strict=True)):
        word = " ".join(title.lower().split())
        if index == _name_column(table) or cell.lower() in _BLANK:
            continue
        if word in _NOTES:
            notes.append(cell)
        elif word == "priority":
            is_baseline = is_baseline or "baseline" in cell.lower()
            priority = priority_of(cell)
            if priority is None and _LAST.search(cell):
                priority = Priority.LOW
                notes.append(cell)
            elif priority is None and "baseline" not in cell.lower():
                problems.append(no_priority(row.line, cell))
        elif word in _CHANGES:
            changes, complaints = _changes(cell, row.line, key_of)
            settings.update(changes)
            problems.extend(complaints)
        elif key_of(title) == "params":
            claimed = quantity(cell) or next(quantities(cell), None)
            if claimed is None:
                problems.append(_no_number(row.line, title, cell))
        elif key_of(title):
            settings[key_of(title)] = value(cell)
    note = "; ".join(notes)
    arm = NamedArm(name, row.line, settings, claimed, priority, is_baseline, matched, note)
    return arm, problems


def _changes(cell: str, line: int, key_of: KeyOf) -> tuple[dict[str, Value], list[Problem]]:
    """The settings in `d_model=512, depth=2`."""
    settings: dict[str, Value] = {}
    problems: list[Problem] = []
    for item in _items(cell):
        key, equals, written = item.partition("=")
        if equals and key_of(key) and written.strip() and "=" not in written:
            settings[key_of(key)] = value(written)
        else:
            problems.append(
                Problem(
                    line,
                    f"The change {item!r} is not of the form parameter=value.",
                    "write changes as d_model=512, depth=2.",
                )
            )
    return settings, problems


def _items(cell: str) -> Iterator[str]:
    for item in re.split(r"[;\n]|,(?![0-9]{3}\b)", cell):
        if item.strip() and item.strip().lower() != "none":
            yield item.strip()


def _no_number(line: int, title: str, cell: str) -> Problem:
    return Problem(line, f"{cell!r} under {title!r} is no number.", "write it as 1.05M or 253K.")
