"""Parameter Ranges in, parameters with their levels out."""

import math
import re
from collections.abc import Iterator, Sequence

from techspec.spec.model import Parameter, Priority, Problem, Value
from techspec.spec.names import KeyOf, key_of
from techspec.spec.sections import Part
from techspec.spec.tables import Row, Table
from techspec.spec.units import interval, quantity, value

_NAMES = ("parameter", "parameters", "name", "factor", "hyperparameter")
_VALUES = ("values", "value", "range", "ranges", "levels", "level")
_ENDLESS = {"", "any", "all", "tbd", "unbounded", "various", "open", "n/a", "?", "*", "-", "–", "—"}
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_DECIMAL_COMMA = re.compile(r"(?<![\w.])0,0[0-9]")
_LOG = re.compile(r",?\s(?:log(?:arithmic|-?uniform)?(?:\s?scale)?|\(log\))$", re.IGNORECASE)
_PRIORITIES = {
    "high": Priority.HIGH,
    "medium": Priority.MEDIUM,
    "low": Priority.LOW,
    "1": Priority.HIGH,
    "2": Priority.MEDIUM,
    "3": Priority.LOW,
    "p0": Priority.HIGH,
    "p1": Priority.HIGH,
    "p2": Priority.MEDIUM,
    "p3": Priority.LOW,
}


def parameters(
    parts: Sequence[Part], key_of: KeyOf = key_of
) -> tuple[tuple[Parameter, ...], tuple[Problem, ...]]:
    """One parameter a row, from every table that has a column of values."""
    found: list[Parameter] = []
    problems: list[Problem] = []
    for part in parts:
        for table in part.tables:
            if table.column(*_VALUES) is None:
                problems.append(
                    Problem(
                        table.line,
                        "The table has no column of values.",
                        "head its columns Parameter, Values and Priority.",
                    )
                )
                continue
            for row in table.rows:
                read, complaints = _parameter(table, row, key_of)
                found.extend(read)
                problems.extend(complaints)
    return tuple(found), tuple(problems)


def priority_of(text: str) -> Priority | None:
    """The priority that a cell names, by its first word."""
    words = re.findall(r"\w+", text.lower())
    return _PRIORITIES.get(words[0]) if words else None


def levels(text: str) -> tuple[Value, ...]:
    """The values of a cell, or none where it holds a range, no end, or is ambiguous.

    >>> levels("[253K, 500K, 1M]"), levels("10, 30"), levels("[1e-4, 3e-3]"), levels(">= 64")
    ((253000, 500000, 1000000), (10, 30), (0.0001, 0.003), ())
    """
    if _with_decimal_comma(text):
        return ()
    written = text.strip()
    is_list = _BRACKETS.get(written[:1]) == written[-1:] and len(written) > 1
    inside = written[1:-1].strip() if is_list else written
    if not is_list and (inside.lower() in _ENDLESS or inside.endswith("+")):
        return ()
    if not is_list and not re.search(r"[,;]|\s/\s", inside):
        number = quantity(inside)
        is_word = re.fullmatch(r"[^\W\d][\w.-]*", inside) is not None
        return (value(inside),) if number is not None or is_word else ()
    if not is_list and _THOUSANDS.fullmatch(inside):
        return (value(inside),) if inside.endswith(",000") else ()
    items = _items(inside)
    if any(item in ("...", "…", "") or item.endswith(("...", "…")) for item in items):
        return ()
    return tuple(value(item) for item in items)


def _items(inside: str) -> list[str]:
    """The items of a list without its brackets; the strongest separator in it is the only one."""
    if ";" in inside:
        separator = ";"
    elif re.search(r"\s/\s", inside):
        separator = r"\s/\s"
    else:
        # A comma without a space splits too, unless others have one: `[1,000, 10,000]`.
        separator = r",\s+" if re.search(r",\s", inside) else ","
    return [item.strip().strip("`'\"") for item in re.split(separator, inside)]


def _with_decimal_comma(text: str) -> bool:
    """Whether a comma stands where a number has its point: `0,001`, or `1,5` between semicolons."""
    halves = (item.strip("[](){} ") for item in _items(text) if "," in item)
    between = ";" in text or "/" in text or ", " in text
    return _DECIMAL_COMMA.search(text) is not None or (
        between and any(re.fullmatch(r"[-+]?\d+,\d+", i) and quantity(i) is None for i in halves)
    )


def _ends(text: str) -> tuple[tuple[int | float, int | float] | None, tuple[Value, ...]]:
    """Both ends of a range; where it is `log` and narrow, the levels that this asks for instead.

    The plan takes the geometric middle of a range over a factor of ten by itself.
    """
    logarithmic = _LOG.search(text.strip())
    both = interval(text.strip()[: logarithmic.start()] if logarithmic else text)
    if both is None or logarithmic is None:
        return both, ()
    low, high = both
    if low <= 0:
        return None, ()
    if high / low >= 10:
        return both, ()
    middle = math.sqrt(low * high)
    if isinstance(low, int) and isinstance(high, int):
        return None, tuple(dict.fromkeys((low, round(middle), high)))
    return None, tuple(dict.fromkeys((low, float(f"{middle:.2g}"), high)))


def _parameter(table: Table, row: Row, key_of: KeyOf) -> tuple[list[Parameter], list[Problem]]:
    problems = list(surplus(row))
    name = row.cells[table.column(*_NAMES) or 0]
    text = row.cells[table.column(*_VALUES) or 0]
    if not key_of(name):
        return [], [*problems, nameless(row)]
    both, values = _ends(text)
    if both is None and not values:
        values = levels(text)
    if _with_decimal_comma(text):
        problems.append(
            Problem(
                row.line,
                f"{text!r} has a comma where a number has its point.",
                "write 0.001 with a point, and commas between the values: [0.001, 0.01].",
            )
        )
    elif not values and _THOUSANDS.fullmatch(text.strip()):
        problems.append(
            Problem(
                row.line,
                f"{text!r} could be one number or a list.",
                f"write [{text.strip().replace(',', ', ')}] for a list.",
            )
        )
    where = table.column("priority")
    written = row.cells[where] if where is not None else ""
    priority = priority_of(written)
    if written and priority is None:
        problems.append(no_priority(row.line, written))
    low, high = both or (None, None)
    return [Parameter(name, key_of(name), row.line, text, values, low, high, priority)], problems


def no_priority(line: int, written: str) -> Problem:
    """What to say about a priority that nobody can put in an order."""
    return Problem(
        line,
        f"The priority {written!r} is not High, Medium or Low.",
        "write High, Medium or Low.",
    )


def nameless(row: Row) -> Problem:
    """What to say about a row whose first cell is empty."""
    return Problem(row.line, "The row has no name, so it was left out.", "name it, or delete it.")


def surplus(row: Row) -> Iterator[Problem]:
    """What to say about a row with more cells than its table has columns."""
    if row.surplus:
        yield Problem(
            row.line,
            f"The row has more cells than the table has columns; {row.surplus!r} was not read.",
            "add a column to the header, or write \\| for a bar inside a cell.",
        )
