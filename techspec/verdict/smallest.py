"""`smallest parameter with metric >= level`: levels in, where the boundary lies out.

Reliability is judged at each level by itself; that larger ones do no worse is taken for granted.
"""

from functools import partial

from techspec.spec import claims
from techspec.verdict import words
from techspec.verdict.counting import reliability
from techspec.verdict.findings import Case, Level, Reliability, Weighed
from techspec.verdict.model import Estimate, Outcome
from techspec.verdict.threshold import further

RULE = (
    "At each level, the sequential probability ratio test on the count of seeds that reach the"
    " value, 90 % of seeds against 50 %, either error about 5 %; the boundary is the smallest level"
    " that reaches it where the next lower one was shown not to."
)


def weigh(case: Case, form: claims.Smallest) -> Weighed:
    """Weigh where the smallest level lies that reaches a value reliably."""
    level = Level(form.level, form.relation)
    found = tuple(reliability(case, arm, level) for arm in case.arms)
    judge = _at_most if form.at_most is not None else _anywhere
    outcome, open_levels = judge(found, form)
    reached = [each for each in found if each.sprt.decision == "reached"]
    estimate = None
    if reached and (value := _number(reached[0])) is not None:
        estimate = Estimate(
            what=f"smallest {form.parameter} shown to reach the level",
            value=value,
            claimed=form.at_most,
        )
    needed = [n for each in open_levels if (n := further(each)) is not None]
    return Weighed(
        rule=RULE,
        say=partial(words.smallest, case, form, found, open_levels),
        settled=outcome,
        estimate=estimate,
        seeds_needed=max(needed, default=None),
    )


def _anywhere(
    found: tuple[Reliability, ...], form: claims.Smallest
) -> tuple[Outcome, tuple[Reliability, ...]]:
    """The outcome, and the levels that keep it open."""
    decisions = [each.sprt.decision for each in found]
    if all(decision == "not_reached" for decision in decisions) and found:
        return Outcome.REFUTED, ()
    if "reached" not in decisions:
        return Outcome.INCONCLUSIVE, _undecided(found)
    first = decisions.index("reached")
    if first > 0 and decisions[first - 1] == "not_reached":
        return Outcome.CONFIRMED, ()
    return Outcome.INCONCLUSIVE, _undecided(found[:first])


def _at_most(
    found: tuple[Reliability, ...], form: claims.Smallest
) -> tuple[Outcome, tuple[Reliability, ...]]:
    assert form.at_most is not None, "chosen by the caller"
    most = form.at_most
    inside = tuple(
        each for each in found if (number := _number(each)) is not None and number <= most
    )
    decisions = {each.sprt.decision for each in inside}
    if "reached" in decisions:
        return Outcome.CONFIRMED, ()
    if decisions == {"not_reached"}:
        return Outcome.REFUTED, ()
    return Outcome.INCONCLUSIVE, _undecided(inside)


def _undecided(found: tuple[Reliability, ...]) -> tuple[Reliability, ...]:
    return tuple(each for each in found if each.sprt.decision == "undecided")


def _number(found: Reliability) -> float | None:
    level = found.arm.level if found.arm.level is not None else found.arm.params
    return None if level is None or isinstance(level, (str, bool)) else float(level)
