"""The events of a campaign, one dataclass each. Nothing that is not one of these is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal[
    "finished", "early_stopped", "diverged", "interrupted", "refused", "crashed", "over_budget"
]
"""How one start of a trial ended. The first three are final results, `refused` is final too;
after the others the trial may be started again, with the same seed."""

FINAL: frozenset[str] = frozenset({"finished", "early_stopped", "diverged", "refused"})


@dataclass(frozen=True, slots=True)
class Opened:
    """The first event: which plan this campaign carries out. `spec` is the file's name."""

    time: str
    plan: str
    """Hash of plan.json."""
    spec: str


@dataclass(frozen=True, slots=True)
class Amended:
    """The plan was replaced after the first launch; verdicts say DEVIATED from here on."""

    time: str
    plan: str
    reason: str
    changed: tuple[str, ...]
    """What differs, in words, one entry a change."""


@dataclass(frozen=True, slots=True)
class RunnerStarted:
    """A runner took the campaign up."""

    time: str
    pid: int
    slots: int


@dataclass(frozen=True, slots=True)
class Launched:
    """A process is about to be started. Appended before it is, so that no start is forgotten."""

    time: str
    request: str
    """Name of its folder under runs/."""
    trials: tuple[str, ...]
    reserved_seconds: float
    offset: int = 0
    """Length before the start of the file that it prints into: what lies behind is this start's."""
    trial_offsets: tuple[int, ...] = ()
    """The same of each trial's metrics.jsonl. Empty where the process itself prints into one: the
    process of a single trial, and any that an older version started."""


@dataclass(frozen=True, slots=True)
class Started:
    """A trainer said what it is about to train."""

    time: str
    trial: str
    config: Mapping[str, Any]
    """Resolved: defaults filled in."""
    params: int | None
    device: str
    code: str
    """Digest of the trainer's source."""
    data: str
    """Digest of the evaluation set."""
    resumed_step: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """An evaluation along the way, for the learning curve."""

    time: str
    trial: str
    step: int
    metrics: Mapping[str, float]
    seconds: float
    """Training seconds of this trial so far."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One start of a trial is over. `metrics` are those of the final weights, or empty."""

    time: str
    trial: str
    outcome: Outcome
    step: int
    metrics: Mapping[str, float]
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """A process is gone. `seconds` is what it held of a device, start-up included."""

    time: str
    request: str
    seconds: float
    exit_code: int | None
    """None if the runner that started it was not there to see."""


@dataclass(frozen=True, slots=True)
class Voided:
    """A locked file was not as the plan has it: what ran meanwhile does not count, and runs again.

    `request` and `trials` are empty where it was found before a launch.
    """

    time: str
    request: str
    trials: tuple[str, ...]
    path: str
    locked: str
    """Digest that the plan has."""
    found: str
    """Digest that was found: empty where there was none; as locked where it was changed back."""


@dataclass(frozen=True, slots=True)
class RunnerStopped:
    """A runner put the campaign down."""

    time: str
    why: Literal["complete", "stopped", "budget", "failed"]
    note: str = ""


TrainerEvent = Started | Measured | Ended
"""The events that come from a trainer's lines."""

Event = (
    Opened
    | Amended
    | RunnerStarted
    | Launched
    | Started
    | Measured
    | Ended
    | Released
    | Voided
    | RunnerStopped
)

KINDS: Mapping[str, type[Any]] = {
    "opened": Opened,
    "amended": Amended,
    "runner_started": RunnerStarted,
    "launched": Launched,
    "started": Started,
    "measured": Measured,
    "ended": Ended,
    "released": Released,
    "voided": Voided,
    "runner_stopped": RunnerStopped,
}
"""The name that each event has in the file."""
