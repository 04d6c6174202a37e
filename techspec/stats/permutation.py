"""Two samples of any shape in, how seldom chance deals them so far apart out.

For seeds that fall into two groups, of which Student's t knows nothing.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import TYPE_CHECKING

from techspec.stats.checked import ROUNDING, at_least, inside_unit, sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

# Ours: 10 and 10 runs can be dealt in 184,756 ways, which takes milliseconds; of more ways a part
# is drawn, the observed one among it, by which a p-value keeps its meaning. The ends of intervals,
# for which many p-values are needed, are found by such a part in any case.
_WAYS_MAX = 200_000
_DRAWN = 20_000
# Statistics that differ by less of their size are equal but for rounding.
_TIE = 1e-9
# Halvings of the stretch in which an end of an interval lies: to a 16,000th of it.
_HALVINGS = 14


@dataclass(frozen=True, eq=False)
class Permuted:
    """D, the true mean of `a` less that of `b`, and what dealing the runs anew makes of it.

    Attributes:
        estimate: mean(a) - mean(b), in the unit of the values.
        span: further from the estimate than any end of an interval, same unit.
    """

    estimate: float
    span: float
    _statistics: "Callable[[float, int | None], Floats]"
    """At a null, of the observed way first, then of all others or so many."""

    def p_above(self, null: float = 0.0) -> float:
        """One-sided p of H0: D <= null, exact where a less null varies as b does."""
        return self._p(null, 1.0)

    def p_below(self, null: float = 0.0) -> float:
        """One-sided p of H0: D >= null, likewise."""
        return self._p(null, -1.0)

    def low(self, p: float) -> float:
        """Lower end of an interval: `p_above` rejects at p in (0, 1) what lies below; or -inf."""
        return self.estimate - self._reach(inside_unit(p, "p"), 1.0)

    def high(self, p: float) -> float:
        """Upper end of it: `p_below` rejects at p what lies above; or +inf."""
        return self.estimate + self._reach(inside_unit(p, "p"), -1.0)

    def _p(self, null: float, side: float, ways: int | None = None) -> float:
        found = side * self._statistics(null, ways)
        return float((found >= found[0] - _TIE * (1.0 + abs(found[0]))).mean())

    def _reach(self, p: float, side: float) -> float:
        kept, rejected = 0.0, self.span
        if self._p(self.estimate - side * rejected, side) > p:
            return math.inf
        # An end beyond zero says that zero is rejected, so zero is asked and not just come near to.
        at_zero = side * self.estimate
        if 0.0 < at_zero < rejected:
            kept, rejected = (0.0, at_zero) if self._p(0.0, side) <= p else (at_zero, rejected)
        for _ in range(_HALVINGS):
            middle = (kept + rejected) / 2.0
            if self._p(self.estimate - side * middle, side, _DRAWN) <= p:
                rejected = middle
            else:
                kept = middle
        return kept


def permuted(a: Sequence[float], b: Sequence[float], spread_floor: float = 0.0) -> Permuted:
    """Compare two means by Welch's statistic and all ways to deal the values to two samples.

    Exact at every sample size where both samples come from one distribution, whatever that is;
    with many values also where only their means agree, which the division by the standard error
    is for.

    Args:
        a: shape (n_a,), finite, n_a >= 2.
        b: shape (n_b,), finite, n_b >= 2.
        spread_floor: the least standard deviation to believe of a sample, as in
            `difference.welch`.

    Raises:
        ValueError: a sample has fewer than 2 values or one that is not finite, or the floor is
            below 0.

    Source:
        Pitman (1937), "Significance tests which may be applied to samples from any populations",
        Supplement to the JRSS 4(1), 119-130; Janssen (1997), "Studentized permutation tests for
        non-i.i.d. hypotheses and the generalized Behrens-Fisher problem", Statistics &
        Probability Letters 36(1), 9-21. Of more than 200,000 ways a part is drawn, always the
        same: Phipson and Smyth (2010), "Permutation p-values should never be zero", Statistical
        Applications in Genetics and Molecular Biology 9(1), 39.

    >>> round(permuted((0.97, 0.96, 0.98, 0.97), (0.41, 0.97, 0.38, 0.40)).p_above(), 3)
    0.057
    """
    import numpy as np

    first, second = sample(a, "a", least=2), sample(b, "b", least=2)
    at_least(spread_floor, 0.0, "spread_floor")
    values = np.array([*a, *b])
    middle, scale = float(values.mean()), float(np.abs(values).max())
    values -= middle
    floor = max(spread_floor, ROUNDING * scale) ** 2
    dealt = _dealt(first.n, second.n)
    of_a = values.copy()
    of_a[first.n :] = 0.0
    # Of the sample that a way deals first: how many come from a, their sum, the sum and the squares
    # of all. With these, another null, which shifts a, is dealt without a further product.
    count = dealt[:, : first.n].sum(1)
    sum_a, sums, squares = dealt @ of_a, dealt @ values, dealt @ values**2
    total, total_squares = float(values.sum()), float((values**2).sum())
    total_a = float(of_a.sum())

    def statistics(null: float, ways: int | None) -> "Floats":
        one = sums[:ways] - null * count[:ways]
        one_squares = squares[:ways] - 2.0 * null * sum_a[:ways] + null**2 * count[:ways]
        other = total - null * first.n - one
        other_squares = total_squares - 2.0 * null * total_a + null**2 * first.n - one_squares
        variances = [
            np.maximum((square - part**2 / n) / (n - 1), floor) / n
            for part, square, n in ((one, one_squares, first.n), (other, other_squares, second.n))
        ]
        found: Floats = (one / first.n - other / second.n) / np.sqrt(variances[0] + variances[1])
        return found

    span = 4.0 * (float(np.ptp(values)) + math.sqrt(floor))
    return Permuted(first.mean - second.mean, span, statistics)


def permuted_pairs(a: Sequence[float], b: Sequence[float]) -> Permuted:
    """Compare two means where a[i] and b[i] share what varies: by all signs of their differences.

    Args:
        a: shape (n,), finite, n >= 2.
        b: shape (n,), finite, in the order of a.

    Raises:
        ValueError: lengths differ, there are fewer than 2 pairs, or a value is not finite.

    Source:
        Fisher (1935), "The Design of Experiments", section 21.

    >>> permuted_pairs((0.9, 0.8, 0.7), (0.5, 0.5, 0.5)).p_above()
    0.125
    """
    import numpy as np

    first, second = sample(a, "a", least=2), sample(b, "b", least=2)
    if first.n != second.n:
        raise ValueError(f"a and b are pairs, of one length; got {first.n} and {second.n}")
    gaps = np.array([x - y for x, y in zip(a, b, strict=True)])
    signs = _signs(first.n)
    sums, counts = signs @ gaps, signs.sum(1)

    def statistics(null: float, ways: int | None) -> "Floats":
        found: Floats = (sums[:ways] - null * counts[:ways]) / first.n
        return found

    span = 4.0 * float(np.ptp(gaps) + ROUNDING * np.abs(gaps).max())
    return Permuted(float(gaps.mean()), span, statistics)


@lru_cache(maxsize=8)  # a study has few sizes; 10 and 10 take 30 MB
def _dealt(n_a: int, n_b: int) -> "Floats":
    """Ways to deal n_a values of all, the observed one first: (ways, n_a + n_b) of 0 and 1."""
    import numpy as np

    draw, places = random.Random(0), range(n_a + n_b)
    if math.comb(len(places), n_a) <= _WAYS_MAX:
        observed, *others = combinations(places, n_a)
        draw.shuffle(others)
    else:
        observed = tuple(range(n_a))
        others = [tuple(draw.sample(places, n_a)) for _ in range(_DRAWN - 1)]
    chosen = np.array([observed, *others])
    ways = np.zeros((len(chosen), len(places)))
    np.put_along_axis(ways, chosen, 1.0, axis=1)
    return ways


@lru_cache(maxsize=4)
def _signs(n: int) -> "Floats":
    """Ways to give n differences a sign, the observed one first: (ways, n) of 1 and -1."""
    import numpy as np

    draw = random.Random(0)
    if 2**n <= _WAYS_MAX:
        observed, *others = product((1.0, -1.0), repeat=n)
        draw.shuffle(others)
    else:
        observed = (1.0,) * n
        others = [tuple(draw.choice((1.0, -1.0)) for _ in range(n)) for _ in range(_DRAWN - 1)]
    return np.array([observed, *others])
