"""Levels in their order in, a paragraph out."""

from techspec.spec import claims
from techspec.verdict.findings import ALPHA, REFUTE_SEEDS_MIN, TREND_SEEDS_MIN, Case, Order
from techspec.verdict.model import Outcome
from techspec.verdict.words.numbers import listed, number, seed_counts
from techspec.verdict.words.phrases import (
    held_back_by,
    how_many_more,
    how_often,
    level_name,
    limit,
    name_of,
    nothing_yet,
    score,
    takes_at_least,
)

# Ours: with nine pairs in ten agreeing, more runs of the same kind are all that is missing.
_CLEAR_ORDER = 0.8


def sentence(
    case: Case,
    form: claims.Trend,
    found: Order | None,
    further: int | None,
    outcome: Outcome,
    held_back: int,
) -> str:
    """For `metric increases with parameter`."""
    if nothing := nothing_yet(case):
        return nothing
    if found is None:
        return f"A trend needs two levels of {form.parameter}; there are fewer."
    rises = "rises" if found.rises else "falls"
    averages = listed(
        [f"{score(case, arm)} at {level_name(form.parameter, arm)}" for arm in case.arms]
    )
    name = name_of(form.parameter)
    each = f" (averages of {seed_counts(case.arms)} a level)" if found.seeds > 1 else ""
    if any(arm.diverged for arm in case.arms):
        each = " (averages of the seeds that did not diverge)"
    told = f"By {name}, {case.metric} was {averages}{each}."
    if found.seeds < TREND_SEEDS_MIN:
        return (
            f"{told} Some level has one run only: seed noise cannot be told from an effect."
            f" {takes_at_least(TREND_SEEDS_MIN - 1, 'a level')}"
        )
    ordered = (
        f"Of {found.pairs} pairs of runs from different levels,"
        f" {found.trend.statistic:g} are in the claimed order"
    )
    if any(arm.diverged for arm in case.arms):
        ordered += " (a run that diverged ranks last)"
    if outcome is Outcome.CONFIRMED:
        return (
            f"{told} {ordered}. If {name} made no difference, so clear an order would"
            f" come up {how_often(found.trend.p)}; {limit(case)} It says that {case.metric}"
            f" {rises} overall, not at every step; further seeds out of order would weaken it."
        )
    is_opposite = found.trend.p_opposite <= (case.refute_level or ALPHA)
    if outcome is Outcome.REFUTED and not is_opposite and found.worth is not None:
        return (
            f"{told} {ordered}. That is no trend worth having: if the two ends differed by a"
            f" standard deviation over seeds, {number(found.worth, case.gap_unit)}, in the claimed"
            f" direction, a result this far short of it would come up {how_often(found.p_refute)};"
            f" {limit(case)} Levels further apart could come out otherwise."
        )
    if outcome is Outcome.REFUTED:
        return (
            f"{told} {ordered}: the opposite is the case. If {name} made no difference,"
            f" so clear an opposite order would come up {how_often(found.trend.p_opposite)};"
            f" {limit(case)} Further seeds in the claimed order would weaken this."
        )
    if held_back:
        return f"{told} {ordered}. {held_back_by(held_back)} {how_many_more(further, 'a level')}"
    if found.trend.p_opposite <= case.alpha and found.seeds < REFUTE_SEEDS_MIN:
        return (
            f"{told} {ordered}. That points the other way, but refuting takes"
            f" {REFUTE_SEEDS_MIN} seeds a level: {REFUTE_SEEDS_MIN - found.seeds} more."
        )
    chance = how_often(min(found.trend.p, found.trend.p_opposite))
    more = how_many_more(further, "a level")
    if abs(found.trend.effect) >= _CLEAR_ORDER:
        against = ", which points the other way" if found.trend.effect < 0.0 else ""
        return (
            f"{told} {ordered}{against}. That is clear, but of too few runs to tell: if {name} made"
            f" no difference, an order at least as clear would come up {chance};"
            f" {limit(case)} {more}"
        )
    return (
        f"{told} {ordered}. That is too mixed to tell: if {name} made no difference, an"
        f" order at least as clear would come up {chance}. {more}"
    )
