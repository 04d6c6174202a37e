"""Raw numbers in, checked numbers out; what is refused is named with its value."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Spread below this share of the largest value is rounding, not variation between runs:
# 0.1 + 0.2 and 0.3 differ by 2e-16 of their size, and an evaluation never resolves 1e-12.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sample says about its mean.

    Attributes:
        n: how many values, >= 1.
        mean: in the unit of the values.
        variance: unbiased, in that unit squared, >= 0; 0 where n is 1 or the values are equal.
    """

    n: int
    mean: float
    variance: float


def sample(values: Sequence[float], name: str, least: int = 1) -> Sample:
    """Summarise finite values, of which there must be at least `least`.

    Args:
        values: shape (n,), any order, all finite.
        name: what a refusal calls them.
        least: fewest values that will do, >= 1.

    Raises:
        ValueError: there are fewer than `least` values, or one is NaN or infinite.

    >>> sample([1.0, 2.0, 3.0], "a")
    Sample(n=3, mean=2.0, variance=1.0)
    """
    n = len(values)
    if n < least:
        raise ValueError(f"{name} needs at least {least} value(s); got {n}")
    numbers = [finite(value, name) for value in values]
    mean = math.fsum(numbers) / n
    variance = math.fsum((x - mean) ** 2 for x in numbers) / max(1, n - 1)
    if math.sqrt(variance) <= ROUNDING * max(abs(x) for x in numbers):
        variance = 0.0
    return Sample(n, mean, variance)


def finite(value: float, name: str) -> float:
    """Return the value, or raise ValueError where it is NaN or infinite."""
    if not math.isfinite(value):
        raise ValueError(f"{name} is finite everywhere; got {value}")
    return float(value)


def at_least(value: float, least: float, name: str) -> float:
    """Return the value, or raise ValueError where it is below `least` or not finite."""
    if finite(value, name) < least:
        raise ValueError(f"{name} is at least {least}; got {value}")
    return float(value)


def above_zero(value: float, name: str) -> float:
    """Return the value, or raise ValueError where it is not finite and above 0."""
    if finite(value, name) <= 0.0:
        raise ValueError(f"{name} lies above 0; got {value}")
    return float(value)


def inside_unit(value: float, name: str) -> float:
    """Return the value, or raise ValueError where it does not lie strictly between 0 and 1."""
    if not 0.0 < value < 1.0:  # also refuses NaN
        raise ValueError(f"{name} lies strictly between 0 and 1; got {value}")
    return float(value)


def successes_of(successes: int, n: int, least: int = 0) -> None:
    """Raise ValueError unless 0 <= successes <= n and n >= least."""
    if n < least:
        raise ValueError(f"at least {least} run(s) are needed; got {n}")
    if not 0 <= successes <= n:
        raise ValueError(f"successes lie in [0, {n}], the number of runs; got {successes}")
