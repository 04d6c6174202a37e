"""Two success counts in; how much more often the first succeeds out."""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from techspec.stats.checked import at_least, inside_unit, successes_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

# Ours: true rates that are tried, evenly spaced. With 20 times as many no p-value of 1,500 of up to
# 20 runs an arm rose by more than 0.2 % of itself.
_RATES = 101
# Tables whose p-values differ by less of their size are equally extreme but for rounding.
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class RateDifference:
    """How much more often `a` succeeds than `b`, as the counts tell it.

    Attributes:
        estimate: success rate of a less that of b, in [-1, 1].
        low: lower end of the two-sided interval, in [-1, 1].
        high: upper end of it, in [-1, 1].
        confidence: of that interval, in (0, 1).
        odds_ratio: odds of a over odds of b, in [0, inf]; None where both only succeeded or both
            only failed.
        p_above: one-sided p of H0: a succeeds at most as often as b.
        p_below: one-sided p of H0: a succeeds at least as often as b.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    odds_ratio: float | None
    p_above: float
    p_below: float


def fisher(
    successes_a: int, n_a: int, successes_b: int, n_b: int, alpha: float = 0.05
) -> RateDifference:
    """Compare two success rates exactly, however few the runs.

    Args:
        successes_a: in [0, n_a].
        n_a: runs of a, >= 1.
        successes_b: in [0, n_b].
        n_b: runs of b, >= 1.
        alpha: the interval is two-sided with confidence 1 - alpha, alpha in (0, 1).

    Raises:
        ValueError: a count lies outside its range, or alpha does.

    Source:
        Fisher (1935), "The logic of inductive inference", Journal of the Royal Statistical
        Society 98(1), 39-82, for the p-values. Newcombe (1998), "Interval estimation for the
        difference between independent proportions", Statistics in Medicine 17(8), 873-890,
        method 10, for the interval, which is approximate and may disagree with them at the edge.

    >>> rates = fisher(5, 5, 1, 5)
    >>> round(rates.estimate, 2), round(rates.low, 2), round(rates.high, 2)
    (0.8, 0.19, 0.96)
    >>> round(rates.p_above, 4), round(rates.p_below, 4)
    (0.0238, 1.0)
    """
    inside_unit(alpha, "alpha")
    successes_of(successes_a, n_a, least=1)
    successes_of(successes_b, n_b, least=1)

    failures_a, failures_b = n_a - successes_a, n_b - successes_b
    rate_a, rate_b = successes_a / n_a, successes_b / n_b
    low_a, high_a = _wilson(successes_a, n_a, alpha)
    low_b, high_b = _wilson(successes_b, n_b, alpha)
    estimate = rate_a - rate_b
    return RateDifference(
        estimate=estimate,
        low=estimate - math.hypot(rate_a - low_a, high_b - rate_b),
        high=estimate + math.hypot(high_a - rate_a, rate_b - low_b),
        confidence=1.0 - alpha,
        odds_ratio=_odds_ratio(successes_a, failures_a, successes_b, failures_b),
        p_above=_share_of_tables(successes_a, n_a, successes_b, n_b),
        p_below=_share_of_tables(successes_b, n_b, successes_a, n_a),
    )


def p_rates_apart(
    successes_a: int, n_a: int, successes_b: int, n_b: int, margin: float = 0.0
) -> float:
    """Two-sided p of H0: the true success rates lie within `margin` of each other.

    The chance of counts at least as extreme, under those rates within the margin that make it
    largest, so exact however few the runs; how extreme counts are is said by Fisher's p-values.

    Args:
        successes_a: in [0, n_a].
        n_a: runs of a, >= 1.
        successes_b: in [0, n_b].
        n_b: runs of b, >= 1.
        margin: the largest difference of rates that does not matter, >= 0; from 1 on the p is 1.

    Raises:
        ValueError: a count lies outside its range, or the margin is below 0.

    Source:
        Boschloo (1970), "Raised conditional level of significance for the 2x2-table when testing
        the equality of two probabilities", Statistica Neerlandica 24(1), 1-9; Roehmel and
        Mansmann (1999), "Unconditional non-asymptotic one-sided tests for independent binomial
        proportions when the interest lies in showing non-inferiority and/or superiority",
        Biometrical Journal 41(2), 149-170, for a margin, and for looking for the largest chance
        only where the rates are just so far apart.

    >>> round(p_rates_apart(5, 5, 1, 5), 4), round(p_rates_apart(5, 5, 1, 5, margin=0.3), 4)
    (0.0215, 0.0865)
    """
    import numpy as np

    successes_of(successes_a, n_a, least=1)
    successes_of(successes_b, n_b, least=1)
    if at_least(margin, 0.0, "margin") >= 1.0:
        return 1.0

    fisher_p = _fisher_of_tables(n_a, n_b)
    extreme = (fisher_p <= fisher_p[successes_a, successes_b] * (1.0 + _TIE)).astype(float)
    lower = np.linspace(0.0, 1.0 - margin, _RATES)
    largest = max(
        float((_binomial(n_a, rates_a) * (extreme @ _binomial(n_b, rates_b))).sum(0).max())
        for rates_a, rates_b in ((lower, lower + margin), (lower + margin, lower))
    )
    return min(1.0, largest)  # rounding may end above


@lru_cache(maxsize=32)  # a study has few sizes
def _fisher_of_tables(n_a: int, n_b: int) -> "Floats":
    """The smaller one-sided p of each pair of counts, shape (n_a + 1, n_b + 1)."""
    import numpy as np

    return np.array(
        [
            [
                min(_share_of_tables(a, n_a, b, n_b), _share_of_tables(b, n_b, a, n_a))
                for b in range(n_b + 1)
            ]
            for a in range(n_a + 1)
        ]
    )


def _binomial(n: int, rates: "Floats") -> "Floats":
    """Chance of k successes of n at each rate, shape (n + 1, rates)."""
    import numpy as np

    k = np.arange(n + 1)[:, None]
    ways = np.array([float(math.comb(n, successes)) for successes in range(n + 1)])[:, None]
    chances: Floats = ways * rates**k * (1.0 - rates) ** (n - k)
    return chances


def _share_of_tables(successes_a: int, n_a: int, successes_b: int, n_b: int) -> float:
    """Chance of so many successes of a or more, if all the successes fell to runs by lot."""
    total = successes_a + successes_b
    ways = sum(
        math.comb(n_a, k) * math.comb(n_b, total - k)
        for k in range(successes_a, min(n_a, total) + 1)
    )
    return ways / math.comb(n_a + n_b, total)


def _wilson(successes: int, n: int, alpha: float) -> tuple[float, float]:
    """Wilson's interval of a rate, which Newcombe's joins."""
    z = NormalDist().inv_cdf(1.0 - alpha / 2.0)
    rate = successes / n
    middle = rate + z * z / (2.0 * n)
    half_width = z * math.sqrt(rate * (1.0 - rate) / n + z * z / (4.0 * n * n))
    # Rounding apart, the ends are 0 and 1 where all runs agree.
    low = 0.0 if successes == 0 else (middle - half_width) / (1.0 + z * z / n)
    high = 1.0 if successes == n else (middle + half_width) / (1.0 + z * z / n)
    return low, high


def _odds_ratio(
    successes_a: int, failures_a: int, successes_b: int, failures_b: int
) -> float | None:
    if successes_a == successes_b == 0 or failures_a == failures_b == 0:
        return None
    against = failures_a * successes_b
    return successes_a * failures_b / against if against else math.inf
