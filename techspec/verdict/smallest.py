"""`smallest parameter with metric >= level`: levels in, where the boundary lies out.

Reliability is judged at each level by itself; that larger ones do no worse is taken for granted,
so the boundary is searched by bisection and most levels are never run.
"""

from functools import partial

from techspec.spec import claims
from techspec.stats.bisection import level_errors, middle
from techspec.stats.reliability import Sprt, sprt
from techspec.verdict.counting import reliability
from techspec.verdict.findings import ALPHA, Case, Level, Reliability, Weighed
from techspec.verdict.model import Estimate, Outcome
from techspec.verdict.threshold import asks, further
from techspec.verdict.words.smallest import sentence


def weigh(case: Case, form: claims.Smallest) -> Weighed:
    """Weigh where the smallest level lies that reaches a value reliably."""
    level = Level(form.level, form.relation)
    alpha, beta = _errors(case, form)
    found = tuple(reliability(case, arm, level, alpha, beta) for arm in case.arms)
    judge = _at_most if form.at_most is not None else _anywhere
    outcome, open_levels = judge(found, form)
    telling = found if form.at_most is None else _allowed(found, form)[-1:]
    reached = [each for each in telling if each.sprt.decision == "reached"]
    estimate = None
    if reached and (value := _number(reached[0])) is not None:
        estimate = Estimate(
            what=f"smallest {form.parameter} shown to reach the level",
            value=value,
            claimed=form.at_most,
        )
    needed = [n for each in open_levels if (n := further(each)) is not None]
    return Weighed(
        rule=_rule(form, sprt(0, 0, alpha=alpha, beta=beta)),
        say=partial(sentence, case, form, found, open_levels),
        settled=outcome,
        estimate=estimate,
        seeds_needed=max(needed, default=None),
        asks=asks(case, _next_level(case, found, form)) if outcome is Outcome.INCONCLUSIVE else (),
    )


def _errors(case: Case, form: claims.Smallest) -> tuple[float, float]:
    """What the test of one level may err in, so that the claim keeps ALPHA either way.

    Whether the boundary lies at most at a level is asked of that level alone.
    """
    if form.at_most is not None:
        return ALPHA, ALPHA
    return level_errors(len(case.arms), max(case.question.looks, default=0), ALPHA)


def _rule(form: claims.Smallest, at_first: Sprt) -> str:
    test = (
        "At a level, the sequential probability ratio test on the count of seeds that reach the"
        f" value, 90 % of seeds against 50 %: {at_first.successes_needed} successes in a row"
        f" decide, or {at_first.failures_needed} failures"
    )
    if form.at_most is not None:
        return (
            f"{test}, and either error is about 5 %. The largest level allowed answers the claim."
        )
    return (
        f"{test}, which keeps the errors of the whole search below 5 % either way. The boundary is"
        " searched by bisection and is the smallest level that reaches the value where the next"
        " lower one was shown not to."
    )


def _next_level(
    case: Case, found: tuple[Reliability, ...], form: claims.Smallest
) -> tuple[Reliability, ...]:
    """The level that halves what is left between enough and not enough; none once they meet.

    A level that stayed undecided to its last seed is passed by, first upwards: the boundary may
    then be known between its neighbours only.
    """
    inside = _allowed(found, form)
    if form.at_most is not None:
        return inside[-1:]  # it answers the claim alone
    most = max(case.question.looks, default=0)
    low, high = -1, len(inside)  # below and above are decided, or beyond the range
    for place, each in enumerate(inside):
        if each.sprt.decision == "reached":
            high = place
            break
        if each.sprt.decision == "not_reached":
            low = place
    begun = [place for place in range(low + 1, high) if 0 < inside[place].seen < most]
    fresh = [place for place in range(low + 1, high) if inside[place].seen == 0]
    wanted = begun[0] if begun else middle(low, high, fresh)
    return () if wanted is None else (inside[wanted],)


def _anywhere(
    found: tuple[Reliability, ...], form: claims.Smallest
) -> tuple[Outcome, tuple[Reliability, ...]]:
    """The outcome, and the levels that keep it open."""
    decisions = [each.sprt.decision for each in found]
    if "reached" not in decisions:
        # That smaller levels do no better is taken for granted: the largest speaks for all.
        none = bool(found) and decisions[-1] == "not_reached"
        return (Outcome.REFUTED, ()) if none else (Outcome.INCONCLUSIVE, _undecided(found))
    first = decisions.index("reached")
    if first > 0 and decisions[first - 1] == "not_reached":
        return Outcome.CONFIRMED, ()
    return Outcome.INCONCLUSIVE, _undecided(found[:first])


def _at_most(
    found: tuple[Reliability, ...], form: claims.Smallest
) -> tuple[Outcome, tuple[Reliability, ...]]:
    inside = _allowed(found, form)
    decisions = [each.sprt.decision for each in inside]
    # The largest allowed has the whole error; a smaller one that others had run gets none of it.
    if decisions and decisions[-1] == "reached":
        return Outcome.CONFIRMED, ()
    if decisions and decisions[-1] == "not_reached" and "reached" not in decisions:
        return Outcome.REFUTED, ()
    return Outcome.INCONCLUSIVE, _undecided(inside[-1:])


def _allowed(found: tuple[Reliability, ...], form: claims.Smallest) -> tuple[Reliability, ...]:
    """The levels up to the limit that the claim sets; all of them if it sets none."""
    if form.at_most is None:
        return found
    most = form.at_most
    return tuple(each for each in found if (n := _number(each)) is not None and n <= most)


def _undecided(found: tuple[Reliability, ...]) -> tuple[Reliability, ...]:
    return tuple(each for each in found if each.sprt.decision == "undecided")


def _number(found: Reliability) -> float | None:
    level = found.arm.level if found.arm.level is not None else found.arm.params
    return None if level is None or isinstance(level, (str, bool)) else float(level)
