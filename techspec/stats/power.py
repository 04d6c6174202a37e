"""An effect and a spread in, how many seeds can show it out; plans only, no data.

Both arms are taken to vary alike and normally. For bimodal outcomes these are far too hopeful.
"""

from bisect import bisect_left
from collections.abc import Callable

from techspec.stats.checked import above_zero, at_least, finite, inside_unit

# Ours: no lab runs 1,000 seeds an arm, so "1,000" means "do not try".
SEEDS_MAX = 1000
_SEEDS_MIN = 2


def seeds_needed(
    difference: float, sd: float, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Seeds an arm with which a one-sided Welch test shows the difference; None if it is not > 0.

    Args:
        difference: true mean of the better arm less that of the other, beyond the null, in the
            unit of the metric.
        sd: standard deviation over seeds of either arm, >= 0, same unit.
        alpha: of the one-sided test, in (0, 1).
        power: chance to show the difference, in (0, 1).

    Returns:
        Seeds an arm, in [2, SEEDS_MAX]; SEEDS_MAX says "that many or more".

    Raises:
        ValueError: a value is not finite or out of range.

    Source:
        Power of the two-sample t test by the noncentral t: Cohen (1988), "Statistical Power
        Analysis for the Behavioral Sciences", 2nd edition, chapter 2.

    >>> seeds_needed(difference=0.02, sd=0.01), seeds_needed(difference=0.02, sd=0.04)
    (4, 51)
    """
    _check(sd, alpha, power)
    if finite(difference, "difference") <= 0.0:
        return None
    return _fewest(lambda n: _power_one_sided(difference, sd, n, alpha), power)


def equivalence_seeds_needed(
    sd: float, margin: float, groups: int = 2, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Seeds a group with which all-pairs equivalence is shown, if the true means are equal.

    Args:
        sd: standard deviation over seeds of every group, >= 0, in the unit of the metric.
        margin: the largest difference that does not matter, > 0, same unit.
        groups: levels compared, >= 2.
        alpha: of each one-sided test, in (0, 1).
        power: chance to show equivalence, in (0, 1).

    Returns:
        Seeds a group, in [2, SEEDS_MAX]; SEEDS_MAX says "that many or more". A safe count: the
        chances of the tests to fail are added, as if no two failed together.

    Raises:
        ValueError: a value is not finite or out of range.

    Source:
        Power of two one-sided tests: Phillips (1990), "Power of the two one-sided tests procedure
        in bioequivalence", Journal of Pharmacokinetics and Biopharmaceutics 18, 137-144; adding
        over tests is Bonferroni's bound.

    >>> equivalence_seeds_needed(sd=0.01, margin=0.02), equivalence_seeds_needed(0.01, 0.02, 5)
    (6, 9)
    """
    _check(sd, alpha, power)
    above_zero(margin, "margin")
    at_least(groups, 2, "groups")
    return _fewest(lambda n: _power_equivalence(sd, margin, n, groups, alpha), power)


def _power_one_sided(difference: float, sd: float, n: int, alpha: float) -> float:
    if sd == 0.0:
        return 1.0

    from scipy import special

    degrees = 2 * (n - 1)
    critical = float(special.stdtrit(degrees, 1.0 - alpha))
    shift = difference / (sd * (2.0 / n) ** 0.5)
    # Missing it would take an estimated sd over 10 times the true one (chance below 1e-43);
    # scipy answers nan for shifts beyond about 1e8.
    if shift > 10.0 * max(critical, 0.0) + 100.0:
        return 1.0
    return 1.0 - float(special.nctdtr(degrees, shift, critical))


def _power_equivalence(sd: float, margin: float, n: int, groups: int, alpha: float) -> float:
    tests = groups * (groups - 1)  # two one-sided ones a pair
    return 1.0 - tests * (1.0 - _power_one_sided(margin, sd, n, alpha))


def _fewest(power_of: Callable[[int], float], power: float) -> int:
    """Fewest seeds that reach `power`, which grows with them; SEEDS_MAX where none do."""
    candidates = range(_SEEDS_MIN, SEEDS_MAX)
    return _SEEDS_MIN + bisect_left(candidates, power, key=power_of)


def _check(sd: float, alpha: float, power: float) -> None:
    at_least(sd, 0.0, "sd")
    inside_unit(alpha, "alpha")
    inside_unit(power, "power")
