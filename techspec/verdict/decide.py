"""A plan and what the ledger says in, one verdict a question out. There is no other way to one.

Each form of claim is weighed in its own module; here is what they share: that runs must be
comparable, and that hypotheses judged together share one chance of error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from techspec.ledger.state import State
from techspec.plan.model import Plan, Question
from techspec.spec import claims
from techspec.stats.multiplicity import holm
from techspec.verdict import chain, difference, insensitive, smallest, threshold, trend, words
from techspec.verdict.caveats import caveats_of
from techspec.verdict.findings import ALPHA, Case, Weighed
from techspec.verdict.gather import arm_result, case_of, form_of, unit_of
from techspec.verdict.model import Outcome, Verdict
from techspec.verdict.void import disagreement, unit_mistaken

_WITH_P_VALUES = (claims.Difference, claims.Chain, claims.Insensitive, claims.Trend)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A question on its way: either weighed, or with an outcome and a sentence at once."""

    question: Question
    case: Case | None = None
    weighed: Weighed | None = None
    outcome: Outcome = Outcome.INCONCLUSIVE
    sentence: str = ""
    in_family: bool = False


def decide(plan: Plan, state: State) -> tuple[Verdict, ...]:
    """One verdict a question, in the order of the plan.

    Primary hypotheses whose tests give p-values are adjusted together (Holm), for confirming and
    for refuting apart; every one that the plan could answer counts, whether it has runs or not, so
    that the family is fixed before the first launch. Exploratory ones stand alone.

    Args:
        plan: the rules.
        state: the numbers; nothing else is looked at.
    """
    forms = [form_of(plan, question) for question in plan.questions]
    primary = [_is_primary(q, form) for q, form in zip(plan.questions, forms, strict=True)]
    judged = [
        _judge(plan, state, question, form, is_primary, sum(primary))
        for question, form, is_primary in zip(plan.questions, forms, primary, strict=True)
    ]
    confirm = _adjusted(judged, lambda weighed: weighed.p_confirm)
    refute = _adjusted(judged, lambda weighed: weighed.p_refute)
    return tuple(
        _verdict(plan, state, each, p_confirm, p_refute, sum(primary))
        for each, p_confirm, p_refute in zip(judged, confirm, refute, strict=True)
    )


def _judge(
    plan: Plan,
    state: State,
    question: Question,
    form: claims.Form | None,
    is_primary: bool,
    family: int,
) -> _Judged:
    if form is None:
        return _Judged(question, sentence=words.no_claim(question))
    if question.unanswerable is not None or len(question.arms) < _arms_needed(form):
        return _Judged(question, sentence=words.unanswerable(question))
    case = case_of(plan, state, question, form, family if is_primary else 1)
    why = unit_mistaken(plan, state, case.metric)
    if not why and (differ := disagreement(plan, state, case.arms)):
        why = words.void(differ)
    if why:
        return _Judged(question, case, outcome=Outcome.VOID, sentence=why, in_family=is_primary)
    return _Judged(question, case, _weigh(case, form), in_family=is_primary)


def _weigh(case: Case, form: claims.Form) -> Weighed:
    match form:
        case claims.Difference():
            return difference.weigh(case, form)
        case claims.Threshold():
            return threshold.weigh(case, form)
        case claims.Insensitive():
            return insensitive.weigh(case, form)
        case claims.Trend():
            return trend.weigh(case, form)
        case claims.Smallest():
            return smallest.weigh(case, form)
        case claims.Chain():
            return chain.weigh(case, form)
    assert_never(form)


def _is_primary(question: Question, form: claims.Form | None) -> bool:
    can_be_answered = question.unanswerable is None and not question.exploratory
    return can_be_answered and isinstance(form, _WITH_P_VALUES)


def _arms_needed(form: claims.Form) -> int:
    return 1 if isinstance(form, (claims.Threshold, claims.Smallest)) else 2


def _adjusted(judged: list[_Judged], p_of: Callable[[Weighed], float]) -> list[float]:
    """p-values in the order of `judged`, those of the family adjusted, 1 where there is none."""
    raw = [p_of(each.weighed) if each.weighed else 1.0 for each in judged]
    members = [index for index, each in enumerate(judged) if each.in_family]
    for index, adjusted in zip(members, holm([raw[index] for index in members]), strict=True):
        raw[index] = adjusted
    return raw


def _verdict(
    plan: Plan, state: State, judged: _Judged, p_confirm: float, p_refute: float, family: int
) -> Verdict:
    question, case, weighed = judged.question, judged.case, judged.weighed
    metric = case.metric if case else question.metric or plan.metric
    arms = (
        case.arms if case else tuple(arm_result(plan, state, arm, metric) for arm in question.arms)
    )
    outcome, sentence = judged.outcome, judged.sentence
    if weighed is not None:
        outcome = weighed.settled or _outcome(p_confirm, p_refute)
        alone = _outcome(weighed.p_confirm, weighed.p_refute)
        held_back = outcome is Outcome.INCONCLUSIVE and alone is not outcome
        sentence = weighed.say(outcome, family if held_back and judged.in_family else 0)
    return Verdict(
        hypothesis=question.id,
        text=question.text,
        claim=question.claim,
        outcome=outcome,
        sentence=sentence,
        rule=weighed.rule + _family_rule(judged, family) if weighed else "",
        estimate=weighed.estimate if weighed else None,
        arms=arms,
        seeds_needed=_seeds_needed(outcome, weighed),
        caveats=caveats_of(plan, state, question, metric, arms),
        metric=metric,
        unit=unit_of(plan, state, metric),
    )


def _outcome(p_confirm: float, p_refute: float) -> Outcome:
    # Refuting first: what is real but smaller than claimed is both, and the claim is wrong.
    if p_refute <= ALPHA:
        return Outcome.REFUTED
    return Outcome.CONFIRMED if p_confirm <= ALPHA else Outcome.INCONCLUSIVE


def _seeds_needed(outcome: Outcome, weighed: Weighed | None) -> int | None:
    return weighed.seeds_needed if weighed and outcome is Outcome.INCONCLUSIVE else None


def _family_rule(judged: _Judged, family: int) -> str:
    if not judged.in_family or family < 2:
        return ""
    return f" Adjusted by Holm's method over {family} hypotheses judged together."
