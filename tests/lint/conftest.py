"""A trainer that counts as the addition trainer does, and the markers of a spec."""

import re
from collections.abc import Sequence

import pytest

from techspec.lint.case import Case
from techspec.lint.finding import Settled
from techspec.plan.model import Plan
from techspec.plan.trainer import Config, Cost, MetricInfo, ParameterInfo, Trainer, TrainerFacts
from techspec.run.trainer_call import TrainerNotFound
from techspec.spec.reader import read

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
    "eval_every": 500,
    "early_stopping": True,
    "base": 100,
    "digits": 3,
    "answer_order": "msd",
    "loss_on": "answer",
    "schedule": "constant",
    "warmup_steps": 0,
    "gradient_clip": 0.0,
}


class AdditionTrainer:
    """Counts parameters by the formula; refuses odd widths and what is not a positive number."""

    def __init__(self) -> None:
        self.questions: list[list[Config]] = []
        self.facts_asked = 0

    def facts(self) -> TrainerFacts:
        self.facts_asked += 1
        parameters = {
            name: ParameterInfo(type=type(default).__name__, default=default)
            for name, default in DEFAULTS.items()
        }
        metrics = {
            "exact_match": MetricInfo(better="higher", unit="share"),
            "eval_loss": MetricInfo(better="lower", unit="nats"),
        }
        return TrainerFacts("addition", "c0de", parameters, metrics, has_cost=True)

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        self.questions.append(list(configs))
        return [self._cost(config) for config in configs]

    def _cost(self, config: Config) -> Cost:
        if unknown := config.keys() - DEFAULTS.keys():
            return Cost(problem=f"there is no parameter {sorted(unknown)[0]!r}: take another")
        whole = {**DEFAULTS, **config}
        for key in ("d_model", "depth", "d_ff", "batch_size", "max_steps", "d_proj"):
            value = whole[key]
            least = 0 if key == "d_proj" else 1
            if type(value) is not int or value < least:
                return Cost(problem=f"{key}={value} is not a number of that kind: take {least}")
        depth, width, hidden = whole["depth"], whole["d_model"], whole["d_ff"]
        projection = whole["d_proj"] or width
        if projection % 2:
            return Cost(problem=f"d_model={width} is odd; RoPE needs an even width: take 8")
        layer = 4 * width * projection + 2 * width * hidden
        params = depth * layer + VOCABULARY * width + (2 * depth + 1) * width
        flops = 6.0 * params * whole["batch_size"] * 10 * whole["max_steps"]
        seconds = {"cpu": flops / 7e10, "cuda": 30 + flops / 1e14}
        return Cost(params=params, flops=flops, seconds=seconds)


@pytest.fixture
def trainer():
    return AdditionTrainer()


@pytest.fixture
def case_of():
    """A text as a rule receives it.

    A trainer that is not on any machine has its problem, and wide against deep is settled.
    """

    def known(plan: Plan) -> list[Settled]:
        asked = [q for q in plan.questions if q.arms == ("wide", "deep") and q.claim]
        widths = {arm.name: arm.config.get("d_model") for arm in plan.arms}
        is_known = (widths.get("wide"), widths.get("deep")) == (512, 128)
        said = "CONFIRMED, 15.4 pt over 5 + 5 seeds [addition-width]"
        return [Settled(q.id, "CONFIRMED", said) for q in asked if is_known]

    def read_case(text: str, trainer: Trainer) -> Case:
        spec = read(text)
        command = spec.run.trainer or ""
        lost = TrainerNotFound(command) if "no-such-program" in command else None
        return Case(spec, trainer, lost, known)

    return read_case


@pytest.fixture
def marked():
    """The codes that a text promises, as (line, code), by its markers `<!-- TS201 TS301 -->`."""

    def read_markers(text: str) -> list[tuple[int, str]]:
        return sorted(
            (number, code)
            for number, line in enumerate(text.splitlines(), start=1)
            for marker in re.findall(r"<!--((?:\s*TS\d{3})+)\s*-->", line)
            for code in marker.split()
        )

    return read_markers
