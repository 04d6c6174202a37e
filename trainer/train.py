"""Trials in, events out: the training loop, top to bottom.

It prints nothing: events go to `emit`. Everything random comes from the trial's seed and a step
number, so a run that was cut anywhere and resumed ends as if it had not been.
"""

import functools
import hashlib
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from trainer import checkpoint, data, protocol
from trainer.config import Config
from trainer.evaluate import evaluate
from trainer.model import Decoder
from trainer.protocol import Emit, Mistake, TrainerError, Trial

# Losses reported between two evaluations: a curve to look at, and a NaN is met five times earlier.
STEPS_REPORTED_PER_EVAL = 5


@dataclass(slots=True)
class Progress:
    """How far a trial has come; with the weights and moments, all that a resume needs."""

    step: int = 0
    seconds: float = 0.0
    eval_losses: list[float] = field(default_factory=list)
    evaluated_step: int = 0
    outcome: protocol.Outcome | None = None
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)


def device_for(asked: str) -> torch.device:
    """Choose the device that `auto`, `cpu` or `cuda` means here.

    Raises:
        TrainerError: there is no such device.
    """
    if asked == "cuda" and not torch.cuda.is_available():
        raise TrainerError(
            Mistake(
                f"device=cuda, but torch {torch.__version__} finds no GPU here",
                "take device=auto or cpu, or install a CUDA build of torch and look at nvidia-smi",
            )
        )
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")


def use_threads() -> int:
    """Compute on as many threads as OMP_NUM_THREADS says, else on one; returns how many.

    One: sums come out the same on every machine, and trials beside each other do not collide
    (two threads on two busy cores ran at a third of the speed of one).
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
    return torch.get_num_threads()


def train(
    trial: Trial, config: Config, device: torch.device, emit: Emit, stop_asked: Callable[[], bool]
) -> None:
    """Train one trial to its `ended` event, from its checkpoint if its folder holds one."""
    name = trial.trial
    problems = data.problems(config, device)

    model = new_model(config, trial.seed, device)
    optimizer = new_optimizer(config, model)
    progress = Progress()
    identity = identity_of(trial, config, device)
    if saved := checkpoint.read(trial.folder, identity):
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        progress = Progress(**saved["progress"])
    emit(
        protocol.Started(
            trial=name,
            config=asdict(config),
            params=sum(weight.numel() for weight in model.parameters()),
            device=describe(device),
            versions={"python": platform.python_version(), "torch": str(torch.__version__)},
            code=identity["code"],
            data=problems.digest,
            resumed_step=progress.step,
        )
    )
    begun = time.perf_counter() - progress.seconds

    def save() -> None:
        progress.seconds = time.perf_counter() - begun
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        state |= {"identity": identity, "progress": asdict(progress)}
        path = checkpoint.write(trial.folder, state)
        emit(protocol.Checkpoint(name, progress.step, str(path)))

    def cut_short(outcome: protocol.Outcome, reason: str) -> None:
        seconds = time.perf_counter() - begun
        emit(protocol.Ended(name, outcome, progress.step, seconds, reason))

    report_every = max(1, config.eval_every // STEPS_REPORTED_PER_EVAL)
    while progress.outcome is None:
        step = progress.step
        if step > progress.evaluated_step and (
            step % config.eval_every == 0 or step == config.max_steps
        ):
            metrics = evaluate(model, problems, config.task.answer_length, stop_asked)
            if metrics is None:  # asked to stop in between: this evaluation is made on resume
                save()
                cut_short("interrupted", f"asked to stop in the evaluation at step {step}")
                return
            if not math.isfinite(metrics["eval_loss"]):
                cut_short("diverged", f"the evaluation loss at step {step} is not finite")
                return
            emit(protocol.Eval(name, step, metrics, time.perf_counter() - begun))
            progress.metrics = metrics
            progress.evaluated_step = step
            progress.eval_losses.append(metrics["eval_loss"])
            if step == config.max_steps:
                progress.outcome, progress.reason = "finished", f"all {step} steps are done"
            elif config.early_stopping and plateaued(
                progress.eval_losses, config.patience, config.min_improvement
            ):
                progress.outcome = "early_stopped"
                progress.reason = f"{config.patience} evaluations without improvement"
            save()
            continue
        if stop_asked():
            save()
            cut_short("interrupted", f"asked to stop after step {step}")
            return

        rows = batch_rows(trial.seed, step, config.train_size, config.batch_size, device)
        loss = train_step(model, optimizer, problems.train[rows].long(), config, step)
        progress.step = step + 1
        if progress.step % report_every == 0:
            value = loss.item()
            if not math.isfinite(value):
                cut_short("diverged", f"the training loss at step {step + 1} is {value}")
                return
            emit(protocol.Step(name, progress.step, value, time.perf_counter() - begun))

    ended = (progress.outcome, progress.step, progress.seconds, progress.reason, progress.metrics)
    emit(protocol.Ended(name, *ended))


def train_step(
    model: Decoder, optimizer: torch.optim.Optimizer, batch: Tensor, config: Config, step: int
) -> Tensor:
    """Move the weights once, from `batch` (batch, length); `step` were done before it.

    Returns:
        The mean loss of a scored token before the move, still on the device.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, step)
    optimizer.zero_grad()
    logits = model(batch[:, :-1], config.scored)  # (batch, scored, vocabulary)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, -config.scored :].flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    if config.gradient_clip:
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
    optimizer.step()
    return loss.detach()


def learning_rate(config: Config, step: int) -> float:
    """Give the rate of the step after `step` steps: linear warm-up, then the schedule."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / (config.max_steps - config.warmup_steps)
    left = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return config.learning_rate * left[config.schedule]


def plateaued(losses: Sequence[float], patience: int, min_improvement: float) -> bool:
    """Say whether the last `patience` evaluations all failed to improve on the best before.

    To improve is to fall below best * (1 - min_improvement), and makes a new best; with 0, to fall
    at all.

    >>> plateaued([2.0, 1.0, 1.0, 1.1, 1.0], patience=3, min_improvement=0)
    True
    """
    best, waited = losses[0], 0
    for loss in losses[1:]:
        if loss < best * (1 - min_improvement):
            best, waited = loss, 0
        else:
            waited += 1
    return waited >= patience


def batch_rows(
    seed: int, step: int, train_size: int, batch_size: int, device: torch.device
) -> Tensor:
    """Choose the problems of the step after `step` steps: (batch,), by the arguments alone.

    Each epoch goes once through a permutation of its own; what does not fill a batch is left out.
    """
    epoch, place = divmod(step, train_size // batch_size)
    order = _permutation(seed, epoch, train_size, device)
    return order[place * batch_size : (place + 1) * batch_size]


def generator_for(seed: int, purpose: str) -> torch.Generator:
    """Make a generator of its own for each purpose, so that no draw shifts another."""
    digest = hashlib.sha256(f"{purpose} of seed {seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def new_model(config: Config, seed: int, device: torch.device) -> Decoder:
    """Make the model of step 0."""
    model = Decoder(
        vocabulary=config.task.vocabulary,
        length=config.task.length - 1,  # the last token is predicted, never read
        d_model=config.d_model,
        depth=config.depth,
        d_proj=config.d_proj,
        d_ff=config.d_ff,
        heads=config.heads,
        rope_theta=config.rope_theta,
    )
    model.initialise(generator_for(seed, "weights"))
    return model.to(device)


def new_optimizer(config: Config, model: Decoder) -> torch.optim.Optimizer:
    """Make AdamW in its fused form: one pass over each weight."""
    return torch.optim.AdamW(
        model.parameters(),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )


def identity_of(trial: Trial, config: Config, device: torch.device) -> dict[str, Any]:
    """Collect all that decides a trial's numbers; a checkpoint of another is passed over."""
    return {
        "config": asdict(config),
        "seed": trial.seed,
        "code": protocol.code_digest(),
        "torch": str(torch.__version__),
        "device": device.type,
        "threads": torch.get_num_threads(),
    }


def describe(device: torch.device) -> str:
    """Name the device for people."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"cpu: {torch.get_num_threads()} thread(s)"


@functools.lru_cache(maxsize=1)
def _permutation(seed: int, epoch: int, size: int, device: torch.device) -> Tensor:
    generator = generator_for(seed, f"order in epoch {epoch}")
    return torch.randperm(size, generator=generator).to(device)
