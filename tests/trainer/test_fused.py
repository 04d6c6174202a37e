"""The fused kernels, run by Triton's interpreter on a CPU: they compute what the plain parts do."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from tests.trainer.test_model import first_weights  # noqa: E402
from trainer import config as configs  # noqa: E402
from trainer import fused, plain  # noqa: E402
from trainer.lanes import losses_of  # noqa: E402
from trainer.model import Decoder  # noqa: E402

THETAS = (100.0, 30.0, 10.0)
# Heads and widths that are no powers of two, a base of long problems, a layer that is the only one.
SHAPES = [
    {"d_model": 24, "depth": 2, "d_ff": 40, "heads": 3, "loss_on": "all"},
    {"d_model": 20, "depth": 2, "d_ff": 32, "d_proj": 12, "heads": 2},
    {"d_model": 16, "depth": 1, "d_ff": 32, "heads": 2, "digits": 6, "base": 10},
]


def step(config, parts, lanes=2, precision=torch.float32):
    """Losses of a batch and the gradient of their sum, one row a lane; more lanes, same first."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.stack([first_weights(config, seed) for seed in range(3)])
    weights += 0.05 * torch.randn(weights.shape, generator=generator)  # norms that are not all 1
    size = (3, 3, config.task.length)
    batch = torch.randint(config.task.vocabulary, size, generator=generator, dtype=torch.uint8)
    model = Decoder(config, weights[:lanes], THETAS[:lanes], parts)
    with torch.autocast("cpu", precision, enabled=precision is not torch.float32):
        losses = losses_of(model, batch[:lanes], config.scored)
    (gradient,) = torch.autograd.grad(losses.sum(), model.weights)
    return losses.detach(), gradient


def apart(some, others):
    return ((some - others).norm() / others.norm()).item()


@pytest.mark.parametrize("given", SHAPES)
def test_a_step_by_fused_kernels_is_a_plain_one_but_for_rounding(given):
    config = configs.read(given)

    (losses, gradient), (expected, plain_gradient) = (step(config, p) for p in (fused, plain))

    assert apart(losses, expected) < 1e-6
    assert apart(gradient, plain_gradient) < 2e-6


def test_a_lane_gets_bit_for_bit_what_it_would_get_alone():
    config = configs.read(SHAPES[0])

    (_, together), (_, alone) = (step(config, fused, lanes) for lanes in (3, 1))

    assert torch.equal(together[:1], alone)


def test_in_bfloat16_products_are_lowered_and_the_gradient_is_not():
    config = configs.read(SHAPES[1])

    _, exact = step(config, plain)
    _, gradient = step(config, fused, precision=torch.bfloat16)

    assert gradient.dtype is torch.float32
    assert 1e-4 < apart(gradient, exact) < 3e-2


def test_shapes_that_no_program_could_hold_are_left_to_others():
    assert fused.bears(configs.read({"d_model": 512, "digits": 18, "base": 10, "max_tokens": 60}))
    assert not fused.bears(configs.read({"d_model": 16384, "heads": 512}))
