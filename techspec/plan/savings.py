"""A plan in; what is saved by leaving a hypothesis or a sweep out of it, out. Changes no plan."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from techspec.plan.model import Plan, Trial


@dataclass(frozen=True, slots=True)
class Saving:
    """Trials that need not be run, and their nominal device time."""

    trials: int
    seconds: float | None
    """None where one of them has no forecast."""


def without_hypotheses(plan: Plan, hypotheses: Collection[str]) -> Saving:
    """The trials that serve these hypotheses and no other."""
    return _saving(t for t in plan.trials if t.serves and set(t.serves) <= set(hypotheses))


def without_sweep(plan: Plan, parameter: str) -> Saving:
    """The trials of arms that differ from the baseline in this parameter alone."""
    arms = {arm.name for arm in plan.arms if {c.parameter for c in arm.changes} == {parameter}}
    return _saving(trial for trial in plan.trials if trial.arm in arms)


def _saving(trials: Iterable[Trial]) -> Saving:
    spared = list(trials)
    known = [trial.seconds for trial in spared if trial.seconds is not None]
    return Saving(len(spared), sum(known) if len(known) == len(spared) else None)
