"""`metric insensitive to parameter within m`: levels in, whether all are alike out."""

from functools import partial
from itertools import combinations
from statistics import fmean

from techspec.spec import claims
from techspec.stats.checked import sample
from techspec.stats.equivalence import all_pairs
from techspec.stats.multiplicity import holm
from techspec.stats.power import SEEDS_MAX, equivalence_seeds_needed, seeds_needed
from techspec.stats.rates import p_rates_apart
from techspec.verdict.counting import level_of, split_of
from techspec.verdict.findings import (
    ALPHA,
    CONFIDENCE,
    CONFIRM_SEEDS_MIN,
    REFUTE_SEEDS_MIN,
    Case,
    Level,
    Spread,
    Weighed,
)
from techspec.verdict.model import ArmResult, Estimate
from techspec.verdict.words.insensitive import sentence
from techspec.verdict.words.question import looks_of

RULE = (
    f"Two one-sided Welch tests a pair of levels: CONFIRMED from {CONFIRM_SEEDS_MIN} seeds a level"
    f" on when every pair lies within the margin; REFUTED from {REFUTE_SEEDS_MIN} on when some pair"
    " lies further apart, after Holm's adjustment over pairs."
)
RULE_COUNTS = (
    "Boschloo's exact test on the success counts of each pair of levels, two-sided: REFUTED from"
    f" {REFUTE_SEEDS_MIN} seeds a level on when the success rates of some pair differ by more than"
    " would move an average by the margin, after Holm's adjustment over pairs; never CONFIRMED,"
    " since averages would mislead."
)


def weigh(case: Case, form: claims.Insensitive) -> Weighed:
    """Weigh whether no two levels of a parameter differ by more than a margin."""
    found = _find(case, form.margin)
    further = _further(case, found)
    equivalence = found.equivalence
    p_confirm = equivalence.p if equivalence else 1.0
    p_refute, p_searched = found.p_counts, found.p_pairs
    if equivalence is not None:
        p_refute, p_searched = equivalence.p_different, equivalence.p_apart
    estimate = None
    if equivalence is not None:
        first, second = (case.arms[index] for index in equivalence.widest)
        has_spread = abs(equivalence.low) != float("inf")
        estimate = Estimate(
            what=f"difference of the widest pair, {first.arm} less {second.arm}",
            value=equivalence.estimate,
            low=equivalence.low if has_spread else None,
            high=equivalence.high if has_spread else None,
            confidence=CONFIDENCE,
            unit=case.gap_unit,
            claimed=form.margin,
        )
    return Weighed(
        rule=f"{RULE_COUNTS if found.level else RULE} {looks_of(case)}",
        say=partial(sentence, case, form, found, further),
        p_confirm=p_confirm,
        p_refute=p_refute,
        p_searched=p_searched,
        estimate=estimate,
        seeds_needed=further,
    )


def _find(case: Case, margin: float) -> Spread:
    if case.empty or len(case.arms) < 2:
        return Spread(margin)
    split = split_of(case, case.arms)
    if split or any(arm.diverged for arm in case.arms):
        level = level_of(case, split)
        allowed = _rates_allowed(case.arms, level, margin)
        pair, p_counts, p_pairs = _widest_counts(case.arms, level, allowed)
        return Spread(
            margin,
            level=level,
            split=split,
            rates_allowed=allowed,
            counts_pair=pair,
            p_counts=p_counts,
            p_pairs=p_pairs,
        )
    if min(len(arm.runs) for arm in case.arms) < 2:
        return Spread(margin)
    samples = [sample(arm.values, arm.arm) for arm in case.arms]
    squares = sum(found.variance * (found.n - 1) for found in samples)
    sd = (squares / sum(found.n - 1 for found in samples)) ** 0.5
    alpha = case.confirm_level or ALPHA
    found = all_pairs(
        [arm.values for arm in case.arms],
        margin,
        alpha,
        case.spread_floor,
        alpha_different=case.refute_level or alpha,
    )
    return Spread(margin, equivalence=found, sd=max(sd, case.spread_floor))


def _rates_allowed(arms: tuple[ArmResult, ...], level: Level, margin: float) -> float:
    """The difference of success rates that moves an average by the margin, in [0, 1].

    A seed that succeeds instead of failing moves it by the gap between the two groups. A run that
    diverged is worse than any margin, so where nothing but divergence is counted none is allowed.
    """
    values = [run.value for arm in arms for run in arm.runs if run.value is not None]
    reached = [value for value in values if level.met(value)]
    missed = [value for value in values if not level.met(value)]
    if not reached or not missed:
        return 0.0
    return min(1.0, margin / abs(fmean(reached) - fmean(missed)))


def _widest_counts(
    arms: tuple[ArmResult, ...], level: Level, allowed: float
) -> tuple[tuple[int, int], float, tuple[float, ...]]:
    """The pair that differs most, its adjusted p, and the p-values of all pairs before."""
    counts = [(level.successes(arm), len(arm.runs)) for arm in arms]
    pairs = list(combinations(range(len(arms)), 2))
    p_values = [p_rates_apart(*counts[i], *counts[j], allowed) for i, j in pairs]
    adjusted = holm(p_values)
    best = min(range(len(pairs)), key=lambda index: (adjusted[index], p_values[index]))
    return pairs[best], adjusted[best], tuple(p_values)


def _further(case: Case, found: Spread) -> int | None:
    fewest = min((len(arm.runs) for arm in case.arms), default=0)
    if fewest < 2:
        return CONFIRM_SEEDS_MIN - fewest
    if found.equivalence is None or found.sd == 0.0:
        return None
    apart, groups = abs(found.equivalence.estimate), len(case.arms)
    if apart > found.margin:
        total = seeds_needed(apart - found.margin, found.sd, case.alpha)
    else:
        # The room that is left decides, and no less than if all levels were exactly alike.
        alike = equivalence_seeds_needed(found.sd, found.margin, groups, case.alpha)
        room = seeds_needed(found.margin - apart, found.sd, case.alpha)
        total = None if room is None else max(alike, room)
    if total is None or total >= SEEDS_MAX:
        return None
    least = REFUTE_SEEDS_MIN if apart > found.margin else CONFIRM_SEEDS_MIN
    return max(1, max(total, least) - fewest)
