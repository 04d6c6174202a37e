"""Configs in, seconds on this machine out, from a few real steps that are thrown away.

Nothing measured here reaches a trial; torch's speed is the only thing it asks about.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from trainer import data, shape
from trainer.config import Config, read
from trainer.lanes import Stack, fresh
from trainer.machine import bfloat16_slowdown, describe, device_for, set_up, way_of
from trainer.protocol import Trial

BUDGET_SECONDS = 5.0
WARM_STEPS, TIMED_STEPS = 2, 5


def seconds(configs: Sequence[Config], asked: str) -> list[float]:
    """Time what each config would take on the device `asked` for, in seconds.

    Each shape is timed until the budget is spent; one that was not gets its nominal seconds times
    the measured-to-nominal ratio of the timed shape whose nominal step is nearest to its own.
    """
    device = device_for(asked)
    set_up(device)
    speed = shape.CUDA if device.type == "cuda" else shape.CPU
    deadline = time.perf_counter() + BUDGET_SECONDS
    nominal = [shape.step_seconds(config, speed) for config in configs]
    ratios: dict[float, float] = {}  # nominal seconds of a step -> measured / nominal
    for config, step in sorted(zip(configs, nominal, strict=True), key=lambda pair: pair[1]):
        expected = (WARM_STEPS + TIMED_STEPS) * step
        if step in ratios or (ratios and time.perf_counter() + expected > deadline):
            continue  # the first, the cheapest, is always timed
        ratios[step] = _timed_step(config, device) / step

    def ratio(step: float) -> float:
        return ratios[min(ratios, key=lambda timed: abs(math.log(timed / step)))]

    return [
        ratio(step) * shape.seconds(config, speed)
        for config, step in zip(configs, nominal, strict=True)
    ]


def check() -> dict[str, Any]:
    """Say what a run here would use and why, and whether a small model's loss falls on it."""
    device = device_for("auto")
    threads = set_up(device)
    config = read(
        {"d_model": 32, "depth": 1, "digits": 2, "train_size": 640, "eval_size": 10}
        | {"batch_size": 64, "learning_rate": 1e-2}
    )
    stack = _stack(config, device)
    losses = []
    for _ in range(20):
        stack.advance(1, lambda: False)
        losses.append(stack.losses.item())
    slowdown = bfloat16_slowdown(device)
    found = "torch finds a GPU" if device.type == "cuda" else "torch finds no GPU"
    return {
        "ready": losses[-1] < losses[0],
        "device": describe(device),
        "why": f"{found}; device=auto takes it",
        "torch": str(torch.__version__),
        "threads": f"{threads}, set by OMP_NUM_THREADS or else 1",
        "path": "; ".join(way_of(read({}), device).reasons) + " (the default config)",
        "bfloat16": f"a product takes {slowdown:.2f} times as long as in float32",
        "sanity": f"20 steps took the loss from {losses[0]:.3f} to {losses[-1]:.3f}",
    }


def _timed_step(config: Config, device: torch.device) -> float:
    """Seconds of one step: the median, so that one hiccup of the machine does not count."""
    stack = _stack(config, device)
    taken = []
    for _ in range(WARM_STEPS + TIMED_STEPS):
        begun = time.perf_counter()
        stack.advance(1, lambda: False)
        stack.losses.tolist()  # waits for the device
        taken.append(time.perf_counter() - begun)
    return sorted(taken[WARM_STEPS:])[TIMED_STEPS // 2]


def _stack(config: Config, device: torch.device) -> Stack:
    """A stack of one lane, on its way as in a run, that nobody keeps."""
    lane = fresh(Trial("", Path(), 0, {}), config, device)
    return Stack([lane], data.problems(config, device).train, way_of(config, device))
