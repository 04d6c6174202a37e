"""What is known of a goal, as values: quotes and findings, each with its source."""

from dataclasses import dataclass
from pathlib import Path

from techspec.plan.model import Plan
from techspec.plan.savings import Saving
from techspec.plan.trainer import TrainerFacts


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage as its page has it, in one line; `source` is `name:line`."""

    text: str
    source: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A page that bears on the goal or the spec."""

    label: str
    """What it is asked for by, unlike the others."""
    path: Path
    description: str
    evidence: str
    date: str
    confidence: float
    strength: str
    """`strong` or `possible`."""
    matched: tuple[str, ...]
    """What it matched by: words of the goal, or of the spec."""
    failed: tuple[Quote, ...] = ()
    findings: tuple[Quote, ...] = ()
    parameters: tuple[Quote, ...] = ()
    cautions: tuple[Quote, ...] = ()
    similar: int = 0
    """Further pages that say nearly the same, left out."""
    instead_of: str = ""
    """The page that matched, which this one supersedes."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What typed findings say of one claim; `sources` are `name:hypothesis`."""

    text: str
    sources: tuple[str, ...]
    evidence: str
    is_conflict: bool = False


@dataclass(frozen=True, slots=True)
class SettledHere:
    """A hypothesis of the spec that findings have decided already."""

    hypothesis: str
    line: int
    outcome: str
    statement: Statement
    saving: Saving


@dataclass(frozen=True, slots=True)
class KnownToFail:
    """Values of the spec that somebody tried together, and that failed there."""

    values: tuple[tuple[str, str], ...]
    """Parameter and value, as the spec has them."""
    quote: Quote


@dataclass(frozen=True, slots=True)
class Covered:
    """A parameter or hypothesis of the spec that a source speaks of."""

    what: str
    """`RoPE theta`, or `H2`."""
    line: int
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """A sweep of the spec that a source says can wait, in its words."""

    parameter: str
    quote: Quote
    start_with: str = ""
    """The value that the quote names, such as `theta=100`."""
    leaves_open: tuple[str, ...] = ()
    """Hypotheses about this parameter, which skipping leaves untested."""
    saving: Saving | None = None
    """None where no plan is at hand."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of the spec at hand, and its trainer's facts."""

    plan: Plan
    facts: TrainerFacts


@dataclass(frozen=True, slots=True)
class Advice:
    """What is known. Without sources there is nothing relevant, and every other part is empty."""

    goal: str
    sources: tuple[Source, ...] = ()
    statements: tuple[Statement, ...] = ()
    """What typed findings of these sources say, conflicts first."""
    settled: tuple[SettledHere, ...] = ()
    spared: Saving | None = None
    """What leaving out all that is settled saves; None without a plan."""
    failing: tuple[KnownToFail, ...] = ()
    skips: tuple[Skip, ...] = ()
    starts: tuple[Quote, ...] = ()
    """What to run first: the spec's own order, and sources that say so."""
    covered: tuple[Covered, ...] = ()
    has_spec: bool = False
    not_covered: tuple[str, ...] = ()
    """Parts of the spec that no source speaks of; without a spec, words of the goal."""
    is_partial: bool = False
    """Whether pages were searched by their names and descriptions alone, in a registry that is
    still being read."""
