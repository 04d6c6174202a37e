"""Models and held-out problems in, metrics of each out. It changes no weight and draws nothing."""

from collections.abc import Callable

import torch
from torch import nn

from trainer.data import Problems
from trainer.model import Decoder

# Problems at once: so few on a CPU that what a layer writes stays in its cache (a fifth faster than
# 2,500, measured on two shapes), so many on a GPU that it is kept busy.
CHUNK = {"cpu": 500, "cuda": 5000}


@torch.no_grad()
def evaluate(
    model: Decoder,
    problems: Problems,
    answer_length: int,
    stop_asked: Callable[[], bool] = lambda: False,
) -> list[dict[str, float]] | None:
    """Measure the share of problems whose every answer token is right, and the loss of a token.

    The model sees the right answer so far (teacher forcing). That gives the same exact match as
    letting it write: up to its first error it has seen its own words, and after it all is lost.

    Args:
        model: one decoder or more.
        problems: its held-out rows are asked, and its masks say which of them make a metric.
        answer_length: tokens of the answer.
        stop_asked: asked between chunks; a slow evaluation must not outlast a SIGTERM.

    Returns:
        The metrics of each lane of the model, or None if a stop was asked for.
    """
    lanes = len(model.weights)
    right, losses = [], []
    for rows in torch.split(problems.held_out, CHUNK[model.weights.device.type]):
        if stop_asked():
            return None
        chunk = rows.expand(lanes, *rows.shape)
        logits = model(chunk[:, :, :-1], answer_length)  # (lanes, chunk, answer, vocabulary)
        answer = chunk[:, :, -answer_length:].long()
        loss = nn.functional.cross_entropy(logits.flatten(0, 2), answer.flatten(), reduction="none")
        losses.append(loss.view_as(answer).mean(-1))
        right.append((logits.argmax(-1) == answer).all(-1))
    all_right, mean_loss = torch.cat(right, 1).double(), torch.cat(losses, 1).double()
    shares = {name: all_right[:, mask].mean(1).tolist() for name, mask in problems.masks.items()}
    shares["eval_loss"] = mean_loss[:, problems.masks["exact_match"]].mean(1).tolist()
    return [{name: values[lane] for name, values in shares.items()} for lane in range(lanes)]
