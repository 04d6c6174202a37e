"""Budget Constraints in, what may be spent out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from techspec.spec import markup
from techspec.spec.model import Budget, Problem
from techspec.spec.sections import Part
from techspec.spec.units import hours, quantity

_PRIORITY = re.compile(r"priority|priorities|order", re.IGNORECASE)
_WALL_CLOCK = re.compile(r"wall[\s_-]*(?:clock|time)|elapsed", re.IGNORECASE)
_DEVICE = re.compile(r"\b(gpu|cpu|device|compute|accelerator)s?\b", re.IGNORECASE)
_COUNT = re.compile(r"\b(?:experiments?|runs?|trials?)\b", re.IGNORECASE)
_UNIT = re.compile(r"\b(seconds?|minutes?|hours?|days?|h)\b", re.IGNORECASE)
_WITHOUT_COLON = re.compile(
    r"(?P<limit>max(?:imum)?|at most|up to)\s(?P<number>[0-9.,]+)\s(?P<what>\S.*)", re.IGNORECASE
)
_LIMIT = re.compile(r"^\W*(?:max(?:imum)?|at most|limit)\b", re.IGNORECASE)


def budget(parts: Sequence[Part]) -> tuple[Budget | None, tuple[Problem, ...]]:
    """What these sections allow; the first mention of a limit holds."""
    if not parts:
        return None, ()
    found = Budget(parts[0].heading.line)
    problems: list[Problem] = []
    for line, label, text in _entries(parts):
        found, complaints = _with_entry(found, line, label, text)
        problems.extend(complaints)
    return found, tuple(problems)


def _entries(parts: Sequence[Part]) -> Iterator[tuple[int, str, str]]:
    """Every `label: value` of the sections, from lines and tables alike, with its line."""
    for part in parts:
        for table in part.tables:
            for row in table.rows:
                if len(row.cells) > 1:
                    yield row.line, row.cells[0], row.cells[1]
        for text in part.texts:
            lines = markup.plain(text.content).split("\n")
            for line, written in enumerate(lines, start=text.line):
                label, colon, rest = written.partition(":")
                if colon:
                    yield line, label.strip(), rest.strip()
                elif found := _WITHOUT_COLON.match(written):
                    yield line, f"{found['limit']} {found['what']}", found["number"]


def _with_entry(found: Budget, line: int, label: str, text: str) -> tuple[Budget, list[Problem]]:
    label, whole, text = label.replace("_", " "), text, text.partition("(")[0].strip()
    if _PRIORITY.search(label):
        items = tuple(item.strip() for item in re.split(r"[>→]", whole) if item.strip())
        if found.order:
            return found, [_second(line, label)]
        return replace(found, order=items, order_line=line), []
    if _WALL_CLOCK.search(label):
        return _with_hours(found, "wall_clock_hours", line, label, text)
    in_text = hours(_DEVICE.sub("", text)) is not None and _DEVICE.search(text)
    if device := _DEVICE.search(label) or in_text:
        name = device[1].lower()
        read, problems = _with_hours(found, "device_hours", line, label, text)
        if read is not found and name in ("gpu", "cpu"):
            read = replace(read, device=name)
        return read, problems
    if _COUNT.search(label):
        number = quantity(_COUNT.sub("", text))
        if number is None or number.unit or number.value < 0 or number.value != int(number.value):
            return found, [_unreadable(line, label, text, "write a whole number, such as 50.")]
        if found.experiments is not None:
            return found, [_second(line, label)]
        return replace(found, experiments=int(number.value)), []
    if _LIMIT.match(label):
        return found, [
            Problem(
                line,
                f"The limit {label!r} is not one that a campaign can hold to.",
                "limit GPU hours, CPU hours, experiments or wall-clock.",
            )
        ]
    return found, []


def _with_hours(
    found: Budget, limit: str, line: int, label: str, text: str
) -> tuple[Budget, list[Problem]]:
    unit = _UNIT.search(label)
    spent = hours(_DEVICE.sub("", text), unit=unit[1] if unit else "")
    if spent is None:
        fix = "write a number with its unit, such as 24 hours."
        return found, [_unreadable(line, label, text, fix)]
    if getattr(found, limit) is not None:
        return found, [_second(line, label)]
    if limit == "wall_clock_hours":
        return replace(found, wall_clock_hours=spent), []
    return replace(found, device_hours=spent), []


def _unreadable(line: int, label: str, text: str, fix: str) -> Problem:
    return Problem(line, f"{label!r} has no limit that can be read: {text!r}.", fix)


def _second(line: int, label: str) -> Problem:
    return Problem(
        line,
        f"{label!r} was limited before, and the first limit holds.",
        "keep one of the two lines.",
    )
