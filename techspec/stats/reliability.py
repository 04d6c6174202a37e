"""Success counts in, how often a run succeeds out: an interval, or a sequential decision."""

import math
from dataclasses import dataclass
from typing import Literal

from techspec.stats.checked import at_least, inside_unit, successes_of

Decision = Literal["reached", "not_reached", "undecided"]

RELIABLE, UNRELIABLE = 0.9, 0.5
"""Rates of success that are told apart: 9 runs in 10, and half of them. Ours: with rates nearer to
each other a decision would take more runs than a lab has."""

# Two sums of logarithms that are equal on paper may differ by this much in floating point.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Sprt:
    """Where a sequential probability ratio test stands.

    Attributes:
        decision: "reached" (the rate is p1 rather than p0), "not_reached", or "undecided".
        log_likelihood_ratio: of p1 over p0, natural logarithm.
        upper: decides "reached" from here up, > 0.
        lower: decides "not_reached" from here down, < 0.
        successes_needed: further successes in a row that would decide "reached"; 0 once decided.
        failures_needed: further failures in a row that would decide "not_reached"; 0 once decided.
    """

    decision: Decision
    log_likelihood_ratio: float
    upper: float
    lower: float
    successes_needed: int
    failures_needed: int


@dataclass(frozen=True, slots=True)
class Chances:
    """How a test that is asked after every run ends; they add up to 1."""

    reached: float
    not_reached: float
    undecided: float


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a success rate that holds it in at least `confidence` of repetitions.

    Args:
        successes: in [0, n].
        n: runs, >= 0; of no run nothing is known, so the interval is (0, 1).
        confidence: two-sided, in (0, 1).

    Returns:
        (low, high), each in [0, 1].

    Raises:
        ValueError: successes lie outside [0, n], or confidence outside (0, 1).

    Source:
        Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the
        case of the binomial", Biometrika 26(4), 404-413.

    >>> low, high = clopper_pearson(5, 5)
    >>> round(low, 3), high
    (0.478, 1.0)
    """
    inside_unit(confidence, "confidence")
    successes_of(successes, n)
    if n == 0:
        return 0.0, 1.0

    from scipy import special

    tail = (1.0 - confidence) / 2.0
    failures = n - successes
    low = float(special.betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(special.betaincinv(successes + 1, failures, 1.0 - tail)) if failures else 1.0
    return low, high


def sprt(
    successes: int,
    n: int,
    p1: float = RELIABLE,
    p0: float = UNRELIABLE,
    alpha: float = 0.05,
    beta: float = 0.05,
) -> Sprt:
    """Decide whether runs succeed at rate p1 rather than p0, as soon as that can be decided.

    Made to be asked again after every run, and to be obeyed the first time it decides: the counts
    do not tell whether an earlier run had decided already.

    Args:
        successes: in [0, n].
        n: runs so far, >= 0.
        p1: a rate that counts as reliable, in (p0, 1).
        p0: a rate that does not, in (0, p1).
        alpha: about the chance to decide "reached" at rate p0, in (0, 1), alpha + beta < 1.
        beta: about the chance to decide "not_reached" at rate p1, in (0, 1).

    Raises:
        ValueError: successes lie outside [0, n], p0 is not below p1, a probability lies outside
            (0, 1), or alpha + beta is 1 or more.

    Source:
        Wald (1945), "Sequential tests of statistical hypotheses", Annals of Mathematical
        Statistics 16(2), 117-186.

    >>> sprt(5, 5).decision, sprt(5, 5).successes_needed, sprt(6, 6).decision
    ('undecided', 1, 'reached')
    >>> sprt(0, 2).decision
    'not_reached'
    """
    for name, value in (("p1", p1), ("p0", p0), ("alpha", alpha), ("beta", beta)):
        inside_unit(value, name)
    if p0 >= p1:
        raise ValueError(f"p0 lies below p1; got p0 = {p0} and p1 = {p1}")
    if alpha + beta >= 1.0:
        raise ValueError(f"alpha + beta lies below 1; got {alpha} + {beta}")
    successes_of(successes, n)
    gain = math.log(p1 / p0)  # of one success
    loss = math.log((1.0 - p0) / (1.0 - p1))  # of one failure
    upper = math.log((1.0 - beta) / alpha)
    lower = math.log(beta / (1.0 - alpha))
    ratio = successes * gain - (n - successes) * loss
    successes_needed = max(0, math.ceil((upper - ratio - _ROUNDING) / gain))
    failures_needed = max(0, math.ceil((ratio - lower - _ROUNDING) / loss))
    decision: Decision = "undecided"
    if successes_needed == 0:
        decision, failures_needed = "reached", 0
    elif failures_needed == 0:
        decision, successes_needed = "not_reached", 0
    return Sprt(decision, ratio, upper, lower, successes_needed, failures_needed)


def chances(rate: float, seeds: int, alpha: float = 0.05, beta: float = 0.05) -> Chances:
    """How `sprt` ends within so many runs that succeed at this rate, exactly.

    Its errors are about half of alpha and beta with 10 runs: a run more or less oversteps the
    bounds, and what 10 runs leave undecided is no error.

    Args:
        rate: of success, in (0, 1).
        seeds: runs at most, >= 0.
        alpha: as in `sprt`.
        beta: the same.

    Raises:
        ValueError: a value is out of range.

    >>> round(chances(UNRELIABLE, 10).reached, 3), round(chances(RELIABLE, 10).not_reached, 3)
    (0.027, 0.025)
    """
    inside_unit(rate, "rate")
    at_least(seeds, 0, "seeds")
    ended: dict[Decision, float] = {"reached": 0.0, "not_reached": 0.0}
    undecided = {0: 1.0}  # successes so far, and the chance to have come there undecided
    for n in range(1, seeds + 1):
        going_on: dict[int, float] = {}
        for before, chance in undecided.items():
            for successes, part in ((before + 1, rate * chance), (before, (1.0 - rate) * chance)):
                decision = sprt(successes, n, alpha=alpha, beta=beta).decision
                if decision == "undecided":
                    going_on[successes] = going_on.get(successes, 0.0) + part
                else:
                    ended[decision] += part
        undecided = going_on
    return Chances(ended["reached"], ended["not_reached"], sum(undecided.values()))
