"""What fits the budget, what is dropped, and what it would cost. No trial is dropped silently."""

from collections.abc import Sequence
from dataclasses import dataclass

from techspec.plan.model import Allowance, DroppedTrial, Plan, Trial
from techspec.plan.trainer import Cost
from techspec.spec.model import Budget, RunSettings

WORKERS = {"cuda": 1, "cpu": 2}
"""Trials at once for the wall clock, where the spec does not say: the same on every machine."""
HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class StageForecast:
    """What one stage would take; seconds are None if any of its trials has no forecast."""

    stage: str
    trials: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan would take, nominally."""

    trials: int
    seconds: float | None
    """Of device time, over all trials."""
    wall_clock_seconds: float | None
    stages: tuple[StageForecast, ...]


def allowance(budget: Budget | None) -> Allowance:
    """Put the budget in seconds and counts."""
    if budget is None:
        return Allowance()
    hours, clock = budget.device_hours, budget.wall_clock_hours
    return Allowance(
        device_seconds=None if hours is None else hours * HOUR_SECONDS,
        experiments=budget.experiments,
        wall_clock_seconds=None if clock is None else clock * HOUR_SECONDS,
    )


def nominal_device(run: RunSettings, budget: Budget | None) -> str:
    """Choose the device to forecast for: the one that the spec names, never the one at hand."""
    if run.device in WORKERS:
        return run.device
    return "cuda" if budget and budget.device == "gpu" else "cpu"


def workers(run: RunSettings, device: str) -> int:
    """Trials at once, for the wall clock."""
    return max(1, run.workers or WORKERS[device])


def nominal_seconds(cost: Cost, device: str, run: RunSettings) -> float | None:
    """One trial's forecast: the trainer's own, else the spec's, else none."""
    return (cost.seconds or {}).get(device, run.seconds_per_trial)


def fit(
    trials: Sequence[Trial], allowed: Allowance, workers: int
) -> tuple[tuple[Trial, ...], tuple[DroppedTrial, ...]]:
    """Keep trials in their order until the budget is used up; drop the rest, each with its reason.

    A trial that alone is beyond the budget is dropped by itself, and those after it still fit.
    Once one does not fit, none after it is kept: a cheaper one of low priority would otherwise
    take what was meant for a dear one of high priority.
    """
    kept: list[Trial] = []
    dropped: list[DroppedTrial] = []
    spent = 0.0
    end: str | None = None
    for trial in trials:
        seconds = trial.seconds or 0.0
        alone = _beyond(0, 0.0, seconds, allowed, workers)
        end = end or (None if alone else _beyond(len(kept), spent, seconds, allowed, workers))
        if reason := alone or end:
            dropped.append(DroppedTrial(trial, reason))
        else:
            kept.append(trial)
            spent += seconds
    return tuple(kept), tuple(dropped)


def still_possible(
    further: Sequence[Trial], kept: Sequence[Trial], dropped: Sequence[DroppedTrial]
) -> tuple[Trial, ...]:
    """Further seeds of arms that lost none: the budget has room if other questions end early."""
    short = {drop.trial.arm for drop in dropped}
    return tuple(
        trial
        for trial in further
        if trial.arm not in short and any(each.arm == trial.arm for each in kept)
    )


def forecast(plan: Plan) -> Forecast:
    """Add up what the planned trials would take, in all and by stage."""
    stages = []
    for number, stage in enumerate(plan.stages):
        trials = [trial for trial in plan.trials if trial.stage == number]
        stages.append(StageForecast(stage.name, len(trials), _total(trials)))
    at_once = max(1, plan.workers or WORKERS[plan.nominal_device])
    clock = None if plan.seconds is None else plan.seconds / at_once
    return Forecast(len(plan.trials), plan.seconds, clock, tuple(stages))


def notes(trials: Sequence[Trial], allowed: Allowance, workers: int, run: RunSettings) -> list[str]:
    """Say what the forecast assumed by itself."""
    found = []
    unknown = sum(trial.seconds is None for trial in trials)
    timed = allowed.device_seconds is not None or allowed.wall_clock_seconds is not None
    if unknown:
        note = f"No forecast for {unknown} of {len(trials)} trials: the trainer states no seconds"
        held = ", so the hours of the budget are held only while running" if timed else ""
        found.append(f"{note}{held}; write seconds_per_trial under Run.")
    if allowed.wall_clock_seconds is not None and run.workers is None:
        found.append(
            f"The wall clock counts with {workers} trials at once, as Run sets no workers."
        )
    return found


def _beyond(
    count: int, spent: float, seconds: float, allowed: Allowance, workers: int
) -> str | None:
    """Why one more trial has no room after `count` trials that took `spent` seconds."""
    if allowed.experiments is not None and count + 1 > allowed.experiments:
        return f"beyond {allowed.experiments} experiments"
    limits = (
        (allowed.device_seconds, 1, "device"),
        (allowed.wall_clock_seconds, workers, "wall-clock"),
    )
    for limit, at_once, what in limits:
        if limit is not None and (spent + seconds) / at_once > limit:
            taken = f"{hours(spent / at_once)} h are taken by {count} trials"
            alone = f"it alone takes {hours(seconds / at_once)} h"
            return f"beyond {hours(limit)} {what} hours: {taken if count else alone}"
    return None


def hours(seconds: float) -> str:
    """Seconds as hours, short.

    >>> hours(86400), hours(85680), hours(100)
    ('24', '23.8', '0.028')
    """
    value = seconds / HOUR_SECONDS
    return f"{value:.1f}".removesuffix(".0") if value >= 1 else f"{value:.2g}"


def _total(trials: Sequence[Trial]) -> float | None:
    known = [trial.seconds for trial in trials if trial.seconds is not None]
    return sum(known) if len(known) == len(trials) else None
