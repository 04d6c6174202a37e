"""Plan and state in, rows out, for the page and for the Results section alike. No markup."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from techspec.ledger.state import State
from techspec.plan.ablate import shown
from techspec.plan.model import Arm, Plan, Trial
from techspec.spec.model import Band, Spec, Value
from techspec.stats.checked import sample
from techspec.verdict.agenda import agenda_of
from techspec.verdict.campaign import edited
from techspec.verdict.gather import arm_result, unit_of
from techspec.verdict.model import ArmResult, Verdict
from techspec.verdict.words.numbers import number, size

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm with all its seeds; never a lone mean."""

    name: str
    settings: str
    """Those that differ from `shared_settings`; empty where its name says them."""
    params: str
    seeds: str
    mean: str
    median: str
    span: str
    bands: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One planned run."""

    trial: str
    arm: str
    seed: int
    outcome: str
    value: str
    seconds: str
    note: str


@dataclass(frozen=True, slots=True)
class SpentRow:
    """One kind of budget."""

    what: str
    spent: str
    allowed: str
    share: float | None
    """Of the allowance, 0 and up; None without a limit."""


def arm_rows(plan: Plan, state: State) -> list[ArmRow]:
    """One row an arm, in the order of the plan, for the plan's own metric."""
    unit = unit_of(plan, state, plan.metric)
    shared = shared_settings(plan)
    return [_arm_row(plan, state, arm, unit, shared) for arm in plan.arms]


def shared_settings(plan: Plan) -> Mapping[str, Value]:
    """The baseline's settings; without a baseline, those that all arms have."""
    if not plan.arms:
        return {}
    first = next((arm for arm in plan.arms if arm.is_baseline), plan.arms[0])
    if first.is_baseline:
        return first.config
    return {
        key: value
        for key, value in first.config.items()
        if all(key in arm.config and shown(arm.config[key]) == shown(value) for arm in plan.arms)
    }


def settings_of(config: Mapping[str, Value]) -> str:
    """Settings on one line, as the spec writes them: `d_ff=64, bias=false`."""
    return ", ".join(f"{key}={shown(value)}" for key, value in config.items())


def warnings_of(spec: Spec, plan: Plan, state: State, verdicts: Sequence[Verdict]) -> list[str]:
    """What a reader must know before any verdict: that runs are missing, that the spec moved on."""
    found = []
    if missing := len(agenda_of(plan, state, verdicts).trials):
        found.append(
            f"The campaign is not finished: {missing} more run{'s are' if missing > 1 else ' is'}"
            " asked for by hypotheses that are open."
        )
    if changes := edited(plan, spec):
        found.append(
            f"The spec was edited after its plan was fixed: {'; '.join(changes)}. These verdicts"
            " are about the plan."
        )
    return found


def run_rows(plan: Plan, state: State) -> list[RunRow]:
    """One row a planned run or further one that was begun, whatever became of it."""
    unit = unit_of(plan, state, plan.metric)
    asked = [trial for trial in plan.further if trial.id in state.trials]
    return [_run_row(plan, state, trial, unit) for trial in (*plan.trials, *asked)]


def spent_rows(plan: Plan, state: State) -> list[SpentRow]:
    """What the campaign took, against what it was allowed."""
    allowed = plan.allowance
    launched = len(state.launched_trials)
    return [
        _spent("experiments", launched, allowed.experiments, lambda count: f"{count:g}"),
        _spent("device time", state.device_seconds, allowed.device_seconds, duration),
        _spent("wall clock", state.wall_clock_seconds, allowed.wall_clock_seconds, duration),
    ]


def duration(seconds: float) -> str:
    """A time as people say it: `42 s`, `3 min 20 s`, `2 h 5 min`.

    >>> duration(0.31), duration(42.4), duration(200), duration(7500), duration(86400)
    ('0.3 s', '42 s', '3 min 20 s', '2 h 5 min', '24 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    large, small, names = (*divmod(whole, 60), ("min", "s"))
    if whole >= 3600:
        large, small, names = (*divmod(round(whole / 60), 60), ("h", "min"))
    return f"{large} {names[0]}" + (f" {small} {names[1]}" if small else "")


def band_of(bands: Sequence[Band], value: float, higher_is_better: bool) -> Band | None:
    """The band that a value falls into; of several, the one that asks most.

    `>70%` holds 97 % too, but `>95%` says more about it.
    """
    inside = [band for band in bands if _holds(band, value)]
    if not inside:
        return None
    if higher_is_better:
        return max(inside, key=lambda band: float("-inf") if band.low is None else band.low)
    return min(inside, key=lambda band: float("inf") if band.high is None else band.high)


def bands_of_metric(plan: Plan, metric: str) -> list[Band]:
    """The success criteria of a metric, those with an end."""
    return [
        band
        for band in plan.bands
        if band.metric in ("", metric) and not band.low is band.high is None
    ]


def results_of(plan: Plan, state: State, metric: str) -> list[ArmResult]:
    """The runs of every arm of the plan."""
    return [arm_result(plan, state, arm.name, metric) for arm in plan.arms]


def _arm_row(plan: Plan, state: State, arm: Arm, unit: str, shared: Mapping[str, Value]) -> ArmRow:
    result = arm_result(plan, state, arm.name, plan.metric)
    seeds = f"{len(result.runs)}"
    if result.diverged:
        seeds += f" ({result.diverged} diverged)"
    values = result.values
    settings = _differing(arm.config, shared)
    ends = f"{number(min(values), unit)} – {number(max(values), unit)}" if values else NOTHING
    return ArmRow(
        name=arm.name,
        settings="" if settings == arm.name else settings,
        params=size(result.params) if result.params else NOTHING,
        seeds=seeds,
        mean=number(sample(values, arm.name).mean, unit) if values else NOTHING,
        median=number(median(values), unit) if values else NOTHING,
        span=ends,
        bands=_bands_reached(plan, result),
    )


def _differing(config: Mapping[str, Value], shared: Mapping[str, Value]) -> str:
    own = {
        key: value
        for key, value in config.items()
        if key not in shared or shown(shared[key]) != shown(value)
    }
    unset = [f"{key} not set" for key in shared if key not in config]
    return ", ".join([settings_of(own), *unset] if own else unset)


def _bands_reached(plan: Plan, result: ArmResult) -> str:
    bands = bands_of_metric(plan, plan.metric)
    if not bands or not result.runs:
        return NOTHING
    counts: dict[str, int] = {}
    for value in sorted(result.values, reverse=plan.better != "lower"):  # the best first
        band = band_of(bands, value, plan.better != "lower")
        name = band.name if band else "between criteria"
        counts[name] = counts.get(name, 0) + 1
    if result.diverged:
        counts["diverged"] = result.diverged
    n = len(result.runs)
    return ", ".join(f"{name} ({count} of {n})" for name, count in counts.items())


def _run_row(plan: Plan, state: State, trial: Trial, unit: str) -> RunRow:
    known = state.trial(trial.id)
    value = state.metric(trial.id, plan.metric)
    outcome, note = "not started", ""
    if known.ended is not None:
        outcome, note = known.ended.outcome.replace("_", " "), known.ended.reason
    elif any(trial.id in launched.trials for launched in state.open_requests.values()):
        outcome = "running"
    elif trial.id in state.launched_trials:
        outcome = "launched"
    if known.crashes and known.is_final:
        times = "once" if known.crashes == 1 else f"{known.crashes} times"
        note = f"crashed {times} before{'; ' + note if note else ''}"
    return RunRow(
        trial=trial.id,
        arm=trial.arm,
        seed=trial.seed,
        outcome=outcome,
        value=NOTHING if value is None else number(value, unit),
        seconds=f"{known.ended.seconds:.1f}" if known.ended else NOTHING,
        note=note,
    )


def _spent(what: str, spent: float, allowed: float | None, say: Callable[[float], str]) -> SpentRow:
    share = spent / allowed if allowed else None
    return SpentRow(what, say(spent), say(allowed) if allowed is not None else "no limit", share)


def _holds(band: Band, value: float) -> bool:
    if band.low is not None and value < band.low:
        return False
    if band.high is None:
        return True
    # `<50%` leaves 50 % out; the upper end of `85-95%` is as much inside as the lower one.
    return value < band.high if band.low is None else value <= band.high
