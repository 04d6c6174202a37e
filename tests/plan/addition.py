"""A trainer for tests that counts and prices like the bundled one, without starting a program."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from techspec.plan.trainer import Config, Cost, MetricInfo, ParameterInfo, TrainerFacts

VOCABULARY = 103

DEFAULTS = {
    "d_model": 256,
    "depth": 6,
    "d_proj": 0,
    "d_ff": 512,
    "heads": 0,
    "rope_theta": 100.0,
    "batch_size": 512,
    "learning_rate": 1e-4,
    "max_steps": 10_000,
    "schedule": "constant",
}


def count(config: Config) -> int:
    """Parameters of the model, as `trainer.shape` counts them."""
    whole = {**DEFAULTS, **config}
    d, depth, d_ff = (int(whole[key]) for key in ("d_model", "depth", "d_ff"))
    p = int(whole["d_proj"]) or d
    return depth * (4 * d * p + 2 * d * d_ff) + VOCABULARY * d + (2 * depth + 1) * d


@dataclass
class Addition:
    """Answers as the contract says; `asked` holds how many configs each question had."""

    seconds_a_parameter: float = 1e-4
    asked: list[int] = field(default_factory=list)

    def facts(self) -> TrainerFacts:
        """The names and defaults of the bundled trainer that a plan meets."""
        return TrainerFacts(
            name="addition",
            code="c0de",
            parameters={
                key: ParameterInfo(type(value).__name__, value) for key, value in DEFAULTS.items()
            },
            metrics={"exact_match": MetricInfo(), "eval_loss": MetricInfo("lower")},
            has_cost=True,
        )

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        """Count each config; odd widths are refused, as RoPE needs even heads."""
        self.asked.append(len(configs))
        return [self._cost(config) for config in configs]

    def _cost(self, config: Config) -> Cost:
        if unknown := [key for key in config if key not in DEFAULTS]:
            return Cost(problem=f"there is no parameter {unknown[0]!r}")
        if int(config.get("d_model", 256)) % 2:
            return Cost(problem=f"d_model={config['d_model']} is odd; RoPE needs an even width")
        params = count(config)
        seconds = params * self.seconds_a_parameter
        return Cost(params, params * 6.0e6, {"cpu": seconds * 10, "cuda": seconds})
