"""Effects of several studies in, with standard errors; one effect, and whether they agree, out.

Random effects: studies may differ in what they measure by more than their own noise, and say so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from techspec.stats.checked import above_zero, finite, inside_unit


@dataclass(frozen=True, slots=True)
class Pooled:
    """What studies say together.

    Attributes:
        count: how many studies, >= 2.
        estimate: the mean effect, in the unit of the effects.
        low: lower end of its two-sided interval, same unit.
        high: upper end of it, same unit.
        confidence: of that interval, in (0, 1).
        tau: standard deviation of the true effects between studies, >= 0, same unit.
        q: Cochran's Q, >= 0; about `count` - 1 where only noise divides the studies.
        p_agree: p of "all studies measure one effect"; small where they disagree.
        inconsistency: share of the variation that noise does not explain (I²), in [0, 1).
    """

    count: int
    estimate: float
    low: float
    high: float
    confidence: float
    tau: float
    q: float
    p_agree: float
    inconsistency: float


def random_effects(
    effects: Sequence[float],
    standard_errors: Sequence[float],
    degrees_of_freedom: Sequence[float] | None = None,
    confidence: float = 0.90,
) -> Pooled:
    """Pool effects by the method of DerSimonian and Laird, with the interval of Hartung and Knapp.

    The interval uses Student's t with one degree less than there are studies, so two studies leave
    it wide: two numbers say little of how studies differ. It is never narrower than if the studies
    differed by their own noise alone (Röver, Knapp, Friede 2015).

    Few seeds estimate a standard error poorly, and Q against chi-square would then call studies
    different too often; with `degrees_of_freedom` Q is referred to Welch's F instead.

    Args:
        effects: shape (studies,), finite, at least 2.
        standard_errors: shape (studies,), finite, > 0, in the unit of the effects.
        degrees_of_freedom: shape (studies,), > 0, of each standard error; None where they are
            known as if from endless data.
        confidence: of the interval, two-sided, in (0, 1).

    Raises:
        ValueError: shapes differ, there are fewer than 2 studies, or a value is out of range.

    Source:
        DerSimonian, Laird (1986), "Meta-analysis in clinical trials", Controlled Clinical Trials
        7(3), 177-188. Hartung, Knapp (2001), "A refined method for the meta-analysis of controlled
        clinical trials with binary outcome", Statistics in Medicine 20(24), 3875-3889. Röver,
        Knapp, Friede (2015), "Hartung-Knapp-Sidik-Jonkman approach and its modification for
        random-effects meta-analysis with few studies", BMC Medical Research Methodology 15, 99.
        Welch (1951), "On the comparison of several mean values: an alternative approach",
        Biometrika 38(3/4), 330-336.

    >>> together = random_effects([0.15, 0.17, 0.14], [0.02, 0.03, 0.02])
    >>> round(together.estimate, 3), round(together.low, 3), round(together.high, 3)
    (0.15, 0.112, 0.187)
    >>> random_effects([0.15, -0.05], [0.02, 0.02]).p_agree < 0.001
    True
    """
    if len(effects) < 2:
        raise ValueError(f"pooling needs at least 2 studies; got {len(effects)}")
    if len(effects) != len(standard_errors):
        raise ValueError(f"{len(effects)} effects have {len(standard_errors)} standard errors")
    inside_unit(confidence, "confidence")
    values = [finite(effect, "effects") for effect in effects]
    variances = [above_zero(error, "standard_errors") ** 2 for error in standard_errors]

    weights = [1.0 / variance for variance in variances]
    total = math.fsum(weights)
    q = _spread(values, weights)
    free = len(values) - 1
    scale = total - math.fsum(weight**2 for weight in weights) / total
    tau_squared = max(0.0, (q - free) / scale)

    between = [1.0 / (variance + tau_squared) for variance in variances]
    estimate = _mean(values, between)
    stretch = max(1.0, _spread(values, between) / free)

    from scipy import special

    reach = float(special.stdtrit(free, (1.0 + confidence) / 2.0))
    half_width = reach * math.sqrt(stretch / math.fsum(between))
    return Pooled(
        count=len(values),
        estimate=estimate,
        low=estimate - half_width,
        high=estimate + half_width,
        confidence=confidence,
        tau=math.sqrt(tau_squared),
        q=q,
        p_agree=_p_agree(q, weights, degrees_of_freedom),
        inconsistency=max(0.0, 1.0 - free / q) if q > 0.0 else 0.0,
    )


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(w * x for w, x in zip(weights, values, strict=True)) / math.fsum(weights)


def _spread(values: Sequence[float], weights: Sequence[float]) -> float:
    """Weighted squares about the weighted mean: Cochran's Q where weights are 1 / variance."""
    mean = _mean(values, weights)
    return math.fsum(w * (x - mean) ** 2 for w, x in zip(weights, values, strict=True))


def _p_agree(q: float, weights: Sequence[float], degrees: Sequence[float] | None) -> float:
    from scipy import special

    free = len(weights) - 1
    if degrees is None:
        return float(special.chdtrc(free, q))
    if len(degrees) != len(weights):
        raise ValueError(f"{len(weights)} effects have {len(degrees)} degrees of freedom")
    total = math.fsum(weights)
    doubt = math.fsum(
        (1.0 - weight / total) ** 2 / above_zero(degree, "degrees_of_freedom")
        for weight, degree in zip(weights, degrees, strict=True)
    )
    count = len(weights)
    ratio = (q / free) / (1.0 + 2.0 * (count - 2) / (count**2 - 1) * doubt)
    return float(special.fdtrc(free, (count**2 - 1) / (3.0 * doubt), ratio))
