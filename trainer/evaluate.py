"""A model and held-out problems in, metrics out. It changes no weight and draws nothing random."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainer.model import Decoder

# Large enough to keep the device busy, small enough for the cache (measured: 1-1.5 s for 10,000).
CHUNK = 2500


@torch.no_grad()
def evaluate(
    model: Decoder,
    problems: Tensor,
    unmirrored: Tensor,
    answer_length: int,
    stop_asked: Callable[[], bool] = lambda: False,
) -> dict[str, float] | None:
    """Measure the share of problems whose every answer token is right, and the loss of a token.

    The model sees the right answer so far (teacher forcing). That gives the same exact match as
    letting it write: up to its first error it has seen its own words, and after it all is lost.

    Args:
        model: the model.
        problems: (problems, length), token ids, the answer last.
        unmirrored: (problems,), True where the mirror b + a was not trained on.
        answer_length: tokens of the answer.
        stop_asked: asked between chunks; a slow evaluation must not outlast a SIGTERM.

    Returns:
        The metrics, or None if a stop was asked for.
    """
    right = []
    loss = torch.zeros((), dtype=torch.float64, device=problems.device)
    for chunk in torch.split(problems, CHUNK):
        if stop_asked():
            return None
        logits = model(chunk[:, :-1], answer_length)  # (chunk, answer, vocabulary)
        answer = chunk[:, -answer_length:]
        loss += nn.functional.cross_entropy(logits.flatten(0, 1), answer.flatten(), reduction="sum")
        right.append((logits.argmax(-1) == answer).all(-1))
    all_right = torch.cat(right)  # (problems,)
    metrics = {
        "exact_match": all_right.double().mean().item(),
        "eval_loss": loss.item() / (len(problems) * answer_length),
    }
    if unmirrored.any():
        metrics["exact_match_unmirrored"] = all_right[unmirrored].double().mean().item()
    return metrics
