"""What a TECHSPEC.md says, as values. No judgement: a Spec may be empty, odd or wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from techspec.spec.claims import Claim, ClaimProblem
from techspec.spec.units import Quantity as Quantity
from techspec.spec.units import Value as Value


class Priority(IntEnum):
    """The order in which arms are run; lower first."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the lines below it, up to the next heading of its level or above."""

    title: str
    level: int
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the reader met and could not read; lint reports it as TS101."""

    line: int
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One prediction. `claim` is its testable form, if it has one that can be read."""

    id: str
    """`H1`, `H2`, … in the order of the file."""
    text: str
    line: int
    claim: Claim | None = None
    claim_line: int | None = None
    problem: ClaimProblem | None = None
    """Why the text that looks like a claim could not be read."""
    exploratory: bool = False
    """Marked `(exploratory)`: judged, but outside the primary family."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of Parameter Ranges.

    `values` holds a list of levels; a range `0.1-0.3` is `low` and `high` instead.
    Neither is set when the cell names no end (`any`, `>= 64`, empty): `text` has it as written.
    """

    name: str
    """As the spec writes it, such as `RoPE theta`."""
    key: str
    """As the trainer calls it, such as `rope_theta`."""
    line: int
    text: str
    values: tuple[Value, ...] = ()
    low: int | float | None = None
    high: int | float | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True)
class NamedArm:
    """A row of Parameter Grid or Parameter-Matched Pairs: a configuration with a name."""

    name: str
    line: int
    settings: Mapping[str, Value]
    """By trainer key; what the row leaves out comes from the baseline."""
    claimed_params: Quantity | None = None
    priority: Priority | None = None
    is_baseline: bool = False
    matched: bool = False
    """True in a Parameter-Matched Pairs section."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Matching:
    """`Target: ~1M params each`: the size that the matched arms are meant to share."""

    line: int
    target: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """Parameters that have no meaning apart and move as one: `- size: d_model, depth (why)`."""

    name: str
    parameters: tuple[str, ...]
    line: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of a metric; None where it has no end. Shares from 0 to 1."""

    name: str
    metric: str
    line: int
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent. `order` is the priority line, its items as written, first first."""

    line: int
    device_hours: float | None = None
    device: str = "any"
    """`gpu`, `cpu`, or `any` where the spec does not say."""
    experiments: int | None = None
    wall_clock_hours: float | None = None
    order: tuple[str, ...] = ()
    order_line: int | None = None


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to run. `trainer` is the command without its verb; None is the bundled trainer."""

    line: int | None = None
    trainer: str | None = None
    metric: str = "exact_match"
    seeds: int | None = None
    """The most seeds an arm; None leaves it to the claims."""
    seeds_at_once: int | None = None
    """Seeds of an arm that are run together, where any of them is asked for; None is one by one."""
    device: str = "auto"
    workers: int | None = None
    """Trials at once; None is one a CPU core, or one on a GPU."""
    seconds_per_trial: float | None = None
    """The forecast for a trainer that has no `cost`."""
    seed_sd: float | None = None
    """Standard deviation of the metric over seeds, in base units, as far as the author knows."""
    evaluation: tuple[str, ...] = ()
    """Files and folders that scores come from, as written: from the spec's folder, or absolute."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole TECHSPEC.md; every part may be missing. Lines count from 1."""

    text: str
    title: str = ""
    objective: str = ""
    hypotheses: tuple[Hypothesis, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    arms: tuple[NamedArm, ...] = ()
    matching: Matching | None = None
    factors: tuple[Factor, ...] = ()
    bands: tuple[Band, ...] = ()
    budget: Budget | None = None
    baseline: Mapping[str, Value] = field(default_factory=dict)
    baseline_lines: Mapping[str, int] = field(default_factory=dict)
    run: RunSettings = field(default_factory=RunSettings)
    context: str = ""
    sections: tuple[Section, ...] = ()
    problems: tuple[Problem, ...] = ()
