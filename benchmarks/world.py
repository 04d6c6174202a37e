"""A table of real runs in, studies that replay them out. Nothing is trained.

A study is the shipped two-minutes spec around one baseline of the table: its hypotheses and its
recipe as they stand there, so that neither was chosen for a benchmark.

    python benchmarks/world.py    # how the seeds of each cell spread
"""

import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from techspec.ledger.events import Ended, Started
from techspec.ledger.state import State, take
from techspec.plan.build import build
from techspec.plan.model import Plan, Question, Trial
from techspec.plan.trainer import Config, Cost, MetricInfo, TrainerFacts
from techspec.spec import claims
from techspec.spec.reader import read
from techspec.stats.difference import welch
from techspec.stats.modes import two_modes
from techspec.stats.trend import jonckheere
from techspec.verdict.findings import MODES_GAP

HOME = Path(__file__).resolve().parents[1]
SPEC = HOME / "examples/two-minutes/TECHSPEC.md"
METRIC = "exact_match"
STREAMED = 10
"""Seeds a cell that a policy may see; those of the table that it may not see are the truth."""
TABLE = HOME / "benchmarks/worlds/addition.jsonl.gz"
TIME = "2026-01-01T00:00:00Z"

Cell = tuple[Any, ...]
"""One value a factor, in the order of the table's factors."""


@dataclass(frozen=True, slots=True)
class World:
    """Every run of the table."""

    factors: dict[str, tuple[Any, ...]]
    fixed: dict[str, Any]
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    """Where each curve was evaluated; the last one is the end of the run."""
    curves: dict[tuple[Cell, int], tuple[float, ...]]
    seconds: dict[Cell, float]
    """CPU seconds of a whole run: the median over seeds, so that a busy machine decides nothing."""
    params: dict[Cell, int]
    code: str
    data: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All of them, in the order of the table."""
        return tuple(self.seconds)

    def final(self, cell: Cell, seed: int) -> float:
        """What the run came to."""
        return self.curves[cell, seed][-1]

    def mean(self, cell: Cell) -> float:
        """What the cell comes to on average, over all seeds of the table."""
        return fmean(self.final(cell, seed) for seed in self.seeds)

    def cell_of(self, config: Config) -> Cell:
        """The cell that a whole config describes."""
        return tuple(config[factor] for factor in self.factors)


def load(path: Path = TABLE) -> World:
    """Read the table that `make_world.py` wrote."""
    with gzip.open(path, "rt") as lines:
        head, *runs = map(json.loads, lines)
    factors = {name: tuple(values) for name, values in head["factors"].items()}
    costs: dict[Cell, list[float]] = {}
    curves, params = {}, {}
    for run in runs:
        cell = tuple(run["cell"][factor] for factor in factors)
        assert run["outcome"] == "finished", "a diverged run has no curve to replay"
        costs.setdefault(cell, []).append(run["cpu_seconds"])
        curves[cell, run["seed"]] = tuple(run[METRIC])
        params[cell] = run["params"]
    assert len({run["data"] for run in runs}) == 1, "all cells are scored on the same problems"
    return World(
        factors=factors,
        fixed=head["fixed"],
        seeds=tuple(head["seeds"]),
        steps=tuple(runs[0]["steps"]),
        curves=curves,
        seconds={cell: median(times) for cell, times in costs.items()},
        params=params,
        code=head["code"],
        data=runs[0]["data"],
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """The trainer that the plan asks for costs: those of the table."""

    world: World

    def facts(self) -> TrainerFacts:
        """Its one metric and the digest of the trainer that made the table."""
        metrics = {METRIC: MetricInfo(better="higher", unit="share")}
        return TrainerFacts(name="addition", code=self.world.code, metrics=metrics, has_cost=True)

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        """Parameters and CPU seconds of each config's cell."""
        cells = [self.world.cell_of(config) for config in configs]
        return [Cost(self.world.params[c], None, {"cpu": self.world.seconds[c]}) for c in cells]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The spec around one baseline."""

    world: World
    baseline: Cell

    def plan(self, seeds: int | None = None) -> Plan:
        """The spec's plan without a budget; with so many seeds an arm at most, if that is given."""
        return _plan(self, seeds)

    def text(self, seeds: int | None = None) -> str:
        """The shipped spec with this baseline; the claim about the order turns round with it."""
        text = SPEC.read_text()
        text = text[: text.index("## Budget")] + text[text.index("## Run") :]
        baseline = dict(zip(self.world.factors, self.baseline, strict=True))
        for factor, value in baseline.items():
            text = _replaced(text, f"\n{factor}: {_shipped()[factor]}\n", f"\n{factor}: {value}\n")
        if baseline["answer_order"] == "lsd":
            claim = "exact_match(answer_order=lsd) > exact_match(baseline) by 5pt"
            turned = "exact_match(baseline) > exact_match(answer_order=msd) by 5pt"
            text = _replaced(text, claim, turned)
        limit = "" if seeds is None else f"\nseeds: {seeds}"
        return _replaced(text, "metric: exact_match", f"metric: exact_match{limit}")

    def cell(self, arm: str) -> Cell:
        """The cell that an arm of the plan is."""
        return self.world.cell_of(self.plan().arm(arm).config)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Those that some hypothesis needs."""
        plan = self.plan()
        arms = dict.fromkeys(arm for question in plan.questions for arm in question.arms)
        return tuple(self.cell(arm) for arm in arms)


@cache
def _plan(study: Study, seeds: int | None) -> Plan:
    return build(read(study.text(seeds)), Replayed(study.world))


def studies(world: World) -> list[Study]:
    """One for each cell that can be the baseline: one head cannot, as it is compared with one."""
    recipe = {key: value for key, value in _shipped().items() if key not in world.factors}
    assert {**recipe, "eval_every": 0} == {**world.fixed, "eval_every": 0}, "not the shipped recipe"
    found = [Study(world, cell) for cell in world.cells if cell[0] != 1]
    for question in (question for study in found for question in study.plan().questions):
        assert question.unanswerable is None, question.unanswerable
    return found


@cache
def _shipped() -> dict[str, Any]:
    return dict(read(SPEC.read_text()).baseline)


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"the spec says {old!r} {text.count(old)} times"
    return text.replace(old, new)


@dataclass(slots=True)
class Stream:
    """One replication: the seeds in an order of its own, and what was spent.

    The order is the same for all cells. Seed 0, 1, … of a policy are the first, second, … of it;
    there are STREAMED of them.
    """

    world: World
    number: int
    order: tuple[int, ...]
    spent: float = 0.0
    """CPU seconds."""
    whole: dict[Cell, list[int]] = field(default_factory=dict)
    """The seeds that ran to their end, by cell, in the order in which they did."""

    @classmethod
    def shuffled(cls, world: World, number: int) -> "Stream":
        """The replication of this number."""
        return cls(
            world, number, tuple(random.Random(number).sample(world.seeds, len(world.seeds)))
        )

    @property
    def held_out(self) -> tuple[int, ...]:
        """The seeds that no policy sees."""
        return self.order[STREAMED:]

    def fresh(self) -> "Stream":
        """The same replication before anything was spent."""
        return Stream(self.world, self.number, self.order)

    def copy(self) -> "Stream":
        """What was spent so far, to look at while more is spent."""
        return replace(self, whole={cell: list(seeds) for cell, seeds in self.whole.items()})

    def value(self, cell: Cell, seed: int) -> float:
        """What a run came to."""
        return self.world.final(cell, self.order[seed])

    def curve(self, cell: Cell, seed: int) -> tuple[float, ...]:
        """All evaluations of a run; `pay` for what was looked at."""
        return self.world.curves[cell, self.order[seed]]

    def pay(self, cell: Cell, seed: int, evaluations: int | None = None) -> None:
        """Charge a run up to so many evaluations, or whole."""
        steps = self.world.steps
        share = 1.0 if evaluations is None else steps[evaluations - 1] / steps[-1]
        self.spent += self.world.seconds[cell] * share
        if share == 1.0:
            self.whole.setdefault(cell, []).append(seed)

    def best(self) -> Cell:
        """The cell to recommend: the highest mean of those with 3 whole runs, else of all."""
        settled = {cell: seeds for cell, seeds in self.whole.items() if len(seeds) >= 3}
        known = settled or self.whole
        return max(known, key=lambda cell: fmean(self.value(cell, seed) for seed in known[cell]))


def ledger(study: Study, plan: Plan, stream: Stream) -> State:
    """The ledger of a campaign that ran what was collected.

    An arm's whole runs are its seeds 0, 1, … there: one that was pruned leaves no gap.
    """
    state = State()
    for trial in plan.every_trial:
        cell = study.cell(trial.arm)
        runs = stream.whole.get(cell, [])
        if trial.seed < len(runs):
            record(state, plan, trial, study.world, stream.value(cell, runs[trial.seed]))
    return state


def record(state: State, plan: Plan, trial: Trial, world: World, value: float) -> None:
    """Write one whole run into the ledger."""
    arm = plan.arm(trial.arm)
    cell = world.cell_of(arm.config)
    params, last, seconds = world.params[cell], world.steps[-1], world.seconds[cell]
    begun = Started(TIME, trial.id, arm.config, params, "cpu", world.code, world.data)
    take(state, begun)
    take(state, Ended(TIME, trial.id, "finished", last, {METRIC: value}, seconds))


def truth(study: Study, question: Question, seeds: Sequence[int]) -> bool | None:
    """Whether the claim holds on these seeds as it is written; None where they leave it open.

    Open is a 95 % interval that holds the margin, an order of levels with p > 0.025 either way, and
    a share of seeds between the two that the claim of reliability tells apart, 50 % and 90 %.
    """
    values = [[study.world.final(study.cell(arm), seed) for seed in seeds] for arm in question.arms]
    parsed = claims.parse(question.claim or "", [a.name for a in study.plan().arms])
    match parsed.form:
        case claims.Threshold(level=level):
            share = fmean(value >= level for value in values[0])
            return True if share >= 0.9 else False if share <= 0.5 else None
        case claims.Difference(margin=margin):
            gap = welch(*values, spread_floor=0.001)
            return _beyond(gap.p_above(margin or 0.0), gap.p_below(margin or 0.0))
        case claims.Insensitive(margin=margin):
            gap = welch(*values, spread_floor=0.001)
            inside = max(gap.p_below(margin), gap.p_above(-margin))
            outside = min(gap.p_above(margin), gap.p_below(-margin))
            return _beyond(inside, outside)
        case claims.Trend():
            trend = jonckheere(values)
            return _beyond(trend.p, trend.p_opposite)
    raise AssertionError(f"no truth is defined for {question.claim!r}")


def _beyond(p_for: float, p_against: float) -> bool | None:
    return True if p_for <= 0.025 else False if p_against <= 0.025 else None


def print_spread(world: World) -> None:
    """One line a cell: where its seeds end, and whether they fall into two groups."""
    print("| " + " | ".join(world.factors) + " | lowest | median | highest | mean | sd | groups |")
    print("|---" * (len(world.factors) + 6) + "|")
    for cell in world.cells:
        values = sorted(world.final(cell, seed) for seed in world.seeds)
        modes = two_modes(values, MODES_GAP)
        groups = f"{modes.below} + {modes.above}, cut at {modes.cut:.0%}" if modes else "one"
        numbers = (values[0], median(values), values[-1], fmean(values), stdev(values))
        told = " | ".join(f"{100 * number:.1f}" for number in numbers)
        print(f"| {' | '.join(map(str, cell))} | {told} | {groups} |")


if __name__ == "__main__":
    print_spread(load())
