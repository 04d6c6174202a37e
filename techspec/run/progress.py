"""How far a campaign is: plan and ledger in, counts, spending and a time to wait out."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from techspec.clock import now, seconds_between
from techspec.ledger.events import Launched
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import is_held, read
from techspec.ledger.plan_file import load
from techspec.ledger.state import State, fold
from techspec.plan.model import Allowance, Plan, Trial
from techspec.verdict.agenda import agenda

Condition = Literal["running", "complete", "stopped", "budget", "failed", "abandoned", "waiting"]
"""`abandoned`: its runner died without a word; `waiting`: opened, never set to work."""

_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """A trial that is training now; `of_steps` is None where its trainer does not say."""

    trial: str
    step: int
    of_steps: int | None
    seconds: float
    """Since its process was started."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign at one moment. Seconds are device seconds unless they are named otherwise."""

    campaign: str
    condition: Condition
    note: str
    trials: int
    """Those done and those that open questions ask for now; further looks may ask for more."""
    spared: int
    """Trials of the plan that no question asks for at present."""
    done: int
    """Trials with a final result, diverged and refused ones included."""
    outcomes: Mapping[str, int]
    running: tuple[RunningTrial, ...]
    device_seconds: float
    wall_clock_seconds: float
    experiments: int
    allowance: Allowance
    seconds_left: float | None
    """Wall-clock until the trials asked for are done, from the forecast and the pace so far."""


def progress(folder: CampaignFolder) -> Progress:
    """Where the campaign in this folder stands.

    Raises:
        PlanDamaged, LedgerDamaged: as their texts say.
    """
    held, moment = is_held(folder.ledger), now()  # before reading: else one that ends meanwhile
    plan, state = load(folder), fold(read(folder.ledger))  # would look as if its runner had died
    to_do = agenda(plan, state)
    running = tuple(
        _running(folder, state, launched, trial, moment)
        for launched in state.open_requests.values()
        for trial in _at_work(state, launched)
        if held or is_held(folder.run(launched.request) / "lock")  # some outlive their runner
    )
    done = [trial for trial in plan.every_trial if state.trial(trial.id).is_final]
    at_work = sum(seconds_between(each.time, moment) for each in state.open_requests.values())
    condition = _condition(state, held)
    since_last = seconds_between(state.last, moment) if held and state.last else 0.0
    return Progress(
        campaign=folder.name,
        condition=condition,
        note=state.stopped.note if state.stopped and not held else "",
        trials=len(done) + len(to_do.trials),
        spared=len(to_do.spared),
        done=len(done),
        outcomes=Counter(
            known.ended.outcome
            for trial in plan.every_trial
            if (known := state.trial(trial.id)).ended
        ),
        running=running,
        device_seconds=state.device_seconds + (at_work if held else 0.0),
        wall_clock_seconds=state.wall_clock_seconds + since_last,
        experiments=len(state.launched_trials),
        allowance=plan.allowance,
        seconds_left=_seconds_left(plan, to_do.trials, state, moment)
        if condition == "running"
        else None,
    )


def _condition(state: State, held: bool) -> Condition:
    if held:
        return "running"
    if state.runner is None:
        return "waiting"
    return state.stopped.why if state.stopped else "abandoned"


def _at_work(state: State, launched: Launched) -> list[str]:
    """Of the trials of a process, those that it has begun; the first one if it says nothing."""
    known = {trial: state.trial(trial) for trial in launched.trials}
    left = [
        trial
        for trial, each in known.items()
        if each.ended is None or each.ended.time < launched.time
    ]
    begun = [
        trial
        for trial in left
        if (started := known[trial].started) and started.time >= launched.time
    ]
    return begun or left[:1]


def _running(
    folder: CampaignFolder, state: State, launched: Launched, trial: str, moment: str
) -> RunningTrial:
    started = state.trial(trial).started
    since = max(started.time, launched.time) if started else launched.time
    of_steps = started.config.get("max_steps") if started else None
    step = max([*state.trial(trial).measured, _last_step(folder, trial)])
    return RunningTrial(
        trial=trial,
        step=step,
        of_steps=of_steps if isinstance(of_steps, int) else None,
        seconds=seconds_between(since, moment),
    )


def _last_step(folder: CampaignFolder, trial: str) -> int:
    """The newest step in the tail of what was said of it; 0 if that is nothing yet."""
    try:
        with folder.metrics(trial).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return 0
    for line in reversed(lines):
        try:
            said = json.loads(line)
        except ValueError:
            continue  # a half line at either end of the tail
        if isinstance(said, dict) and said.get("trial") == trial:
            step = said.get("step", 0)
            return step if isinstance(step, int) else 0
    return 0


def _seconds_left(plan: Plan, asked: Sequence[Trial], state: State, moment: str) -> float | None:
    """What the trials asked for still take, start-up of processes included as it was so far."""
    nominal = {trial.id: trial.seconds for trial in plan.every_trial}
    if None in nominal.values():
        return None
    seconds = {id: each or 0.0 for id, each in nominal.items()}
    running = {id for each in state.open_requests.values() for id in each.trials}
    done = sum(seconds[id] for id in seconds if state.trial(id).is_final and id not in running)
    pace = state.device_seconds / done if done else 1.0
    left = sum(pace * seconds[trial.id] for trial in asked if trial.id not in running)
    for launched in state.open_requests.values():
        expected = pace * sum(seconds.get(id, 0.0) for id in launched.trials)
        left += max(0.0, expected - seconds_between(launched.time, moment))
    return left / (state.runner.slots if state.runner else 1)
