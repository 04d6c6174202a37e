"""Levels that should be alike in, a paragraph out."""

import math

from techspec.spec import claims
from techspec.stats.equivalence import Equivalence
from techspec.verdict.findings import (
    ALPHA,
    CONFIDENCE,
    CONFIRM_SEEDS_MIN,
    REFUTE_SEEDS_MIN,
    Case,
    Spread,
)
from techspec.verdict.model import Outcome
from techspec.verdict.words.numbers import listed, number, percent, seed_counts, span, stated
from techspec.verdict.words.phrases import (
    goal_of,
    held_back_by,
    how_many_more,
    how_often,
    level_name,
    limit,
    nothing_yet,
    score,
    takes_at_least,
)


def sentence(
    case: Case,
    form: claims.Insensitive,
    found: Spread,
    further: int | None,
    outcome: Outcome,
    held_back: int,
) -> str:
    """For `metric insensitive to parameter within m`."""
    if nothing := nothing_yet(case):
        return nothing
    levels = listed([level_name(form.parameter, arm) for arm in case.arms])
    fewest = min(len(arm.runs) for arm in case.arms)
    if fewest == 1:
        return (
            f"Of {form.parameter} = {levels}, some level has one run only: seed noise cannot be"
            f" told from an effect. {takes_at_least(CONFIRM_SEEDS_MIN - 1, 'a level')}"
        )
    if found.level is not None:
        return _insensitive_by_counts(case, form, found, outcome, held_back)
    assert found.equivalence is not None, "two runs a level and no split leave means"
    pair = found.equivalence
    first, second = (case.arms[index] for index in pair.widest)
    margin = stated(found.margin, case.gap_unit)
    gap = number(abs(pair.estimate), case.gap_unit)
    told = (
        f"Over {form.parameter} = {levels} ({seed_counts(case.arms)} a level), the averages of"
        f" {case.metric} differ by up to {gap}: the widest pair is"
        f" {level_name(form.parameter, first)} ({score(case, first)}) and"
        f" {level_name(form.parameter, second)} ({score(case, second)})"
        f"{_span_of_pair(case, pair)}."
    )
    if outcome is Outcome.CONFIRMED:
        return (
            f"{told} Every pair passes for lying within the {margin} allowed: if some pair were"
            f" truly that far apart, all would pass {how_often(pair.p)}; {limit(case)} A level"
            f" whose average moves by more than {margin} would overturn it."
        )
    if outcome is Outcome.REFUTED:
        worst = listed(
            [
                f"{level_name(form.parameter, case.arms[i])} against"
                f" {level_name(form.parameter, case.arms[j])}"
                for i, j in pair.different
            ]
        )
        enough = number(pair.enough, case.gap_unit)
        return (
            f"{told} More than the {margin} allowed lies between levels ({worst}): if they were"
            f" within it, a gap as clear would come up {how_often(pair.p_different)}; {limit(case)}"
            f" A claim that allows more than {enough} would not have been refuted."
        )
    return f"{told} {_open_insensitive(case, found, further, margin, held_back)}"


def _insensitive_by_counts(
    case: Case, form: claims.Insensitive, found: Spread, outcome: Outcome, held_back: int
) -> str:
    assert found.level is not None, "called with counts"
    assert found.counts_pair is not None, "every pair was counted"
    tally = listed(
        [
            f"{found.level.successes(arm)} of {len(arm.runs)} at {level_name(form.parameter, arm)}"
            for arm in case.arms
        ]
    )
    if found.split is not None:
        why = (
            f"The seeds of {found.split.arm} fall into two groups, near"
            f" {number(found.split.low_typical, case.unit)} and near"
            f" {number(found.split.high_typical, case.unit)}"
        )
    else:
        runs = sum(arm.diverged for arm in case.arms)
        why = f"{runs} run{'' if runs == 1 else 's'} diverged"
    first, second = (level_name(form.parameter, case.arms[i]) for i in found.counts_pair)
    told = (
        f"{why}, so averages would mislead and successes are counted. Seeds that"
        f" {goal_of(case, found.level)}: {tally}."
    )
    margin = stated(found.margin, case.gap_unit)
    alike, beyond = "they succeeded equally often", ""
    if found.split is not None:
        alike = (
            f"their success rates differed by {number(found.rates_allowed, '%')}, which moves an"
            f" average by the {margin} allowed"
        )
        beyond = f" by more than the {margin} allowed"
    if outcome is Outcome.REFUTED:
        return (
            f"{told} {first} and {second} differ{beyond}: if {alike}, counts this far apart would"
            f" come up {how_often(found.p_counts)}; {limit(case)} Only a cause for the failed runs"
            " that has nothing to do with the level would change it."
        )
    if held_back:
        return f"{told} {held_back_by(held_back)} {how_many_more(None)}"
    if found.p_counts <= ALPHA:
        return (
            f"{told} {first} and {second} differ{beyond}, but not clearly enough for this look; and"
            " counts cannot show that levels are alike."
        )
    return (
        f"{told} No pair of levels differs{beyond} by these counts, and counts cannot show that all"
        " are alike. A recipe under which every seed trains would let averages be compared."
    )


def _open_insensitive(
    case: Case, found: Spread, further: int | None, margin: str, held_back: int
) -> str:
    assert found.equivalence is not None, "called with means"
    fewest = min(len(arm.runs) for arm in case.arms)
    pair = found.equivalence
    if math.isinf(pair.low):
        return (
            "No two seeds of a level differ, so nothing is known of how much they vary. Check that"
            " the seed reaches the trainer."
        )
    apart = abs(pair.estimate)
    if fewest < CONFIRM_SEEDS_MIN:
        return (
            f"With fewer than {CONFIRM_SEEDS_MIN} seeds a level nothing is decided."
            f" {takes_at_least(CONFIRM_SEEDS_MIN - fewest, 'a level')}"
        )
    more = how_many_more(further, "a level")
    if held_back:
        return f"{held_back_by(held_back)} {more}"
    if pair.p_different <= ALPHA and fewest < REFUTE_SEEDS_MIN:
        return (
            f"More than the {margin} allowed lies between some levels, but refuting takes"
            f" {REFUTE_SEEDS_MIN} seeds a level: {REFUTE_SEEDS_MIN - fewest} more."
        )
    if found.sd > found.margin / 2.0:
        return (
            f"Seeds of one level vary by {number(found.sd, case.gap_unit)} (standard deviation),"
            f" more than half of the {margin} allowed: with so much spread few seeds show the"
            f" levels neither alike nor apart. {more} A wider margin or a steadier recipe would"
            " help more."
        )
    if apart > found.margin:
        return f"That is beyond the {margin} allowed, but seed noise could have made it. {more}"
    if max(abs(pair.low), abs(pair.high)) < found.margin:
        return f"That of another pair still reaches beyond the {margin} allowed. {more}"
    return f"The interval still reaches beyond the {margin} allowed. {more}"


def _span_of_pair(case: Case, pair: Equivalence) -> str:
    if math.isinf(pair.low):
        return ""
    low, high = sorted((pair.low, pair.high))
    if pair.estimate < 0.0:
        low, high = -high, -low
    return (
        f", with a {percent(CONFIDENCE)} interval of the difference of"
        f" {span(low, high, case.gap_unit)}"
    )
