"""How values are shown to a person: seconds, counts, numbers, aligned columns."""

from collections.abc import Sequence
from typing import Any

from techspec.records import encode


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> [duration(s) for s in (8.24, 95, 3725, 90000)]
    ['8 s', '1 min 35 s', '1 h 2 min', '25 h']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = whole % 3600 // 60
    return f"{whole // 3600} h" + (f" {minutes} min" if minutes and whole < 36000 else "")


def count(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 trial`, `3 trials`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def metric(value: float, unit: str = "") -> str:
    """A metric's value; a share as a percentage."""
    return f"{100 * value:.1f} %" if unit == "share" else f"{value:.4g}"


def plain(text: str) -> str:
    """Text of a user, a trainer or a page without characters that would steer a terminal."""
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Rows as left-aligned columns, two spaces apart."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    lines = (
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def as_json(**values: object) -> dict[str, Any]:
    """Records under their names, ready for `json.dumps`."""
    return {name: encode(value) for name, value in values.items()}
