"""A config in, what it costs out: parameters, FLOPs, nominal seconds. Arithmetic, no torch.

Nominal seconds are the same on every machine, so that a spec gives the same plan everywhere.
They cover training and evaluation to max_steps (early stopping may end sooner), not the start of
the process and the import of torch (about 3 s a request).
"""

from dataclasses import dataclass

from trainer.config import Config


@dataclass(frozen=True, slots=True)
class Speed:
    """What a device takes for a step: for each layer, attention row, FLOP and value written."""

    layer_seconds: float
    row_seconds: float
    flops_per_second: float
    values_per_second: float


# One thread of a 2.8 GHz Xeon, torch 2.13, beside another busy thread: a least-squares fit, in log
# seconds, to the steps in tests/trainer/test_shape.py, each of which it meets within a factor 1.5.
CPU = Speed(3.4e-3, 3.5e-7, 1.1e11, 6.7e8)

# An estimate on paper for one A100-like card in float32, not measured: an eager step issues
# about 92 + 55 kernels a layer at about 8 microseconds each; a layer stands for all of it.
CUDA = Speed(7e-4, 0.0, 2e13, 3e11)


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


def rows(config: Config, scored: int) -> int:
    """Count the rows of attention scores of one problem: small ones take about equally long."""
    return config.heads * ((config.depth - 1) * (config.task.length - 1) + scored)


def forward_seconds(config: Config, scored: int, speed: Speed) -> float:
    """Foresee one problem's way through the model, in nominal seconds."""
    work = forward_flops(config, scored) / speed.flops_per_second
    traffic = values(config, scored) / speed.values_per_second
    return work + traffic + rows(config, scored) * speed.row_seconds


def step_seconds(config: Config, speed: Speed) -> float:
    """Foresee one training step, in nominal seconds: backward takes twice the forward."""
    forward = forward_seconds(config, config.scored, speed)
    return config.depth * speed.layer_seconds + 3 * config.batch_size * forward


def seconds(config: Config, speed: Speed) -> float:
    """Foresee training to max_steps with its evaluations, in nominal seconds."""
    judged = config.eval_size * forward_seconds(config, config.task.answer_length, speed)
    return config.max_steps * step_seconds(config, speed) + evaluations(config) * judged
