"""p-values of a claim looked at several times in, what they are worth together out.

However often one looks, a true null is rejected with at most the chance that was agreed on.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from techspec.stats.checked import inside_unit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Kind = Literal["two-sample", "one-sample"]

# Of the error spent by a look, how fast it grows with the share of seeds seen. Kim and DeMets
# (1987); between Pocock's 1, which spends early, and O'Brien and Fleming's about 3, which with 3
# seeds would never decide.
_SPENDING_POWER = 1.5

# Looks share data, so their statistics go together; t-values less so than their normal limits,
# whose correlation is (n_j / n_k) ** 0.5. Ours: here it is to half of these powers, in round
# numbers the least that keep the error in simulations (benchmarks/error_rates.py boundaries).
_TOGETHER_POWER: dict[Kind, float] = {"two-sample": 1.5, "one-sample": 2.0}

# Nodes of the quadrature, how far below 0 it starts in standard errors, and the errors tabulated.
# With 48 nodes and looks at every seed from 2 to 20 the boundaries are those of 300 to 9 digits.
_NODES = 48
_LOWEST = -8.0
_LOGITS = tuple(step / 2.0 for step in range(-23, 9))  # overall error from 1e-5 to 0.98
_LOGITS_OF_P = tuple(step / 2.0 for step in range(-40, 9))

# Ratios of the two arms' variances searched for the one that is worst for Welch's test.
_VARIANCE_RATIOS = tuple(math.exp(step * 0.75) for step in range(1, 11))
_SHARE_NODES = 48


def boundaries(
    looks: Sequence[int], alpha: float = 0.05, kind: Kind = "two-sample"
) -> tuple[float, ...]:
    """Nominal p-values which, rejecting at the first look that reaches its own, err in `alpha`.

    Args:
        looks: seeds an arm at which the test may reject, rising, shape (looks,), each >= 2. One
            that may not reject, such as 3 seeds for a refutation, is left out and costs nothing.
        alpha: chance to reject at any look though the null holds, in (0, 1).
        kind: "two-sample" for Welch's test, whose p-values are too small where the arms' spreads
            differ and seeds are few: the boundaries make up for the worst ratio. "one-sample" for
            the paired t and for exact tests, whose p-values mean what they say.

    Returns:
        One-sided p-values, shape (looks,), in (0, 1); each rises with alpha.

    Raises:
        ValueError: looks do not rise from 2, or alpha or kind is none.

    Source:
        Armitage, McPherson and Rowe (1969), "Repeated significance tests on accumulating data",
        JRSS A 132(2), 235-244, for the integration; Kim and DeMets (1987), "Design and analysis of
        group sequential tests based on the type I error spending rate function", Biometrika
        74(1), 149-154; Jennison and Turnbull (2000), "Group Sequential Methods with Applications
        to Clinical Trials", chapter 11, for using its nominal p-values with t-tests. The two
        corrections for few seeds are ours.

    >>> [round(p, 4) for p in boundaries((3, 5, 7, 10))]
    [0.0048, 0.0101, 0.0166, 0.0308]
    >>> [round(p, 4) for p in boundaries((3, 5, 7, 10), kind="one-sample")]
    [0.0082, 0.0112, 0.0161, 0.0288]
    """
    inside_unit(alpha, "alpha")
    at = _logit(alpha)
    return tuple(_probability(_line(_LOGITS, column, at)) for column in _table(*_key(looks, kind)))


def sequential_p(
    p_values: Sequence[float], looks: Sequence[int], kind: Kind = "two-sample"
) -> float:
    """Smallest `alpha` at which `boundaries` would have rejected at one of the looks so far.

    A p-value like any other, which further looks can only lower; so Holm's method over those of
    several claims keeps their family-wise error, whatever look each of them has reached.

    Args:
        p_values: one-sided nominal p-values of the looks reached, in their order, each in [0, 1],
            1.0 where the test could not reject; may be empty.
        looks: as in `boundaries`, those not reached included, at least as many.
        kind: as in `boundaries`.

    Raises:
        ValueError: a p-value lies outside [0, 1], there are more of them than looks, or looks or
            kind are none.

    Source:
        Liu and Anderson (2008), "On adaptive extensions of group sequential trials for clinical
        investigations", JASA 103(484), 1621-1630; Maurer and Bretz (2013), "Multiple testing in
        group sequential trials using graphical approaches", Statistics in Biopharmaceutical
        Research 5(4), 311-320, for joining such tests.

    >>> round(sequential_p([0.2, 0.0102], (3, 5, 7, 10)), 3)
    0.05
    """
    if bad := [p for p in p_values if not 0.0 <= p <= 1.0]:
        raise ValueError(f"a p-value lies in [0, 1]; got {bad[0]}")
    if len(p_values) > len(looks):
        raise ValueError(f"one p-value a look; got {len(p_values)} for {len(looks)} looks")
    table = _table(*_key(looks, kind))
    return min(
        (
            _probability(_line(column, _LOGITS, _logit(p)))
            for p, column in zip(p_values, table, strict=False)
        ),
        default=1.0,
    )


def _key(looks: Sequence[int], kind: Kind) -> tuple[tuple[int, ...], Kind]:
    at = tuple(looks)
    if any(after <= before for before, after in zip((1, *at), at, strict=False)):
        raise ValueError(f"looks rise, from 2 seeds on; got {list(at)}")
    if kind not in _TOGETHER_POWER:
        raise ValueError(f"kind is 'two-sample' or 'one-sample'; got {kind!r}")
    return at, kind


@lru_cache(maxsize=256)
def _table(looks: tuple[int, ...], kind: Kind) -> tuple[tuple[float, ...], ...]:
    """Logits of the nominal p-values for an overall error of _LOGITS, shape (looks, _LOGITS)."""
    import numpy as np
    from scipy import special

    if not looks:
        return ()
    overall = special.expit(np.array(_LOGITS))
    seen = np.array(looks) / looks[-1]
    spent = np.diff(seen**_SPENDING_POWER, prepend=0.0)
    nominal = _rejecting(overall[:, None] * spent, seen ** _TOGETHER_POWER[kind])
    columns = special.logit(nominal).T
    if kind == "two-sample":
        return tuple(
            tuple(_line(_welch_worst(n), _LOGITS_OF_P, logit) for logit in column.tolist())
            for column, n in zip(columns, looks, strict=True)
        )
    return tuple(tuple(column.tolist()) for column in columns)


def _rejecting(spent: "Floats", times: "Floats") -> "Floats":
    """Nominal p-values that spend the error so, for a Brownian motion seen at these times.

    Args:
        spent: (errors, looks), what each look is to add to the chance of having rejected.
        times: (looks,), rising.

    Returns:
        (errors, looks), one-sided p-values.
    """
    import numpy as np
    from scipy import special

    nodes, weights = _quadrature()
    nominal = np.empty_like(spent)
    # Density of the paths that have not been rejected, at places `at`, times their weights.
    at, mass = np.zeros((len(spent), 1)), np.ones((len(spent), 1))
    before = 0.0
    for look, time in enumerate(times.tolist()):
        step = math.sqrt(time - before)
        low, high = np.full(len(spent), -9.0), np.full(len(spent), 9.0)
        for _ in range(50):  # bisection: what lies above `bound` falls as it rises
            bound = (low + high) / 2.0
            above = (mass * special.ndtr((at - bound[:, None]) / step)).sum(1)
            low = np.where(above > spent[:, look], bound, low)
            high = np.where(above > spent[:, look], high, bound)
        nominal[:, look] = special.ndtr(-bound / math.sqrt(time))
        start = _LOWEST * math.sqrt(time)
        half = (bound - start)[:, None] / 2.0
        places = start + half * (nodes + 1.0)  # (errors, nodes)
        apart = (places[:, :, None] - at[:, None, :]) / step
        density = np.exp(-0.5 * apart * apart) @ mass[:, :, None]
        mass = density[:, :, 0] * (half * weights) / (step * math.sqrt(2.0 * math.pi))
        at, before = places, time
    return nominal


@lru_cache(maxsize=256)
def _welch_worst(n: int) -> tuple[float, ...]:
    """Logit of the chance that Welch's p is at most p, for logits of p in _LOGITS_OF_P.

    For n normal values an arm without a difference, and the ratio of the arms' variances that
    makes it largest; never below p, which is the limit of a ratio without bound.
    """
    import numpy as np
    from scipy import special

    # Log odds of a's part in both sums of squares, each divided by its true variance: the share is
    # Beta distributed, and the trapezoid rule over its log odds converges as fast as any.
    odds = np.linspace(-1.0, 1.0, _SHARE_NODES) * 50.0 / (n - 1)
    weights = (special.expit(odds) * special.expit(-odds)) ** ((n - 1) / 2.0)
    weights /= weights.sum()
    p = special.expit(np.array(_LOGITS_OF_P))[:, None]  # (p, 1)
    worst = p[:, 0]
    for ratio in _VARIANCE_RATIOS:
        share = special.expit(odds + math.log(ratio))  # of a in the variance that Welch estimates
        degrees = (n - 1) / (share**2 + (1.0 - share) ** 2)
        # Given the share, Welch's statistic is a multiple of a t with 2 (n - 1) degrees of freedom.
        total = 1.0 + (ratio - 1.0) * special.expit(odds)
        scale = np.sqrt((1.0 + ratio) / (2.0 * total))
        tail = special.stdtr(2.0 * (n - 1), special.stdtrit(degrees, p) / scale)
        worst = np.maximum(worst, tail @ weights)
    return tuple(special.logit(worst).tolist())


@cache
def _quadrature() -> "tuple[Floats, Floats]":
    """Gauss and Legendre's nodes in [-1, 1] and their weights."""
    import numpy as np

    return np.polynomial.legendre.leggauss(_NODES)


def _line(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Piecewise linear through the points, straight on beyond the ends; xs and ys rise."""
    left = min(max(bisect_right(xs, x), 1), len(xs) - 1) - 1
    slope = (ys[left + 1] - ys[left]) / (xs[left + 1] - xs[left])
    return ys[left] + slope * (x - xs[left])


def _logit(p: float) -> float:
    if p in (0.0, 1.0):
        return math.inf if p else -math.inf
    return math.log(p / (1.0 - p))


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -700.0 else 0.0
