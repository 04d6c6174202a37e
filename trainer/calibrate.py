"""Configs in, seconds on this machine out, from a few real steps that are thrown away.

Nothing measured here reaches a trial; torch's speed is the only thing it asks about.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import torch

from trainer import shape
from trainer.config import Config, read
from trainer.train import describe, device_for, new_model, new_optimizer, train_step, use_threads

BUDGET_SECONDS = 5.0
WARM_STEPS, TIMED_STEPS = 2, 5


def seconds(configs: Sequence[Config], asked: str) -> list[float]:
    """Time what each config would take on the device `asked` for, in seconds.

    Each shape is timed until the budget is spent; one that was not gets its nominal seconds times
    the measured-to-nominal ratio of the timed shape whose nominal step is nearest to its own.
    """
    use_threads()
    device = device_for(asked)
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
    threads = use_threads()
    device = device_for("auto")
    config = read({"d_model": 32, "depth": 1, "batch_size": 64, "learning_rate": 1e-2})
    model = new_model(config, 0, device)
    optimizer = new_optimizer(config, model)
    batch = _random_batch(config, device)
    losses = [train_step(model, optimizer, batch, config, step).item() for step in range(20)]
    why = "torch finds a GPU" if device.type == "cuda" else "torch finds no GPU"
    return {
        "ready": losses[-1] < losses[0],
        "device": describe(device),
        "why": f"{why}; device=auto takes it",
        "torch": str(torch.__version__),
        "threads": f"{threads}, set by OMP_NUM_THREADS or else 1",
        "path": "float32, eager, fused AdamW; only real tokens, only scored positions to the end",
        "sanity": f"20 steps on one batch took the loss from {losses[0]:.3f} to {losses[-1]:.3f}",
    }


def _timed_step(config: Config, device: torch.device) -> float:
    """Seconds of one step: the median, so that one hiccup of the machine does not count."""
    model = new_model(config, 0, device)
    optimizer = new_optimizer(config, model)
    batch = _random_batch(config, device)
    taken = []
    for step in range(WARM_STEPS + TIMED_STEPS):
        begun = time.perf_counter()
        train_step(model, optimizer, batch, config, step).item()
        taken.append(time.perf_counter() - begun)
    return sorted(taken[WARM_STEPS:])[TIMED_STEPS // 2]


def _random_batch(config: Config, device: torch.device) -> torch.Tensor:
    shape_of_batch = (config.batch_size, config.task.length)
    return torch.randint(config.task.vocabulary, shape_of_batch, device=device)
