"""A plan, a state and a question in, the runs that bear on it out. Drops none, averages none."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from techspec.ledger.state import State
from techspec.plan.model import Plan, Question, Trial
from techspec.spec import claims
from techspec.spec.model import Value
from techspec.spec.names import KeyOf, key_of, own_key_of
from techspec.spec.units import quantities
from techspec.verdict.findings import Case, unit_of_values
from techspec.verdict.model import ArmResult, SeedValue

_SHARES = ("%", "pt")

# Ours: far beyond any score, and small enough that its square and sums of squares are numbers.
_LARGEST = 1e100

# Words in the names of metrics that lie between 0 and 1 only by chance.
_NO_SHARES = frozenset(("loss", "perplexity", "ppl", "nll", "entropy", "mse", "rmse", "mae"))

# Ours: what single precision makes of 1.0 by way of a mean, and far below the least percentage.
_ROUNDING = 1e-4


def case_of(plan: Plan, state: State, question: Question, form: claims.Form, family: int) -> Case:
    """The question with its runs, in the order of its arms and seeds."""
    metric = question.metric or form.metric or plan.metric
    levels: Iterable[Value | None] = question.levels or (None for _ in question.arms)
    arms = tuple(
        _in_order(plan, state, arm_result(plan, state, arm, metric, level))
        for arm, level in zip(question.arms, levels, strict=False)
    )
    if isinstance(form, claims.Difference) and form.paired:
        arms = _pairs(arms)
    return Case(
        question=question,
        metric=metric,
        unit_stated=_unit_stated(plan, state, metric),
        higher_is_better=higher_is_better(plan, form, metric),
        arms=arms,
        bands=tuple(band for band in plan.bands if band.metric in ("", metric)),
        family=family,
    )


def arm_result(
    plan: Plan, state: State, arm: str, metric: str, level: Value | None = None
) -> ArmResult:
    """The runs of one arm that ended with a number or diverged, in the order of their seeds."""
    runs = [
        SeedValue(trial.seed, trial.id, _value(state, trial, metric))
        for trial in sorted(trials_of(plan, arm), key=lambda trial: trial.seed)
        if has_result(state, trial, metric)
    ]
    known = {each.name: each.params for each in plan.arms}
    counted = (state.trial(run.trial).started for run in runs)
    params = next((started.params for started in counted if started and started.params), None)
    return ArmResult(arm, tuple(runs), params or known.get(arm), level)


def _in_order(plan: Plan, state: State, arm: ArmResult) -> ArmResult:
    """The arm with the runs before the first planned seed that is still to come.

    Seeds count in their registered order: one that is slow, or crashes until it is tried again,
    may be the one that would have failed.
    """
    to_come = [t.seed for t in trials_of(plan, arm.arm) if not state.trial(t.id).is_final]
    first = min(to_come, default=None)
    if first is None:
        return arm
    return replace(arm, runs=tuple(run for run in arm.runs if run.seed < first))


def _pairs(arms: tuple[ArmResult, ...]) -> tuple[ArmResult, ...]:
    """The arms with the seeds that all of them have, so that the first of one meets its own."""
    shared = set.intersection(*({run.seed for run in arm.runs} for arm in arms))
    return tuple(
        replace(arm, runs=tuple(run for run in arm.runs if run.seed in shared)) for arm in arms
    )


def trials_of(plan: Plan, arm: str) -> list[Trial]:
    """The planned trials of an arm."""
    return [trial for trial in plan.every_trial if trial.arm == arm]


def has_result(state: State, trial: Trial, metric: str) -> bool:
    """Whether the trial counts: it diverged, or it ended and reported the metric."""
    ended = state.trial(trial.id).ended
    if ended is None or not state.trial(trial.id).is_final or ended.outcome == "refused":
        return False
    return ended.outcome == "diverged" or metric in ended.metrics


def unit_of(plan: Plan, state: State, metric: str) -> str:
    """`%` where values of the metric are shares from 0 to 1, else empty.

    The spec decides where it writes the metric with `%` or `pt`, unless a value seen is no share;
    otherwise one that may be a share is one when no value seen lies outside [0, 1].
    A claim asks that of the runs it is decided by alone: see `Case.unit`.
    """
    if (stated := _unit_stated(plan, state, metric)) is not None:
        return stated
    ended = [trial for trial in plan.every_trial if has_result(state, trial, metric)]
    known = (_value(state, trial, metric) for trial in ended)
    return unit_of_values(value for value in known if value is not None)


def _unit_stated(plan: Plan, state: State, metric: str) -> str | None:
    """The unit, where it is not for values to tell."""
    if is_written_as_share(plan, metric):
        return "" if no_share(plan, state, metric) else "%"
    return None if may_be_share(plan, metric) else ""


def may_be_share(plan: Plan, metric: str) -> bool:
    """Whether values alone may tell that the metric is a share: it is no loss, nor called one."""
    if metric == plan.metric and plan.better == "lower":
        return False
    return _NO_SHARES.isdisjoint(re.split(r"[\W_]+", metric.lower()))


def is_written_as_share(plan: Plan, metric: str) -> bool:
    """Whether claims or success criteria write the metric with `%` or `pt`."""
    if any(
        number.unit in _SHARES
        for band in plan.bands
        if band.metric == metric
        for number in quantities(band.text)
    ):
        return True
    return any(_is_about_share(plan, each) for each in plan.questions if each.metric == metric)


def no_share(plan: Plan, state: State, metric: str) -> tuple[Trial, float] | None:
    """The first planned trial with a final value that is no share, and that value."""
    for trial in plan.every_trial:
        value = _value(state, trial, metric) if has_result(state, trial, metric) else None
        if value is not None and not -_ROUNDING <= value <= 1.0 + _ROUNDING:
            return trial, value
    return None


def form_of(plan: Plan, question: Question) -> claims.Form | None:
    """The claim of the question as it reads beside the arms of the plan; None without one."""
    if question.claim is None:
        return None
    spell = own_key_of if plan.trainer else key_of
    return _form(question.claim, tuple(arm.name for arm in plan.arms), spell)


@lru_cache(maxsize=1024)
def _form(claim: str, arms: tuple[str, ...], spell: KeyOf) -> claims.Form | None:
    try:
        return claims.parse(claim, arms, spell).form
    except claims.ClaimUnreadable:
        return None


def _is_about_share(plan: Plan, question: Question) -> bool:
    """Whether the claim sets the metric, and not some parameter, against a number in % or pt."""
    numbers = list(quantities(question.claim or ""))
    match form_of(plan, question):
        case claims.Smallest():
            against = numbers[:1]  # behind it may stand a limit of the parameter
        case claims.Threshold() | claims.Insensitive():
            against = numbers[-1:]
        case claims.Difference(margin=m) | claims.Chain(margin=m) if m is not None:
            against = numbers[-1:]  # before it may stand values in the names of arms
        case _:
            against = []
    return any(number.unit in _SHARES for number in against)


def _value(state: State, trial: Trial, metric: str) -> float | None:
    ended = state.trial(trial.id).ended
    if ended is None or ended.outcome == "diverged":
        return None
    value = ended.metrics[metric]
    return value if abs(value) <= _LARGEST else None  # NaN is none either


def higher_is_better(plan: Plan, form: claims.Form, metric: str) -> bool:
    """What counts as doing well; for a second metric nobody says, so the claim's wish is taken."""
    if metric == plan.metric:
        return plan.better != "lower"
    match form:
        case claims.Difference() | claims.Threshold() | claims.Smallest():
            return form.relation in (">", ">=")
        case claims.Trend():
            return form.direction == "increases"
        case claims.Chain() | claims.Insensitive():
            return True
