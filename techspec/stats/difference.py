"""Two samples in; how much the mean of the first exceeds that of the second out.

No verdict is made here: every result answers with an estimate, an interval and one-sided p-values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from techspec.stats.checked import (
    ROUNDING,
    above_zero,
    at_least,
    finite,
    inside_unit,
    sample,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """D, the true mean of `a` less the true mean of `b`, as the samples tell it.

    Attributes:
        estimate: mean(a) - mean(b), in the unit of the values.
        low: lower end of the two-sided interval, same unit; -inf where the spread is unknown.
        high: upper end of it; +inf where the spread is unknown.
        confidence: of that interval, in (0, 1).
        standard_error: of the estimate, > 0, same unit; +inf where the spread is unknown.
        degrees_of_freedom: of Student's t, > 0, not always whole.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    standard_error: float
    degrees_of_freedom: float

    def p_above(self, null: float) -> float:
        """One-sided p of H0: D <= null; small where D lies above it. 1 where spread is unknown."""
        return self._tail(self.estimate - finite(null, "null"))

    def p_below(self, null: float) -> float:
        """One-sided p of H0: D >= null; small where D lies below it. 1 where spread is unknown."""
        return self._tail(finite(null, "null") - self.estimate)

    def _tail(self, excess: float) -> float:
        if math.isinf(self.standard_error):
            return 1.0

        from scipy import special

        return float(special.stdtr(self.degrees_of_freedom, -excess / self.standard_error))


def welch(
    a: Sequence[float], b: Sequence[float], alpha: float = 0.05, spread_floor: float = 0.0
) -> Difference:
    """Compare two means of independent samples whose spreads may differ.

    A spread of zero is not believed: three runs that all score 1.0 on 1,000 items still vary.
    The standard error is computed as if neither sample had a standard deviation below
    `spread_floor`; the degrees of freedom stay those of the observed spreads, so a floor can only
    weaken the evidence. Where neither sample varies and there is no floor, nothing is known: the
    interval is the whole line and every p-value is 1.

    Args:
        a: shape (n_a,), finite, n_a >= 2.
        b: shape (n_b,), finite, n_b >= 2.
        alpha: the interval is two-sided with confidence 1 - alpha, alpha in (0, 1).
        spread_floor: the least standard deviation to believe, >= 0, in the unit of the values.
            For a share of `items` evaluation items, 1 / items is one item more or less.

    Raises:
        ValueError: a sample has fewer than 2 values or one that is not finite, or alpha or the
            floor is out of range.

    Source:
        Welch (1947), "The generalization of 'Student's' problem when several different population
        variances are involved", Biometrika 34(1/2), 28-35. The floor is ours.

    >>> d = welch([0.98, 0.97, 0.99], [0.90, 0.93, 0.92])
    >>> round(d.estimate, 3), round(d.low, 3), round(d.high, 3)
    (0.063, 0.032, 0.095)
    >>> round(d.p_above(0.02), 3)
    0.01
    >>> welch([1.0, 1.0, 1.0], [0.5, 0.5, 0.5]).p_above(0.0)
    1.0
    """
    inside_unit(alpha, "alpha")
    return _difference(*welch_error(a, b, spread_floor), alpha)


def welch_error(
    a: Sequence[float], b: Sequence[float], spread_floor: float = 0.0
) -> tuple[float, float, float]:
    """Give the difference of two means with its squared standard error and degrees of freedom.

    What `welch` needs before it needs a distribution: plain arithmetic, for those who pool.

    Args:
        a: as in `welch`.
        b: as in `welch`.
        spread_floor: as in `welch`.

    Raises:
        ValueError: as `welch`.
    """
    floor = at_least(spread_floor, 0.0, "spread_floor")
    first, second = sample(a, "a", least=2), sample(b, "b", least=2)
    observed_a, observed_b = first.variance / first.n, second.variance / second.n
    if observed_a + observed_b > 0.0:
        share = observed_a / (observed_a + observed_b)
        degrees = 1.0 / (share**2 / (first.n - 1) + (1.0 - share) ** 2 / (second.n - 1))
    else:
        degrees = float(min(first.n, second.n) - 1)  # the fewest that Welch's formula can give
    squared_error = max(observed_a, floor**2 / first.n) + max(observed_b, floor**2 / second.n)
    return first.mean - second.mean, squared_error, degrees


def p_below_spreads(
    a: Sequence[float], b: Sequence[float], spreads: float = 1.0, spread_floor: float = 0.0
) -> float:
    """One-sided p of H0: mean of a - mean of b >= `spreads` standard deviations over seeds.

    Small where a leads by less than seeds of one arm differ among themselves, whatever their
    spread is: for a claim that names no margin.

    Args:
        a: shape (n_a,), finite, n_a >= 2.
        b: shape (n_b,), finite, n_b >= 2.
        spreads: how many standard deviations, > 0; the two arms are taken to vary alike.
        spread_floor: the least standard deviation to believe, >= 0; see `welch`.

    Raises:
        ValueError: as `welch`.

    Source:
        The noncentral t distribution of a standardized difference: Hedges and Olkin (1985),
        "Statistical Methods for Meta-Analysis", chapter 5.

    >>> round(p_below_spreads([1.0, 2.0, 3.0, 2.0], [2.0, 3.0, 1.0, 2.0]), 3)
    0.079
    """
    first, second = sample(a, "a", least=2), sample(b, "b", least=2)
    above_zero(spreads, "spreads")
    degrees = first.n + second.n - 2
    squares = first.variance * (first.n - 1) + second.variance * (second.n - 1)
    sd = max(math.sqrt(squares / degrees), at_least(spread_floor, 0.0, "spread_floor"))
    if sd == 0.0:
        return 1.0

    from scipy import special

    scale = math.sqrt(1.0 / first.n + 1.0 / second.n)
    statistic = (first.mean - second.mean) / (sd * scale)
    return float(special.nctdtr(degrees, spreads / scale, statistic))


def paired(
    a: Sequence[float], b: Sequence[float], alpha: float = 0.05, spread_floor: float = 0.0
) -> Difference:
    """Compare two means where a[i] and b[i] share what varies, such as the seed.

    Args:
        a: shape (n,), finite, n >= 2.
        b: shape (n,), finite, in the order of a.
        alpha: the interval is two-sided with confidence 1 - alpha, alpha in (0, 1).
        spread_floor: the least standard deviation to believe of one value, >= 0, in its unit; a
            difference of two values varies by at least sqrt(2) of it. Without a floor, constant
            differences tell nothing, as in `welch`.

    Raises:
        ValueError: lengths differ, there are fewer than 2 pairs, a value is not finite, or alpha
            or the floor is out of range.

    Source:
        Student (1908), "The probable error of a mean", Biometrika 6(1), 1-25. The floor is ours.

    >>> d = paired([0.98, 0.90, 0.95], [0.96, 0.87, 0.93])
    >>> round(d.estimate, 4), round(d.p_above(0.0), 4)
    (0.0233, 0.0099)
    """
    inside_unit(alpha, "alpha")
    floor = at_least(spread_floor, 0.0, "spread_floor")
    first, second = sample(a, "a", least=2), sample(b, "b", least=2)
    if first.n != second.n:
        raise ValueError(f"a and b are pairs, of one length; got {first.n} and {second.n}")
    gaps = sample([x - y for x, y in zip(a, b, strict=True)], "a - b", least=2)
    # Rounding counts beside the values, not beside their difference, which may be tiny.
    scale = max(abs(x) for x in (*a, *b))
    variance = 0.0 if gaps.variance <= (ROUNDING * scale) ** 2 else gaps.variance
    squared_error = max(variance, 2.0 * floor**2) / gaps.n
    return _difference(gaps.mean, squared_error, float(gaps.n - 1), alpha)


def _difference(estimate: float, squared_error: float, degrees: float, alpha: float) -> Difference:
    if squared_error == 0.0:
        return Difference(estimate, -math.inf, math.inf, 1.0 - alpha, math.inf, degrees)

    from scipy import special

    error = math.sqrt(squared_error)
    half_width = float(special.stdtrit(degrees, 1.0 - alpha / 2.0)) * error
    return Difference(
        estimate, estimate - half_width, estimate + half_width, 1.0 - alpha, error, degrees
    )
