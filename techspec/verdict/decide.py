"""A plan and what the ledger says in, one verdict a question out. There is no other way to one.

Each form of claim is weighed in its own module; here is what they share: that runs must be
comparable, and that hypotheses judged together share one chance of error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import assert_never

from techspec.ledger.state import State
from techspec.plan.model import Plan, Question
from techspec.spec import claims
from techspec.stats.multiplicity import holm
from techspec.verdict import chain, difference, insensitive, smallest, threshold, trend
from techspec.verdict.caveats import caveats_of
from techspec.verdict.findings import ALPHA, FUTILE, Case, Look, Weighed
from techspec.verdict.gather import arm_result, case_of, form_of, unit_of
from techspec.verdict.model import Outcome, Verdict, Wanted
from techspec.verdict.schedule import schedule_of
from techspec.verdict.void import disagreement, unit_mistaken, without_valid_run
from techspec.verdict.words.question import (
    held_back_since,
    no_claim,
    unanswerable,
    void,
    what_next,
)

_WITH_P_VALUES = (claims.Difference, claims.Chain, claims.Insensitive, claims.Trend)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found up to one look; the p-values are of all looks so far together."""

    look: Look | None
    """None where no registered look was reached: nothing is decided."""
    weighed: Weighed
    p_confirm: float = 1.0
    p_refute: float = 1.0
    outlook: float = 1.0
    """Chance that a look to come settles it, if things go on as they did."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A question on its way: looked at, or with an outcome and a sentence at once."""

    question: Question
    case: Case | None = None
    looked: tuple[_Looked, ...] = ()
    outcome: Outcome = Outcome.INCONCLUSIVE
    sentence: str = ""
    in_family: bool = False


def decide(plan: Plan, state: State) -> tuple[Verdict, ...]:
    """One verdict a question, in the order of the plan, and what each asks to be run next.

    A claim is decided only at the looks that the plan registered, by the first seeds of its arms
    in their order, and keeps its first decision; asking more often changes nothing. Primary
    hypotheses whose tests give p-values are adjusted together (Holm), for confirming and for
    refuting apart; every one that the plan could answer counts, whether it has runs or not, so that
    the family is fixed before the first launch. Exploratory ones stand alone.

    Args:
        plan: the rules.
        state: the numbers; nothing else is looked at.

    Source:
        Maurer and Bretz (2013), "Multiple testing in group sequential trials using graphical
        approaches", Statistics in Biopharmaceutical Research 5(4), 311-320, for Holm's procedure
        over group-sequential tests.
    """
    forms = [form_of(plan, question) for question in plan.questions]
    primary = [_is_primary(q, form) for q, form in zip(plan.questions, forms, strict=True)]
    judged = [
        _judge(plan, state, question, form, is_primary, sum(primary))
        for question, form, is_primary in zip(plan.questions, forms, primary, strict=True)
    ]
    family = [each for each in judged if each.in_family]
    return tuple(_verdict(plan, state, each, family) for each in judged)


def _judge(
    plan: Plan,
    state: State,
    question: Question,
    form: claims.Form | None,
    is_primary: bool,
    family: int,
) -> _Judged:
    if form is None:
        return _Judged(question, sentence=no_claim(question))
    if question.unanswerable is not None or len(question.arms) < _arms_needed(form):
        return _Judged(question, sentence=unanswerable(question))
    case = case_of(plan, state, question, form, family if is_primary else 1)
    why = without_valid_run(plan, state, case.arms) or unit_mistaken(plan, state, case.metric)
    if not why and (differ := disagreement(plan, state, case.arms)):
        why = void(differ)
    if why:
        return _Judged(question, case, outcome=Outcome.VOID, sentence=why, in_family=is_primary)
    return _Judged(question, case, _look(case, form), in_family=is_primary)


def _look(case: Case, form: claims.Form) -> tuple[_Looked, ...]:
    """Every registered look that all arms have reached; one that decides nothing if there is none.

    A claim of reliability is decided after every seed, so its form looks by itself.
    """
    if not isinstance(form, _WITH_P_VALUES):
        return (_Looked(None, _weigh(case, form)),)
    schedule = schedule_of(form, case.question.looks)
    found: list[_Looked] = []
    for look in schedule.looks:
        if look.seeds > case.fewest:
            break
        weighed = _weigh(case.at(look), form)
        confirm = [*(each.weighed.p_confirm for each in found), weighed.p_confirm]
        refute = [*(each.weighed.p_refute for each in found), weighed.p_refute]
        found.append(
            _Looked(
                look,
                weighed,
                schedule.confirm(confirm),
                schedule.refute(refute),
                schedule.outlook(
                    look,
                    weighed.p_confirm if weighed.p_chance is None else weighed.p_chance,
                    weighed.p_searched or (weighed.p_refute,),
                    weighed.p_short,
                ),
            )
        )
    return tuple(found) or (_Looked(None, _weigh(case, form)),)


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


def _settled(judged: _Judged, family: Sequence[_Judged]) -> tuple[Outcome, _Looked | None]:
    """The first decision, and the look that it rests on; the last look where there is none.

    Which way it goes is fixed by its own runs, at the first look where they alone are enough; the
    other hypotheses say only whether that will do. Else one of them, settled later, could turn a
    decision round that was made already.
    """
    way = Outcome.INCONCLUSIVE
    for looked in judged.looked:
        if looked.weighed.settled is not None:
            return looked.weighed.settled, looked
        if way is Outcome.INCONCLUSIVE:
            way = _outcome(looked.p_confirm, looked.p_refute)
        if way is not Outcome.INCONCLUSIVE and _adjusted(judged, family, looked, way) <= ALPHA:
            return way, looked
    return judged.outcome, judged.looked[-1] if judged.looked else None


def _alone(judged: _Judged) -> tuple[Outcome, _Looked | None]:
    """What its own runs decide, whatever the other hypotheses, and the first look where they do."""
    for looked in judged.looked:
        if (way := _outcome(looked.p_confirm, looked.p_refute)) is not Outcome.INCONCLUSIVE:
            return way, looked
    return Outcome.INCONCLUSIVE, None


def _is_enough(looked: _Looked, way: Outcome) -> bool:
    """Whether this look by itself, and not one before it, is enough to decide so."""
    if looked.look is None:
        return False
    if way is Outcome.CONFIRMED:
        return looked.weighed.p_confirm <= looked.look.confirm
    return looked.weighed.p_refute <= looked.look.refute


def _adjusted(judged: _Judged, family: Sequence[_Judged], looked: _Looked, way: Outcome) -> float:
    """The p of one hypothesis at one of its looks, beside the others as they stand now."""

    def p_of(each: _Looked) -> float:
        return each.p_confirm if way is Outcome.CONFIRMED else each.p_refute

    if not judged.in_family:
        return p_of(looked)
    others = [p_of(e.looked[-1]) if e.looked else 1.0 for e in family if e is not judged]
    return holm([p_of(looked), *others])[0]


def _verdict(plan: Plan, state: State, judged: _Judged, family: Sequence[_Judged]) -> Verdict:
    question, case = judged.question, judged.case
    metric = case.metric if case else question.metric or plan.metric
    outcome, looked = _settled(judged, family)
    weighed = looked.weighed if looked else None
    sentence = judged.sentence
    asks: tuple[Wanted, ...] = ()
    is_futile = False
    if case and looked and weighed:
        alone, enough = _alone(judged)
        held_back = outcome is Outcome.INCONCLUSIVE and alone is not outcome
        if outcome is Outcome.INCONCLUSIVE:
            asks = _next_look(case, looked) if weighed.asks is None else weighed.asks
            is_futile = bool(asks) and not held_back and looked.outlook < FUTILE
            asks = () if is_futile else asks
        is_shown = held_back and _is_enough(looked, alone)
        earlier = enough.look if held_back and enough and not is_shown else None
        sentence = " ".join(
            part
            for part in (
                weighed.say(outcome, len(family) if is_shown else 0),
                held_back_since(earlier, alone, len(family)) if earlier else "",
                what_next(case, looked.look, outcome, asks, is_futile),
            )
            if part
        )
    arms = tuple(
        arm_result(plan, state, arm, metric, level)
        for arm, level in zip_longest(question.arms, question.levels)
    )
    return Verdict(
        hypothesis=question.id,
        text=question.text,
        claim=question.claim,
        outcome=outcome,
        sentence=sentence,
        rule=weighed.rule + _family_rule(judged, family) if weighed else "",
        estimate=weighed.estimate if weighed else None,
        arms=arms,
        look=_seeds_looked_at(looked),
        asks=asks,
        is_futile=is_futile,
        seeds_needed=_seeds_needed(outcome, weighed),
        caveats=caveats_of(plan, state, question, metric, arms, asks),
        metric=metric,
        unit=_unit(plan, state, metric, case, looked),
    )


def _unit(plan: Plan, state: State, metric: str, case: Case | None, looked: _Looked | None) -> str:
    if case is None:
        return unit_of(plan, state, metric)
    return case.at(looked.look).unit if looked and looked.look else case.unit


def _seeds_looked_at(looked: _Looked | None) -> int | None:
    if looked is None:
        return None
    return looked.look.seeds if looked.look else looked.weighed.seeds


def _next_look(case: Case, looked: _Looked) -> tuple[Wanted, ...]:
    """Every arm of the question up to its next look; nothing after the last."""
    done = looked.look.seeds if looked.look else 0
    to_come = [seeds for seeds in case.question.looks if seeds > done]
    return tuple(Wanted(arm.arm, to_come[0]) for arm in case.arms) if to_come else ()


def _outcome(p_confirm: float, p_refute: float) -> Outcome:
    # Refuting first: what is real but smaller than claimed is both, and the claim is wrong.
    if p_refute <= ALPHA:
        return Outcome.REFUTED
    return Outcome.CONFIRMED if p_confirm <= ALPHA else Outcome.INCONCLUSIVE


def _seeds_needed(outcome: Outcome, weighed: Weighed | None) -> int | None:
    return weighed.seeds_needed if weighed and outcome is Outcome.INCONCLUSIVE else None


def _family_rule(judged: _Judged, family: Sequence[_Judged]) -> str:
    if not judged.in_family or len(family) < 2:
        return ""
    return f" Adjusted by Holm's method over {len(family)} hypotheses judged together."
