"""How well a calibration of a few seconds foresees shapes that it did not time.

    python benchmarks/trainer_cost.py [--rounds 3] [--shapes 20] [--out FILE]

The shapes are drawn once, the same in every run, from widths, depths, heads, batches, digits and
bases that people take; none is a probe of the calibration. Each round calibrates anew and then
takes some real steps and an evaluation of every shape, on real problems. All in CPU seconds of one
thread, so that other work on the machine counts as little as it can.

Ratios are foreseen / measured: of a step; of a whole trial, 10,000 steps with 20 evaluations of
2,500 problems, made up of the steps and evaluations that were taken; of an evaluation; and of a
step at the nominal prices, which know nothing of this machine.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.trainer_programs import table
from trainer import calibrate, data, shape
from trainer.config import Config, read
from trainer.evaluate import evaluate
from trainer.lanes import Stack, fresh
from trainer.machine import device_for, set_up, way_of
from trainer.protocol import TrainerError, Trial

WITHIN = 0.25
STEPS = 5
LONGEST_STEP_SECONDS = 1.2
"""Nominal; a longer one would hold up the rest."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "d_model": (16, 24, 32, 48, 64, 96, 128, 160, 192, 256),
    "depth": (1, 2, 3, 4, 6, 8),
    "heads": (0, 1, 2, 4, 8),
    "d_ff": (64, 128, 256, 512, 1024),
    "batch_size": (64, 128, 256, 512, 1024),
    "base": (10, 100),
    "digits": (2, 3, 4, 6, 8, 10),
    "loss_on": ("answer", "all"),
}
SIZES = {"train_size": 7500, "eval_size": 2500, "max_tokens": 64}


def main() -> int:
    """Exit 1 if the median round foresees fewer than nine trials in ten within a quarter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", type=int, default=20)
    parser.add_argument("--out", type=Path, help="append each measurement here, as JSON lines")
    args = parser.parse_args()
    device = device_for("cpu")
    set_up(device)
    shapes = drawn(args.shapes)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {len(shapes)} shapes\n")
    rows, shares = [], []
    for number in range(args.rounds):
        begun = time.perf_counter(), time.thread_time()
        here = calibrate.speed_of(device, "float32")
        took = time.perf_counter() - begun[0], time.thread_time() - begun[1]
        steps, trials, evaluations, nominal = [], [], [], []
        for config in shapes:
            step, evaluation, problems = measured(config, device)
            steps.append(shape.step_seconds(config, here) / step)
            evaluations.append(shape.evaluation_seconds(config, problems, here) / evaluation)
            whole = config.max_steps * step + shape.evaluations(config) * evaluation
            trials.append(shape.seconds(config, here) / whole)
            nominal.append(shape.step_seconds(config, shape.CPU) / step)
            found = {"round": number, "step": step, "evaluation": evaluation}
            _note(args.out, **found, ratio=steps[-1], evaluated=evaluations[-1], shape=_own(config))
        shares.append(_share(trials))
        told = [_told(ratios) for ratios in (steps, trials, evaluations, nominal)]
        rows.append((number + 1, f"{took[0]:.0f}", f"{took[1]:.1f}", *told))
    header = ("round", "calibration, s", "CPU, s", "step", "trial", "evaluation", "step, nominal")
    print("foreseen / measured: median (lowest to highest), share within 25 %")
    table(header, rows)
    return int(statistics.median(shares) < 0.9)


def drawn(count: int) -> list[Config]:
    """Draw the shapes to foresee."""
    rng = random.Random("shapes to foresee")
    found: list[Config] = []
    while len(found) < count:
        try:
            config = read({name: rng.choice(values) for name, values in CHOICES.items()} | SIZES)
        except TrainerError:
            continue  # heads that do not divide the width, or too few pairs
        if shape.step_seconds(config, shape.CPU) <= LONGEST_STEP_SECONDS:
            found.append(config)
    return found


def measured(config: Config, device: torch.device) -> tuple[float, float, int]:
    """Seconds of a step and of an evaluation, medians, and how many problems that evaluates."""
    problems = data.problems(config, device)
    lane = fresh(Trial("", Path(), 0, {}), config, device)
    stack = Stack([lane], problems.train, way_of(config, device))

    def one_step() -> None:
        stack.advance(1, lambda: False)

    def one_evaluation() -> None:
        evaluate(stack.decoder(stack.lanes), problems, config.task.answer_length)

    one_step()
    step, evaluation = _middle(one_step, STEPS), _middle(one_evaluation, 2)
    return step, evaluation, len(problems.held_out)


def _middle(act: Callable[[], None], times: int) -> float:
    taken = []
    for _ in range(times):
        begun = time.thread_time()
        act()
        taken.append(time.thread_time() - begun)
    return statistics.median(taken)


def _told(ratios: Sequence[float]) -> str:
    low, high = min(ratios), max(ratios)
    return f"{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f}), {_share(ratios):.0%}"


def _share(ratios: Sequence[float]) -> float:
    return sum(abs(ratio - 1) <= WITHIN for ratio in ratios) / len(ratios)


def _own(config: Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in CHOICES}


def _note(out: Path | None, **found: object) -> None:
    if out:
        with out.open("a") as file:
            file.write(json.dumps(found) + "\n")
    print(json.dumps(found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
