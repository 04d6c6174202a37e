"""A config in, what it costs out: parameters, FLOPs, nominal seconds. Arithmetic, no torch.

Nominal seconds are the same on every machine, so that a spec gives the same plan everywhere.
They cover training and evaluation to max_steps (early stopping may end sooner), step by step as
written: neither the start of the process and the import of torch (about 3 s a request), nor what
compiling or stacking lanes saves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import mul
from statistics import median

from trainer.config import Config

Work = tuple[float, float, float, float]
"""One number for each of the first four fields of Speed: how much there is to do at that price."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What a device takes for each piece of work, in seconds; a way back counts as two ways there.

    Args:
        layer_seconds: to issue a layer's operations, whatever the batch; what all layers have in
            common is one layer more.
        flop_seconds: for a floating-point operation of a product; 2 make a multiply-add.
        value_seconds: for a number written outside the hidden layer of the MLP: by norms, RoPE,
            attention, sums, logits.
        hidden_seconds: for a number in the hidden layer of the MLP, GELU and all.
        evaluation_ratio: seconds of a problem that is evaluated to those of its way there in a
            step; a chunk is larger than most batches, and less of it stays in the cache.
    """

    layer_seconds: float
    flop_seconds: float
    value_seconds: float
    hidden_seconds: float
    evaluation_ratio: float


# One thread of a 2.4 GHz EPYC with AVX2, torch 2.13, fused kernels: least squares of relative
# errors over the 23 shapes in tests/trainer/test_shape.py, drawn at random, each of which it meets
# within a factor 1.3.
CPU = Speed(2.4e-3, 1.5e-11, 1.1e-9, 1.8e-9, 1.2)

# An NVIDIA H200 with torch 2.11, fused kernels, one lane: all prices fitted to float32 steps of the
# seven shapes of the reported study, and that of a FLOP once more to their TF32 and bfloat16 steps,
# which they meet within 6, 6 and 17 %. How an evaluation compares was not fitted.
_CUDA = Speed(1.0e-4, 2.7e-14, 1.24e-12, 2.16e-12, 1.0)
_CUDA_FLOP_SECONDS = {"float32": _CUDA.flop_seconds, "tf32": 6e-15, "bfloat16": 2e-15}

# How much a fit holds to each proportion it began with: as much as a hundredth of a probe would.
_HOLD = 0.1
_SWEEPS = 500


def nominal(config: Config, device: str) -> Speed:
    """The prices that a spec is planned with, the same on every machine.

    Args:
        config: its precision says how fast a GPU multiplies; a CPU's products have one price.
        device: `cpu` or `cuda`.
    """
    if device == "cpu":
        return CPU
    return replace(_CUDA, flop_seconds=_CUDA_FLOP_SECONDS[config.precision])


def params(config: Config) -> int:
    """Count the weights of the model, the tied embedding once.

    Source:
        L (4 d p + 2 d f) + V d + (2 L + 1) d: with f = 512, the four counts of the reported study.
    """
    d, layers = config.d_model, config.depth
    matrices = 4 * d * config.d_proj + 2 * d * config.d_ff
    return layers * matrices + config.task.vocabulary * d + (2 * layers + 1) * d


def forward_flops(config: Config, scored: int) -> int:
    """Count the FLOPs of one problem's way through the model, 2 for each multiply-add.

    Args:
        config: the model and its task.
        scored: positions whose logits are wanted; the last layer computes only those.
    """
    d, p, length = config.d_model, config.d_proj, config.task.length - 1

    def layer(wanted: int) -> int:
        key_value = length * 2 * d * p
        query_out_mlp = wanted * (2 * d * p + 2 * d * config.d_ff)
        return key_value + query_out_mlp + wanted * 2 * length * p

    head = scored * config.task.vocabulary * d
    return 2 * ((config.depth - 1) * layer(length) + layer(scored) + head)


def values(config: Config, scored: int) -> int:
    """Count the numbers that one problem writes on its way: what a small model waits for."""
    d, p, length = config.d_model, config.d_proj, config.task.length - 1

    def layer(wanted: int) -> int:
        return length * (d + 4 * p) + wanted * (4 * d + 4 * p + 2 * config.d_ff)

    head = scored * (2 * d + 3 * config.task.vocabulary)
    return length * d + (config.depth - 1) * layer(length) + layer(scored) + head


def evaluations(config: Config) -> int:
    """Count the evaluations of a trial that goes to max_steps."""
    return -(-config.max_steps // config.eval_every)


def flops(config: Config) -> float:
    """Count training to max_steps, backward as twice the forward, and the evaluations."""
    trained = config.max_steps * config.batch_size * 3 * forward_flops(config, config.scored)
    judged = forward_flops(config, config.task.answer_length) * config.eval_size
    return float(trained + evaluations(config) * judged)


def step_work(config: Config) -> Work:
    """Count what a training step has to do."""
    return (config.depth + 1.0, *_forward_work(config, config.scored, 3 * config.batch_size))


def evaluation_work(config: Config, problems: int) -> Work:
    """Count what it takes to evaluate so many problems."""
    return (0.0, *_forward_work(config, config.task.answer_length, problems))


def priced(work: Work, speed: Speed) -> float:
    """Put a price on work, in seconds."""
    return sum(count * price for count, price in zip(work, _prices(speed), strict=True))


def step_seconds(config: Config, speed: Speed) -> float:
    """Foresee one training step."""
    return priced(step_work(config), speed)


def evaluation_seconds(config: Config, problems: int, speed: Speed) -> float:
    """Foresee one evaluation of so many problems."""
    return speed.evaluation_ratio * priced(evaluation_work(config, problems), speed)


def seconds(config: Config, speed: Speed) -> float:
    """Foresee training to max_steps with its evaluations."""
    judged = evaluation_seconds(config, config.eval_size, speed)
    return config.max_steps * step_seconds(config, speed) + evaluations(config) * judged


def fitted(seen: Sequence[tuple[Work, float]], start: Speed) -> Speed:
    """Find the prices that come nearest to what was seen; none is negative.

    Least squares of priced / seen - 1, by one price after another. Where what was seen tells two
    prices apart badly, they keep the proportion that they have in `start`.

    Args:
        seen: work, and the seconds that it took.
        start: prices all above 0; its ratio for evaluations is kept.
    """
    slower = median(took / priced(work, start) for work, took in seen)
    begun = [slower * price for price in _prices(start)]
    # Each row times the shares of `begun`, which the fit looks for, is to come out as 1 or _HOLD.
    rows = [[n * price / took for n, price in zip(work, begun, strict=True)] for work, took in seen]
    targets = [1.0] * len(rows) + [_HOLD] * 4
    rows += [[_HOLD * (k == column) for column in range(4)] for k in range(4)]
    squares = [[sum(row[j] * row[k] for row in rows) for j in range(4)] for k in range(4)]
    wanted = [sum(row[k] * t for row, t in zip(rows, targets, strict=True)) for k in range(4)]
    shares = [1.0] * 4
    for _ in range(_SWEEPS):
        for k in range(4):
            left = wanted[k] - sum(map(mul, squares[k], shares))
            shares[k] = max(0.0, shares[k] + left / squares[k][k])
    layer, flop, value, hidden = map(mul, begun, shares)
    return Speed(layer, flop, value, hidden, start.evaluation_ratio)


def _prices(speed: Speed) -> Work:
    return (
        speed.layer_seconds,
        speed.flop_seconds,
        speed.value_seconds,
        speed.hidden_seconds,
    )


def _forward_work(config: Config, scored: int, problems: int) -> tuple[float, float, float]:
    length = config.task.length - 1
    positions = (config.depth - 1) * length + scored
    hidden = positions * config.d_ff
    one = (forward_flops(config, scored), values(config, scored) - 2 * hidden, hidden)
    flops, written, activations = (float(problems * count) for count in one)
    return flops, written, activations
