"""A claim and a seed spread in, invented worlds out: one in which it holds, one in which not.

Made for rehearsals: how often is a true claim confirmed, and how often a false one?
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, assert_never

from techspec.plan.model import Plan, Question
from techspec.spec import claims
from techspec.stats.reliability import RELIABLE, UNRELIABLE
from techspec.verdict.gather import (
    form_of,
    higher_is_better,
    is_written_as_share,
    may_be_share,
)
from techspec.verdict.rehearsal import World

Truth = Literal["as claimed", "not so"]

_MIDDLE = 0.5
"""Where invented shares lie, so that no ceiling or floor cuts their spread."""
_COLLAPSED = 0.4
"""What is left of a share's way from its bad end where a seed does not train; ours, after runs of
small transformers."""
_COLLAPSED_SPREADS = 30.0
"""What such a seed loses where the metric has no ends, in standard deviations over seeds: as much
as a share in the middle loses at a spread of 1 pt."""
_SHARE_SD_MAX = 0.5
"""No variable between 0 and 1 has a larger standard deviation."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How the seeds of one arm come out.

    Attributes:
        mean: of seeds that train, in base units.
        reaches: share of seeds on the good side of `mean`; None leaves it to the spread alone.
        upward: whether the good side is above.
    """

    mean: float
    reaches: float | None = None
    upward: bool = True


def world_of(
    plan: Plan,
    question: Question,
    truth: Truth,
    sd: float,
    draw: int,
    fails: float = 0.0,
) -> World:
    """A world in which the hypothesis is true, or false by as much as matters.

    `as claimed`: a lead of just the margin; nearly every seed reaches the level; all levels alike;
    one standard deviation from level to level; the boundary in the middle. `not so`: no lead; half
    of the seeds reach it; the last level off by two margins; no trend; no level is enough.

    Args:
        plan: has the arms.
        question: an answerable one, with a claim.
        truth: which of the two worlds.
        sd: standard deviation over seeds, > 0, in base units.
        draw: another number is another world of the same kind.
        fails: share of seeds that collapse, in [0, 1).
    """
    form = form_of(plan, question)
    assert form is not None, "only claims are rehearsed"
    is_better_higher = higher_is_better(plan, form, question.metric)
    arms = outcomes(form, question, truth, sd, is_better_higher)
    is_share = is_of_shares(plan, question, form, sd)

    def world(arm: str, seed: int) -> Mapping[str, float]:
        chance = random.Random(f"{draw}/{arm}/{seed}")
        of = arms.get(arm, Outcomes(_MIDDLE))
        value = _value(of, sd, chance)
        if of.reaches is None and chance.random() < fails:
            value = _collapsed(value, sd, is_share, is_better_higher)
        return {question.metric: min(1.0, max(0.0, value)) if is_share else value}

    return world


def is_of_shares(plan: Plan, question: Question, form: claims.Form, sd: float) -> bool:
    """Whether a world of a claim is one of shares, so that no value lies outside 0 to 1."""
    return is_written_as_share(plan, question.metric) or (
        may_be_share(plan, question.metric) and _could_be_of_shares(form, sd)
    )


def outcomes(
    form: claims.Form, question: Question, truth: Truth, sd: float, is_better_higher: bool = True
) -> dict[str, Outcomes]:
    """What the arms of a question are like in one of the two worlds, by name."""
    holds, names = truth == "as claimed", question.arms
    match form:
        case claims.Difference(relation=relation, margin=margin):
            lead = (margin or sd) * holds * (1 if relation == ">" else -1)
            return {names[0]: Outcomes(_MIDDLE + lead), names[1]: Outcomes(_MIDDLE)}
        case claims.Chain(margin=margin, metric=metric):
            # Without a metric, `a > b` says that a does better, which for a loss is lower.
            upward = metric is not None or is_better_higher
            step = (margin or sd) * holds * (1 if upward else -1)
            places = range(len(names) - 1, -1, -1)
            return {arm: Outcomes(_MIDDLE + n * step) for arm, n in zip(names, places, strict=True)}
        case claims.Insensitive(margin=margin):
            off = {} if holds else {names[-1]: Outcomes(_MIDDLE + 2.0 * margin)}
            return {arm: Outcomes(_MIDDLE) for arm in names} | off
        case claims.Trend(direction=direction):
            step = sd * holds * (1 if direction == "increases" else -1)
            return {arm: Outcomes(_MIDDLE + place * step) for place, arm in enumerate(names)}
        case claims.Threshold(relation=relation, level=level):
            share = RELIABLE if holds else UNRELIABLE
            return {names[0]: Outcomes(level, share, relation in (">", ">="))}
        case claims.Smallest(relation=relation, level=level):
            upward, first = relation in (">", ">="), _boundary(form, question) if holds else None
            return {
                arm: Outcomes(
                    level,
                    RELIABLE if first is not None and place >= first else UNRELIABLE,
                    upward,
                )
                for place, arm in enumerate(names)
            }
    assert_never(form)


def _boundary(form: claims.Smallest, question: Question) -> int:
    """The first level that is enough, where the claim holds."""
    numbers = [level for level in question.levels if isinstance(level, (int, float))]
    if form.at_most is not None and numbers:
        inside = [place for place, level in enumerate(numbers) if level <= form.at_most]
        return inside[-1] if inside else 0
    return len(question.arms) // 2


def _could_be_of_shares(form: claims.Form, sd: float) -> bool:
    """Whether the spread and the number of a claim fit a metric that goes from 0 to 1."""
    number: float | None = None
    match form:
        case claims.Difference(margin=margin) | claims.Chain(margin=margin):
            number = margin
        case claims.Insensitive(margin=margin):
            number = margin
        case claims.Threshold(level=level) | claims.Smallest(level=level):
            number = level
    return sd <= _SHARE_SD_MAX and (number is None or 0.0 <= number <= 1.0)


def _value(arm: Outcomes, sd: float, chance: random.Random) -> float:
    if arm.reaches is None:
        return chance.gauss(arm.mean, sd)
    is_good = chance.random() < arm.reaches
    aside = max(1e-6, abs(NormalDist(0.0, sd).inv_cdf(0.5 + chance.random() / 2.0 * 0.999)))
    return arm.mean + (aside if is_good == arm.upward else -aside)


def _collapsed(value: float, sd: float, is_share: bool, is_better_higher: bool) -> float:
    """What is left of a value where the seed does not train: worse, whichever side that is."""
    if is_share:
        return _COLLAPSED * value if is_better_higher else 1.0 - _COLLAPSED * (1.0 - value)
    return value + _COLLAPSED_SPREADS * sd * (-1.0 if is_better_higher else 1.0)
