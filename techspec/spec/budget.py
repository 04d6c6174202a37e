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
# `Runs per arm: 3` and `Min experiments: 10` name a number, and it is not the limit of all.
_OF_A_PART = re.compile(r"\b(?:per|each|every|at least|minimum)\b|^min\b", re.IGNORECASE)
_TIME = re.compile(r"\b(?:time|duration)\b", re.IGNORECASE)
_JOINED = re.compile(
    r"\b(gpu|cpu|device|compute)[-\s]?(?=(?:h|hrs?|hours?|minutes?)\b)", re.IGNORECASE
)
_AMOUNT = re.compile(
    r"(?<![\w.,−-])[0-9][0-9.,]*(?:\s?(?:[smhd]|secs?|mins?|hrs?|seconds?|minutes?|hours?|days?)\b"
    r"(?:\s?[0-9]+\s?(?:[smh]|secs?|mins?)\b)*)?(?![\w%])",
    re.IGNORECASE,
)
# Ours: what people write around the number of a limit without changing what it means.
_AROUND = re.compile(
    r"\b(?:max(?:imum)?|at most|up to|not? more than|limit(?:ed to)?|(?:in )?total|overall"
    r"|in all|about|budget|of|only)\b\.?|<=|[≤~≈=:–—]|(?<=\s)-(?=\s)",
    re.IGNORECASE,
)
_WHAT = re.compile(
    r"(?:(?:wall[\s-]*(?:clock|time)|elapsed|time|duration|experiments?|runs?|trials?|gpus?|cpus?"
    r"|devices?|compute|accelerators?|hours?|hrs?|h|minutes?|seconds?|days?)\b|[\s.,;-])*",
    re.IGNORECASE,
)
_FORM = (
    "write a limit as `Max experiments: 50`, `Max GPU hours: 24` or `Max wall-clock: 2 hours`, "
    "one a line, an order as `Priority: depth > width`, and prose below another heading."
)
_LONGEST = 80
"""Characters of a line that are quoted, and of a limit without a colon."""
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
    """Every `label: value` of the sections, with its line; no label where a line has none."""
    for part in parts:
        for table in part.tables:
            # A table without a header has its first limit there.
            if re.search("[0-9]", "".join(table.header[1:2])):
                yield table.line, table.header[0], table.header[1]
            for row in table.rows:
                label, *rest = row.cells
                if any(rest):
                    yield row.line, label, rest[0]
                elif label:
                    yield row.line, "", label
        for text in part.texts:
            yield from _of_lines(text.line, markup.plain(text.content).split("\n"))
        for code in part.codes:
            lines = [line.partition("#")[0] for line in code.content.split("\n")]
            yield from _of_lines(code.line, lines)


def _of_lines(first: int, lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """The entries of consecutive lines; what stands in a parenthesis over several belongs to it."""
    whole = "\n".join(lines)
    is_balanced = whole.count("(") <= whole.count(")")
    unclosed = 0
    for line, written in enumerate(lines, start=first):
        # The reader reports the lines of a broken table by itself.
        if not unclosed and written.strip() and not written.startswith("|"):
            label, colon, rest = written.partition(":")
            if colon and ("(" not in label or _plain(written) is None):
                yield line, label.strip(), rest.strip()
            else:
                yield line, "", written.strip()
        if is_balanced:
            unclosed = max(0, unclosed + written.count("(") - written.count(")"))


def _plain(written: str) -> tuple[str, str] | None:
    """What a line without a label limits, and by how much; None unless all its words are known.

    >>> _plain("no more than 6 runs"), _plain("0.001 GPUh"), _plain("6 runs an arm")
    (('runs', '6'), ('GPU h', '0.001'), None)
    """
    line = _JOINED.sub(r"\1 ", written.partition("(")[0].replace("_", " "))
    if len(line) > _LONGEST:
        return None
    amounts = list(_AMOUNT.finditer(line))
    if len(amounts) != 1:
        return None
    (amount,) = amounts
    around = f"{line[: amount.start()]} {line[amount.end() :]}"
    what = " ".join(_AROUND.sub(" ", around).split()).strip(" .,;")
    return (what, amount.group().rstrip(".,")) if _WHAT.fullmatch(what) else None


def _with_entry(found: Budget, line: int, label: str, text: str) -> tuple[Budget, list[Problem]]:
    written = f"{label}: {text}" if label else text
    label = _JOINED.sub(r"\1 ", label.replace("_", " "))
    if not _AROUND.sub("", label).strip(" .,;") and (plain := _plain(f"{label} {text}")):
        label, text = plain
    whole, text = text, _JOINED.sub(r"\1 ", text.partition("(")[0]).strip()
    if _PRIORITY.search(label):
        items = tuple(item.strip() for item in re.split(r"[>→]", whole) if item.strip())
        if found.order:
            return found, [_second(line, label)]
        if not items:
            return found, [_unreadable(line, label, whole, "write it as depth > width.")]
        return replace(found, order=items, order_line=line), []
    if _OF_A_PART.search(label):
        return found, [_unread(line, written)]
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
    if _TIME.search(label):
        return _with_hours(found, "wall_clock_hours", line, label, text)
    if label and _LIMIT.match(label):
        return found, [
            Problem(
                line,
                f"The limit {label!r} is not one that a campaign can hold to.",
                "limit GPU hours, CPU hours, experiments or wall-clock.",
            )
        ]
    return found, [_unread(line, written)]


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


def _unread(line: int, written: str) -> Problem:
    shown = written if len(written) <= _LONGEST else written[:_LONGEST] + "…"
    return Problem(
        line, f"{shown!r} is read neither as a limit of the campaign nor as an order.", _FORM
    )


def _unreadable(line: int, label: str, text: str, fix: str) -> Problem:
    return Problem(line, f"{label!r} has no limit that can be read: {text!r}.", fix)


def _second(line: int, label: str) -> Problem:
    return Problem(
        line,
        f"{label!r} was limited before, and the first limit holds.",
        "keep one of the two lines.",
    )
