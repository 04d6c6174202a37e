"""A sample in, the interval of its mean out; one value has no interval."""

from collections.abc import Sequence

from techspec.stats.checked import at_least, inside_unit, sample


def interval_mean(
    values: Sequence[float], confidence: float = 0.95, spread_floor: float = 0.0
) -> tuple[float, float] | None:
    """Interval that holds the true mean in `confidence` of repetitions; None where there is none.

    Args:
        values: shape (n,), finite, n >= 1.
        confidence: two-sided, in (0, 1).
        spread_floor: the least standard deviation to believe, >= 0, in the unit of the values.

    Returns:
        (low, high) in the unit of the values; None where nothing is known about the spread:
        n < 2, or all values equal and no floor.

    Raises:
        ValueError: no values, one that is not finite, or confidence or floor out of range.

    Source:
        Student (1908), "The probable error of a mean", Biometrika 6(1), 1-25.

    >>> low, high = interval_mean([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    inside_unit(confidence, "confidence")
    floor = at_least(spread_floor, 0.0, "spread_floor")
    seen = sample(values, "values")
    variance = max(seen.variance, floor**2)
    if seen.n < 2 or variance == 0.0:
        return None

    from scipy import special

    reach = float(special.stdtrit(seen.n - 1, (1.0 + confidence) / 2.0))
    half_width = reach * (variance / seen.n) ** 0.5
    return seen.mean - half_width, seen.mean + half_width
