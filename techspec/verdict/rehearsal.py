"""A plan and an invented world in, what a campaign in it would come to out. Nothing is trained.

The campaign's own agenda and the judge's own rules are driven, so what is said of them is so.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from techspec.ledger.events import Ended
from techspec.ledger.state import State, TrialState
from techspec.plan.budget import HOUR_SECONDS
from techspec.plan.model import Plan, Trial
from techspec.verdict.agenda import agenda_of
from techspec.verdict.decide import decide
from techspec.verdict.model import Verdict

World = Callable[[str, int], Mapping[str, float] | None]
"""Arm and seed in, its metrics out; None where the run diverges. The same for the same two."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How one campaign went.

    Attributes:
        verdicts: at its end, one a question.
        runs: by arm.
        seconds: nominal device seconds of those runs; 0 where the trainer forecasts none.
        is_complete: False where the budget ended it.
    """

    verdicts: tuple[Verdict, ...]
    runs: Mapping[str, int]
    seconds: float
    is_complete: bool

    @property
    def device_hours(self) -> float:
        """Of all runs, nominally."""
        return self.seconds / HOUR_SECONDS


def rehearse(plan: Plan, world: World, only: Collection[str] | None = None) -> Rehearsal:
    """Carry the plan out in a world, to its end or that of the budget.

    Args:
        plan: as it would be frozen.
        world: gives the numbers.
        only: hypotheses that may ask for runs; None lets all of them, and runs what none asks for
            but the plan has.
    """
    state = State()
    runs: Counter[str] = Counter()
    seconds = 0.0
    while True:
        verdicts = decide(plan, state)
        due = _due(plan, state, verdicts, only)
        fitting = _affordable(plan, due, sum(runs.values()), seconds)
        if not fitting:
            return Rehearsal(verdicts, runs, seconds, is_complete=not due)
        for trial in fitting:
            state.trials[trial.id] = _run(trial, world(trial.arm, trial.seed))
            runs[trial.arm] += 1
            seconds += trial.seconds or 0.0


def _due(
    plan: Plan, state: State, verdicts: tuple[Verdict, ...], only: Collection[str] | None
) -> tuple[Trial, ...]:
    if only is None:
        return agenda_of(plan, state, verdicts).trials
    wanted = {
        each.arm: each.seeds
        for verdict in verdicts
        if verdict.hypothesis in only
        for each in verdict.asks
    }
    return tuple(
        trial
        for trial in plan.every_trial
        if trial.seed < wanted.get(trial.arm, 0) and not state.trial(trial.id).is_final
    )


def _affordable(
    plan: Plan, due: tuple[Trial, ...], launched: int, seconds: float
) -> tuple[Trial, ...]:
    """Those at the head of the queue that the budget has room for."""
    allowed = plan.allowance
    if allowed.experiments is not None:
        due = due[: max(0, allowed.experiments - launched)]
    fitting: list[Trial] = []
    for trial in due:
        seconds += trial.seconds or 0.0
        if allowed.device_seconds is not None and seconds > allowed.device_seconds:
            break
        fitting.append(trial)
    return tuple(fitting)


def _run(trial: Trial, metrics: Mapping[str, float] | None) -> TrialState:
    ended = Ended(
        time="",
        trial=trial.id,
        outcome="diverged" if metrics is None else "finished",
        step=0,
        metrics=metrics or {},
        seconds=trial.seconds or 0.0,
    )
    return TrialState(ended=ended)
