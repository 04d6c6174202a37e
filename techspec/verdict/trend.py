"""`metric increases with parameter`: levels in, whether values follow their order out.

Only ranks count, so a run that diverged can take part: it ranks behind every other.
"""

import math
from collections.abc import Sequence
from functools import partial

from techspec.spec import claims
from techspec.stats.difference import welch
from techspec.stats.power import SEEDS_MAX, seeds_needed
from techspec.stats.trend import Trend, jonckheere, runs_needed
from techspec.verdict.difference import compare
from techspec.verdict.findings import (
    ALPHA,
    CONFIDENCE,
    REFUTE_SEEDS_MIN,
    TREND_SEEDS_MIN,
    Case,
    Comparison,
    Order,
    Weighed,
)
from techspec.verdict.model import Estimate
from techspec.verdict.words.question import looks_of
from techspec.verdict.words.trend import sentence

RULE = (
    f"Jonckheere's permutation test, one-sided: CONFIRMED from {TREND_SEEDS_MIN} seeds a level on."
    f" From {REFUTE_SEEDS_MIN} on REFUTED where the last level leads the first by less than a"
    " standard deviation over seeds; where averages would mislead, only by the opposite order."
)

# Ours: who is told that four times the seeds would not do is told enough.
_TIMES_MAX = 4


def weigh(case: Case, form: claims.Trend) -> Weighed:
    """Weigh whether a metric rises, or falls, with a parameter."""
    fewest = case.fewest
    if fewest == 0 or len(case.arms) < 2:
        return Weighed(RULE, partial(sentence, case, form, None, None))
    groups = _ranked(case)
    trend = jonckheere(groups, form.direction)
    sizes = [len(group) for group in groups]
    pairs = (sum(sizes) ** 2 - sum(size * size for size in sizes)) // 2
    rises = form.direction == "increases"
    ends = compare(case, case.arms[-1], case.arms[0], rises, margin=None)
    p_refute = trend.p_opposite
    if ends.worth is not None:  # else means would mislead, and only the opposite order tells
        p_refute = 1.0 if trend.p <= ALPHA else ends.p_refute
    order = Order(rises, trend, pairs, fewest, p_refute, ends.worth)
    ways = (_further(case, trend, groups, fewest), _further_to_refute(case, ends, fewest))
    further = min((n for n in ways if n is not None), default=None)
    return Weighed(
        rule=f"{RULE} {looks_of(case)}",
        say=partial(sentence, case, form, order, further),
        p_confirm=trend.p,
        p_refute=p_refute,
        estimate=_ends(case),
        seeds_needed=further,
    )


def _ranked(case: Case) -> list[list[float]]:
    """Values by level; a diverged run takes one behind all others, and only its rank counts."""
    values = [value for arm in case.arms for value in arm.values] or [0.0]
    low, high = min(values), max(values)
    # By as much as they are large, since 1e20 - 1 is 1e20.
    last = low - abs(low) - 1.0 if case.higher_is_better else high + abs(high) + 1.0
    return [[last if run.value is None else run.value for run in arm.runs] for arm in case.arms]


def _ends(case: Case) -> Estimate | None:
    """How much the highest level's mean exceeds the lowest one's."""
    first, last = case.arms[0], case.arms[-1]
    if first.diverged or last.diverged or min(len(first.runs), len(last.runs)) < 2:
        return None
    gap = welch(last.values, first.values, 1.0 - CONFIDENCE, case.spread_floor)
    known = abs(gap.low) != float("inf")
    return Estimate(
        what=f"{last.arm} less {first.arm}, the two ends",
        value=gap.estimate,
        low=gap.low if known else None,
        high=gap.high if known else None,
        confidence=CONFIDENCE,
        unit=case.gap_unit,
        claimed=0.0,
    )


def _further(
    case: Case, found: Trend, groups: Sequence[Sequence[float]], fewest: int
) -> int | None:
    """Further seeds a level that show an order, if they come out as those so far did."""
    if fewest < TREND_SEEDS_MIN:
        return TREND_SEEDS_MIN - fewest
    if found.p_opposite <= case.alpha and fewest < REFUTE_SEEDS_MIN:
        return REFUTE_SEEDS_MIN - fewest
    if min(found.p, found.p_opposite) <= case.alpha:
        return 1  # clear enough but for the strictness of an early look
    if abs(found.effect) == 1.0:
        return _further_if_ordered(case, found, groups, fewest)
    sizes = [len(group) for group in groups]
    return runs_needed(found.effect, sizes, case.alpha, (_TIMES_MAX - 1) * fewest)


def _further_to_refute(case: Case, ends: Comparison, fewest: int) -> int | None:
    """Further seeds a level that show the ends to be less than a standard deviation apart."""
    if ends.worth is None or ends.advantage is None or fewest < TREND_SEEDS_MIN:
        return None
    total = seeds_needed(ends.worth - ends.advantage.estimate, ends.worth, case.alpha)
    if total is None or total >= SEEDS_MAX:
        return None
    return max(1, max(total, REFUTE_SEEDS_MIN) - fewest)


def _further_if_ordered(
    case: Case, found: Trend, groups: Sequence[Sequence[float]], fewest: int
) -> int | None:
    """The same where every pair agrees and goes on to: one arrangement of all is as clear."""
    least = TREND_SEEDS_MIN if found.effect > 0.0 else REFUTE_SEEDS_MIN
    for further in range(max(1, least - fewest), _TIMES_MAX * fewest + 1):
        sizes = [len(group) + further for group in groups]
        arrangements = math.factorial(sum(sizes)) // math.prod(map(math.factorial, sizes))
        if 1.0 / arrangements <= case.alpha:
            return further
    return None
