"""Compute until hypotheses are settled: techspec's agenda against grids and optimisers.

    python benchmarks/compute_to_verdict.py --replications 0-199 --out results.jsonl
    python benchmarks/compute_to_verdict.py --report results.jsonl

Replays the table of `make_world.py`; needs the extra `bench`. Each replication takes one baseline
of the table, shuffles the seeds, and lets every policy spend; what a policy collected is judged by
techspec's own verdict, and the verdicts are held against the seeds that no policy saw.
"""

import argparse
import json
import random
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
from world import STREAMED, TABLE, Cell, Stream, Study, World, ledger, load, record, studies, truth

from techspec.ledger.state import State
from techspec.plan.model import Plan
from techspec.verdict.agenda import agenda
from techspec.verdict.decide import decide
from techspec.verdict.model import Outcome

WRONG_MAX = 0.05
"""Share of wrong verdicts among the decided, above which a setting is out of the comparison."""
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Result:
    """One policy at one setting in one replication."""

    policy: str
    setting: str
    seconds: float
    right: int
    wrong: int
    right_of_all: int
    """The same two against the truth that all seeds of the table give, seen ones included."""
    wrong_of_all: int
    best: float
    """Mean over all seeds of the configuration that it would recommend."""


Found = tuple[str, Stream, Sequence[Outcome]]
"""A setting, what was spent on it, and an outcome a hypothesis."""
Policy = Callable[[Study, Stream], Iterator[Found]]


def main() -> int:
    """Replicate, or print the tables; exit 1 if the best rival needs less than three times ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--replications", help="which to make, such as 0-199")
    parser.add_argument("--out", type=Path, help="append them here, a line each")
    parser.add_argument("--report", type=Path, nargs="+", help="print the tables of these")
    args = parser.parse_args()
    world = load(args.table)
    if args.report:
        lines = [line for path in args.report for line in path.read_text().splitlines()]
        return report(world, [json.loads(line) for line in lines])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    every = studies(world)
    first, last = map(int, args.replications.split("-"))
    with args.out.open("a") as out:
        for number in range(first, last + 1):
            found = replicate(every[number % len(every)], Stream.shuffled(world, number))
            out.write(json.dumps(found) + "\n")
            out.flush()
    return 0


def replicate(study: Study, stream: Stream) -> dict[str, Any]:
    """Every policy at every setting, and how many hypotheses either truth leaves open."""
    questions = study.plan().questions
    unseen = [truth(study, question, stream.held_out) for question in questions]
    of_all = [truth(study, question, stream.world.seeds) for question in questions]
    results = []
    for name, policy in POLICIES.items():
        for setting, spent, outcomes in policy(study, stream):
            result = Result(
                policy=name,
                setting=setting,
                seconds=spent.spent,
                right=score(outcomes, unseen)[0],
                wrong=score(outcomes, unseen)[1],
                right_of_all=score(outcomes, of_all)[0],
                wrong_of_all=score(outcomes, of_all)[1],
                best=stream.world.mean(spent.best()),
            )
            results.append(asdict(result))
    left_open = [unseen.count(None), of_all.count(None)]
    return {"replication": stream.number, "open": left_open, "results": results}


def score(outcomes: Sequence[Outcome], truths: Sequence[bool | None]) -> tuple[int, int]:
    """How many verdicts are right and how many wrong, where the truth is known."""
    said = {Outcome.CONFIRMED: True, Outcome.REFUTED: False}
    decided = [
        said[outcome] == true
        for outcome, true in zip(outcomes, truths, strict=True)
        if outcome in said and true is not None
    ]
    return sum(decided), len(decided) - sum(decided)


# --- the policies -----------------------------------------------------------------------------


def techspec(study: Study, stream: Stream) -> Iterator[Found]:
    """What the agenda asks for, asked again after each run, as a campaign does on one worker."""
    plan, state, spent = study.plan(), State(), stream.fresh()
    while due := agenda(plan, state).trials:
        cell = study.cell(due[0].arm)
        spent.pay(cell, due[0].seed)
        record(state, plan, due[0], study.world, spent.value(cell, due[0].seed))
    yield "as shipped", spent, [verdict.outcome for verdict in decide(plan, state)]


def one_at_a_time(study: Study, stream: Stream) -> Iterator[Found]:
    """Every arm of the plan with a fixed number of seeds."""
    for seeds in range(3, STREAMED + 1):
        spent = _run_all(stream, study.cells, seeds)
        yield f"{seeds} seeds", spent, judged(study, spent)


def full_grid(study: Study, stream: Stream) -> Iterator[Found]:
    """Every cell of the grid with a fixed number of seeds; claims are judged on their own arms."""
    for seeds in range(3, STREAMED + 1):
        spent = _run_all(stream, stream.world.cells, seeds)
        yield f"{seeds} seeds", spent, judged(study, spent)


def pooled_grid(study: Study, stream: Stream) -> Iterator[Found]:
    """The same, but an arm is every cell with its level: the main effects of a factorial design.

    Each hypothesis is judged alone, without adjustment; the one about a single arm is not pooled.
    """
    for seeds in (1, 2, 3, 5):
        spent = _run_all(stream, stream.world.cells, seeds)
        questions = study.plan().questions
        yield (
            f"{seeds} seeds",
            spent,
            [_judged_pooled(study, spent, number, seeds) for number in range(len(questions))],
        )


def tpe_hyperband(study: Study, stream: Stream) -> Iterator[Found]:
    """Optuna's TPE sampler with its Hyperband pruner."""
    for over, eta in (("steps", 3), ("seeds", 2)):
        for space in SPACES:
            pruner = optuna.pruners.HyperbandPruner(*_resource(stream.world, over), eta)
            sampler = optuna.samplers.TPESampler(seed=stream.number)
            yield from _searched(study, stream, sampler, pruner, f"{space}, {over}")


def asha(study: Study, stream: Stream) -> Iterator[Found]:
    """Optuna's asynchronous successive halving over random configurations."""
    for over, eta in (("steps", 4), ("seeds", 2)):
        least, _ = _resource(stream.world, over)
        for space in SPACES:
            pruner = optuna.pruners.SuccessiveHalvingPruner(least, eta)
            sampler = optuna.samplers.RandomSampler(seed=stream.number)
            yield from _searched(study, stream, sampler, pruner, f"{space}, {over}")


POLICIES: dict[str, Policy] = {
    "techspec": techspec,
    "one at a time": one_at_a_time,
    "full grid": full_grid,
    "full grid, main effects": pooled_grid,
    "TPE + Hyperband": tpe_hyperband,
    "ASHA": asha,
}
SPACES = ("grid", "arms")
"""What an optimiser may try: every cell, or, tuned to the question, only arms of the claims."""
BEFOREHAND = {
    ("techspec", "as shipped"),
    *(("one at a time", f"{seeds} seeds") for seeds in (3, 5, 10)),
    *(("full grid", f"{seeds} seeds") for seeds in (3, 5, 10)),
    *(("full grid, main effects", f"{seeds} seeds") for seeds in (1, 5)),
    ("TPE + Hyperband", "grid, steps, 80 trials"),
    ("ASHA", "grid, steps, 80 trials"),
}
"""Settings that need no hindsight."""
TRIALS = (10, 20, 40, 80)
"""When an optimiser's haul is judged: each is a setting of its own."""


def _run_all(stream: Stream, cells: Iterable[Cell], seeds: int) -> Stream:
    spent = stream.fresh()
    for cell in cells:
        for seed in range(seeds):
            spent.pay(cell, seed)
    return spent


def judged(study: Study, stream: Stream) -> list[Outcome]:
    """The verdicts on what was collected, each looked at once, with all the seeds there are.

    A single look is worth more than several, so it is what serves a rival best; techspec, which
    stops when it likes what it sees, has to pay for each of its looks.
    """
    collected = tuple(tuple(stream.whole.get(cell, ())) for cell in study.cells)
    return list(_judged(study, stream.number, collected))


@lru_cache(maxsize=1000)
def _judged(
    study: Study, number: int, collected: tuple[tuple[int, ...], ...]
) -> tuple[Outcome, ...]:
    """As `judged`; policies of one replication often collect the same, and judging takes long."""
    stream = Stream.shuffled(study.world, number)
    stream.whole = {cell: list(seeds) for cell, seeds in zip(study.cells, collected, strict=True)}
    plan = study.plan(STREAMED)
    counts = {arm.name: len(stream.whole.get(study.cell(arm.name), ())) for arm in plan.arms}
    plan = looked_at_once(plan, counts)
    return tuple(verdict.outcome for verdict in decide(plan, ledger(study, plan, stream)))


def looked_at_once(plan: Plan, counts: Mapping[str, int]) -> Plan:
    """The plan with one look a question, at the seeds that its arm with the fewest has."""
    questions = []
    for question in plan.questions:
        fewest = min(counts[arm] for arm in question.arms)
        questions.append(replace(question, looks=(fewest,)) if fewest >= 2 else question)
    return replace(plan, questions=tuple(questions))


def _judged_pooled(study: Study, stream: Stream, number: int, seeds: int) -> Outcome:
    world = stream.world
    question = study.plan().questions[number]
    arms = [study.cell(arm) for arm in question.arms]
    varied = [place for place in range(len(arms[0])) if len({arm[place] for arm in arms}) > 1]
    if not varied:
        return judged(study, stream)[number]
    pools = {
        arm: [other for other in world.cells if all(other[p] == cell[p] for p in varied)]
        for arm, cell in zip(question.arms, arms, strict=True)
    }
    widest = max(map(len, pools.values()))
    plan = replace(study.plan(seeds * widest), questions=(question,))
    plan = looked_at_once(plan, dict.fromkeys(question.arms, seeds * widest))
    state = State()
    for trial in plan.every_trial:
        if trial.arm in pools:
            cell, seed = pools[trial.arm][trial.seed % widest], trial.seed // widest
            record(state, plan, trial, world, stream.value(cell, seed))
    return decide(plan, state)[0].outcome


def _resource(world: World, over: str) -> tuple[int, int]:
    """The least and the most of what is halved."""
    return (world.steps[0], world.steps[-1]) if over == "steps" else (1, STREAMED)


def _searched(
    study: Study,
    stream: Stream,
    sampler: optuna.samplers.BaseSampler,
    pruner: optuna.pruners.BasePruner,
    label: str,
) -> Iterator[Found]:
    """Let Optuna search, and judge what it has collected after each number of trials.

    What is halved are the steps of a run, with the pruner's own rate, or, tuned to noise, the seeds
    of a configuration, at half each time.
    """
    spent = stream.fresh()
    # Hyperband picks a trial's bracket by the study's name, which would be another each time.
    search = optuna.create_study(
        direction="maximize", sampler=sampler, pruner=pruner, study_name=f"{stream.number}"
    )
    begun: dict[Cell, int] = defaultdict(int)
    for number in range(1, TRIALS[-1] + 1):
        trial = search.ask()
        cell = _suggested(trial, study, "arms" if "arms" in label else "grid")
        value = (_over_steps if "steps" in label else _over_seeds)(trial, cell, spent, begun)
        if value is None:
            search.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            search.tell(trial, value)
        if number in TRIALS and spent.whole:
            yield f"{label}, {number} trials", spent.copy(), judged(study, spent)


def _suggested(trial: optuna.Trial, study: Study, space: str) -> Cell:
    if space == "arms":
        names = list(map(str, study.cells))
        return study.cells[names.index(trial.suggest_categorical("arm", names))]
    factors = study.world.factors.items()
    return tuple(trial.suggest_categorical(name, values) for name, values in factors)


def _over_steps(
    trial: optuna.Trial, cell: Cell, spent: Stream, begun: dict[Cell, int]
) -> float | None:
    """Train the cell's next seed until it ends or is pruned; None for pruned.

    A cell of which every seed was begun costs nothing more: it is told what it came to so far.
    """
    if begun[cell] == STREAMED:
        whole = spent.whole.get(cell)
        return fmean(spent.value(cell, seed) for seed in whole) if whole else None
    seed = begun[cell]
    begun[cell] += 1
    steps = spent.world.steps
    for place, value in enumerate(spent.curve(cell, seed)[:-1]):
        trial.report(value, steps[place])
        if trial.should_prune():
            spent.pay(cell, seed, place + 1)
            return None
    spent.pay(cell, seed)
    return spent.value(cell, seed)


def _over_seeds(
    trial: optuna.Trial, cell: Cell, spent: Stream, begun: dict[Cell, int]
) -> float | None:
    """Run the cell's seeds whole, one after another, until all are run or the mean is pruned.

    Seeds that an earlier trial of the cell ran are not paid for again.
    """
    values = []
    for seed in range(STREAMED):
        if seed == begun[cell]:
            spent.pay(cell, seed)
            begun[cell] += 1
        values.append(spent.value(cell, seed))
        trial.report(fmean(values), seed + 1)
        if seed + 1 < STREAMED and trial.should_prune():
            return None
    return fmean(values)


# --- the report -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Summary:
    """One policy at one setting over all replications."""

    policy: str
    setting: str
    results: tuple[Result, ...]

    @property
    def seconds(self) -> float:
        """Spent on a study, on average."""
        return fmean(result.seconds for result in self.results)

    @property
    def right(self) -> float:
        """Right verdicts of a study, on average."""
        return fmean(result.right for result in self.results)

    @property
    def wrong_share(self) -> float:
        """Share of the verdicts that were wrong."""
        return _wrong_share([(result.right, result.wrong) for result in self.results])

    @property
    def wrong_share_of_all(self) -> float:
        """The same against the truth of all seeds."""
        return _wrong_share([(r.right_of_all, r.wrong_of_all) for r in self.results])

    @property
    def best(self) -> float:
        """True mean of the recommended configuration, on average."""
        return fmean(result.best for result in self.results)

    @property
    def cost(self) -> float:
        """Seconds a right verdict."""
        return self.seconds / self.right if self.right else float("inf")


def _wrong_share(counts: Sequence[tuple[int, int]]) -> float:
    right, wrong = (sum(column) for column in zip(*counts, strict=True))
    return wrong / (right + wrong) if right + wrong else 0.0


def report(world: World, lines: Sequence[dict[str, Any]]) -> int:
    """Print what was found; exit code as of `main`."""
    grouped: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in (Result(**fields) for line in lines for fields in line["results"]):
        grouped[result.policy, result.setting].append(result)
    summaries = [Summary(*key, tuple(found)) for key, found in grouped.items()]
    unit = world.seconds[(8, "msd", 512)]
    print(f"{len(lines)} replications over {len(studies(world))} baselines, 5 hypotheses each;")
    by_unseen, by_all = (fmean(line["open"][which] for line in lines) / 5 for which in (0, 1))
    print(f"left open by the unseen seeds: {by_unseen:.0%}, by all seeds: {by_all:.0%}")
    print(f"1 run = {unit:.2f} CPU s, a run of the shipped baseline")
    ours = next(each for each in summaries if each.policy == "techspec")
    print("\nAs one would set them beforehand:\n")
    _print((each for each in summaries if (each.policy, each.setting) in BEFOREHAND), ours, unit)
    print(f"\nCheapest a right verdict, at most {WRONG_MAX:.0%} wrong, chosen in hindsight:\n")
    cheapest = _chosen(summaries, lambda each: each.cost)
    _print(cheapest, ours, unit)
    print(f"\nCheapest with as many right verdicts as techspec ({ours.right:.2f}), likewise:\n")
    as_good = [each for each in summaries if each.right >= ours.right or each is ours]
    _print(_chosen(as_good, lambda each: each.seconds), ours, unit)
    best_rival = min(each.cost for each in cheapest if each is not ours)
    return int(ours.cost > best_rival / 3)


def _chosen(summaries: Iterable[Summary], key: Callable[[Summary], float]) -> list[Summary]:
    """The best setting of each policy that is not wrong too often."""
    best: dict[str, Summary] = {}
    for each in summaries:
        may_enter = each.wrong_share <= WRONG_MAX or each.policy == "techspec"
        if each.right and may_enter:
            best[each.policy] = min(best.get(each.policy, each), each, key=key)
    return list(best.values())


def _print(summaries: Iterable[Summary], ours: Summary, unit: float) -> None:
    print(
        "| policy, its best setting | spent (runs) | right | wrong | wrong, truth of all seeds ",
        end="",
    )
    print("| runs a right verdict | times techspec's | best configuration found |")
    print("|---|---|---|---|---|---|---|---|")
    for each in summaries:
        low, high = interval(each.results, None)
        below, above = interval(each.results, ours.results)
        print(
            f"| {each.policy}: {each.setting} | {each.seconds / unit:.1f} | {each.right:.2f} "
            f"| {each.wrong_share:.1%} | {each.wrong_share_of_all:.1%} "
            f"| {each.cost / unit:.2f} ({low / unit:.2f} to {high / unit:.2f}) "
            f"| {each.cost / ours.cost:.2f} ({below:.2f} to {above:.2f}) | {each.best:.1%} |"
        )


def interval(results: Sequence[Result], against: Sequence[Result] | None) -> tuple[float, float]:
    """95 % of the cost of a right verdict, or of its ratio, over resampled replications."""
    rng = random.Random(0)
    found = []
    for _ in range(RESAMPLES):
        drawn = rng.choices(range(len(results)), k=len(results))
        cost = _cost([results[place] for place in drawn])
        found.append(cost / _cost([against[place] for place in drawn]) if against else cost)
    found.sort()
    return found[round(0.025 * RESAMPLES)], found[round(0.975 * RESAMPLES) - 1]


def _cost(results: Sequence[Result]) -> float:
    right = sum(result.right for result in results)
    return sum(result.seconds for result in results) / right if right else float("inf")


if __name__ == "__main__":
    sys.exit(main())
