"""Configs in, seconds on this machine out, from a few real steps that are thrown away.

Nothing measured here reaches a trial; torch's speed is the only thing it asks about.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from trainer import data, shape
from trainer.config import Config, read
from trainer.evaluate import CHUNK, evaluate
from trainer.lanes import Stack, fresh
from trainer.machine import bfloat16_slowdown, describe, device_for, set_up, way_of
from trainer.protocol import Trial

BUDGET_SECONDS = 3.0
"""Of wall time, for steps; the start before and the evaluations after take about 2 s more."""
TIMED_AT_LEAST = 2

# Each piece of work that shape.Speed prices is 40 to 90 % of some probe's step on a CPU; the last
# three, whose evaluations are timed too, are like what people train.
_SMALL: dict[str, Any] = {"base": 10, "digits": 2, "heads": 1, "d_ff": 32}
PROBES: tuple[dict[str, Any], ...] = (
    _SMALL | {"d_model": 16, "depth": 4, "batch_size": 8},  # layers
    _SMALL | {"d_model": 16, "depth": 2, "batch_size": 256, "heads": 8},  # heads
    _SMALL | {"d_model": 16, "depth": 2, "batch_size": 256, "d_ff": 1024},  # hidden
    _SMALL | {"d_model": 64, "depth": 2, "batch_size": 256, "d_ff": 64, "digits": 6},  # values
    _SMALL | {"d_model": 256, "depth": 1, "batch_size": 128, "d_ff": 256, "digits": 6},  # FLOPs
    {"d_model": 32, "depth": 2, "batch_size": 512},
    {"d_model": 128, "depth": 4, "batch_size": 64, "digits": 6},
    {"d_model": 192, "depth": 2, "batch_size": 256, "loss_on": "all"},
)
EVALUATED = 3
# A GPU has hardly begun with what fills a CPU. Not measured: none was at hand.
GPU_BATCHES = 16


def seconds(configs: Sequence[Config], asked: str) -> list[float]:
    """Say what each config would take on the device `asked` for, in seconds.

    None of them is timed: a few small ones are, and the prices of shape.Speed fitted to those.
    """
    device = device_for(asked)
    set_up(device)
    speeds = {name: speed_of(device, name) for name in {config.precision for config in configs}}
    return [shape.seconds(config, speeds[config.precision]) for config in configs]


def speed_of(device: torch.device, precision: str) -> shape.Speed:
    """Measure what this machine takes for each piece of work, in a few seconds.

    On a CPU in seconds of this thread: what other programs take of the core does not count.
    """
    clock = time.perf_counter if device.type == "cuda" else time.thread_time
    stacks = [_probe(given, precision, device) for given in PROBES]
    start = shape.nominal(stacks[0].config, device.type)
    end = time.perf_counter() + BUDGET_SECONDS
    for stack in stacks:
        _step(stack, clock)  # the first takes longer
    taken: list[list[float]] = [[] for _ in stacks]
    while time.perf_counter() < end or len(taken[-1]) < TIMED_AT_LEAST:
        for stack, times in zip(stacks, taken, strict=True):  # in turn: a slow moment hits all
            times.append(_step(stack, clock))
    works = [shape.step_work(stack.config) for stack in stacks]
    speed = shape.fitted(list(zip(works, map(median, taken), strict=True)), start)
    ratios = [
        _evaluation(stack, clock)
        / shape.evaluation_seconds(stack.config, CHUNK[device.type], speed)
        for stack in stacks[-EVALUATED:]
    ]
    return replace(speed, evaluation_ratio=speed.evaluation_ratio * median(ratios))


def check() -> dict[str, Any]:
    """Say what a run here would use and why, and whether a small model's loss falls on it."""
    device = device_for("auto")
    threads = set_up(device)
    config = read(
        {"d_model": 32, "depth": 1, "digits": 2, "train_size": 640, "eval_size": 10}
        | {"batch_size": 64, "learning_rate": 1e-2}
    )
    stack = _stack(config, device, data.problems(config, device).train)
    losses = []
    with warnings.catch_warnings(record=True) as warned:
        for _ in range(20):
            stack.advance(1, lambda: False)
            losses.append(stack.losses.item())
    path = way_of(read({}), device).reasons
    slowdown = bfloat16_slowdown(device)
    found = "torch finds a GPU" if device.type == "cuda" else "torch finds no GPU"
    return {
        "ready": losses[-1] < losses[0],
        "device": describe(device),
        "why": f"{found}; device=auto takes it",
        "torch": str(torch.__version__),
        "threads": f"{threads}, set by OMP_NUM_THREADS or else 1",
        "path": "; ".join(path) + " (the default config)",
        "warnings": "; ".join(str(warning.message) for warning in warned) or "none",
        "bfloat16": f"a product takes {slowdown:.2f} times as long as in float32",
        "sanity": f"20 steps took the loss from {losses[0]:.3f} to {losses[-1]:.3f}",
    }


def _probe(given: Mapping[str, Any], precision: str, device: torch.device) -> Stack:
    """A stack to be timed, on problems of no meaning: writing real ones takes longer than steps."""
    config = _probed(given, precision, device)
    return _stack(config, device, _nonsense(config, config.train_size, device))


def _probed(given: Mapping[str, Any], precision: str, device: torch.device) -> Config:
    own = {"train_size": 16 * given["batch_size"], "eval_size": 1}
    config = read({**given, **own, "precision": precision, "compile": "never"})
    # Beyond `read`: so few digits do not make so many problems, and these have no meaning.
    times = GPU_BATCHES if device.type == "cuda" else 1
    return replace(
        config, batch_size=times * config.batch_size, train_size=times * config.train_size
    )


def _step(stack: Stack, clock: Callable[[], float]) -> float:
    begun = clock()
    stack.advance(1, lambda: False)
    stack.losses.tolist()  # waits for the device
    return clock() - begun


def _evaluation(stack: Stack, clock: Callable[[], float]) -> float:
    config, device = stack.config, stack.losses.device
    chunk = CHUNK[device.type]
    held_out = _nonsense(config, chunk, device)
    masks = {"exact_match": torch.ones(chunk, dtype=torch.bool, device=device)}
    problems = data.Problems(stack.problems, held_out, masks, "")
    if device.type == "cuda":
        evaluate(stack.decoder(stack.lanes), problems, config.task.answer_length)  # loads kernels
    begun = clock()
    evaluate(stack.decoder(stack.lanes), problems, config.task.answer_length)
    return clock() - begun


def _nonsense(config: Config, rows: int, device: torch.device) -> Tensor:
    shape = (rows, config.task.length)
    return torch.randint(config.task.vocabulary, shape, dtype=torch.uint8).to(device)


def _stack(config: Config, device: torch.device, problems: Tensor) -> Stack:
    """A stack of one lane, on its way as in a run, that nobody keeps."""
    return Stack(
        [fresh(Trial("", Path(), 0, {}), config, device)], problems, way_of(config, device)
    )
