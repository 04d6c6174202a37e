"""Groups and questions in, stages and trials out, in the order in which the budget is spent."""

import re
from collections.abc import Mapping, Sequence

from techspec.identity import trial_id
from techspec.plan.ablate import BASELINE, UNSTATED, Group
from techspec.plan.model import Arm, Question, Stage, Trial
from techspec.spec.model import Parameter
from techspec.spec.names import key_of

_MEANT = {
    "deep": "depth",
    "deeper": "depth",
    "hidden": "d_model",
    "larger": "params",
    "layer": "depth",
    "mlp": "d_ff",
    "param": "params",
    "projection": "d_proj",
    "scale": "params",
    "smaller": "params",
    "wide": "d_model",
    "wider": "d_model",
}
"""Words of prose for a key; what people write as a name is `names.key_of`'s."""
_COMMON = {"d", "n", "num", "max", "min", "size", "rate", "model", "steps", "every", "of"}
"""Words that are part of several names and so tell none apart."""
_FILLING = {"ablation", "experiments", "model", "scaling", "study", "sweep", "the"}


def stages(
    groups: Sequence[Group],
    called: Mapping[str, str],
    baseline: str | None,
    questions: Sequence[Question],
    order: Sequence[str],
    parameters: Sequence[Parameter],
) -> tuple[Stage, ...]:
    """One stage a group that has arms of its own; each arm is run in the first that wants it.

    Args:
        groups: in the order of the file.
        called: the arm that stands for each draft.
        baseline: the arm that all share; it belongs to the first stage.
        questions: a group that serves one goes before its equals that serve none.
        order: the items of the spec's priority line, first first.
        parameters: the rows of the spec, for the names that they give to keys.
    """
    asked = {arm for question in questions for arm in question.arms} - {baseline}
    names = {parameter.key: parameter.name for parameter in parameters}

    def rank(place: int) -> tuple[int, int, bool, int]:
        group = groups[place]
        arms = {called[name] for name in group.arms if name in called}
        mentions = (
            number
            for number, item in enumerate(order)
            if any(mentioned(item, key, names.get(key, "")) for key in (*group.keys, group.name))
        )
        return group.priority, next(mentions, len(order)), not arms & asked, place

    found: list[Stage] = []
    taken: set[str] = set()
    waiting = [baseline] if baseline else []
    for group in (groups[place] for place in sorted(range(len(groups)), key=rank)):
        wanted = [called[name] for name in group.arms if name in called]
        arms = tuple(dict.fromkeys(a for a in (*waiting, *wanted) if a not in taken))
        if arms:
            found.append(Stage(group.name, group.priority, arms))
            taken.update(arms)
            waiting = []
    if waiting:
        found.append(Stage(BASELINE, UNSTATED, tuple(waiting)))
    return tuple(found)


def trials(
    stages: Sequence[Stage],
    arms: Sequence[Arm],
    seeds: Mapping[str, range],
    questions: Sequence[Question],
    identity: str,
) -> tuple[Trial, ...]:
    """Every trial in launch order: stage by stage, in each seed 0 of all arms, then seed 1.

    Args:
        stages: in their order.
        arms: those that the stages name.
        seeds: which ones each arm gets, by its name.
        questions: a trial serves those that need its arm.
        identity: digest of the trainer's source, and of the files that its scores come from.
    """
    by_name = {arm.name: arm for arm in arms}
    serves = {
        arm.name: tuple(question.id for question in questions if arm.name in question.arms)
        for arm in arms
    }
    return tuple(
        Trial(
            id=trial_id(name, seed, by_name[name].config, identity),
            arm=name,
            seed=seed,
            stage=number,
            serves=serves[name],
            seconds=by_name[name].seconds,
        )
        for number, stage in enumerate(stages)
        for seed in range(max(seeds[name].stop for name in stage.arms))
        for name in stage.arms
        if seed in seeds[name]
    )


def mentioned(text: str, key: str, name: str = "") -> bool:
    """Whether a text speaks of a parameter, by its key, its name in the spec, or a usual word.

    >>> [key for key in ("depth", "d_model", "params") if mentioned("depth/width ablation", key)]
    ['depth', 'd_model']
    >>> mentioned("batch size", "batch_size"), mentioned("batch size", "params")
    (True, False)
    """
    words = _words(text)
    if set(words) & (set(_words(f"{key} {name}")) - _COMMON):
        return True
    # `size` alone is the number of parameters; beside another word it is that word's size.
    told = " ".join(word for word in words if word not in _FILLING)
    single = (_MEANT.get(word, key_of(word)) for word in words if word != "size")
    return key in (key_of(told), *single)


def _words(text: str) -> list[str]:
    whole = re.findall(r"[a-z0-9_]+", text.lower())
    return [*whole, *(part for word in whole if "_" in word for part in word.split("_") if part)]
