"""What a spec may set: every parameter with its default, bounds and meaning, in one table.

`read` turns what a spec gave into a whole Config, or says everything that is wrong with it.
It knows no model and needs no torch.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from trainer.addition import Task, boundary
from trainer.protocol import Mistake, TrainerError


def _parameter(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    choices: tuple[Any, ...] | None = None,
) -> Any:
    limits = {"minimum": minimum, "above": above, "maximum": maximum, "choices": choices}
    told = {name: limit for name, limit in limits.items() if limit is not None}
    return field(default=default, metadata={"help": help, **told})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One trial's settings. Made by `read`, which settles what is derived and refuses the rest.

    Source:
        Defaults: seed/spec-driven-experimentation.md, "Real Example", its Upper baseline. What the
        seed leaves open is ours: d_ff = 512 gives all four of its parameter counts.
    """

    d_model: int = _parameter(256, "width of the residual stream", minimum=1, maximum=16384)
    depth: int = _parameter(6, "number of layers", minimum=1, maximum=256)
    d_proj: int = _parameter(
        0, "width of the attention, over all heads; 0 takes d_model", minimum=0, maximum=16384
    )
    d_ff: int = _parameter(512, "hidden width of the MLP", minimum=1, maximum=65536)
    heads: int = _parameter(
        0,
        "attention heads; 0 takes as many as are 32 wide, and at least 4 where they fit",
        minimum=0,
        maximum=512,
    )
    rope_theta: float = _parameter(100.0, "base of the RoPE frequencies", above=0)
    batch_size: int = _parameter(512, "problems a step", minimum=1, maximum=1_000_000)
    learning_rate: float = _parameter(1e-4, "peak learning rate of AdamW", above=0)
    max_steps: int = _parameter(10_000, "steps at most", minimum=1)
    eval_every: int = _parameter(500, "steps between evaluations", minimum=1)
    early_stopping: bool = _parameter(True, "stop when the evaluation loss no longer falls")
    patience: int = _parameter(3, "evaluations without improvement that stop a trial", minimum=1)
    min_improvement: float = _parameter(
        0.0,
        "share of the best evaluation loss by which a lower one must undercut it to count",
        minimum=0,
        maximum=1,
    )
    schedule: str = _parameter(
        "constant",
        "course of the learning rate after warm-up: flat, or to 0 at max_steps",
        choices=("constant", "cosine", "linear"),
    )
    warmup_steps: int = _parameter(0, "steps of linear warm-up", minimum=0)
    gradient_clip: float = _parameter(0.0, "largest gradient norm; 0 clips nothing", minimum=0)
    weight_decay: float = _parameter(
        0.0, "decoupled weight decay, on every parameter", minimum=0, maximum=1
    )
    digits: int = _parameter(3, "decimal digits of an operand", minimum=1, maximum=18)
    base: int = _parameter(100, "base of the digit tokens", choices=(10, 100))
    answer_order: str = _parameter(
        "msd",
        "which digit of the answer comes first: most or least significant",
        choices=("msd", "lsd"),
    )
    operand_order: str = _parameter(
        "msd",
        "which digit of an operand comes first; with that of the answer, each digit of the sum is "
        "as far from its two digits as any other",
        choices=("msd", "lsd"),
    )
    loss_on: str = _parameter(
        "answer", "tokens that the training loss is taken over", choices=("answer", "all")
    )
    sampling: str = _parameter(
        "uniform",
        "how problems to train on are drawn: all alike, or balanced over lengths, carry chains and "
        "repeated digits, without any boundary case",
        choices=("uniform", "balanced"),
    )
    train_size: int = _parameter(100_000, "different problems to train on", minimum=1)
    eval_size: int = _parameter(10_000, "different problems held out", minimum=1)
    precision: str = _parameter(
        "float32",
        "of products; the weights stay in float32. tf32 and bfloat16 need a device that has them",
        choices=("float32", "tf32", "bfloat16"),
    )
    compile: str = _parameter(
        "auto",
        "whether the step is compiled: auto where a forecast says that the wait for it pays",
        choices=("auto", "never", "always"),
    )
    max_tokens: int = _parameter(32, "longest sequence the model may see", minimum=1)

    @property
    def task(self) -> Task:
        """The task that these settings describe."""
        return Task(self.digits, self.base, self.answer_order, self.operand_order)

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.d_proj // self.heads

    @property
    def scored(self) -> int:
        """How many tokens at the end of a problem the training loss is taken over."""
        return self.task.answer_length if self.loss_on == "answer" else self.task.length - 1


METRICS = {
    "exact_match": {
        "better": "higher",
        "unit": "share",
        "help": "share of held-out problems with every answer token right",
    },
    "exact_match_unmirrored": {
        "better": "higher",
        "unit": "share",
        "help": "the same over problems a + b for which b + a was not trained on either",
    },
    "exact_match_boundary": {
        "better": "higher",
        "unit": "share",
        "help": "share of boundary cases right (0 + 0, all nines + 1, longest carries, ...), of "
        "those not trained on",
    },
    "eval_loss": {
        "better": "lower",
        "unit": "nats",
        "help": "mean loss of an answer token of the held-out problems, whatever loss_on is",
    },
}


def parameters() -> dict[str, dict[str, Any]]:
    """Give the table of Config as `cost` tells it."""
    return {
        f.name: {"type": type(f.default).__name__, "default": f.default, **f.metadata}
        for f in fields(Config)
    }


def read(given: Mapping[str, Any]) -> Config:
    """Settle the whole config that `given` asks for, derived widths included.

    Raises:
        TrainerError: `given` cannot be trained; says everything that is wrong with it.
    """
    known = parameters()
    found = []
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            found.append(_unknown(name, known))
        elif name == "d_proj" and value is None:
            values[name] = 0
        elif mistake := _wrong(name, value, known[name]):
            found.append(mistake)
        else:
            values[name] = float(value) if known[name]["type"] == "float" else value
    sound = known.keys() - (given.keys() - values.keys())
    config = _derived(Config(**values))
    found += [Mistake(what, fix) for names, what, fix in _clashes(config) if names <= sound]
    if found:
        raise TrainerError(*found)
    return config


def _derived(config: Config) -> Config:
    d_proj = config.d_proj or config.d_model
    wanted = range(max(4, d_proj // 32), 1, -1)
    heads = config.heads or next((h for h in wanted if d_proj % (2 * h) == 0), 1)
    return replace(config, d_proj=d_proj, heads=heads)


def _unknown(name: str, known: Mapping[str, Any]) -> Mistake:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    fix = f"did you mean {near[0]}?" if near else f"take one of {', '.join(known)}"
    return Mistake(f"there is no parameter {name!r}", fix)


_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "bool": ("true or false", (bool,)),
    "str": ("a word", (str,)),
}


def _wrong(name: str, value: Any, told: Mapping[str, Any]) -> Mistake | None:
    kind, types = _KINDS[told["type"]]
    is_kind = type(value) in types  # not isinstance: True is no whole number here
    if "choices" in told:
        if not is_kind or value not in told["choices"]:
            choices = " or ".join(str(choice) for choice in told["choices"])
            return Mistake(f"{name}={value!r} is not among its choices", f"take {choices}")
    elif not is_kind or (isinstance(value, float) and not math.isfinite(value)):
        return Mistake(f"{name}={value!r} is not {kind}", f"write {kind}, e.g. {told['default']}")
    elif "minimum" in told and value < told["minimum"]:
        return Mistake(f"{name}={value} is too small", f"take {told['minimum']} or more")
    elif "above" in told and value <= told["above"]:
        return Mistake(f"{name}={value} is too small", f"take more than {told['above']}")
    elif "maximum" in told and value > told["maximum"]:
        return Mistake(f"{name}={value} is too large", f"take {told['maximum']} or less")
    return None


def _clashes(config: Config) -> Iterator[tuple[set[str], str, str]]:
    """Name values that are sound alone and impossible together: the parameters, what, fix."""
    task = config.task
    width = "d_proj" if config.d_proj != config.d_model else "d_model"
    heads = config.heads
    if config.d_proj % (2 * heads):
        yield (
            {"d_model", "d_proj", "heads"},
            f"{width}={config.d_proj} cannot be split into heads={heads} of even width, which RoPE "
            "needs",
            f"take {width}={-(-config.d_proj // (2 * heads)) * 2 * heads}",
        )
    if task.length > config.max_tokens:
        yield (
            {"digits", "base", "max_tokens"},
            f"max_tokens={config.max_tokens} is too short for digits={config.digits} in "
            f"base={config.base}, which take {task.length} tokens",
            f"take max_tokens={task.length} or fewer digits",
        )
    free = task.pairs - (len(boundary(task)) if config.sampling == "balanced" else 0)
    if config.train_size + config.eval_size > free:
        held = free // 10
        yield (
            {"train_size", "eval_size", "digits", "sampling"},
            f"train_size={config.train_size} and eval_size={config.eval_size} need more than the "
            f"{free} pairs that digits={config.digits} and sampling={config.sampling} leave",
            f"take train_size={free - held} and eval_size={held}, say",
        )
    if config.batch_size > config.train_size:
        yield (
            {"batch_size", "train_size"},
            f"batch_size={config.batch_size} is more than train_size={config.train_size}",
            f"take batch_size={config.train_size} or less",
        )
    if config.warmup_steps >= config.max_steps:
        yield (
            {"warmup_steps", "max_steps"},
            f"warmup_steps={config.warmup_steps} leaves nothing of max_steps={config.max_steps}",
            f"take warmup_steps={config.max_steps // 10}",
        )
