"""Parts of sentences that several forms share: what was scored, how likely, how many more."""

import math
from collections.abc import Mapping, Sequence

from techspec.spec.claims import Relation
from techspec.stats.checked import sample
from techspec.verdict.findings import Case, Level
from techspec.verdict.model import ArmResult
from techspec.verdict.words.numbers import listed, n_seeds, number, size, stated

# Ours: beyond this many further seeds a sentence should not sound like an invitation.
_WORTH_IT = 30


def nothing_yet(case: Case) -> str:
    """For a question some arm of which has no run; empty where all have."""
    return nothing_of(case.empty) if case.empty else ""


def nothing_of(arms: Sequence[ArmResult]) -> str:
    """For arms without a run."""
    names = listed([arm.arm for arm in arms], "or")
    return f"No run of {names} has ended with a result, so there is nothing to judge yet."


def averages_of(case: Case, left: ArmResult, right: ArmResult) -> str:
    """What two arms averaged, over how many seeds."""
    one, other = score(case, left), score(case, right)
    if len(left.runs) == len(right.runs):
        return (
            f"Over {n_seeds(len(left.runs))} each, {left.arm} averaged {one} {case.metric} and"
            f" {right.arm} {other}"
        )
    return (
        f"{left.arm} averaged {one} {case.metric} over {n_seeds(len(left.runs))} and {right.arm}"
        f" {other} over {n_seeds(len(right.runs))}"
    )


def score(case: Case, arm: ArmResult) -> str:
    """The average of an arm, or why it has none."""
    if not arm.runs:
        return "no result"
    if not arm.values:
        return "no number, since it diverged"
    return number(sample(arm.values, arm.arm).mean, case.unit)


REACHED: Mapping[Relation, str] = {
    ">=": "reached",
    ">": "went above",
    "<=": "got down to",
    "<": "went below",
}


REACHES: Mapping[Relation, str] = {
    ">=": "reaches",
    ">": "goes above",
    "<=": "gets down to",
    "<": "goes below",
}


def goal_of(case: Case, level: Level) -> str:
    """What a success did."""
    if level.value is None:
        return "ended without diverging"
    name = f" ({level.name})" if level.name else ""
    return f"{REACHED[level.relation]} {stated(level.value, case.unit)}{name}"


def name_of(parameter: str) -> str:
    """A parameter as people call it."""
    return "parameter count" if parameter == "params" else parameter


def level_name(parameter: str, arm: ArmResult) -> str:
    """The level of an arm, as people write it."""
    if arm.level is None:
        return size(arm.params) if parameter == "params" and arm.params else arm.arm
    return level_shown(parameter, arm.level)


def level_shown(parameter: str, value: object) -> str:
    """A value of a parameter, as people write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return size(value) if parameter == "params" else f"{value:g}"
    return str(value)


def how_often(p: float) -> str:
    """How often chance alone does as much, in words."""
    if p < 1e-4:
        return "in fewer than 1 of 10,000 such experiments"
    if p > 2.0 / 3.0:
        return "in most such experiments"
    every = 1.0 / p
    rounded = round(every) if every < 100 else round(every, 1 - math.floor(math.log10(every)))
    return f"in about 1 of {max(2, int(rounded)):,} such experiments"


def limit(case: Case) -> str:
    """How often the rule lets chance alone decide, and over what."""
    shared = []
    if case.look and len(case.look.of) > 1:
        shared.append(f"its {len(case.look.of)} looks")
    if case.family > 1:
        shared.append(f"the {case.family} hypotheses judged together")
    return f"the rule allows 1 in 20{' over ' if shared else ''}{listed(shared)}."


def held_back_by(held_back: int) -> str:
    """Why what is enough for one hypothesis is not enough here."""
    return (
        f"Alone this would be enough, but {held_back} hypotheses are judged together, and among so"
        " many a chance find is likelier, so more evidence is asked for."
    )


def how_many_more(further: int | None, what: str = "an arm") -> str:
    """What it would take, if things go on as they did."""
    if further is None:
        return "As it stands, no number of seeds that a lab would run would settle it."
    seeds = f"{n_seeds(further, 'more ')} {what}"
    if further > _WORTH_IT:
        return f"As it stands, it would take about {seeds} to settle it."
    return f"About {seeds} would probably settle it."


def takes_at_least(further: int, what: str = "an arm") -> str:
    """What it takes before anything can be said."""
    return f"It takes at least {n_seeds(further, 'more ')} {what}."
