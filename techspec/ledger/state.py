"""Events in, the state of a campaign out: a fold, so that it can always be made again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from techspec.clock import seconds_between
from techspec.ledger.events import (
    FINAL,
    Amended,
    Ended,
    Event,
    Launched,
    Measured,
    Opened,
    Released,
    RunnerStarted,
    RunnerStopped,
    Started,
    Voided,
)


@dataclass(slots=True)
class TrialState:
    """What is known of one trial. `ended` is its last end; final ones are never replaced."""

    started: Started | None = None
    ended: Ended | None = None
    measured: dict[int, Measured] = field(default_factory=dict)
    """By step; a step measured again after a resume replaces the earlier one."""
    crashes: int = 0
    voided: list[Voided] = field(default_factory=list)
    """Why earlier results of it do not count."""
    void_ends: list[Ended] = field(default_factory=list)
    """Those results, in their order."""

    @property
    def is_final(self) -> bool:
        """True once it will not be started again."""
        return self.ended is not None and self.ended.outcome in FINAL


_NOTHING = TrialState()


@dataclass(slots=True)
class State:
    """A campaign up to its last event."""

    plan: str = ""
    """Hash of the plan in force."""
    spec: str = ""
    trials: dict[str, TrialState] = field(default_factory=dict)
    open_requests: dict[str, Launched] = field(default_factory=dict)
    """Launched and not released: running, or orphaned by a runner that died."""
    amendments: list[Amended] = field(default_factory=list)
    device_seconds: float = 0.0
    """Held by processes that are gone."""
    wall_clock_seconds: float = 0.0
    """While a runner was at work."""
    launched_trials: set[str] = field(default_factory=set)
    runner: RunnerStarted | None = None
    """The last that took it up."""
    stopped: RunnerStopped | None = None
    """How the last runner put it down; None while it is (or died) at work."""
    opened: str = ""
    last: str = ""
    """Times of the first and the last event."""

    def trial(self, trial: str) -> TrialState:
        """The state of a trial, to be read only; an empty one if nothing happened yet."""
        return self.trials.get(trial, _NOTHING)

    def metric(self, trial: str, metric: str) -> float | None:
        """The final value of a metric, or None: not ended, diverged, or not reported."""
        ended = self.trial(trial).ended
        return ended.metrics.get(metric) if ended and ended.outcome in FINAL else None

    def metrics(self, trial: str) -> Mapping[str, float]:
        """All final metrics; empty if there are none."""
        ended = self.trial(trial).ended
        return ended.metrics if ended and ended.outcome in FINAL else {}


def fold(events: Iterable[Event]) -> State:
    """The state after these events, in order."""
    state = State()
    for event in events:
        take(state, event)
    return state


def take(state: State, event: Event) -> None:
    """Move the state on by one event."""
    at_work = state.runner is not None and state.stopped is None
    by_runner = not isinstance(event, RunnerStarted | Opened | Amended)
    if at_work and by_runner:  # between two runners nobody was at work
        state.wall_clock_seconds += max(0.0, seconds_between(state.last, event.time))
    state.last = event.time
    match event:
        case Opened(time=time, plan=plan, spec=spec):
            state.opened, state.plan, state.spec = state.opened or time, plan, spec
        case Amended(plan=plan):
            state.plan = plan
            state.amendments.append(event)
        case RunnerStarted():
            state.runner, state.stopped = event, None
        case RunnerStopped():
            state.stopped = event
        case Launched(request=request, trials=trials):
            state.open_requests[request] = event
            state.launched_trials.update(trials)
        case Released(request=request, seconds=seconds):
            state.open_requests.pop(request, None)
            state.device_seconds += seconds
        case Voided(trials=trials):
            for trial in trials:
                _void(state.trials.setdefault(trial, TrialState()), event)
        case Started(trial=trial):
            state.trials.setdefault(trial, TrialState()).started = event
        case Measured(trial=trial, step=step):
            state.trials.setdefault(trial, TrialState()).measured[step] = event
        case Ended(trial=trial):
            known = state.trials.setdefault(trial, TrialState())
            known.crashes += event.outcome == "crashed"
            if not known.is_final:
                known.ended = event


def _void(known: TrialState, event: Voided) -> None:
    """Back to where nothing is known of the trial; what was known is kept aside."""
    known.voided.append(event)
    if known.ended is not None:
        known.void_ends.append(known.ended)
    known.started, known.ended = None, None
    known.measured.clear()
