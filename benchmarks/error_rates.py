"""How often verdicts are wrong, by simulated claims whose truth is known.

    python benchmarks/error_rates.py [types] [population] [limits] [boundaries]
                                     [--claims 20000] [--quick] [--keep FILE]

types       each form of claim at the edge of its truth, where errors are likeliest
population  claims as one meets them, judged by techspec and by the habits it replaces
limits      worlds in which five per cent are not kept
boundaries  the size of the group-sequential boundaries alone, by Gaussian paths

Verdicts are the engine's own: `hidden_runs.settle` shows it scores as it asks for seeds.
Claims come in chunks, each with its own random numbers; with --keep a chunk that was counted
before is read from FILE, so that a run that was cut off goes on and a longer one adds to it.
Prints markdown; exits 1 where types or population break what docs/statistics.md promises.
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hidden_runs import settle
from policies import LONGEST, OURS, POLICIES, Scores
from scipy import special, stats
from tally import Chunks, Counts, Rng, share, surely_above

from techspec.stats.sequential import Kind, boundaries
from techspec.verdict.model import Outcome

CAP = 10
"""Seeds an arm that are drawn; no usual cap is higher."""
SD = 0.02
MARGIN = 0.02
MODE, STUCK = 0.97, 0.40
"""Where the seeds of an arm in two modes lie."""
RELIABLE, UNRELIABLE = 0.9, 0.5
"""Success rates that the reliability test tells apart."""
ERROR_MAX = 0.05
"""Of either kind, in every row of `types`."""
WRONG_MAX, SEEDS_MAX = 0.04, 6.5
"""Of decided claims in the population, and seeds an arm."""


class Claim(NamedTuple):
    """A claim with the scores that its runs would have."""

    text: str
    scores: Scores
    levels: tuple[int, ...] = ()
    smallest: int | None = None
    """The right answer, where the claim asks which level."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one arm's scores vary over seeds: mean 0 and standard deviation 1."""

    name: str
    draw: Callable[[Rng, int], "np.ndarray"]
    quantile: Callable[[float], float]


GAUSSIAN = Shape("Gaussian", lambda rng, n: rng.standard_normal(n), stats.norm.ppf)
HEAVY = Shape(
    "heavy-tailed (t, 3 df)",
    lambda rng, n: rng.standard_t(3, n) / math.sqrt(3.0),
    lambda q: stats.t.ppf(q, 3) / math.sqrt(3.0),
)
SKEWED = Shape(
    "skewed (exponential, long tail below)",
    lambda rng, n: 1.0 - rng.exponential(size=n),
    lambda q: 1.0 + math.log(q),
)
SHAPES = (GAUSSIAN, HEAVY, SKEWED)
BIMODAL = "bimodal (97 % or 40 %)"


def main() -> int:
    """Print the tables that were asked for; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--claims", type=int, default=20_000, help="of each form")
    parser.add_argument("--quick", action="store_true", help="400 claims of each form")
    parser.add_argument("--keep", type=Path, help="where counted chunks are kept")
    args = parser.parse_args()
    counted = Chunks(args.keep)
    broken = []
    for name in args.tables or TABLES:
        broken += TABLES[name](counted, 400 if args.quick else args.claims)
        print(flush=True)
    for promise in broken:
        print(f"broken: {promise}", file=sys.stderr)
    return 1 if broken else 0


def types(chunks: Chunks, claims: int) -> list[str]:
    """Each form, half of its claims just true and half just false, an equal part of each shape."""
    print("| form | scores | claims | false confirmed | false refuted | undecided | runs |")
    print("|---|---|---|---|---|---|---|")
    broken = []
    for form, make in FORMS.items():
        for shape in (*SHAPES, None):
            name = shape.name if shape else BIMODAL
            rounds = claims / (2 * (len(SHAPES) + 1))
            found = chunks.sum(f"{form}, {name}", rounds, partial(_round, make, shape))
            each = int(found["rounds"])
            print(
                f"| {form} | {name} | 2 × {each} | {share(found['confirmed'], each)}"
                f" | {share(found['refuted'], each)} | {found['undecided'] / (2 * each):.0%}"
                f" | {found['runs'] / (2 * each):.1f} |",
                flush=True,
            )
            for what in ("confirmed", "refuted"):
                if surely_above(found[what], each, ERROR_MAX):
                    broken.append(f"{form}, {name}: {found[what] / each:.1%} falsely {what}")
    return broken


def _round(make: "Make", shape: Shape | None, rng: Rng) -> Counts:
    """A false claim and a true one of a form, and how they were judged."""
    seen: Counts = Counter()
    for is_true in (False, True):
        claim = make(rng, shape, is_true)
        settled = settle(claim.text, claim.scores, claim.levels)
        seen["runs"] += settled.runs
        seen["undecided"] += settled.outcome is Outcome.INCONCLUSIVE
        seen["refuted"] += settled.outcome is Outcome.REFUTED and is_true
        if settled.outcome is Outcome.CONFIRMED:
            named = settled.verdict.estimate.value if settled.verdict.estimate else None
            seen["confirmed"] += not is_true
            # To name another level than the right one denies the right one.
            seen["refuted"] += is_true and claim.smallest not in (None, named)
    return seen


Make = Callable[[Rng, Shape | None, bool], Claim]


def _difference(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    text = "score(a) > score(b) by 2pt"
    if shape is None:
        return Claim(text, _in_two_modes(rng, is_true))
    lead = MARGIN if is_true else 0.0
    return Claim(text, {"a": _scores(rng, shape, 0.8 + lead), "b": _scores(rng, shape, 0.8)})


def _any_difference(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    """Without a margin it is refuted where the lead is below one standard deviation over seeds."""
    text = "score(a) > score(b)"
    if shape is None:
        return Claim(text, _in_two_modes(rng, is_true))
    lead = SD if is_true else 0.0
    return Claim(text, {"a": _scores(rng, shape, 0.8 + lead), "b": _scores(rng, shape, 0.8)})


def _paired(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    """The seed moves both arms: by 3 standard deviations, or between the modes."""
    lead = MARGIN if is_true else 0.0
    gaps = lead + SD * (shape or GAUSSIAN).draw(rng, CAP)
    common = 0.6 + 3.0 * SD * rng.standard_normal(CAP) if shape else _modes(rng, 0.7)
    return Claim(
        "score(a) > score(b) by 2pt, paired",
        {"a": np.clip(common + gaps, 0.0, 1.0).tolist(), "b": np.clip(common, 0.0, 1.0).tolist()},
    )


def _threshold(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    rate = RELIABLE if is_true else UNRELIABLE
    return Claim("score(a) >= 70%", {"a": _reaching(rng, shape, rate)})


def _insensitive(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    """Two of four levels lie the margin apart, which is the edge for either verdict.

    In two modes that margin is 2, 10, 20 or 40 points, and made by how often each succeeds.
    """
    names = "abcd"
    margin = MARGIN if shape else rng.choice([0.02, 0.1, 0.2, 0.4])
    text = f"score insensitive to p within {100 * margin:.0f}pt"
    places = rng.permuted([0.0, margin, *rng.uniform(0.0, margin, 2)])
    if shape is None:
        shortfalls = places / (MODE - STUCK)
        rates = rng.uniform(shortfalls.max(), 1.0) - shortfalls
        scores = {name: _modes(rng, rate).tolist() for name, rate in zip(names, rates, strict=True)}
    else:
        scores = {
            name: _scores(rng, shape, 0.8 + place, SD / 3.0)
            for name, place in zip(names, places, strict=True)
        }
    return Claim(text, scores, (1, 2, 3, 4))


def _trend(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    """False where four levels are alike; just true where the ends lie one spread apart."""
    if shape is None:
        scores = {name: _modes(rng, 0.6).tolist() for name in "abcd"}
    else:
        means = 0.8 + np.linspace(0.0, SD if is_true else 0.0, 4)
        scores = {name: _scores(rng, shape, m) for name, m in zip("abcd", means, strict=True)}
    return Claim("score increases with p", scores, (1, 2, 3, 4))


def _smallest(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    """Eight levels, reliable from one of them on; none is where the claim is false."""
    first = int(rng.integers(1, 8)) if is_true else 8
    scores = {
        name: _reaching(rng, shape, RELIABLE if place >= first else UNRELIABLE)
        for place, name in enumerate("abcdefgh")
    }
    return Claim("smallest p with score >= 70%", scores, tuple(range(1, 9)), first + 1)


def _chain(rng: Rng, shape: Shape | None, is_true: bool) -> Claim:
    """False by one link only, the other one being clear."""
    text = "score(a) > score(b) > score(c) by 2pt"
    if shape is None:
        rates = [0.95, 0.5, 0.05] if is_true else [0.95, 0.3, 0.3]
        return Claim(
            text, {n: _modes(rng, rate).tolist() for n, rate in zip("abc", rates, strict=True)}
        )
    clear = MARGIN if is_true else 3.0 * MARGIN
    links = rng.permuted([clear, MARGIN if is_true else 0.0])
    means = 0.75 + np.array([links.sum(), links[1], 0.0])
    return Claim(text, {n: _scores(rng, shape, m) for n, m in zip("abc", means, strict=True)})


FORMS: Mapping[str, Make] = {
    "difference": _difference,
    "difference, no margin": _any_difference,
    "difference, paired": _paired,
    "threshold": _threshold,
    "insensitive, 4 levels": _insensitive,
    "trend, 4 levels": _trend,
    "smallest, 8 levels": _smallest,
    "chain of 3": _chain,
}


def _scores(rng: Rng, shape: Shape, mean: float, sd: float = SD) -> list[float]:
    return np.clip(mean + sd * shape.draw(rng, CAP), 0.0, 1.0).tolist()


def _modes(rng: Rng, rate: float) -> "np.ndarray":
    """Scores that succeed with this rate: near 97 %, else near 40 %."""
    high = np.clip(MODE + 0.01 * rng.standard_normal(CAP), 0.0, 1.0)
    return np.where(rng.random(CAP) < rate, high, STUCK + 0.08 * rng.standard_normal(CAP))


def _in_two_modes(rng: Rng, is_real: bool) -> Scores:
    """Two arms that succeed equally often, or one clearly more often."""
    rate = rng.uniform(0.3, 0.8)
    rates = (rng.uniform(0.8, 1.0), rng.uniform(0.1, 0.5)) if is_real else (rate, rate)
    return {name: _modes(rng, each).tolist() for name, each in zip("ab", rates, strict=True)}


def _reaching(rng: Rng, shape: Shape | None, rate: float) -> list[float]:
    """Scores that reach 70 % with this rate."""
    if shape is None:
        return _modes(rng, rate).tolist()
    return _scores(rng, shape, 0.7 - SD * shape.quantile(1.0 - rate))


# --- the population ---


def population(chunks: Chunks, claims: int) -> list[str]:
    """Claims `a > b by 2pt` as one meets them: 40 % without any effect, 25 % in two modes."""
    found = chunks.sum("population", claims, _all_policies)
    print(f"{int(found['rounds'])} claims.\n")
    print("| policy | wrong among decided | false confirmed | false refuted | undecided | seeds |")
    print("|---|---|---|---|---|---|")
    for name in POLICIES:
        confirmed, refuted = found[f"{name}, confirmed"], found[f"{name}, refuted"]
        decided = found[f"{name}, decided"]
        print(
            f"| {name} | {share(confirmed + refuted, decided)}"
            f" | {share(confirmed, found['null'])}"
            f" | {share(refuted, found['rounds'] - found['null'])}"
            f" | {1.0 - decided / found['rounds']:.0%}"
            f" | {found[f'{name}, seeds'] / found['rounds']:.2f} |"
        )
    broken = []
    wrong = found[f"{OURS}, confirmed"] + found[f"{OURS}, refuted"]
    if surely_above(wrong, found[f"{OURS}, decided"], WRONG_MAX):
        broken.append(f"population: {wrong:.0f} of {found[f'{OURS}, decided']:.0f} are wrong")
    if found[f"{OURS}, seeds"] > SEEDS_MAX * found["rounds"]:
        broken.append(f"population: more than {SEEDS_MAX} seeds an arm")
    return broken


def _all_policies(rng: Rng) -> Counts:
    scores, lead = _as_met(rng)
    seen: Counts = Counter(null=lead <= 0.0)
    for name, policy in POLICIES.items():
        outcome, seeds = policy(scores, MARGIN)
        seen[f"{name}, seeds"] += seeds
        seen[f"{name}, decided"] += outcome is not Outcome.INCONCLUSIVE
        seen[f"{name}, confirmed"] += outcome is Outcome.CONFIRMED and lead <= 0.0
        seen[f"{name}, refuted"] += outcome is Outcome.REFUTED and lead >= MARGIN
    return seen


def _as_met(rng: Rng) -> tuple[Scores, float]:
    """Scores of two arms, and the true difference of their means."""
    is_real = rng.random() >= 0.4
    if rng.random() < 0.25:
        return _in_two_modes(rng, is_real), 0.5 if is_real else 0.0
    shape = SHAPES[rng.integers(len(SHAPES))]
    lead = rng.uniform(1.0, 4.0) * MARGIN if is_real else 0.0
    return {"a": _scores(rng, shape, 0.8 + lead), "b": _scores(rng, shape, 0.8)}, lead


# --- where five per cent are not kept ---


def limits(chunks: Chunks, claims: int) -> list[str]:
    """Worlds against which no test of means with 3 to 10 seeds is safe; beside them fixed 10."""
    print("| world | claims | false confirmed | false refuted | the same with fixed 10 |")
    print("|---|---|---|---|---|")
    for world, draw in WORLDS.items():
        found = chunks.sum(f"limits: {world}", claims / 8, partial(_two_policies, draw))
        each = int(found["rounds"])
        fixed = [f"{found[f'{LONGEST}, {what}'] / each:.1%}" for what in ("confirmed", "refuted")]
        print(
            f"| {world} | 2 × {each} | {share(found[f'{OURS}, confirmed'], each)}"
            f" | {share(found[f'{OURS}, refuted'], each)} | {fixed[0]}, {fixed[1]} |",
            flush=True,
        )
    return []


def _two_policies(draw: Callable[[Rng, bool], Scores], rng: Rng) -> Counts:
    seen: Counts = Counter()
    for is_true in (False, True):
        scores = draw(rng, is_true)
        for name in (OURS, LONGEST):
            outcome = POLICIES[name](scores, MARGIN).outcome
            seen[f"{name}, confirmed"] += outcome is Outcome.CONFIRMED and not is_true
            seen[f"{name}, refuted"] += outcome is Outcome.REFUTED and is_true
    return seen


def _unequal(shape: Shape, ratio: float) -> Callable[[Rng, bool], Scores]:
    def draw(rng: Rng, is_true: bool) -> Scores:
        lead = MARGIN if is_true else 0.0
        return {
            "a": _scores(rng, shape, 0.8 + lead, SD * min(1.0, ratio)),
            "b": _scores(rng, shape, 0.8, SD * min(1.0, 1.0 / ratio)),
        }

    return draw


def _rarely_failing(rng: Rng, is_true: bool) -> Scores:
    """A lead of 2 points, or none, that comes from failing less often only."""
    more = MARGIN / 0.57 if is_true else 0.0
    return {"a": _modes(rng, 0.9 + more).tolist(), "b": _modes(rng, 0.9).tolist()}


WORLDS: Mapping[str, Callable[[Rng, bool], Scores]] = {
    "Gaussian, spreads 3 to 1": _unequal(GAUSSIAN, 3.0),
    "heavy-tailed, spreads 3 to 1": _unequal(HEAVY, 3.0),
    "skewed, spreads 3 to 1": _unequal(SKEWED, 3.0),
    "skewed, spreads 1 to 3": _unequal(SKEWED, 1.0 / 3.0),
    "bimodal, 9 of 10 succeed, the lead is all in how often": _rarely_failing,
}


# --- the boundaries alone ---


def size_of_boundaries(chunks: Chunks, claims: int) -> list[str]:
    """Chance to reject a true null of Gaussian arms; quick enough to be kept nowhere."""
    paths = 20 * claims
    print(f"{paths} paths a row.\n")
    print("| kind | spreads | looks | size at .05 | at .0125 |")
    print("|---|---|---|---|---|")
    broken = []
    for seeds in ((3, 5, 7, 10), (5, 7, 10), (2, 3, 5, 8), (3, 5), (3, 5, 7, 10, 14, 20)):
        for kind, ratio in SPREADS:
            rng = np.random.default_rng([*seeds, int(10 * ratio)])
            p_values = np.concatenate(list(_paths(rng, seeds, kind, ratio, paths)))
            sizes = []
            for alpha in (0.05, 0.0125):
                bounds = np.array(boundaries(seeds, alpha, kind))
                rejected = int((p_values <= bounds).any(1).sum())
                sizes.append(f"{rejected / paths:.4f}")
                if surely_above(rejected, paths, alpha):
                    broken.append(f"boundaries {seeds}, {kind}, {ratio} to 1, {alpha}: {sizes[-1]}")
            spreads = "" if kind == "one-sample" else f"{ratio:g} to 1"
            print(f"| {kind} | {spreads} | {seeds} | {sizes[0]} | {sizes[1]} |", flush=True)
    return broken


SPREADS: tuple[tuple[Kind, float], ...] = (
    ("one-sample", 1.0),
    ("two-sample", 1.0),
    ("two-sample", 2.0),
    ("two-sample", 4.0),
    ("two-sample", 8.0),
)


def _paths(
    rng: Rng, seeds: Sequence[int], kind: Kind, ratio: float, paths: int
) -> Iterator["np.ndarray"]:
    """One-sided p of no difference at each look, (paths, looks), a chunk at a time."""
    for start in range(0, paths, 20_000):
        shape = (min(20_000, paths - start), seeds[-1])
        a, b = ratio * rng.standard_normal(shape), rng.standard_normal(shape)
        columns = []
        for n in seeds:
            first, second = a[:, :n], b[:, :n]
            if kind == "one-sample":
                error, degrees = (first - second).std(1, ddof=1) / math.sqrt(n), n - 1.0
            else:
                squares = first.var(1, ddof=1) / n, second.var(1, ddof=1) / n
                error = np.sqrt(squares[0] + squares[1])
                share = squares[0] / (squares[0] + squares[1])
                degrees = (n - 1.0) / (share**2 + (1.0 - share) ** 2)
            columns.append(special.stdtr(degrees, -(first - second).mean(1) / error))
        yield np.stack(columns, axis=1)


TABLES: Mapping[str, Callable[[Chunks, int], list[str]]] = {
    "types": types,
    "population": population,
    "limits": limits,
    "boundaries": size_of_boundaries,
}


if __name__ == "__main__":
    sys.exit(main())
