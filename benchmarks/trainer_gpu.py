"""How long a GPU needs for the whole study of examples/phase-1 and phase-2, against the plain loop.

    python benchmarks/trainer_gpu.py [--only ours1,eager,ours8,single,compiled] [--limit 570]
    python benchmarks/trainer_gpu.py --smoke --device cpu    # its code path, in tiny sizes

Seven configurations, 10,000 steps each with 20 evaluations, nothing stopped early. In this order,
each part printed when it is known; what does not fit into --limit seconds is cut off and said so.

ours1, ours8   all seven with 1 and with 8 seeds in one request to the trainer: wall seconds from
               the start of the process to its end, all that is compiled included
eager          the plain loop (benchmarks/plain_loop.py), from a stretch of each configuration:
               its first steps and evaluation as timed, every later one at the rate of the second
               half of the stretch; the start of the process counted once for all, in its favour
single         each configuration alone in the trainer, between two evaluations after the first:
               FLOP/s by what the task needs (`trainer cost`) and bytes/s by `step_bytes`, against
               a large matrix product and a large copy on this device; at most 100 % is possible
compiled       as eager, under torch.compile; compiling counts once for a configuration

Every program starts with nothing compiled, unless --cache names a folder. Needs torch alone.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.trainer_programs import (
    Config,
    ProgramFailed,
    Ran,
    Said,
    flops,
    ours,
    peaks,
    plain,
    run,
    table,
)
from trainer.addition import Task

PHASES: dict[str, Config] = {
    "Upper 256x6": {"d_model": 256, "depth": 6, "d_ff": 512},
    "Middle 192x4": {"d_model": 192, "depth": 4, "d_ff": 512},
    "Lower 64x3": {"d_model": 64, "depth": 3, "d_ff": 512},
    "Tiny 32x2": {"d_model": 32, "depth": 2, "d_ff": 512},
    "Wide-shallow 512x2": {"d_model": 512, "depth": 2, "d_proj": 64, "d_ff": 432},
    "Balanced 256x4": {"d_model": 256, "depth": 4, "d_proj": 64, "d_ff": 444},
    "Narrow-deep 128x8": {"d_model": 128, "depth": 8, "d_proj": 64, "d_ff": 452},
}
"""The arms of examples/phase-1 and of phase-2, of the latter with the d_ff that its plan solves."""
RECIPE: Config = {
    "batch_size": 512,
    "learning_rate": 1e-4,
    "rope_theta": 100,
    "precision": "tf32",
}
TINY: dict[str, Config] = {"tiny 16x2": {"d_model": 16, "depth": 2, "d_ff": 32}}
TINY_RECIPE: Config = {"digits": 2, "base": 10, "train_size": 2000, "eval_size": 100}
TARGETS = {1: 60, 8: 180}
"""Wall seconds of the whole study, by its seeds."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is run."""

    configs: dict[str, Config]
    recipe: Config
    steps: int
    eval_every: int
    stretch: int
    """Steps of the plain loop to tell its whole time from; evaluated in the middle and after."""
    print_every: int
    """How often the plain loop says its loss; a quarter of the stretch at most."""
    single: int
    """Steps between two evaluations of a configuration alone."""

    def full(self) -> list[Config]:
        """Every configuration as it is trained in the study."""
        return [self.limited(c, self.steps, self.eval_every) for c in self.configs.values()]

    def limited(self, config: Config, steps: int, eval_every: int) -> Config:
        """One configuration, trained for so many steps."""
        length = {"max_steps": steps, "eval_every": eval_every, "early_stopping": False}
        return {**self.recipe, **config, **length}


STUDY = Scale(PHASES, RECIPE, 10_000, 500, stretch=400, print_every=100, single=1000)
SMOKE = Scale(TINY, TINY_RECIPE | {"batch_size": 32}, 40, 20, stretch=20, print_every=5, single=20)


class Bench:
    """What all parts share: the sizes, the device, its peaks, the time left, where results go."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.scale = SMOKE if args.smoke else STUDY
        self.device: str = args.device
        self.given: Config = args.set
        self.plain_options = ["--precision", args.plain_precision]
        if args.device == "cpu":
            self.plain_options += ["--threads", "1"]
        self.compile_mode: str = args.compile_mode
        self.folder = folder
        self.cache: Path | None = args.cache
        self.totals: dict[str, dict[int, float]] = {}  # program -> seeds -> seconds of the study
        self._out: Path | None = args.out
        self._ends = time.perf_counter() + args.limit
        size = ("--size", "256") if args.smoke else ()
        self.peaks = peaks(args.device, *size)
        self.note("peaks", **self.peaks)

    def run(self, command: Sequence[str], hear: Callable[[Said], None] = lambda said: None) -> Ran:
        """Run a program for as long as there is time."""
        left = self._ends - time.perf_counter()
        return run(command, cache=self.cache, limit_seconds=left, hear=hear)

    def note(self, part: str, **found: Any) -> None:
        """Keep one result."""
        if self._out:
            with self._out.open("a") as file:
                file.write(json.dumps({"part": part, **found}) + "\n")


def main() -> int:
    """Print part after part; exit 2 without the device, 1 if a program failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by comma")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, to try the program")
    parser.add_argument("--limit", type=float, default=570, help="wall seconds for everything")
    parser.add_argument(
        "--set", type=json.loads, default={}, help="JSON that joins the trainer's configs"
    )
    parser.add_argument("--cache", type=Path, help="keep what is compiled here, for all that runs")
    parser.add_argument("--plain-precision", choices=("float32", "tf32", "bf16"), default="tf32")
    parser.add_argument("--compile-mode", default="default", help="torch.compile's, for compiled")
    parser.add_argument("--out", type=Path, help="append each result here, as JSON lines")
    args = parser.parse_args()
    if unknown := [name for name in args.only.split(",") if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; take {', '.join(PARTS)}")
    if args.device == "cpu" and not args.smoke:
        parser.error("this study takes days on a CPU; take --smoke, or trainer_cpu.py")
    chosen = args.only.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            bench = Bench(args, Path(scratch))
        except ProgramFailed as error:
            print(error.complaints, end="", file=sys.stderr)
            return error.code
        told = {name: value for name, value in bench.peaks.items() if isinstance(value, float)}
        print(f"{bench.peaks['device']}, torch {bench.peaks['torch']}; at its best", end=" ")
        print(", ".join(f"{name} {value / 1e12:.3g} T/s" for name, value in told.items()))
        print(f"the plain loop in {args.plain_precision}; ours with {args.set or 'its defaults'}\n")
        failed = False
        for name in chosen:
            try:
                PARTS[name](bench)
            except ProgramFailed as error:  # the other parts are worth having still
                failed = True
                print(f"{name} FAILED: {error}", flush=True)
        _compare(bench)
    return int(failed)


def ours1(bench: Bench) -> None:
    """Time the whole study with one seed."""
    _ours(bench, 1)


def ours8(bench: Bench) -> None:
    """Time the whole study with eight seeds."""
    _ours(bench, 8)


def eager(bench: Bench) -> None:
    """Foresee the plain loop's whole study from stretches."""
    _plain(bench, "eager", [])


def compiled(bench: Bench) -> None:
    """Foresee the same under torch.compile."""
    _plain(bench, "compiled", ["--compile", bench.compile_mode])


def single(bench: Bench) -> None:
    """Measure what share of the device each configuration alone uses."""
    scale = bench.scale
    length = scale.single
    rows = []
    for name, config in scale.configs.items():
        alone = scale.limited(config, 3 * length, length)
        ran = bench.run(ours([alone | bench.given], [0], bench.device, bench.folder))
        times = [said.wall_seconds for said in ran.said if said.is_at("eval")]
        if len(times) < 3:
            print(f"{name}: cut off at the time limit")
            break
        seconds = (times[-1] - times[0]) / (len(times) - 1)  # of `length` steps, one evaluation
        needed = flops([scale.limited(config, length, length)], bench.folder)[0]
        rate = needed / seconds
        traffic = step_bytes(ran.first("started").event["config"]) * length / seconds
        achieved = {"float32": rate, "tf32": rate, "bf16": rate, "copy": traffic}
        shares = {p: got / bench.peaks[p] for p, got in achieved.items() if p in bench.peaks}
        bench.note("single", config=name, ms=1000 * seconds / length, flops=rate, bytes=traffic)
        shown = (f"{1000 * seconds / length:.3f}", f"{rate / 1e12:.2f}", f"{traffic / 1e12:.3f}")
        rows.append((name, *shown, *(f"{share:.1%}" for share in shares.values())))
        print(f"{name}: {shown[0]} ms a step", flush=True)
    if rows:
        of = [f"of {peak}" for peak in shares]
        table(("alone, ours", "ms a step", "TFLOP/s", "TB/s", *of), rows)


PARTS: dict[str, Callable[[Bench], None]] = {
    "ours1": ours1,
    "eager": eager,
    "ours8": ours8,
    "single": single,
    "compiled": compiled,
}


def step_bytes(config: Mapping[str, Any]) -> int:
    """Count the bytes that a step in float32 moves even if all between matrix products is fused.

    Each product's inputs are read and its output written forward; backward reads the inputs and,
    twice, the output's gradient, and writes the inputs' gradients. Attention reads q, k, v and
    writes its output; backward reads these and the output's gradient and writes three gradients.
    Each weight is read forward and backward, its gradient written; AdamW reads it with its gradient
    and two moments and writes three of them back. Only what is needed: the real tokens, and in the
    last layer the positions that are scored. Evaluations are left out.

    Args:
        config: all parameters, as `started` tells them.
    """
    d, p, f = int(config["d_model"]), int(config["d_proj"]), int(config["d_ff"])
    task = Task(config["digits"], config["base"])
    length = task.length - 1  # the last token is never read
    scored = task.answer_length if config["loss_on"] == "answer" else length

    def product(rows: int, inputs: int, outputs: int) -> int:
        return 3 * rows * (inputs + outputs)

    def layer(wanted: int) -> int:
        attention = 6 * (wanted + length) * p
        projections = product(length, d, 2 * p) + product(wanted, d, p) + product(wanted, p, d)
        return attention + projections + product(wanted, d, f) + product(wanted, f, d)

    layers = int(config["depth"])
    activations = (layers - 1) * layer(length) + layer(scored) + product(scored, d, task.vocabulary)
    weights = layers * (4 * d * p + 2 * d * f + 2 * d) + task.vocabulary * d + d
    return 4 * (int(config["batch_size"]) * activations + 10 * weights)


def whole_seconds(said: Sequence[Said], steps: int, eval_every: int) -> tuple[float, float]:
    """Foresee a plain loop's whole run, from a stretch with evaluations in its middle and its end.

    Returns:
        Seconds of a first run, from its `started` on: the first half of the stretch as it was (what
        is compiled is in there), the rest at the rate and with the evaluations of the second half.
        And seconds of a further one, in which nothing is compiled any more.
    """
    began = next(s for s in said if s.is_at("started")).wall_seconds
    first, last = (s for s in said if s.is_at("eval"))
    half, end = first.event["step"], last.event["step"]
    told = [s for s in said if s.is_at("step") and half < s.event["step"] <= end]
    from_, to = told[0], told[-1]
    assert to.event["step"] == end, "the last step is told before it is evaluated"
    step = (to.wall_seconds - from_.wall_seconds) / (end - from_.event["step"])
    evaluation = last.wall_seconds - to.wall_seconds
    evaluations = -(-steps // eval_every)
    as_it_was = first.wall_seconds - began
    whole = as_it_was + (steps - half) * step + (evaluations - 1) * evaluation
    return whole, steps * step + evaluations * evaluation


def _ours(bench: Bench, seeds: int) -> None:
    configs = [config | bench.given for config in bench.scale.full()]
    names = list(bench.scale.configs)

    def hear(said: Said) -> None:
        if said.is_at("ended"):
            number, _, seed = said.event["trial"].partition("-s")
            learned = said.event.get("metrics") or {}
            print(
                f"  {said.wall_seconds:6.1f} s: {names[int(number)]}, seed {seed}, "
                f"{said.event['outcome']}, exact match {learned.get('exact_match', 0):.1%}",
                flush=True,
            )

    ran = bench.run(ours(configs, range(seeds), bench.device, bench.folder), hear)
    done: dict[str, int] = {}
    for said in ran.said:
        done[said.event["trial"]] = said.event.get("step", 0)
    share = sum(done.values()) / (bench.scale.steps * len(configs) * seeds)
    first = next((s.wall_seconds for s in ran.said if s.event.get("step")), None)
    bench.note(
        f"ours{seeds}",
        wall=ran.wall_seconds,
        cpu=ran.cpu_seconds,
        is_whole=ran.is_whole,
        share=share,
        first=first,
        host_mib=ran.peak_mib,
        outcomes={name: event["outcome"] for name, event in ran.ended().items()},
    )
    said_first = "none" if first is None else f"{first:.1f} s"
    print(
        f"ours, {len(configs)} configurations x {seeds} seeds: {ran.wall_seconds:.1f} s wall from "
        f"process start (target {TARGETS[seeds]} s), CPU {ran.cpu_seconds:.1f} s, first step told "
        f"after {said_first}, host memory {ran.peak_mib:.0f} MiB"
    )
    if ran.is_whole:
        bench.totals.setdefault("ours", {})[seeds] = ran.wall_seconds
    else:
        print(f"  CUT OFF at the time limit, {share:.1%} of its steps told as done")
    print(flush=True)


def _plain(bench: Bench, part: str, options: list[str]) -> None:
    scale = bench.scale
    options = [*bench.plain_options, "--print-every", str(scale.print_every), *options]
    start = None
    first_seed = further_seed = 0.0
    rows = []
    for name, config in scale.configs.items():
        stretch = scale.limited(config, scale.stretch, scale.stretch // 2)
        ran = bench.run(plain(stretch, 0, bench.device, *options))
        if not ran.is_whole:
            print(f"{part}, {name}: cut off at the time limit; no total")
            break
        start = ran.first("started").wall_seconds if start is None else start
        whole, further = whole_seconds(ran.said, scale.steps, scale.eval_every)
        first_seed += whole
        further_seed += further
        bench.note(part, config=name, whole=whole, further=further, start=start)
        rows.append((name, f"{whole:.1f}", f"{further:.1f}"))
        print(f"{part}, {name}: {whole:.1f} s, foreseen from {scale.stretch} steps", flush=True)
    table((f"plain loop, {part}", "s, first seed", "s, a further seed"), rows)
    if len(rows) < len(scale.configs) or start is None:
        return
    bench.totals[part] = {n: start + first_seed + (n - 1) * further_seed for n in TARGETS}
    bench.note(part, totals=bench.totals[part])


def _compare(bench: Bench) -> None:
    """Print the whole study by each program, and how many times ours it took."""
    mine = bench.totals.get("ours", {})
    rows = []
    for program, totals in bench.totals.items():
        for seeds, seconds in totals.items():
            times = f"{seconds / mine[seeds]:.1f}" if seeds in mine else "no whole run of ours"
            rows.append((program, seeds, f"{seconds:.1f}", times))
    table(("the whole study by", "seeds", "s", "times ours"), rows)


if __name__ == "__main__":
    sys.exit(main())
