"""A plan and a seed spread in, what it would settle out: how often, after how many runs.

Said before anything is spent, by rehearsing each hypothesis in a world where it holds and in one
where it does not. What a hypothesis gets of the budget is what the others leave it at their worst.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from techspec.ledger.state import State
from techspec.plan.model import Plan, Question, Trial
from techspec.spec import claims
from techspec.stats.checked import sample
from techspec.stats.power import SEEDS_MAX, seeds_needed
from techspec.verdict.findings import ALPHA
from techspec.verdict.gather import arm_result, form_of
from techspec.verdict.model import Outcome
from techspec.verdict.rehearsal import rehearse
from techspec.verdict.worlds import Truth, is_of_shares, world_of

TRUTHS: tuple[Truth, Truth] = ("as claimed", "not so")
ENOUGH = 0.8
"""A hypothesis that is settled at least so often is well planned. Source: Cohen's convention."""
_ASSUMED_SHARE_OF_MARGIN = 0.5
"""Seed spread taken where nobody knows it; ours: at it, 5 to 10 seeds settle most claims."""
_FEWEST_RUNS = 3


@dataclass(frozen=True, slots=True)
class Prospect:
    """How one hypothesis fares in one of its two worlds; shares add up to 1."""

    hypothesis: str
    truth: Truth
    confirmed: float
    refuted: float
    open: float
    runs: float
    """On average, of all its arms together."""
    seconds: float
    """On average, nominal device seconds."""

    @property
    def settled(self) -> float:
        """Share of rehearsals with a verdict, right or wrong."""
        return self.confirmed + self.refuted


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the plan would do for one hypothesis.

    Attributes:
        hypothesis: its id.
        sd: the seed spread rehearsed with, in base units; None where the claim does not depend on
            it.
        unit: `pt` of that spread where values are shares, else empty.
        source: where that comes from: `stated`, `measured`, or `assumed`.
        prospects: in the world as claimed, and in the other.
        advice: what would help, as a sentence; empty where it is well planned.
    """

    hypothesis: str
    sd: float | None
    unit: str
    source: str
    prospects: tuple[Prospect, ...]
    advice: str


def outlooks(
    plan: Plan,
    state: State,
    stated_sd: float | None,
    draws: int,
    fails: float = 0.0,
) -> tuple[Outlook, ...]:
    """One a question that the plan can answer, in its order.

    Args:
        plan: as it would be frozen.
        state: runs so far, from which the spread is measured; an empty one if there are none.
        stated_sd: what the spec says of it, in base units; it goes before what was measured.
        draws: rehearsals a world, >= 1.
        fails: share of seeds that collapse, in [0, 1).
    """
    lean = _within_budget(plan)
    found = []
    for question in plan.questions:
        form = form_of(plan, question)
        if form is None or question.unanswerable is not None or not question.looks:
            continue
        sd, source = _spread(plan, state, question, form, stated_sd)
        met = tuple(_prospect(lean, question, truth, sd, draws, fails) for truth in TRUTHS)
        advice = _advice(lean, state, question, form, sd, min(each.settled for each in met))
        known = sd if _depends_on_spread(form) else None
        unit = "pt" if is_of_shares(lean, question, form, sd) else ""
        found.append(Outlook(question.id, known, unit, source, met, advice))
    return tuple(found)


def measured_sd(plan: Plan, state: State, metric: str) -> float | None:
    """Standard deviation over seeds within an arm, pooled; None before there are repeats enough."""
    samples = [
        sample(arm.values, arm.arm)
        for each in plan.arms
        if len((arm := arm_result(plan, state, each.name, metric)).values) >= _FEWEST_RUNS
    ]
    degrees = sum(found.n - 1 for found in samples)
    squares = sum(found.variance * (found.n - 1) for found in samples)
    return math.sqrt(squares / degrees) if degrees and squares else None


def _prospect(
    plan: Plan, question: Question, truth: Truth, sd: float, draws: int, fails: float
) -> Prospect:
    outcomes: Counter[Outcome] = Counter()
    runs, seconds = 0, 0.0
    place = plan.questions.index(question)
    for draw in range(draws):
        world = world_of(plan, question, truth, sd, draw, fails)
        went = rehearse(plan, world, only={question.id})
        outcomes[went.verdicts[place].outcome] += 1
        runs += sum(went.runs.values())
        seconds += went.seconds
    confirmed, refuted = (outcomes[o] / draws for o in (Outcome.CONFIRMED, Outcome.REFUTED))
    left = 1.0 - confirmed - refuted
    return Prospect(question.id, truth, confirmed, refuted, left, runs / draws, seconds / draws)


def _within_budget(plan: Plan) -> Plan:
    """The plan with those further trials that fit beside all planned ones."""
    return replace(plan, further=tuple(_fitting(plan)))


def _fitting(plan: Plan) -> Iterable[Trial]:
    allowed, count, seconds = plan.allowance, len(plan.trials), plan.seconds or 0.0
    for trial in plan.further:
        count, seconds = count + 1, seconds + (trial.seconds or 0.0)
        if allowed.experiments is not None and count > allowed.experiments:
            return
        if allowed.device_seconds is not None and seconds > allowed.device_seconds:
            return
        yield trial


def _spread(
    plan: Plan, state: State, question: Question, form: claims.Form, stated: float | None
) -> tuple[float, str]:
    if stated is not None:
        return stated, "stated"
    if measured := measured_sd(plan, state, question.metric):
        return measured, "measured"
    return (_margin(form) or 0.02) * _ASSUMED_SHARE_OF_MARGIN, "assumed"


def _margin(form: claims.Form) -> float | None:
    return form.margin if isinstance(form, _WITH_MARGIN) else None


_WITH_MARGIN = (claims.Difference, claims.Chain, claims.Insensitive)


def _depends_on_spread(form: claims.Form) -> bool:
    """Counts and ranks know no spread, and neither does a lead told in units of it."""
    return bool(_margin(form))


def _advice(
    plan: Plan, state: State, question: Question, form: claims.Form, sd: float, settled: float
) -> str:
    margin = _margin(form)
    if ceiling := _ceiling(plan, state, question, form):
        return ceiling
    if isinstance(form, claims.Insensitive) and sd > form.margin / 2.0:
        return (
            "seeds that vary by more than half the margin leave it open within any seeds a lab"
            " would run: allow a wider margin, or steady the recipe"
        )
    if settled >= ENOUGH:
        return ""
    reach = min(sum(t.arm == arm for t in plan.every_trial) for arm in question.arms)
    if reach < question.looks[-1]:
        return (
            f"the budget surely has room for {reach} of its {question.looks[-1]} seeds an arm:"
            " raise it, or give up another hypothesis"
        )
    needed = seeds_needed(margin, sd, ALPHA) if margin else None
    if needed is not None and question.looks[-1] < needed < SEEDS_MAX:
        return f"about {needed} seeds an arm would: write `seeds: {needed}` under Run"
    return f"more seeds under Run{', or a wider margin,' if margin else ''} would help"


def _ceiling(plan: Plan, state: State, question: Question, form: claims.Form) -> str:
    """Why a lead is out of reach, where the other arm is known to have nearly everything."""
    if not isinstance(form, claims.Difference) or not form.margin:
        return ""
    other = arm_result(plan, state, question.arms[1], question.metric)
    if len(other.values) < _FEWEST_RUNS or not all(0.0 <= v <= 1.0 for v in other.values):
        return ""
    mean = sample(other.values, other.arm).mean
    room = 1.0 - mean if form.relation == ">" else mean
    if room >= form.margin:
        return ""
    end = "ceiling" if form.relation == ">" else "floor"
    return (
        f"{other.arm} is at its {end}: with {100 * mean:.1f} % no lead of"
        f" {100 * form.margin:g} pt is possible; ask about a harder task or another metric"
    )
