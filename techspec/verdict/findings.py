"""What a test found, as values: the case before it, the numbers out of it. Decides nothing."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from techspec.plan.model import Question
from techspec.spec.claims import Relation
from techspec.spec.model import Band
from techspec.stats.difference import Difference
from techspec.stats.equivalence import Equivalence
from techspec.stats.rates import RateDifference
from techspec.stats.reliability import Sprt
from techspec.stats.trend import Trend
from techspec.verdict.model import ArmResult, Estimate, Outcome, SeedValue, Wanted

ALPHA = 0.05
"""Chance of a wrong CONFIRMED over all primary hypotheses, and of a wrong REFUTED.
Source: the convention since Fisher (1925)."""

CONFIDENCE = 0.90
"""Of intervals of differences: two-sided 1 - 2 ALPHA, so that an interval excludes zero exactly
where the one-sided test at ALPHA rejects it, and the drawing never contradicts the word."""

CONFIRM_SEEDS_MIN = 3
"""Seeds an arm below which no difference is confirmed. Source: docs/statistics.md."""

REFUTE_SEEDS_MIN = 5
"""Seeds an arm below which no difference and no trend is refuted. Source: docs/statistics.md."""

TREND_SEEDS_MIN = 2
"""Seeds a level for a trend. 4 levels x 2 seeds have size .048 and, at 1 sd a level, power .82."""

SPREAD_FLOOR = 0.001
"""Least standard deviation over seeds to believe of a share. The evaluation alone
varies by 0.10 pt at 99 % of 10,000 items, so five equal scores are not five exact ones."""

MODES_GAP = 0.2
"""Narrowest gap between two groups of seeds, for a share. Source: `stats.two_modes`."""

MODES_GAP_OF_RANGE = 0.5
"""The same for other metrics, as a share of the range of all values compared; ours: a gap that
takes half of everything seen is no tail."""


FUTILE = 0.2
"""A question with less than this chance to be settled by its last look is given up. Giving up
decides nothing, so it costs no error, only verdicts that would have come seldom. Ours: the highest
in steps of .05 with which the replay of real runs keeps 97 % of ten fixed seeds' right verdicts;
see benchmarks/README.md."""


@dataclass(frozen=True, slots=True)
class Look:
    """A registered look: after how many seeds an arm a claim may be decided, and how strictly.

    Attributes:
        seeds: an arm; those behind them are not looked at.
        number: 1 for the first.
        of: seeds an arm at all registered looks, ascending.
        confirm: one-sided p up to which it confirms here; 0 where it may not.
        refute: one-sided p up to which it refutes here; 0 where it may not.
    """

    seeds: int
    number: int
    of: tuple[int, ...]
    confirm: float
    refute: float


def unit_of_values(values: Iterable[float]) -> str:
    """`%` where there are values and all could be shares, else empty."""
    seen = list(values)
    return "%" if seen and all(0.0 <= value <= 1.0 for value in seen) else ""


@dataclass(frozen=True, slots=True)
class Case:
    """One question with the runs that bear on it.

    Attributes:
        question: as the plan has it.
        metric: the name of what is compared.
        unit_stated: `%` or empty where the spec says whether it is a share; None where values tell.
        higher_is_better: what counts as doing well where successes are counted.
        arms: results in the order of the question, each with its runs in the order of their seeds
            up to the first that is still to come; an empty one where there is none yet.
        bands: the success criteria of this metric.
        family: hypotheses that are judged together with this one, itself included, >= 1.
        look: where the claim is judged; None where no look was reached, so nothing is decided.
    """

    question: Question
    metric: str
    unit_stated: str | None
    higher_is_better: bool
    arms: tuple[ArmResult, ...]
    bands: tuple[Band, ...] = ()
    family: int = 1
    look: Look | None = None

    def at(self, look: Look) -> "Case":
        """The same at a look, with as many seeds an arm as that has."""
        first = tuple(replace(arm, runs=arm.runs[: look.seeds]) for arm in self.arms)
        return replace(self, arms=first, look=look)

    @property
    def unit(self) -> str:
        """`%` where values of the metric are shares, else empty; read from no run behind the look.

        Else a value to come could change what counts as two groups, and with it a decision.
        """
        if self.unit_stated is not None:
            return self.unit_stated
        return unit_of_values(value for arm in self.arms for value in arm.values)

    @property
    def fewest(self) -> int:
        """Runs of the arm that has fewest."""
        return min((len(arm.runs) for arm in self.arms), default=0)

    @property
    def confirm_level(self) -> float:
        """One-sided p that confirms at this look; 0 where it may not be confirmed."""
        return self.look.confirm if self.look else 0.0

    @property
    def refute_level(self) -> float:
        """One-sided p that refutes at this look; 0 where it may not be refuted."""
        return self.look.refute if self.look else 0.0

    @property
    def is_share(self) -> bool:
        """Whether values are shares from 0 to 1."""
        return self.unit == "%"

    @property
    def spread_floor(self) -> float:
        """The least standard deviation to believe."""
        return SPREAD_FLOOR if self.is_share else 0.0

    @property
    def gap_unit(self) -> str:
        """The unit of a difference between two values."""
        return "pt" if self.is_share else ""

    @property
    def alpha(self) -> float:
        """What one hypothesis of the family may need; for planning further seeds only."""
        return ALPHA / self.family

    @property
    def empty(self) -> tuple[ArmResult, ...]:
        """Arms of which no run has ended with a result."""
        return tuple(arm for arm in self.arms if not arm.runs)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a form's test found, before it is set beside the other hypotheses.

    Attributes:
        rule: the test, with its limits.
        say: the sentence for an outcome; the number is of hypotheses judged together where that
            alone held a decision back, else 0.
        p_confirm: one-sided p of the claim's opposite, by these runs alone; 1 where it may not be
            confirmed.
        p_refute: one-sided p of the claim, by these runs alone; 1 where it may not be refuted.
        p_chance: what a later look may confirm is foreseen from this p; None takes p_confirm.
        p_short: one-sided p of a lead below the margin, where one below it may not be confirmed,
            so that a later look may confirm only once this is 0.5 or less; 0 where that is not
            asked.
        p_searched: where p_refute is the least of several tests, adjusted, those of all of them
            before; what a later look may find is foreseen of the likeliest.
        settled: the outcome, where the form decides without a p-value.
        estimate: the effect.
        seeds_needed: further seeds an arm that would probably settle it.
        seeds: of a form that decides seed by seed about one arm, those that it decided by.
        asks: of a form that decides seed by seed, what it wants next; None where registered looks
            say that.
    """

    rule: str
    say: Callable[[Outcome, int], str]
    p_confirm: float = 1.0
    p_refute: float = 1.0
    p_chance: float | None = None
    p_short: float = 0.0
    p_searched: tuple[float, ...] = ()
    settled: Outcome | None = None
    estimate: Estimate | None = None
    seeds_needed: int | None = None
    seeds: int | None = None
    asks: tuple[Wanted, ...] | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """What counts as a success: a value to reach, or, where it is None, to end with a number."""

    value: float | None
    relation: Relation
    name: str = ""
    """Of the band that it comes from."""

    def reached(self, run: SeedValue) -> bool:
        """Whether the run is a success; one that diverged never is."""
        return run.value is not None and self.met(run.value)

    def met(self, value: float) -> bool:
        """Whether a run that ended with the value is a success."""
        if self.value is None:
            return True
        match self.relation:
            case ">":
                return value > self.value
            case ">=":
                return value >= self.value
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value

    def successes(self, arm: ArmResult) -> int:
        """How many runs of the arm reach it."""
        return sum(self.reached(run) for run in arm.runs)


@dataclass(frozen=True, slots=True)
class Split:
    """An arm whose seeds fall into two groups."""

    arm: str
    cut: float
    gap: float
    below: int
    above: int
    low_typical: float
    """Middle value of the lower group."""
    high_typical: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Two arms compared by how many of their seeds succeed, since some diverged."""

    level: Level
    left: int
    right: int
    rates: RateDifference
    """Of the left arm's success share less the right one's."""
    refuting: Difference | None = None
    """The lead of the runs that ended, in the direction of the claim, where their means alone
    refute it: counts then confirm nothing."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the runs say of `left` being above (or below) `right`.

    Attributes:
        left: the arm that the claim puts first.
        right: the arm it is compared with.
        upward: the claim says that left is higher; False where it says lower.
        margin: the smallest difference worth having, or None.
        is_paired: seed against seed.
        worth: where the claim names no margin, the lead that counts as one: a standard deviation
            over seeds, pooled over both arms; None where a margin is named or means are not used.
        advantage: left over right in the direction of the claim, from means; None with counts or
            too few runs.
        split: the arm in two groups, for which the advantage is judged by permutation.
        counts: the comparison by successes, where runs diverged.
        p_confirm: as in `Weighed`, alone.
        p_refute: as in `Weighed`, alone.
        p_chance: as in `Weighed`.
        p_short: as in `Weighed`.
        seeds_needed: further seeds an arm that would probably settle it.
    """

    left: ArmResult
    right: ArmResult
    upward: bool
    margin: float | None = None
    is_paired: bool = False
    worth: float | None = None
    advantage: Difference | None = None
    split: Split | None = None
    counts: Counts | None = None
    p_confirm: float = 1.0
    p_refute: float = 1.0
    p_chance: float | None = None
    p_short: float = 0.0
    seeds_needed: int | None = None

    @property
    def fewest(self) -> int:
        """Runs of the arm that has fewer."""
        return min(len(self.left.runs), len(self.right.runs))

    @property
    def as_claimed(self) -> tuple[ArmResult, ArmResult]:
        """The arm that is said to be higher, and the other."""
        return (self.left, self.right) if self.upward else (self.right, self.left)

    @property
    def is_ahead(self) -> bool:
        """The interval lies above zero, in the direction of the claim."""
        return self.advantage is not None and self.advantage.low > 0.0

    @property
    def is_smaller_than_claimed(self) -> bool:
        """Taken alone, the difference is below the margin."""
        if self.advantage is None or not self.margin:
            return False
        return self.advantage.p_below(self.margin) <= ALPHA

    @property
    def must_reach(self) -> bool:
        """Nothing is confirmed before the average lead itself reaches the margin.

        So in two groups: no test there would later refute a lead that is real and smaller, as it
        does elsewhere. Gaps seed by seed are exempt, since which group a seed is in cancels there.
        """
        return self.split is not None and bool(self.margin) and not self.is_paired

    @property
    def is_short(self) -> bool:
        """Real or not, the lead is too little for the margin, so nothing is confirmed."""
        if self.advantage is None or not self.margin:
            return False
        if not self.must_reach:
            return self.is_smaller_than_claimed
        lead = self.advantage.estimate
        return lead < self.margin and not math.isclose(lead, self.margin)

    @property
    def is_behind(self) -> bool:
        """The interval lies below zero: the other arm leads."""
        return self.advantage is not None and self.advantage.high < 0.0


@dataclass(frozen=True, slots=True)
class Reliability:
    """How many seeds of an arm succeed, and where the sequential test stands."""

    arm: ArmResult
    level: Level
    successes: int
    sprt: Sprt
    low: float
    """Of the Clopper-Pearson interval of the success share."""
    high: float
    could_count: int
    """Runs that the test could have counted, those behind its decision included."""
    seen: int
    """Seeds of the arm up to the last one that it took note of, counted or not."""

    @property
    def n(self) -> int:
        """Runs that the test counted, up to its decision."""
        return len(self.arm.runs)


@dataclass(frozen=True, slots=True)
class Spread:
    """Levels of a parameter compared for being alike."""

    margin: float
    equivalence: Equivalence | None = None
    """By means; None where they would mislead or there are too few runs."""
    sd: float = 0.0
    """Standard deviation over seeds within a level, pooled."""
    level: Level | None = None
    """What counts as a success where successes are compared instead of means."""
    split: Split | None = None
    rates_allowed: float = 0.0
    """The difference of success rates that moves an average by the margin, in [0, 1]."""
    counts_pair: tuple[int, int] | None = None
    """The two levels whose success counts differ most."""
    p_counts: float = 1.0
    """That their success rates differ by no more, adjusted for having searched all pairs."""
    p_pairs: tuple[float, ...] = ()
    """The same of every pair, before that adjustment."""


@dataclass(frozen=True, slots=True)
class Order:
    """Levels of a parameter, lowest first, tested for a direction."""

    rises: bool
    trend: Trend
    pairs: int
    """Pairs of runs from two levels."""
    seeds: int
    """Runs of the level with the fewest."""
    p_refute: float = 1.0
    """That the last level leads the first by a standard deviation over seeds, or more."""
    worth: float | None = None
    """That standard deviation; None where it is not known, and only the opposite order refutes."""
