"""A config in, the problems of its trials out, on a device: what to train on and what to ask.

Nothing here depends on a trial's seed, so every trial of a config is asked the same problems.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer import addition
from trainer.addition import Task
from trainer.config import Config


@dataclass(frozen=True, slots=True)
class Problems:
    """The problems of a trial, the answer last in each row. Shared between trials: do not write.

    Args:
        train: (train_size, length), uint8 token ids.
        held_out: (held out, length), uint8 token ids: those drawn, then the boundary cases.
        masks: for each metric that is a share of right answers, the held-out rows that it is over:
            (held out,), True where a row counts; none that counts is in `train`. A metric without
            any row is left out.
        digest: names the held-out pairs that were drawn, whatever the base they are written in;
            the boundary cases follow from the digits of an operand.
    """

    train: Tensor
    held_out: Tensor
    masks: Mapping[str, Tensor]
    digest: str


def problems(config: Config, device: torch.device) -> Problems:
    """Draw and write the problems that `config` asks for."""
    return _problems(config.task, config.train_size, config.eval_size, config.sampling, device)


def as_tokens(task: Task, pairs: Sequence[addition.Pair]) -> Tensor:
    """Write the problems as token ids: (pairs, length), uint8."""
    flat = bytes(token for a, b in pairs for token in task.tokens(a, b))  # ids stay below 103
    return torch.frombuffer(bytearray(flat), dtype=torch.uint8).view(-1, task.length)


# The lanes of a request mostly share their problems; two, so that a pair of arms may alternate.
@functools.lru_cache(maxsize=2)
def _problems(
    task: Task, train_size: int, eval_size: int, sampling: str, device: torch.device
) -> Problems:
    train, drawn = addition.split(task, train_size, eval_size, sampling)
    boundary, seen = addition.boundary(task), set(train)
    none_drawn, no_boundary = [False] * eval_size, [False] * len(boundary)
    masks = {
        "exact_match": [True] * eval_size + no_boundary,
        "exact_match_unmirrored": addition.without_mirror(drawn, train) + no_boundary,
        "exact_match_boundary": none_drawn + [pair not in seen for pair in boundary],
    }
    return Problems(
        train=as_tokens(task, train).to(device),
        held_out=as_tokens(task, drawn + boundary).to(device),
        masks={name: torch.tensor(m, device=device) for name, m in masks.items() if any(m)},
        digest=addition.digest(drawn),
    )
