"""How often verdicts are wrong on real repeated runs: the Learning Curve Database of 2022.

    pip install lcdb==0.1.0
    python benchmarks/replay_lcdb.py [--claims 10000] [--quick] [--keep FILE] [--database CSV]

20 learners of scikit-learn on 238 data sets at several training sizes, each cell repeated at least
25 times. A claim takes one data set and size and two learners at random: "the accuracy of a is
above that of b by a margin". Of the 25 runs of a cell 10, drawn at random, are shown to a policy as
it asks for them; the other 15 define the truth and are never shown.

A verdict is wrong where it CONFIRMED and the truth is D <= 0, or REFUTED and the truth is D >=
margin. Truth from 15 runs is itself uncertain, so three readings stand beside each other:

held apart   D is the difference of the two means of 15
known        of those, claims whose 95 % interval from the 15 leaves out the edge in question
all runs     D is the difference of the two means of all 25, the shown ones included

Prints markdown; exits 1 where techspec does worse than docs/statistics.md promises.
"""

import argparse
import csv
import importlib.util
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from policies import LONGEST, OURS, POLICIES, SEEDS_MAX, without_guard
from tally import Chunks, Counts, Rng, share

from techspec.stats.difference import welch
from techspec.verdict.findings import SPREAD_FLOOR
from techspec.verdict.model import Outcome

RUNS = 25
"""Used of each cell; where it has more, the first."""
MARGINS = (0.01, 0.02, 0.05)
WRONG_MAX, CORRECT_MIN, SEEDS_SHARE_MAX = 0.008, 0.97, 0.6
"""Of decided claims with known truth; of fixed 10's correct verdicts; of its seeds."""

COMPARED = {**POLICIES, f"{OURS}, blind to two groups": without_guard}

Cells = Sequence[Sequence["np.ndarray"]]
"""By data set and training size, the runs of two learners or more, (learners, 25)."""


def main() -> int:
    """Print a table a margin and one of all; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, default=10_000, help="for each margin")
    parser.add_argument("--quick", action="store_true", help="300 claims for each margin")
    parser.add_argument("--keep", type=Path, help="where counted chunks are kept")
    parser.add_argument("--database", type=Path, help="database-accuracy.csv of lcdb 0.1.0")
    args = parser.parse_args()
    groups = _groups(args.database or _installed())
    cells = sum(len(group) for group in groups)
    print(f"{cells} cells in {len(groups)} groups of one data set and size.\n")
    chunks, total = Chunks(args.keep), Counter[str]()
    for margin in MARGINS:
        rounds = 300 if args.quick else args.claims
        found = chunks.sum(f"lcdb, {margin}", rounds, partial(_claim, groups, margin))
        _print(f"Margin {100 * margin:g} points", found)
        total.update(found)
    _print("All three margins", total)
    return _broken(total)


def _claim(groups: Cells, margin: float, rng: Rng) -> Counts:
    """What every policy says of one claim, and whether it is right."""
    group = groups[rng.integers(len(groups))]
    pair = [rng.permuted(group[learner]) for learner in rng.choice(len(group), 2, replace=False)]
    shown = {name: runs[:SEEDS_MAX].tolist() for name, runs in zip("ab", pair, strict=True)}
    held = [runs[SEEDS_MAX:].tolist() for runs in pair]
    truth = welch(*held, spread_floor=SPREAD_FLOOR)
    everything = float(pair[0].mean() - pair[1].mean())
    seen: Counts = Counter()
    for name, policy in COMPARED.items():
        outcome, seeds = policy(shown, margin)
        seen[f"{name}, seeds"] += seeds
        if outcome is Outcome.INCONCLUSIVE:
            continue
        edge = 0.0 if outcome is Outcome.CONFIRMED else margin
        confirmed = outcome is Outcome.CONFIRMED
        seen[f"{name}, decided"] += 1
        seen[f"{name}, wrong"] += _is_wrong(confirmed, truth.estimate, margin)
        seen[f"{name}, wrong of all"] += _is_wrong(confirmed, everything, margin)
        if not truth.low <= edge <= truth.high:
            seen[f"{name}, known"] += 1
            seen[f"{name}, wrong of known"] += _is_wrong(confirmed, truth.estimate, margin)
    return seen


def _is_wrong(confirmed: bool, difference: float, margin: float) -> bool:
    return difference <= 0.0 if confirmed else difference >= margin


def _print(title: str, found: Counts) -> None:
    rounds = found["rounds"]
    print(f"{title}; {int(rounds)} claims.\n")
    print(
        "| policy | wrong of decided: known | held apart | all runs | correct"
        " | of fixed 10's correct | seeds an arm |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in COMPARED:
        decided = found[f"{name}, decided"]
        print(
            f"| {name} | {share(found[f'{name}, wrong of known'], found[f'{name}, known'])}"
            f" | {share(found[f'{name}, wrong'], decided)}"
            f" | {share(found[f'{name}, wrong of all'], decided)}"
            f" | {_correct(found, name) / rounds:.1%}"
            f" | {_correct(found, name) / _correct(found, LONGEST):.1%}"
            f" | {found[f'{name}, seeds'] / rounds:.2f} |"
        )
    print(flush=True)


def _correct(found: Counts, name: str) -> float:
    return found[f"{name}, decided"] - found[f"{name}, wrong"]


def _broken(found: Counts) -> int:
    measured: Mapping[str, bool] = {
        f"at most {WRONG_MAX:.1%} wrong where truth is known": found[f"{OURS}, wrong of known"]
        <= WRONG_MAX * found[f"{OURS}, known"],
        f"at least {CORRECT_MIN:.0%} of fixed 10's correct verdicts": _correct(found, OURS)
        >= CORRECT_MIN * _correct(found, LONGEST),
        f"at most {SEEDS_SHARE_MAX:.0%} of its seeds": found[f"{OURS}, seeds"]
        <= SEEDS_SHARE_MAX * found[f"{LONGEST}, seeds"],
    }
    for promise, is_kept in measured.items():
        if not is_kept:
            print(f"broken: {promise}", file=sys.stderr)
    return 0 if all(measured.values()) else 1


def _installed() -> Path:
    """The database inside the installed package, which need not be imported."""
    found = importlib.util.find_spec("lcdb")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("lcdb is not installed: pip install lcdb==0.1.0, or pass --database.")
    return Path(found.submodule_search_locations[0]) / "database-accuracy.csv"


def _groups(database: Path) -> Cells:
    """Test accuracies of cells with RUNS runs or more, where a group has two such learners."""
    cells: dict[tuple[int, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with database.open(newline="") as file:
        for row in csv.DictReader(file):
            score = float(row["score_test"] or "nan")
            if not math.isnan(score):
                key = int(row["openmlid"]), int(row["size_train"])
                cells[key][row["learner"]].append(score)
    return [
        learners
        for _, group in sorted(cells.items())
        if len(learners := [np.array(r[:RUNS]) for _, r in sorted(group.items()) if len(r) >= RUNS])
        > 1
    ]


if __name__ == "__main__":
    sys.exit(main())
