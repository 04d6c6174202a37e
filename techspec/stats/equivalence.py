"""Samples at several levels in; whether all their means lie within a margin of each other out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from techspec.stats.checked import above_zero, inside_unit
from techspec.stats.difference import Difference, welch
from techspec.stats.multiplicity import holm


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether groups were shown to be alike, shown to differ, or neither; never both.

    Attributes:
        equivalent: every pair was shown to lie within the margin.
        p: one-sided p of H0: some pair lies a margin or more apart.
        widest: indices (i, j), i < j, of the pair whose means lie furthest apart; the first of
            several.
        estimate: mean(groups[i]) - mean(groups[j]) of that pair, in the unit of the values.
        low: lower end of its interval; -inf where the spread is unknown.
        high: upper end of it; +inf where the spread is unknown.
        confidence: of that interval, 1 - 2 alpha: inside the margin where the pair is equivalent.
            The end nearer zero is that of 1 - 2 alpha_different.
        different: every pair (i, j) shown to lie more than the margin apart.
        p_different: the smallest p, adjusted over all pairs, of H0: the pair lies within it.
        p_apart: the p-values of all pairs before that adjustment, shape (pairs,).
        enough: a margin, >= 0, with which no pair would have been shown to differ, nor with any
            wider one.
    """

    equivalent: bool
    p: float
    widest: tuple[int, int]
    estimate: float
    low: float
    high: float
    confidence: float
    different: tuple[tuple[int, int], ...]
    p_different: float
    p_apart: tuple[float, ...]
    enough: float


def all_pairs(
    groups: Sequence[Sequence[float]],
    margin: float,
    alpha: float = 0.05,
    spread_floor: float = 0.0,
    alpha_different: float | None = None,
) -> Equivalence:
    """Test by two one-sided Welch tests a pair whether all means lie within `margin`.

    To show that all pairs are alike every pair must pass at alpha, which needs no adjustment; to
    show that some pair differs is a search among pairs, so those p-values are Holm's.

    Args:
        groups: one sample a level, shape (levels >= 2, n >= 2), n may differ, values finite.
        margin: the largest difference that does not matter, > 0, in the unit of the values.
        alpha: of each one-sided test, in (0, 0.5).
        spread_floor: the least standard deviation to believe, >= 0; see `welch`.
        alpha_different: of the search for pairs that differ, in (0, 0.5); None takes alpha.

    Raises:
        ValueError: fewer than 2 groups, a group of fewer than 2 values or with one that is not
            finite, or margin, an alpha or floor out of range.

    Source:
        Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power
        approach", Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680. Berger (1982),
        "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24(4), 295-300,
        for needing no adjustment. Hodges and Lehmann (1954), "Testing the approximate validity of
        statistical hypotheses", JRSS B 16(2), 261-268, for the test against the margin.

    >>> flat = all_pairs([[0.50, 0.51, 0.52], [0.51, 0.50, 0.52], [0.52, 0.50, 0.50]], margin=0.05)
    >>> flat.equivalent, flat.different
    (True, ())
    >>> all_pairs([[0.50, 0.51], [0.51, 0.50], [0.90, 0.91]], margin=0.05).different
    ((0, 2), (1, 2))
    """
    if len(groups) < 2:
        raise ValueError(f"at least 2 groups are compared; got {len(groups)}")
    above_zero(margin, "margin")
    apart = alpha if alpha_different is None else alpha_different
    for level in (alpha, apart):
        if inside_unit(level, "alpha") >= 0.5:
            raise ValueError(f"alpha lies below 0.5, for an interval of 1 - 2 alpha; got {level}")
    pairs = list(combinations(range(len(groups)), 2))
    found = [welch(groups[i], groups[j], 2.0 * alpha, spread_floor) for i, j in pairs]
    p_alike = max(max(d.p_above(-margin), d.p_below(margin)) for d in found)
    p_apart = tuple(_p_apart(d, margin) for d in found)
    adjusted = holm(p_apart)
    place = max(range(len(pairs)), key=lambda k: abs(found[k].estimate))
    widest = found[place]
    i, j = pairs[place]
    nearer = welch(groups[i], groups[j], 2.0 * apart, spread_floor)
    # Holm rejects something only where the clearest pair alone passes at a share of alpha.
    strict = [welch(groups[i], groups[j], 2.0 * apart / len(pairs), spread_floor) for i, j in pairs]
    return Equivalence(
        equivalent=p_alike <= alpha,
        p=p_alike,
        widest=pairs[place],
        estimate=widest.estimate,
        low=nearer.low if widest.estimate >= 0.0 else widest.low,
        high=widest.high if widest.estimate >= 0.0 else nearer.high,
        confidence=1.0 - 2.0 * alpha,
        different=tuple(pair for pair, p in zip(pairs, adjusted, strict=True) if p <= apart),
        p_different=min(adjusted),
        p_apart=p_apart,
        enough=max(0.0, *(end for d in strict for end in (d.low, -d.high))),
    )


def _p_apart(d: Difference, margin: float) -> float:
    """Largest p over all |D| <= margin: the tail we saw, and its mirror, at D = margin."""
    if d.estimate >= 0.0:
        return min(1.0, d.p_above(margin) + d.p_above(-margin))
    return min(1.0, d.p_below(-margin) + d.p_below(margin))
