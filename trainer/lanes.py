"""Trials of one shape in, the same trials some steps further on out: one stacked model for all.

A lane ends with the numbers that it would have alone, whatever its neighbours: on a CPU bit for
bit, on a GPU up to the order of sums in a product of another size.
"""

import functools
import hashlib
import math
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from trainer import protocol
from trainer.config import Config
from trainer.machine import Way
from trainer.model import Decoder, initial, layout, unpacked
from trainer.protocol import Trial

# AdamW as torch.optim sets it.
BETAS, EPSILON = (0.9, 0.999), 1e-8

MOMENTS = ("first_moment", "second_moment")

# What lanes of one stack may differ in; every other setting is the shape of the work or its data.
OWN_TO_A_LANE: dict[str, Any] = {
    "rope_theta": 0.0,
    "learning_rate": 0.0,
    "schedule": "",
    "warmup_steps": 0,
    "max_steps": 0,
    "eval_every": 0,
    "early_stopping": False,
    "patience": 0,
    "min_improvement": 0.0,
    "gradient_clip": 0.0,
    "weight_decay": 0.0,
}


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


@dataclass(slots=True)
class Lane:
    """One trial on its way.

    Args:
        weights: (weights of one decoder,), as `layout` orders them.
        moments: (2, weights of one decoder), AdamW's first and second.
        saved_at: when a checkpoint was last written, or else when it was made; perf_counter's.
    """

    trial: Trial
    config: Config
    progress: Progress
    weights: Tensor
    moments: Tensor
    saved_at: float = field(default_factory=time.perf_counter)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, by name: the weights and, until the end, both moments."""
        tensors = {"model": self.weights}
        if self.progress.outcome is None:
            tensors |= zip(MOMENTS, self.moments, strict=True)
        shapes = layout(self.config)
        return {n: unpacked(t.to("cpu", copy=True), shapes) for n, t in tensors.items()}


def fresh(trial: Trial, config: Config, device: torch.device) -> Lane:
    """Make the lane of step 0; its weights are drawn from the seed alone, the same everywhere."""
    weights = initial(config, generator_for(trial.seed, "weights")).to(device)
    return Lane(trial, config, Progress(), weights, weights.new_zeros(2, len(weights)))


def resumed(trial: Trial, config: Config, device: torch.device, saved: Mapping[str, Any]) -> Lane:
    """Make the lane that `Lane.state` and its progress were written of."""

    def flat(name: str) -> Tensor:
        return torch.cat([saved[name][part].flatten() for part in layout(config)]).to(device)

    weights = flat("model")
    going = MOMENTS[0] in saved
    moments = torch.stack([flat(name) if going else torch.zeros_like(weights) for name in MOMENTS])
    return Lane(trial, config, Progress(**saved["progress"]), weights, moments)


def kin(config: Config) -> Config:
    """What the lanes of a stack have in common, as a key."""
    return replace(config, **OWN_TO_A_LANE)


class Stack:
    """Lanes that take their steps together. All are at the same step, with the same `kin`.

    Args:
        lanes: at least one; their tensors are copied, and from then on are rows of the stack's.
        problems: (train_size, length), uint8 token ids to train on.
        way: how this machine takes a step.
    """

    def __init__(self, lanes: Sequence[Lane], problems: Tensor, way: Way) -> None:
        self.lanes = list(lanes)
        self.problems = problems
        self.config = lanes[0].config
        self._way = way
        configs = [lane.config for lane in lanes]
        weights = torch.stack([lane.weights for lane in lanes])
        thetas = [config.rope_theta for config in configs]
        self.model = Decoder(self.config, weights, thetas, way.parts)
        self._moments = torch.stack([lane.moments for lane in lanes])  # (lanes, 2, weights)
        count, device = len(lanes), weights.device
        self._alike = _same_rates(configs)
        clips = [config.gradient_clip or math.inf for config in configs]
        self._clips = torch.tensor(clips, device=device) if min(clips) < math.inf else None
        self._rate = torch.zeros(count, device=device)
        self._done = torch.full((count,), float(lanes[0].progress.step), device=device)
        # An epoch's batches and rates wait on the device, so that a step asks nothing of the host.
        self._batches = self.config.train_size // self.config.batch_size
        shape = (count, self._batches, self.config.batch_size)
        self._order = torch.zeros(shape, dtype=torch.long, device=device)
        self._rates = torch.zeros(shape[:2], device=device)
        self._place = torch.zeros(1, dtype=torch.long, device=device)
        self._epoch = -1
        self.losses = torch.zeros(count, device=device)
        changed = [self.model.weights.detach(), self._moments, self._done, self._place]
        # The step does not hold its stack: all memory of one is to be free when it is let go, not
        # when garbage is next collected.
        model, scored, stack = self.model, self.config.scored, weakref.proxy(self)

        def loss_of_batch(batch: Tensor) -> Tensor:
            return losses_of(model, batch, scored)

        self._step = way.prepared(lambda loss: stack._one_step(loss), loss_of_batch, changed)
        self._take_rows()

    def advance(self, steps: int, stop_asked: Callable[[], bool]) -> None:
        """Take `steps` steps, fewer if a stop is asked for in between.

        On a GPU the work is queued only: whoever reads `losses` waits for it.
        """
        for done in range(steps):
            if done and stop_asked():
                return
            self._turn_page()
            self._step()
            for lane in self.lanes:
                lane.progress.step += 1

    def without(self, ended: Sequence[Lane]) -> "Stack | None":
        """Close the gaps of lanes that have ended; None when no lane is left."""
        if not ended:
            return self
        for lane in ended:  # as rows they would keep the memory of all
            lane.weights, lane.moments = lane.weights.clone(), lane.moments.clone()
        left = [lane for lane in self.lanes if not any(lane is one for one in ended)]
        return Stack(left, self.problems, self._way) if left else None

    def decoder(self, lanes: Sequence[Lane]) -> Decoder:
        """The model of some of the lanes, to be read and not trained."""
        rows = [n for n, lane in enumerate(self.lanes) if any(lane is one for one in lanes)]
        thetas = [self.lanes[row].config.rope_theta for row in rows]
        return Decoder(self.config, self.model.weights.detach()[rows], thetas, self._way.parts)

    def _take_rows(self) -> None:
        rows = zip(self.lanes, self.model.weights.detach(), self._moments, strict=True)
        for lane, weights, moments in rows:
            lane.weights, lane.moments = weights, moments

    def _one_step(self, loss_of_batch: Callable[[Tensor], Tensor]) -> None:
        """Move every lane's weights once, by device work alone."""
        rows = self._order.index_select(1, self._place).squeeze(1)  # (lanes, batch)
        losses = loss_of_batch(self.problems[rows])
        (gradient,) = torch.autograd.grad(losses.sum(), self.model.weights)
        if self._clips is not None:
            self._clip(gradient, self._clips)
        self._rate.copy_(self._rates.index_select(1, self._place).squeeze(1))
        self._adamw(gradient)
        self.losses.copy_(losses.detach())
        self._place += 1

    def _clip(self, gradient: Tensor, clips: Tensor) -> None:
        """Scale down each lane's gradient whose norm is above its bound."""
        norms = gradient.norm(dim=1)
        gradient *= (clips / (norms + 1e-6)).clamp(max=1.0).unsqueeze(1)

    def _turn_page(self) -> None:
        """Lay out the batches and rates of the next step's epoch, if it is a new one."""
        step = self.lanes[0].progress.step
        epoch, place = divmod(step, self._batches)
        if epoch == self._epoch:
            return
        steps = range(epoch * self._batches, (epoch + 1) * self._batches)
        for row, lane in enumerate(self.lanes):
            order = epoch_order(lane.trial.seed, epoch, self.config)
            rates = torch.tensor([learning_rate(lane.config, step) for step in steps])
            for there, here in ((self._order, order), (self._rates, rates)):
                # From memory that may be swapped out, a copy to a GPU waits for all steps before.
                staged = here.pin_memory() if there.is_cuda else here
                there[row].copy_(staged, non_blocking=True)
        self._place.fill_(place)
        self._epoch = epoch

    def _adamw(self, gradient: Tensor) -> None:
        """Move the weights, those of lanes that share their rates in one pass.

        By the function and not the class: making an object of that imports a compiler for 2 s.
        """
        weights = self.model.weights.detach()
        for rows in self._alike:
            first = rows[0]
            adamw(
                [weights[row] for row in rows],
                [gradient[row] for row in rows],
                [self._moments[row, 0] for row in rows],
                [self._moments[row, 1] for row in rows],
                [],
                [self._done[row] for row in rows],
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=self._rate[first],
                weight_decay=self.lanes[first].config.weight_decay,
                eps=EPSILON,
                maximize=False,
            )


def losses_of(model: Decoder, batch: Tensor, scored: int) -> Tensor:
    """Mean loss of a scored token of batch (lanes, batch, length): (lanes,)."""
    logits = model(batch[:, :, :-1], scored)
    answer = batch[:, :, -scored:].long()
    losses = nn.functional.cross_entropy(logits.flatten(0, 2), answer.flatten(), reduction="none")
    return losses.view(len(batch), -1).mean(1)


def learning_rate(config: Config, step: int) -> float:
    """Give the rate of the step after `step` steps: linear warm-up, then the schedule, then 0."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = min(1.0, (step - config.warmup_steps) / (config.max_steps - config.warmup_steps))
    left = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return config.learning_rate * left[config.schedule]


def epoch_order(seed: int, epoch: int, config: Config) -> Tensor:
    """Choose the problems of an epoch's batches: (batches, batch_size), by the arguments alone.

    An epoch goes once through a permutation of its own; what does not fill a batch is left out.
    """
    order = _permutation(seed, epoch, config.train_size)
    batches = config.train_size // config.batch_size
    return order[: batches * config.batch_size].view(batches, config.batch_size)


def generator_for(seed: int, purpose: str) -> torch.Generator:
    """Make a generator of its own for each purpose, so that no draw shifts another."""
    digest = hashlib.sha256(f"{purpose} of seed {seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _same_rates(configs: Sequence[Config]) -> list[list[int]]:
    """Put together the rows of the configs that move their weights at the same rates."""
    rows: dict[tuple[object, ...], list[int]] = {}
    for row, config in enumerate(configs):
        course = (config.learning_rate, config.schedule, config.warmup_steps, config.max_steps)
        rows.setdefault((*course, config.weight_decay), []).append(row)
    return list(rows.values())


# Shapes that train side by side ask for the same orders, one after the other.
@functools.lru_cache(maxsize=16)
def _permutation(seed: int, epoch: int, size: int) -> Tensor:
    return torch.randperm(size, generator=generator_for(seed, f"order in epoch {epoch}"))
