"""What each level was shown to do in, a paragraph on the boundary out."""

from collections.abc import Sequence

from techspec.spec import claims
from techspec.verdict.findings import Case, Level, Reliability
from techspec.verdict.model import ArmResult, Outcome
from techspec.verdict.words.numbers import listed, stated
from techspec.verdict.words.phrases import REACHES, level_name, level_shown, name_of, nothing_yet


def sentence(
    case: Case,
    form: claims.Smallest,
    found: Sequence[Reliability],
    open_levels: Sequence[Reliability],
    outcome: Outcome,
    _held_back: int,
) -> str:
    """For `smallest parameter with metric >= level`."""
    if len(case.empty) == len(case.arms):
        return nothing_yet(case)
    level = Level(form.level, form.relation)
    name = name_of(form.parameter)
    goal = f"{case.metric} reliably {REACHES[level.relation]} {stated(form.level, case.unit)}"
    tally = _tally(form.parameter, found)
    rule = (
        "Reliably means with 9 seeds in 10 rather than half of them;"
        " an answer is wrong at most about 1 time in 20."
    )
    reached = [each for each in found if each.sprt.decision == "reached"]
    least = level_name(form.parameter, reached[0].arm) if reached else ""
    if form.at_most is not None:
        told = _at_most(form, found, outcome, f"{name} with which {goal}", least)
    elif outcome is Outcome.CONFIRMED:
        below = level_name(form.parameter, found[found.index(reached[0]) - 1].arm)
        told = (
            f"Of the levels tried, {least} is the smallest {name} with which {goal}; {below}, the"
            f" next one down, was shown not to be enough. A level between {below} and {least}, had"
            " it been tried, could move the boundary down."
        )
    elif outcome is Outcome.REFUTED:
        largest = level_name(form.parameter, found[-1].arm)
        told = (
            f"There is no {name} up to {largest} with which {goal}: {largest} itself was shown not"
            " to be enough, and smaller ones are taken to do no better. Only a larger one could be."
        )
    elif reached and reached[0] is found[0]:
        told = (
            f"Already {least}, the smallest {name} tried, is enough: {goal}. So the boundary lies"
            " below the range, and only smaller levels would find it."
        )
    else:
        told = f"Asked is the smallest {name} with which {goal}. {_bracket(form, found, least)}"
    ways = _open_levels(form, open_levels) if outcome is Outcome.INCONCLUSIVE else ""
    return " ".join(part for part in (told, tally, rule, ways) if part)


def _bracket(form: claims.Smallest, found: Sequence[Reliability], least: str) -> str:
    below = []
    for each in found:
        if each.sprt.decision == "reached":
            break
        if each.sprt.decision == "not_reached":
            below.append(level_name(form.parameter, each.arm))
    above = f"{least} is shown to be enough" if least else "No level is shown to be enough yet"
    if not below:
        return (
            f"{above}, and none below it not to be." if least else f"{above}, and none not to be."
        )
    return f"{above}; {below[-1]} is shown not to be."


def _at_most(
    form: claims.Smallest, found: Sequence[Reliability], outcome: Outcome, what: str, least: str
) -> str:
    assert form.at_most is not None, "called with a limit"
    limit = level_shown(form.parameter, form.at_most)
    inside = [each for each in found if (v := _value(each.arm)) is not None and v <= form.at_most]
    asked = f"The claim puts the smallest {what} at {limit} or less"
    if not inside:
        return f"{asked}, and no level that small was planned; one would have to be."
    largest = level_name(form.parameter, inside[-1].arm)
    if outcome is Outcome.CONFIRMED:
        return f"{asked}: {largest} is enough, so it is that or smaller."
    if outcome is Outcome.REFUTED:
        beyond = f"; {least} is" if least else ""
        told = f"{asked}: no level tried up to there is enough{beyond}."
        if largest == limit:
            return f"{told} Only a higher limit could hold."
        return (
            f"{told} The largest tried was {largest}; one between that and {limit} could change"
            " this."
        )
    if inside[-1].sprt.decision == "not_reached":
        return (
            f"{asked}, which is open: {least} passes for enough and {largest} does not, though a"
            " larger one is taken to do no worse."
        )
    return f"{asked}, which is open."


def _open_levels(form: claims.Smallest, open_levels: Sequence[Reliability]) -> str:
    ways = []
    for each in (level for level in open_levels if level.seen):
        name = level_name(form.parameter, each.arm)
        ways.append(
            f"{each.sprt.successes_needed} more that reach it (or {each.sprt.failures_needed} that"
            f" miss) at {name}"
        )
    return f"What would settle it: {listed(ways)}." if ways else ""


def _tally(parameter: str, found: Sequence[Reliability]) -> str:
    counts = [
        f"{each.successes} of {each.n} at {level_name(parameter, each.arm)}"
        for each in found
        if each.seen
    ]
    unrun = [level_name(parameter, each.arm) for each in found if not each.seen]
    rest = f"; not run: {listed(unrun)}" if unrun else ""
    return f"Seeds that do: {listed(counts)}{rest}."


def _value(arm: ArmResult) -> float | None:
    level = arm.level if arm.level is not None else arm.params
    return None if level is None or isinstance(level, (str, bool)) else float(level)
