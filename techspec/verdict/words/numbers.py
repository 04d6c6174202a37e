"""Numbers in, text out: values with their units, intervals, counts of seeds, lists."""

from collections.abc import Sequence

from techspec.verdict.model import ArmResult, Estimate

_THOUSAND, _MILLION = 1_000, 1_000_000


# Up to a hundred million a number is quicker read with all its noughts.
_WITHOUT_EXPONENT = ("e+04", "e+05", "e+06", "e+07")

# Ours: no claim about a share names more, and what has more was computed.
_PLACES_MAX = 4


def number(value: float, unit: str = "", places: int = 1) -> str:
    """A value as people read it: `94.3 %`, `−1.5 pt`, `0.3142`.

    Args:
        value: in base units, as in the ledger.
        unit: `%` or `pt` of a share, else empty.
        places: behind the point, of a share; other values have four digits.

    >>> number(0.943, "%"), number(-0.015, "pt"), number(0.31416), number(10_628.0)
    ('94.3 %', '−1.5 pt', '0.3142', '10630')
    """
    text = f"{100 * value:.{places}f} {unit}" if unit in ("%", "pt") else f"{value:.4g}"
    if text.endswith(_WITHOUT_EXPONENT):
        text = f"{float(text):.0f}"
    if text.startswith("-"):
        text = text[1:] if not any(digit in text for digit in "123456789") else f"−{text[1:]}"
    return text


def stated(value: float, unit: str = "") -> str:
    """A level or a margin with the digits that it was written with: `99.95 %`, never `100.0 %`.

    >>> stated(0.9995, "%"), stated(0.02, "pt"), stated(12345.0), stated(1.0 / 3.0)
    ('99.95 %', '2.0 pt', '12345', '0.3333')
    """
    if unit in ("%", "pt"):
        return number(value, unit, places_of(value))
    whole = f"{value:.8g}"
    return number(value) if float(whole) != value else whole.replace("-", "−", 1)


def places_of(share: float) -> int:
    """How many places behind the point its percentage was written with; 1 where it was not."""
    told = range(1, _PLACES_MAX + 1)
    return next((n for n in told if abs(round(100 * share, n) - 100 * share) < 1e-9), 1)


def size(params: float) -> str:
    """A count of parameters: `253K`, `1.05M`.

    >>> size(252_800), size(1_050_000), size(77_184), size(512)
    ('253K', '1.05M', '77.2K', '512')
    """
    for scale, letter in ((_MILLION, "M"), (_THOUSAND, "K")):
        if params >= scale * 0.9995:
            return f"{params / scale:.3g}{letter}"
    return f"{params:.4g}"


def interval(estimate: Estimate) -> str:
    """An estimate with its interval: `15.4 pt (90 % interval 12.1 to 18.7 pt)`."""
    text = number(estimate.value, estimate.unit)
    if estimate.low is None or estimate.high is None:
        return text
    ends = span(estimate.low, estimate.high, estimate.unit)
    return f"{text} ({percent(estimate.confidence)} interval {ends})"


def span(low: float, high: float, unit: str, places: int = 1) -> str:
    """Two ends of one unit: `12.1 to 18.7 pt`."""
    first = number(low, unit, places).removesuffix(unit).rstrip()
    return f"{first} to {number(high, unit, places)}"


def between(low: float, high: float, unit: str, up: str, down: str) -> str:
    """The ends of a difference, each with the side that it lies on."""
    if low >= 0.0:
        return f"{span(low, high, unit)} {up}"
    if high <= 0.0:
        return f"{span(-high, -low, unit)} {down}"
    return f"from {number(-low, unit)} {down} to {number(high, unit)} {up}"


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return f"{100 * share:.0f} %"


def n_seeds(count: int, more: str = "") -> str:
    """`1 seed`, `5 more seeds`."""
    return f"{count} {more}seed{'' if count == 1 else 's'}"


def seed_counts(arms: Sequence[ArmResult]) -> str:
    """How many seeds each of some arms has."""
    counts = sorted({len(arm.runs) for arm in arms})
    if len(counts) == 1:
        return n_seeds(counts[0])
    return f"{counts[0]} to {n_seeds(counts[-1])}"


def listed(items: Sequence[str], word: str = "and") -> str:
    """`a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"
