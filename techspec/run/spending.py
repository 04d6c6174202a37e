"""What is left of the budget, and what the next start may reserve. Arithmetic only."""

from collections.abc import Sequence

from techspec.clock import seconds_between
from techspec.ledger.state import State
from techspec.plan.model import Allowance, Plan, Trial

START_SECONDS = 4.0
"""Importing torch and making the data, a process: 2.7 to 4 s measured on two CPU cores."""
GRACE_SECONDS = 5.0
"""From SIGTERM to SIGKILL."""
_LONGEST_END_SECONDS = GRACE_SECONDS + 1.0
"""A process may hold its device so much longer than we want: the grace, and our own looking."""
_CAUTION = 1.25


def pace(plan: Plan, state: State) -> float:
    """Measured training seconds to nominal ones over the trials that ended; 1 before the first."""
    measured = nominal = 0.0
    for trial in plan.every_trial:
        known = state.trials.get(trial.id)
        if known and known.is_final and known.ended and known.ended.seconds and trial.seconds:
            measured += known.ended.seconds
            nominal += trial.seconds
    return measured / nominal if nominal else 1.0


def forecast(trials: Sequence[Trial], pace: float) -> float | None:
    """Seconds that one process would hold a device for these trials; None if nobody knows."""
    seconds = 0.0
    for trial in trials:
        if trial.seconds is None:
            return None
        seconds += trial.seconds * pace
    return START_SECONDS + seconds


def device_room(allowance: Allowance, state: State, now: str) -> float | None:
    """Device seconds that are neither spent nor reserved; None without a limit."""
    if allowance.device_seconds is None:
        return None
    taken = state.device_seconds + sum(
        max(launched.reserved_seconds, seconds_between(launched.time, now))
        for launched in state.open_requests.values()
    )
    return allowance.device_seconds - taken


def wall_clock_room(allowance: Allowance, state: State, now: str) -> float | None:
    """Seconds until the wall-clock limit; None without one. Time between runners does not count."""
    if allowance.wall_clock_seconds is None:
        return None
    at_work = seconds_between(state.last, now) if state.runner and not state.stopped else 0.0
    return allowance.wall_clock_seconds - state.wall_clock_seconds - max(0.0, at_work)


def must_end(allowance: Allowance, state: State, now: str) -> str | None:
    """Why everything must be ended at once to stay inside the budget, or None."""
    running = state.open_requests.values()
    grace = _LONGEST_END_SECONDS * len(running)
    if allowance.device_seconds is not None:
        held = sum(max(0.0, seconds_between(launched.time, now)) for launched in running)
        if state.device_seconds + held + grace >= allowance.device_seconds:
            return f"the device budget of {allowance.device_seconds:.0f} s is spent"
    left = wall_clock_room(allowance, state, now)
    if left is not None and left <= (_LONGEST_END_SECONDS if running else 0.0):
        return f"the wall-clock budget of {allowance.wall_clock_seconds:.0f} s is spent"
    return None


def reservation(
    trials: Sequence[Trial], allowance: Allowance, state: State, pace: float, slots: int, now: str
) -> float | str:
    """Seconds to reserve for starting these trials now, or why they do not fit any more."""
    if allowance.experiments is not None:
        launched = len(state.launched_trials | {trial.id for trial in trials})
        if launched > allowance.experiments:
            return f"{allowance.experiments} experiments were launched"
    expected = forecast(trials, pace)
    wall = wall_clock_room(allowance, state, now)
    if wall is not None and wall < (expected or 0.0) + _LONGEST_END_SECONDS:
        return f"{max(0.0, wall):.0f} s of wall-clock are left, {expected or 0:.0f} s are needed"
    room = device_room(allowance, state, now)
    if room is None:
        return (expected or 0.0) * _CAUTION
    if room < (expected or 0.0) + _LONGEST_END_SECONDS:
        return f"{max(0.0, room):.0f} device seconds are left, {expected or 0:.0f} are needed"
    return min(room, expected * _CAUTION + _LONGEST_END_SECONDS if expected else room / slots)
