"""TS304: more trials than the budget has room for."""

import math
from collections.abc import Iterator, Sequence

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import joined, listed
from techspec.lint.rule import Rule
from techspec.plan.budget import HOUR_SECONDS, hours, workers
from techspec.plan.model import Plan, Trial


class PlanOverBudget(Rule):
    """All trials that a spec asks for fit its budget.

    ## Why
    The budget is a hard stop, so what does not fit is not run, and a hypothesis whose arms
    lose their seeds stays open. It is cheaper to choose now which question to give up.

    ## When to break it
    Where the order of priorities is what you want: the most urgent trials are kept.
    """

    code = "TS304"
    name = "plan-over-budget"
    message = (
        "The budget has room for {kept} of {total} trials; it drops some of {arms}, and {lost}."
    )
    fix = "{fix}."

    bad = """\
## Hypotheses
1. Wider models learn more
   `exact_match increases with d_model`

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128, 256] | High |

## Budget Constraints <!-- TS304 -->
- Max experiments: 5
"""
    good = """\
## Hypotheses
1. Wider models learn more
   `exact_match increases with d_model`

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128, 256] | High |

## Budget Constraints
- Max experiments: 15
"""

    def check(self, case: Case) -> Iterator[Finding]:
        budget = case.spec.budget
        if budget is None or not case.plan.dropped:
            return
        plan = case.plan
        arms = dict.fromkeys(drop.trial.arm for drop in plan.dropped)
        yield self.finding(
            budget.line,
            kept=len(plan.trials),
            total=len(plan.trials) + len(plan.dropped),
            arms=listed(f"`{arm}`" for arm in arms),
            lost=_lost(plan),
            fix=_fix(case, plan),
        )


def _lost(plan: Plan) -> str:
    """The hypotheses that are left with fewer seeds than they want, and with how many."""
    arms = {drop.trial.arm for drop in plan.dropped}
    hit = [q for q in plan.questions if q.arms and not arms.isdisjoint(q.arms)]
    gone = [q.id for q in hit if q.unanswerable]
    short = [
        f"{q.id} has {q.seeds} of {q.seeds_wanted} seeds"
        for q in hit
        if not q.unanswerable and q.seeds < q.seeds_wanted
    ]
    loses = [f"{joined(gone)} {'loses its' if len(gone) == 1 else 'lose their'} answer"]
    return "; ".join([*(loses if gone else []), *short]) or "no claim loses its answer"


def _fix(case: Case, plan: Plan) -> str:
    """What the limits would have to be, and which parameters to give up instead."""
    trials = [*plan.trials, *(drop.trial for drop in plan.dropped)]
    raises = [f"to {enough}" for enough in _excess(case, plan, trials)]
    given_up = [f"`{name}`" for name in _given_up(case, plan, trials)]
    fewer = f"give up {joined(given_up)}" if given_up else "ask for fewer levels, arms or seeds"
    return f"raise the budget {joined(raises)}, or {fewer}" if raises else fewer


def _excess(case: Case, plan: Plan, trials: Sequence[Trial]) -> list[str]:
    """What these trials would take of each limit that they are over."""
    allowed, over = plan.allowance, []
    if allowed.experiments is not None and len(trials) > allowed.experiments:
        over.append(f"{len(trials)} experiments")
    seconds = sum(trial.seconds or 0.0 for trial in trials)
    at_once = workers(case.spec.run, plan.nominal_device)
    for limit, needed, what in (
        (allowed.device_seconds, seconds, "device hours"),
        (allowed.wall_clock_seconds, seconds / at_once, "wall-clock hours"),
    ):
        if limit is not None and needed > limit:
            # Up to the next tenth, so that the number written is enough.
            enough = math.ceil(needed / HOUR_SECONDS * 10) / 10 * HOUR_SECONDS
            over.append(f"{hours(enough)} {what}")
    return over


def _given_up(case: Case, plan: Plan, trials: Sequence[Trial]) -> list[str]:
    """Sweeps without which the rest fits: those that serve no hypothesis first, then the last.

    None where that would leave no sweep: a spec is not mended by giving up all of its subject.
    """
    sweeps = {parameter.key for parameter in case.spec.parameters}
    sweeps |= {factor.name for factor in case.spec.factors}
    serving = {trial.stage for trial in trials if trial.serves}
    order = sorted(range(len(plan.stages)), key=lambda stage: (stage in serving, -stage))
    swept = [stage.name for stage in plan.stages if stage.name in sweeps]
    given_up: list[str] = []
    for stage in order:
        if not _excess(case, plan, trials):
            return given_up
        if plan.stages[stage].name in sweeps:
            given_up.append(plan.stages[stage].name)
            if len(given_up) == len(swept):
                return []
            trials = [trial for trial in trials if trial.stage != stage]
    return given_up if not _excess(case, plan, trials) else []
