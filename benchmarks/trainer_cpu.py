"""How much of a CPU the trainer needs, against the plain loop (benchmarks/plain_loop.py).

    python benchmarks/trainer_cpu.py [--only steps,memory,start,study] [--rounds 5] [--out FILE]

Both run as programs, one after the other in every round, so that a busy machine slows them alike.

steps   optimiser steps a CPU second at batch 512, one thread each, a start-up subtracted by running
        two lengths; the trainer as it is and, beside it, as torch's compiler makes it of the plain
        parts (what compiling costs is told too); GFLOP/s by the FLOPs that the task needs
        (`trainer cost`), beside the sgemm of one thread in the same round
memory  peak memory of a short run with an evaluation of 10,000 problems
start   from the start of the process to the first step's loss
study   4 small arms x 4 seeds, wall: the trainer in one single-threaded process a core, as
        techspec's runner starts it, against one plain loop after another with torch's own number
        of threads. Steps are reduced (--study-steps) alike for both; starting is part of it
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.trainer_programs import (
    NEVER,
    Config,
    Ran,
    middle,
    ours,
    peaks,
    plain,
    run,
    step_flops,
    table,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """One model, how many steps each program is timed over, and how many times ours must do."""

    config: Config
    our_steps: int
    plain_steps: int
    target: float


SHAPES = {
    "32x2": Shape({"d_model": 32, "depth": 2}, 200, 24, 7),
    "64x3": Shape({"d_model": 64, "depth": 3}, 80, 12, 5),
    "192x4": Shape({"d_model": 192, "depth": 4}, 24, 6, 4),
}
WARM_STEPS = 3
"""The shorter of the two lengths."""
CONSTANT: Config = {"early_stopping": False, "eval_every": NEVER}
"""Everything else is the trainer's default: 3 digits, base 100, d_ff 512, batch 512."""
ARMS: dict[str, Config] = {
    "32x1": {"d_model": 32, "depth": 1},
    "32x2": {"d_model": 32, "depth": 2},
    "64x1": {"d_model": 64, "depth": 1},
    "64x2": {"d_model": 64, "depth": 2},
}
SEEDS = 4
STUDY_TARGET = 8
SINGLE = ("--threads", "1")


TINY: Config = {"d_model": 16, "depth": 1, "d_ff": 32, "digits": 2, "base": 10}
TINY |= {"train_size": 2000, "batch_size": 32, "eval_size": 100}


class Bench:
    """What all parts share: how often, with which settings, and where results go."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.rounds: int = args.rounds
        self.cores: int = args.cores
        self.study_steps: int = args.study_steps
        self.given: Config = args.set
        self.shapes = {name: SHAPES[name] for name in args.shapes.split(",")}
        self.arms, self.seeds = ARMS, SEEDS
        self.threads: Sequence[str] = ()  # of the plain loop in the study: torch's own choice
        self.peak: Sequence[str] = ()
        if args.smoke:
            self.threads, self.peak = SINGLE, ("--size", "256")
            self.shapes = {"tiny": Shape(TINY, 30, 30, 0)}
            self.arms, self.seeds = {"tiny": TINY}, 1
        self.folder = folder
        self.compiled, self.kernels = folder / "compiled", folder / "kernels"
        self.compiles = not args.smoke
        self._out: Path | None = args.out

    def ours(self, config: Config, cache: Path | None = None) -> Ran:
        """Train one config by the trainer, on one thread."""
        return self.trained([config], [0], cache)

    def trained(
        self, configs: Sequence[Config], seeds: Sequence[int], cache: Path | None = None
    ) -> Ran:
        """Train all of them in one request; all of them have to end well."""
        configs = [config | self.given for config in configs]
        ran = run(ours(configs, seeds, "cpu", self.folder), threads=1, cache=cache)
        outcomes = {name: event["outcome"] for name, event in ran.ended().items()}
        assert len(outcomes) == len(configs) * len(seeds), outcomes
        assert set(outcomes.values()) == {"finished"}, outcomes
        return ran

    def note(self, part: str, number: int, **found: object) -> None:
        """Keep one measurement."""
        if self._out:
            with self._out.open("a") as file:
                file.write(json.dumps({"part": part, "round": number, **found}) + "\n")
        print(f"  {part} {number}: {json.dumps(found)}", file=sys.stderr, flush=True)


def main() -> int:
    """Exit 1 if a measured target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="steps,memory,start,study", help="parts, by comma")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="for steps and memory, by comma")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2, help="processes of the trainer in a study")
    parser.add_argument("--study-steps", type=int, default=100)
    parser.add_argument(
        "--set", type=json.loads, default={}, help="JSON that joins the trainer's configs"
    )
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, to try the program")
    parser.add_argument("--out", type=Path, help="append each measurement here, as JSON lines")
    args = parser.parse_args()
    if unknown := [name for name in args.only.split(",") if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; take {', '.join(PARTS)}")
    chosen = [PARTS[name] for name in args.only.split(",")]
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {args.rounds}", end=""
    )
    print(" alternating rounds (lowest to highest)\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(args, Path(scratch))
        met = [part(bench) for part in chosen]
    return int(not all(met))


def steps(bench: Bench) -> bool:
    """Compare steps a CPU second; returns whether the trainer as it is meets every target."""
    ways: dict[str, Callable[[Config], Ran]] = {
        "plain": _plain,
        "ours": lambda config: bench.ours(config, bench.kernels),
        "compiled": lambda config: bench.ours({**config, "compile": "always"}, bench.compiled),
    }
    if not bench.compiles:
        del ways["compiled"]
    compiling = {name: _compiling(bench, shape) for name, shape in bench.shapes.items()}
    rates = {name: dict[str, list[float]]() for name in bench.shapes}
    peak: list[float] = []
    for number in range(bench.rounds):
        peak.append(peaks("cpu", *bench.peak)["float32"])
        bench.note("peak", number, sgemm=peak[-1])
        for name, shape in bench.shapes.items():
            for way, train in ways.items():
                timed = shape.plain_steps if way == "plain" else shape.our_steps
                rates[name].setdefault(way, []).append(_rate(train, shape.config, timed))
            newest = {way: of_way[-1] for way, of_way in rates[name].items()}
            bench.note("steps", number, shape=name, **newest)
    rows = []
    met = True
    for name, shape in bench.shapes.items():
        needed = step_flops(shape.config | CONSTANT, bench.folder)
        for way, found in rates[name].items():
            ratios = [a / b for a, b in zip(found, rates[name]["plain"], strict=True)]
            shares = [rate * needed / best for rate, best in zip(found, peak, strict=True)]
            achieved = f"{median(found) * needed / 1e9:.1f}"
            compared = (middle(found), middle(ratios), shape.target)
            rows.append((name, way, *compared, achieved, f"{median(shares):.0%}"))
            met &= way != "ours" or median(ratios) >= shape.target
    print(f"steps a CPU second; sgemm of one thread: {middle([p / 1e9 for p in peak])} GFLOP/s")
    table(("shape", "way", "steps", "times", "target", "GFLOP/s", "of sgemm"), rows)
    for name, seconds in compiling.items() if bench.compiles else ():
        print(f"compiling {name} once: {seconds:.0f} CPU seconds more than from the cache")
    return met


def memory(bench: Bench) -> bool:
    """Compare peak memory."""
    mine, its = _by_shape(bench), _by_shape(bench)
    for number in range(bench.rounds):
        for name, shape in bench.shapes.items():
            config = {**shape.config, **CONSTANT, "max_steps": WARM_STEPS}
            mine[name].append(bench.ours(config).peak_mib)
            its[name].append(_plain(config).peak_mib)
            bench.note("memory", number, shape=name, ours=mine[name][-1], plain=its[name][-1])
    rows = []
    for name in bench.shapes:
        ratios = [a / b for a, b in zip(mine[name], its[name], strict=True)]
        rows.append((name, middle(mine[name]), middle(its[name]), middle(ratios)))
    print("peak memory in MiB, with one evaluation of 10,000 problems")
    table(("shape", "ours", "plain", "ours of plain"), rows)
    return True


def start(bench: Bench) -> bool:
    """Compare the time to the loss of the first step."""
    name, shape = list(bench.shapes.items())[len(bench.shapes) // 2]
    config = {**shape.config, "early_stopping": False, "eval_every": 1, "max_steps": 1}

    def is_trained(event: Mapping[str, object]) -> bool:
        return event["event"] in ("step", "eval")  # an evaluation, if no step is told before it

    found: dict[str, list[Ran]] = {"ours": [], "plain": []}
    for number in range(bench.rounds):
        mine = ours([config | bench.given], [0], "cpu", bench.folder)
        its = plain(config, 0, "cpu", *SINGLE, "--print-every", "1")
        for program, command in (("ours", mine), ("plain", its)):
            ran = run(command, threads=1, until=is_trained)
            found[program].append(ran)
            told = {"wall": ran.wall_seconds, "cpu": ran.cpu_seconds}
            bench.note("start", number, program=program, until=ran.said[-1].event["event"], **told)
    print(f"seconds from the start of the process to the first step's loss, {name}")
    table(
        ("", "wall", "CPU"),
        (
            (program, middle([r.wall_seconds for r in ran]), middle([r.cpu_seconds for r in ran]))
            for program, ran in found.items()
        ),
    )
    return True


def study(bench: Bench) -> bool:
    """Compare a whole study; returns whether the target is met."""
    every = max(1, bench.study_steps // 2)
    constant = {"max_steps": bench.study_steps, "eval_every": every, "early_stopping": False}
    arms = [arm | constant | {"learning_rate": 1e-3} for arm in bench.arms.values()]
    both: dict[str, list[list[Ran]]] = {"ours": [], "plain": []}
    walls: dict[str, list[float]] = {"ours": [], "plain": []}
    for number in range(bench.rounds):
        mine = _in_parallel(bench, arms)
        its = [
            run(plain(arm, seed, "cpu", *bench.threads))
            for seed in range(bench.seeds)
            for arm in arms
        ]
        both["ours"].append(mine)
        both["plain"].append(its)
        walls["ours"].append(max(ran.wall_seconds for ran in mine))
        walls["plain"].append(sum(ran.wall_seconds for ran in its))
        told = {name: walls[name][-1] for name in walls}
        cpu = {f"{name}_cpu": _cpu(programs[-1]) for name, programs in both.items()}
        loss = {f"{name}_loss": _loss(programs[-1]) for name, programs in both.items()}
        starting = {
            "ours_start": max(ran.first("started").wall_seconds for ran in mine),
            "plain_start": sum(ran.first("started").wall_seconds for ran in its),
        }
        bench.note("study", number, steps=bench.study_steps, **told, **cpu, **loss, **starting)
    ratios = [b / a for a, b in zip(walls["ours"], walls["plain"], strict=True)]
    cpu_ratios = [_cpu(b) / _cpu(a) for a, b in zip(both["ours"], both["plain"], strict=True)]
    print(
        f"{len(arms) * bench.seeds} runs of {bench.study_steps} steps with 2 evaluations, "
        f"{bench.cores} processes of the trainer\n"
        f"wall {middle(ratios)} times, target {STUDY_TARGET}; CPU {middle(cpu_ratios)} times"
    )
    rows = []
    for name, programs in both.items():
        found = ([_cpu(ran) for ran in programs], [_loss(ran) for ran in programs])
        rows.append((name, middle(walls[name]), *map(middle, found)))
    table(("", "wall, s", "CPU, s", "mean loss at the end"), rows)
    return median(ratios) >= STUDY_TARGET


PARTS: dict[str, Callable[[Bench], bool]] = {
    "steps": steps,
    "memory": memory,
    "start": start,
    "study": study,
}


def _in_parallel(bench: Bench, arms: Sequence[Config]) -> list[Ran]:
    """Train all seeds of all arms in one process a core, each with its share of the seeds."""
    shares = [range(core, bench.seeds, bench.cores) for core in range(bench.cores)]
    with ThreadPoolExecutor(bench.cores) as pool:
        return list(pool.map(lambda seeds: bench.trained(arms, seeds), filter(len, shares)))


def _plain(config: Config) -> Ran:
    return run(plain(config, 0, "cpu", *SINGLE), threads=1)


def _rate(train: Callable[[Config], Ran], config: Config, timed: int) -> float:
    """Steps a CPU second: `timed` more steps, by the CPU seconds that they take more."""
    short, long = (
        train({"eval_size": 500, **config, **CONSTANT, "max_steps": count}).cpu_seconds
        for count in (WARM_STEPS, WARM_STEPS + timed)
    )
    return timed / (long - short)


def _compiling(bench: Bench, shape: Shape) -> float:
    """CPU seconds that the first start takes more than the second, which finds all compiled."""
    if not bench.compiles:
        return 0.0
    config = {**shape.config, **CONSTANT, "max_steps": WARM_STEPS, "compile": "always"}
    first, again = (bench.ours(config, bench.compiled).cpu_seconds for _ in range(2))
    bench.note("compiling", 0, params=shape.config, cpu_seconds=first - again)
    return first - again


def _by_shape(bench: Bench) -> dict[str, list[float]]:
    return {name: [] for name in bench.shapes}


def _cpu(programs: Sequence[Ran]) -> float:
    return sum(ran.cpu_seconds for ran in programs)


def _loss(programs: Sequence[Ran]) -> float:
    return fmean(e["metrics"]["eval_loss"] for ran in programs for e in ran.ended().values())


if __name__ == "__main__":
    sys.exit(main())
