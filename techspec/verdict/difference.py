"""`a > b by m`: two arms up to one look in, whether the first beats the second out.

How strict the look has to be comes with the case; how looks share their error is `schedule`'s.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from techspec.spec import claims
from techspec.stats.checked import sample
from techspec.stats.difference import Difference, p_below_spreads, paired, welch
from techspec.stats.permutation import permuted, permuted_pairs
from techspec.stats.power import SEEDS_MAX, seeds_needed
from techspec.stats.rates import RateDifference, fisher
from techspec.verdict.counting import level_of, split_of
from techspec.verdict.findings import (
    ALPHA,
    CONFIDENCE,
    CONFIRM_SEEDS_MIN,
    REFUTE_SEEDS_MIN,
    Case,
    Comparison,
    Counts,
    Level,
    Weighed,
)
from techspec.verdict.model import ArmResult, Estimate
from techspec.verdict.words.difference import sentence
from techspec.verdict.words.question import looks_of

# Ours: as fine as "about" needs, and a lab that is told "60 more seeds" is told enough.
_FURTHER_TRIED = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60)


def weigh(case: Case, form: claims.Difference) -> Weighed:
    """Weigh a difference between two arms."""
    found = compare(
        case, case.arms[0], case.arms[1], form.relation == ">", form.margin, form.paired
    )
    return Weighed(
        rule=rule_of(case, found),
        say=partial(sentence, case, found),
        p_confirm=found.p_confirm,
        p_refute=found.p_refute,
        p_chance=found.p_chance,
        p_short=found.p_short,
        estimate=estimate_of(case, found),
        seeds_needed=found.seeds_needed,
    )


def compare(
    case: Case,
    left: ArmResult,
    right: ArmResult,
    upward: bool,
    margin: float | None,
    is_paired: bool = False,
) -> Comparison:
    """Compare two arms by their means, or by their successes where some runs have no number.

    Args:
        case: for its metric, its unit and its success criteria.
        left: the arm that the claim puts first; may be empty.
        right: the arm it is compared with; may be empty.
        upward: the claim says that left is higher.
        margin: the smallest difference worth having, >= 0; None and 0 ask for any difference.
        is_paired: the claim compares seed by seed.
    """
    found = Comparison(left, right, upward, margin, is_paired)
    if not left.runs or not right.runs:
        return found
    if left.diverged or right.diverged:
        return _by_counts(case, found)
    return _by_means(case, replace(found, split=split_of(case, (left, right))))


def rule_of(case: Case, found: Comparison) -> str:
    """The test that was applied, with its looks and limits."""
    looks = looks_of(case)
    if found.counts is not None:
        return (
            "Fisher's exact test on success counts, one-sided; CONFIRMED from"
            f" {CONFIRM_SEEDS_MIN} seeds an arm on, unless the means of the runs that ended refute"
            f" the claim; REFUTED for the opposite from {REFUTE_SEEDS_MIN} seeds on. {looks}"
        )
    if found.split is not None:
        ways = "the signs of the gaps seed by seed" if found.is_paired else "dealing runs anew"
        reached = ""
        if found.margin:
            reached = ", unless the averages refute the claim"
        if found.must_reach:
            reached = ", where the averages lie as far apart as claimed"
        return (
            f"Permutation test on the means over seeds, by {ways}, one-sided; CONFIRMED from"
            f" {CONFIRM_SEEDS_MIN} seeds an arm on{reached}; REFUTED for the opposite from"
            f" {REFUTE_SEEDS_MIN} seeds on. {looks}"
        )
    null = "the margin or more" if found.margin else "a standard deviation over seeds or more"
    if found.is_paired and not found.margin:
        null = "zero or more"
    test = "Paired t-test on the gaps seed by seed" if found.is_paired else "Welch's t-test"
    return (
        f"{test} on the means over seeds, one-sided; CONFIRMED from {CONFIRM_SEEDS_MIN} seeds an"
        f" arm on for a difference above zero; REFUTED from {REFUTE_SEEDS_MIN} on against {null}."
        f" {looks}"
    )


def estimate_of(case: Case, found: Comparison) -> Estimate | None:
    """The effect with its interval, in the direction of the claim; None without any run."""
    direction = "above" if found.upward else "below"
    if found.counts is not None:
        rates = found.counts.rates
        return Estimate(
            what=f"how much more often seeds of {found.left.arm} succeed than of {found.right.arm}",
            value=rates.estimate,
            low=rates.low,
            high=rates.high,
            confidence=CONFIDENCE,
            unit="pt",
            claimed=0.0,
        )
    if not found.left.values or not found.right.values:
        return None
    what = f"how far {found.left.arm} lies {direction} {found.right.arm} on average"
    if found.advantage is None:
        gap = sample(found.left.values, "left").mean - sample(found.right.values, "right").mean
        signed = gap if found.upward else -gap
        return Estimate(what, signed, unit=case.gap_unit, claimed=found.margin or 0.0)
    known = math.isfinite(found.advantage.low) and math.isfinite(found.advantage.high)
    return Estimate(
        what=what,
        value=found.advantage.estimate,
        low=found.advantage.low if known else None,
        high=found.advantage.high if known else None,
        confidence=CONFIDENCE,
        unit=case.gap_unit,
        claimed=found.margin or 0.0,
    )


def _by_means(case: Case, found: Comparison) -> Comparison:
    if found.fewest < 2:
        return replace(found, seeds_needed=CONFIRM_SEEDS_MIN - found.fewest)
    gap = _gap(case, found)
    p_confirm, p_refute, worth = gap.p_above(0.0), gap.p_below(found.margin or 0.0), None
    p_chance, p_short = None, 0.0
    if found.split is not None:
        dealt = _dealt(case, found)
        # Shifted by a margin, two groups are not what a smaller lead would look like: a lead comes
        # from how many seeds are in which. So only the opposite is tested.
        p_confirm, p_refute = dealt.p_above, dealt.p_below
        gap = replace(gap, low=dealt.low, high=dealt.high)
        if found.must_reach and found.margin:
            p_chance, p_short = p_confirm, gap.p_above(found.margin)
    found = replace(found, advantage=gap)
    if found.is_short:
        p_confirm = 1.0  # that there are too few seeds to refute it is no ground to confirm
    if not found.margin and not found.is_paired and not found.split:
        worth, p_refute = no_lead_worth_having(case, found)
        if p_confirm <= ALPHA:
            p_refute = 1.0  # it asks for any lead, and there is one
    return replace(
        found,
        worth=worth,
        p_confirm=p_confirm,
        p_refute=p_refute,
        p_chance=p_chance,
        p_short=p_short,
        seeds_needed=_further_by_means(case, gap, found),
    )


def no_lead_worth_having(case: Case, found: Comparison) -> tuple[float | None, float]:
    """The spread over seeds, and the p that the lead is as large; for claims without a margin."""
    ahead, behind = found.as_claimed
    sd = _pooled_sd(case, found)
    if sd == 0.0:
        return None, 1.0
    return sd, p_below_spreads(ahead.values, behind.values, 1.0, case.spread_floor)


def _pooled_sd(case: Case, found: Comparison) -> float:
    samples = [sample(arm.values, arm.arm) for arm in (found.left, found.right)]
    squares = sum(each.variance * (each.n - 1) for each in samples)
    return max(math.sqrt(squares / sum(each.n - 1 for each in samples)), case.spread_floor)


def _gap(case: Case, found: Comparison) -> Difference:
    """The lead in the direction of the claim.

    Its interval allows for all looks: it leaves zero, or the margin, where the look decides.
    """
    ahead, behind = found.as_claimed
    test = paired if found.is_paired and len(ahead.values) == len(behind.values) else welch
    sides = [
        test(ahead.values, behind.values, 2.0 * level, case.spread_floor) for level in _levels(case)
    ]
    return replace(sides[0], high=sides[1].high, confidence=CONFIDENCE)


@dataclass(frozen=True, slots=True)
class _Dealt:
    """What exchanging runs between two arms makes of the lead of the first."""

    p_above: float
    p_below: float
    low: float
    high: float


def _dealt(case: Case, found: Comparison) -> _Dealt:
    ahead, behind = found.as_claimed
    in_pairs = found.is_paired and len(ahead.values) == len(behind.values)
    floor = None if in_pairs else case.spread_floor
    return _dealt_anew(tuple(ahead.values), tuple(behind.values), floor, *_levels(case))


@lru_cache(maxsize=64)  # asked again whenever a run ends
def _dealt_anew(
    ahead: tuple[float, ...],
    behind: tuple[float, ...],
    floor: float | None,
    low: float,
    high: float,
) -> _Dealt:
    """In pairs where there is no floor."""
    test = permuted_pairs(ahead, behind) if floor is None else permuted(ahead, behind, floor)
    return _Dealt(test.p_above(), test.p_below(), test.low(low), test.high(high))


def _levels(case: Case) -> tuple[float, float]:
    """The p-values at which an interval ends below and above, so that it agrees with the look."""
    return case.confirm_level or ALPHA, case.refute_level or case.confirm_level or ALPHA


def _further_by_means(case: Case, gap: Difference, found: Comparison) -> int | None:
    sd = _pooled_sd(case, found)
    if found.is_paired and math.isfinite(gap.standard_error):
        sd = gap.standard_error * math.sqrt(found.fewest / 2.0)  # as two arms would have to vary
    if sd == 0.0:
        return None
    margin = found.margin or (0.0 if found.is_paired else sd)
    if found.split is not None:
        margin = 0.0  # only the opposite refutes
    short = found.must_reach and found.is_short
    confirm = None if short else seeds_needed(gap.estimate, sd, case.alpha)
    refute = seeds_needed(margin - gap.estimate, sd, case.alpha)
    if margin and found.fewest < REFUTE_SEEDS_MIN and gap.p_below(margin) <= ALPHA:
        return max(refute or 0, REFUTE_SEEDS_MIN) - found.fewest
    totals = [
        max(total, least)
        for total, least in ((confirm, CONFIRM_SEEDS_MIN), (refute, REFUTE_SEEDS_MIN))
        if total is not None and total < SEEDS_MAX
    ]
    return max(1, min(totals) - found.fewest) if totals else None


def _by_counts(case: Case, found: Comparison) -> Comparison:
    left, right = found.left, found.right
    level = level_of(case, split_of(case, (left, right)))
    a, b = level.successes(left), level.successes(right)
    rates = fisher(a, len(left.runs), b, len(right.runs), 2.0 * (case.confirm_level or ALPHA))
    p_for, p_against = _sides(rates, level, found.upward)
    refuting = _means_refuting(case, found)
    if refuting is not None:
        # Counts know nothing of the margin: what the runs that ended refute, they cannot confirm.
        p_for = 1.0
    return replace(
        found,
        counts=Counts(level, a, b, rates, refuting),
        p_confirm=p_for,
        p_refute=p_against,
        seeds_needed=_further_by_counts(case, found, level) if refuting is None else None,
    )


def _means_refuting(case: Case, found: Comparison) -> Difference | None:
    """The lead of the runs that ended, where that alone lies below the margin; else None."""
    if min(len(found.left.values), len(found.right.values)) < 2:
        return None
    gap = _gap(case, found)
    return gap if gap.p_below(found.margin or 0.0) <= ALPHA else None


def _sides(rates: RateDifference, level: Level, upward: bool) -> tuple[float, float]:
    """(p of the claim's opposite, p of the claim): where low is good, succeeding is being low."""
    succeeding_is_high = level.relation in (">", ">=")
    if succeeding_is_high == upward:
        return rates.p_above, rates.p_below
    return rates.p_below, rates.p_above


def _further_by_counts(case: Case, found: Comparison, level: Level) -> int | None:
    """Further seeds an arm that decide if successes stay as frequent as they were."""
    left, right = found.left, found.right
    share_left = level.successes(left) / len(left.runs)
    share_right = level.successes(right) / len(right.runs)
    if share_left == share_right:
        return None
    for further in _FURTHER_TRIED:
        n_left, n_right = len(left.runs) + further, len(right.runs) + further
        rates = fisher(round(share_left * n_left), n_left, round(share_right * n_right), n_right)
        p_for, p_against = _sides(rates, level, found.upward)
        fewest = min(n_left, n_right)
        if p_for <= case.alpha and fewest >= CONFIRM_SEEDS_MIN:
            return further
        if p_against <= case.alpha and fewest >= REFUTE_SEEDS_MIN:
            return further
    return None
