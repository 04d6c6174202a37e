"""The fused kernels, run by Triton's interpreter on a CPU: they compute what the plain parts do."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from tests.trainer.one_step import SHAPES, apart, step  # noqa: E402
from trainer import config as configs  # noqa: E402
from trainer import fused_gpu, plain  # noqa: E402


@pytest.mark.parametrize("given", SHAPES)
def test_a_step_by_fused_kernels_is_a_plain_one_but_for_rounding(given):
    config = configs.read(given)

    (losses, gradient), (expected, plain_gradient) = (step(config, p) for p in (fused_gpu, plain))

    assert apart(losses, expected) < 1e-6
    assert apart(gradient, plain_gradient) < 2e-6


def test_a_lane_gets_from_each_kernel_bit_for_bit_what_it_would_get_alone():
    generator = torch.Generator().manual_seed(0)
    x, delta = torch.randn(2, 3, 2, 10, 20, generator=generator)
    weight, made = (torch.randn(3, *s, generator=generator) for s in ((20,), (2, 10, 36)))
    angles = torch.rand(3, 1, 10, 1, 3, generator=generator)

    def computed(lanes):
        """What the first of so many lanes gets, and the gradients of its inputs."""
        given = [t[:lanes].clone().requires_grad_() for t in (x, delta, weight, made)]
        total, normed = fused_gpu.add_norm(*given[:3])
        turns = angles[:lanes].cos(), angles[:lanes].sin()
        mixed = fused_gpu._Mix.apply(given[3] * 1.0, *turns, 2, 4)
        sums = sum((out * out.detach().cos()).sum() for out in (total, normed, mixed))
        return [out[0] for out in (total, normed, mixed, *torch.autograd.grad(sums, given))]

    for together, alone in zip(computed(3), computed(1), strict=True):
        assert torch.equal(together, alone)


def test_in_bfloat16_products_are_lowered_and_the_gradient_is_not():
    config = configs.read(SHAPES[1])

    _, exact = step(config, plain)
    _, gradient = step(config, fused_gpu, precision=torch.bfloat16)

    assert gradient.dtype is torch.float32
    assert 1e-4 < apart(gradient, exact) < 3e-2


def test_shapes_that_no_program_could_hold_are_left_to_others():
    assert fused_gpu.bears(
        configs.read({"d_model": 512, "digits": 18, "base": 10, "max_tokens": 60})
    )
    assert not fused_gpu.bears(configs.read({"d_model": 16384, "heads": 512}))
