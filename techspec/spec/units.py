"""Numbers as people write them in, values out: `~1.05M`, `**91.5%**`, `2pt`, `1.5 hours`.

None of these functions raises: text that is no number gives None.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

Value = bool | int | float | str
"""A parameter's value. Shares are from 0 to 1; `253K` is the int 253000."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as a person wrote it: `~1.05M`, `**91.5%**`, `1e-4`.

    `value` is in base units: percent and points are divided by 100, K and M multiplied out.
    `unit` is "%", "pt" or "". `approximate` is True where the text says about (`~`).
    """

    value: int | float
    text: str
    unit: str = ""
    approximate: bool = False


_MAGNITUDES = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

# Lengths are bounded so that no text can ask for a number with a million digits.
_NUMBER = r"""
    (?P<about>~\s?|≈\s?|about\s|approx\.?\s|ca\.?\s)?
    (?P<sign>[-+−])?
    (?P<digits>[1-9][0-9]{0,2}(?:[,_][0-9]{3}){1,9}(?:\.[0-9]{1,40})?
      |[0-9]{1,40}(?:\.[0-9]{1,40})?|\.[0-9]{1,40})
    (?P<exponent>e[-+−]?[0-9]{1,3})?
    (?:\s?(?P<suffix>[kmb]|%|percentage\ points?|percent|points?|pts?|pp)(?![\w]))?
"""
_WHOLE = re.compile(_NUMBER, re.VERBOSE | re.IGNORECASE)
_WITHIN = re.compile(rf"(?<![\w.]){_NUMBER}(?![\w])", re.VERBOSE | re.IGNORECASE)
_LONGEST = 200
_DASH = re.compile(r"\s?(?:–|—|-|\.\.|\bto\b)\s?", re.IGNORECASE)
_DURATION = re.compile(
    r"\s?(?P<number>[0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})\s?"
    r"(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|[smhd])?(?![a-z])\s?,?\s?(?:and\b)?",
    re.IGNORECASE,
)


def quantity(text: str) -> Quantity | None:
    """The number that `text` is, the whole of it, or None.

    >>> quantity("~1.05M")
    Quantity(value=1050000, text='~1.05M', unit='', approximate=True)
    >>> quantity("**91.5%**").value, quantity("2 pts").value, quantity("1e-4").value
    (0.915, 0.02, 0.0001)
    """
    found = _WHOLE.fullmatch(_trimmed(text))
    return _quantity(found) if found else None


def quantities(text: str) -> Iterator[Quantity]:
    """Every number in a line of prose, in order.

    >>> [quantity.value for quantity in quantities("~1M params each, within 1%")]
    [1000000, 0.01]
    """
    return (
        number for found in _WITHIN.finditer(" ".join(text.split())) if (number := _quantity(found))
    )


def interval(text: str) -> tuple[int | float, int | float] | None:
    """Both ends of `0.1–0.3`, `85-95%` or `250-500K`, low first, or None.

    A unit behind the last number holds for both where the first has none.

    >>> interval("85-95%"), interval("0-999"), interval("1e-4 to 3e-3")
    ((0.85, 0.95), (0, 999), (0.0001, 0.003))
    """
    written = _trimmed(text)
    first = _WHOLE.match(written)
    if first is None:
        return None
    dash = _DASH.match(written, first.end())
    if dash is None:
        return None
    last = _WHOLE.fullmatch(written, dash.end())
    if last is None:
        return None
    low, high = _quantity(first), _quantity(last)
    if low is None or high is None:
        return None
    unit = last["suffix"]
    if unit and not first["suffix"] and _shares(unit, low.value, last):
        low = quantity(first.group().rstrip() + unit)
    if low is None or low.value > high.value:
        return None
    return low.value, high.value


def value(text: str) -> Value:
    """A parameter's value: a boolean, a number, or else the text itself.

    >>> value("true"), value("253K"), value("lsd")
    (True, 253000, 'lsd')
    """
    written = text.strip()
    if written.lower() in ("true", "false"):
        return written.lower() == "true"
    number = quantity(written)
    return written if number is None else number.value


def hours(text: str, unit: str = "") -> float | None:
    """A duration in hours. `unit` holds where the text has none: its first letter is s, m, h or d.

    >>> hours("1.5 hours"), hours("3 minutes"), hours("1h 30m"), hours("24", unit="hours")
    (1.5, 0.05, 1.5, 24.0)
    """
    seconds, position = 0.0, 0
    written = re.sub(r"^(?:~|≈|about\s|<=?|≤)\s?", "", " ".join(text.split()))
    while position < len(written):
        found = _DURATION.match(written, position)
        letter = ((found["unit"] if found else "") or unit)[:1].lower()
        if found is None or letter not in _SECONDS:
            return None
        seconds += float(found["number"]) * _SECONDS[letter]
        position = found.end()
    return seconds / 3_600 if written else None


def _trimmed(text: str) -> str:
    """The text without emphasis and with single spaces; longer ones than any number are cut."""
    return " ".join(text[:_LONGEST].split()).strip("*` ")


def _shares(unit: str, low: int | float, last: re.Match[str]) -> bool:
    """Whether `low` was written in the unit of the number behind it: 250 in `250-500K` was."""
    return unit.lower() not in _MAGNITUDES or low < Decimal(_plain(last["digits"]))


def _quantity(found: re.Match[str]) -> Quantity | None:
    suffix = (found["suffix"] or "").lower()
    sign = "-" if found["sign"] in ("-", "−") else ""
    exponent = (found["exponent"] or "").replace("−", "-")
    number = Decimal(sign + _plain(found["digits"]) + exponent)
    unit = ""
    if suffix in _MAGNITUDES:
        number *= _MAGNITUDES[suffix]
    elif suffix:
        unit = "%" if suffix in ("%", "percent") else "pt"
        number /= 100
    whole = number == number.to_integral_value() and not exponent and not unit
    if whole and (suffix or "." not in found["digits"]):
        result: int | float = int(number)
    else:
        result = float(number)
        if math.isinf(result):
            return None
    return Quantity(result, found.group().strip(), unit, approximate=bool(found["about"]))


def _plain(digits: str) -> str:
    return digits.replace(",", "").replace("_", "")
