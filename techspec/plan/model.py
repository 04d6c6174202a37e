"""A plan as values: arms, trials in their order, questions, and what was left out and why.

Nothing here depends on the machine: the same spec and trainer give the same plan and ids anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from techspec.identity import digest
from techspec.records import encode
from techspec.spec.model import Band, Priority, Value


@dataclass(frozen=True, slots=True)
class Change:
    """One value in which an arm differs from the baseline."""

    parameter: str
    value: Value


@dataclass(frozen=True, slots=True)
class SizeMatch:
    """A width solved so that the arm has a given number of parameters."""

    target: int
    params: int
    width: str
    """Which parameter was solved, such as `d_ff`."""
    value: int

    @property
    def residue(self) -> float:
        """How far from the target, as a share of it; matched means within 0.01."""
        return self.params / self.target - 1


@dataclass(frozen=True, slots=True)
class Arm:
    """One configuration, run with several seeds."""

    name: str
    config: Mapping[str, Value]
    """All that the spec sets, the seed left out; the rest is the trainer's default."""
    changes: tuple[Change, ...] = ()
    is_baseline: bool = False
    params: int | None = None
    flops: float | None = None
    seconds: float | None = None
    """Nominal, a trial, on the plan's device."""
    match: SizeMatch | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An arm that cannot be run, and why."""

    arm: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm with one seed: the unit that is launched, paid for and counted."""

    id: str
    arm: str
    seed: int
    stage: int
    """Index into the plan's stages."""
    serves: tuple[str, ...] = ()
    """The hypotheses that need it, such as (`H1`, `H3`)."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class DroppedTrial:
    """A trial that the budget has no room for."""

    trial: Trial
    reason: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Arms that are run together, because they answer one thing at one priority."""

    name: str
    priority: Priority
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A hypothesis as the plan sees it.

    `arms` are in the order of the claim: (left, right) of a difference, the arm of a threshold,
    the links of a chain, or the levels of a parameter, smallest first, with `levels` beside them.
    """

    id: str
    text: str
    claim: str | None = None
    metric: str = ""
    arms: tuple[str, ...] = ()
    levels: tuple[Value, ...] = ()
    looks: tuple[int, ...] = ()
    """After how many seeds an arm it may be decided, ascending; the last is the most it asks for.
    A claim of reliability is looked at after every seed."""
    seeds: int = 0
    """Of `seeds_wanted`, those that its arm with the fewest has after what the budget dropped."""
    seeds_wanted: int = 0
    """Seeds an arm with which it can be settled either way; often fewer are enough."""
    exploratory: bool = False
    qualifiers: tuple[str, ...] = ()
    """What weakens an answer from the start, such as `unmatched: 3.2M against 0.9M parameters`."""
    unanswerable: str | None = None
    """Why this plan cannot answer it at all."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The budget in seconds and counts; None is no limit."""

    device_seconds: float | None = None
    experiments: int | None = None
    wall_clock_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file or a folder that scores come from, as it was when the plan was made."""

    path: str
    """From the spec's folder, or absolute."""
    digest: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is fixed before the first launch."""

    title: str
    trainer: str | None
    """The command as the spec has it; None is the bundled trainer."""
    trainer_name: str
    trainer_code: str
    metric: str
    better: str
    """`higher` or `lower`."""
    device: str
    """`auto`, `cpu` or `cuda`, as the spec asks."""
    nominal_device: str
    """`cpu` or `cuda`: the device whose nominal seconds the forecast uses."""
    workers: int | None
    arms: tuple[Arm, ...]
    stages: tuple[Stage, ...]
    trials: tuple[Trial, ...]
    """In launch order: with these every question can be settled either way, and all fit the budget
    by the forecast. One whose questions are settled before its turn is not run."""
    dropped: tuple[DroppedTrial, ...]
    left_out: tuple[LeftOut, ...]
    questions: tuple[Question, ...]
    bands: tuple[Band, ...]
    allowance: Allowance
    further: tuple[Trial, ...] = ()
    """In launch order, behind `trials`: run only where a question is open at its later looks, and
    while the budget lasts."""
    notes: tuple[str, ...] = ()
    """What the planner decided by itself, in words."""
    locked: tuple[LockedFile, ...] = ()
    """What may not change while trials run: the spec's `evaluation`, and an own trainer's files."""
    seeds_at_once: int | None = None
    """An arm that is asked for a seed is run with so many more that they make whole rounds."""

    @property
    def hash(self) -> str:
        """Digest of the whole plan: another hash is another experiment."""
        content = encode(self)
        for name in ("locked", "seeds_at_once"):
            if not content[name]:
                del content[name]  # so that a plan without it has the hash it always had
        return digest(content)

    @property
    def every_trial(self) -> tuple[Trial, ...]:
        """All that may be run, in launch order."""
        return self.trials + self.further

    @property
    def seconds(self) -> float | None:
        """Nominal device seconds of `trials`; None if any has no forecast."""
        known = [trial.seconds for trial in self.trials if trial.seconds is not None]
        return sum(known) if len(known) == len(self.trials) else None

    def arm(self, name: str) -> Arm:
        """The arm called `name`; the plan names no arm that it lacks."""
        return next(arm for arm in self.arms if arm.name == name)
