"""A step of a few lanes by any parts, for holding one against the other."""

import torch

from tests.trainer.test_model import first_weights
from trainer.lanes import losses_of
from trainer.model import Decoder

THETAS = (100.0, 30.0, 10.0)
# Heads and widths that are no powers of two, a base of long problems, a layer that is the only one.
SHAPES = [
    {"d_model": 24, "depth": 2, "d_ff": 40, "heads": 3, "loss_on": "all"},
    {"d_model": 20, "depth": 2, "d_ff": 32, "d_proj": 12, "heads": 2},
    {"d_model": 16, "depth": 1, "d_ff": 32, "heads": 2, "digits": 6, "base": 10},
]


def step(config, parts, lanes=2, problems=3, precision=torch.float32):
    """Losses of a batch and the gradient of their sum, one row a lane; more lanes, same first."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.stack([first_weights(config, seed) for seed in range(3)])
    weights += 0.05 * torch.randn(weights.shape, generator=generator)  # norms that are not all 1
    size = (3, problems, config.task.length)
    batch = torch.randint(config.task.vocabulary, size, generator=generator, dtype=torch.uint8)
    model = Decoder(config, weights[:lanes], THETAS[:lanes], parts)
    with torch.autocast("cpu", precision, enabled=precision is not torch.float32):
        losses = losses_of(model, batch[:lanes], config.scored)
    (gradient,) = torch.autograd.grad(losses.sum(), model.weights)
    return losses.detach(), gradient


def apart(some, others):
    """How far tensors are from each other, to the length of the others."""
    return ((some - others).norm() / others.norm()).item()
