"""A verdict as values: what was decided, by which rule, on which numbers."""

from dataclasses import dataclass
from enum import StrEnum

from techspec.spec.model import Value


class Outcome(StrEnum):
    """The four things that can be said of a hypothesis."""

    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    VOID = "VOID"


@dataclass(frozen=True, slots=True)
class SeedValue:
    """One run's final value of the metric; None if it diverged."""

    seed: int
    trial: str
    value: float | None


@dataclass(frozen=True, slots=True)
class ArmResult:
    """The runs of one arm that count, in the order of their seeds."""

    arm: str
    runs: tuple[SeedValue, ...]
    params: int | None = None
    level: Value | None = None
    """The value of the parameter in question, where the claim is about one."""

    @property
    def values(self) -> list[float]:
        """The values of the runs that did not diverge."""
        return [run.value for run in self.runs if run.value is not None]

    @property
    def diverged(self) -> int:
        """How many runs diverged; they count as failures, never as a number."""
        return sum(run.value is None for run in self.runs)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; `what` says what it is, in words.

    Numbers are in base units, as in the ledger: 0.02 with the unit `pt` is 2 points. An end that
    is None is not known.
    """

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    unit: str = ""
    """`pt` for differences of shares, `%` for shares, else the metric's own."""
    claimed: float | None = None
    """What the claim sets it against, such as the margin of a difference; None if nothing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An arm of which a hypothesis wants seeds 0 up to, without, `seeds`."""

    arm: str
    seeds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one hypothesis. `sentence` says it in words, with every number it rests on."""

    hypothesis: str
    """`H1`, …"""
    text: str
    claim: str | None
    outcome: Outcome
    sentence: str
    rule: str = ""
    """The test that was applied, with its limits."""
    estimate: Estimate | None = None
    arms: tuple[ArmResult, ...] = ()
    look: int | None = None
    """Seeds an arm at the look that it rests on; None where none was reached, or each level has its
    own. Arms may have run more: those are shown, and were not looked at."""
    asks: tuple[Wanted, ...] = ()
    """Arms that it wants more seeds of. Empty once it is settled, given
    up, or at its last look: nothing is run that no verdict asks for."""
    is_futile: bool = False
    """Given up: the looks still registered would hardly settle it."""
    seeds_needed: int | None = None
    """For INCONCLUSIVE: further seeds an arm that would probably settle it."""
    caveats: tuple[str, ...] = ()
    """`unmatched: …`, `DEVIATED: …`, `exploratory`, `1 of 5 seeds diverged`."""
    metric: str = ""
    unit: str = ""
    """`%` where values of the metric are shares, else empty."""
