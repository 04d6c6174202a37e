"""`metric(arm) >= level`: one arm in, whether nearly every seed reaches the level out.

Decided by counts, never by a mean: four seeds at 98 % and one at 40 % do not "reach 85 %".
"""

from collections.abc import Sequence
from functools import partial

from techspec.spec import claims
from techspec.verdict.counting import reliability
from techspec.verdict.findings import Case, Level, Reliability, Weighed
from techspec.verdict.model import Estimate, Outcome, Wanted
from techspec.verdict.words.threshold import sentence

RULE = (
    "Sequential probability ratio test on the count of seeds that reach the level: 90 % of seeds"
    " against 50 %, either error about 5 %; interval of the share by Clopper and Pearson."
)

_OUTCOMES = {
    "reached": Outcome.CONFIRMED,
    "not_reached": Outcome.REFUTED,
    "undecided": Outcome.INCONCLUSIVE,
}


def weigh(case: Case, form: claims.Threshold) -> Weighed:
    """Weigh whether an arm reaches a level reliably."""
    found = reliability(case, case.arms[0], Level(form.level, form.relation))
    return Weighed(
        rule=RULE,
        say=partial(sentence, case, found),
        settled=_OUTCOMES[found.sprt.decision],
        estimate=estimate_of(found),
        seeds_needed=further(found),
        seeds=found.seen,
        asks=asks(case, (found,)),
    )


def estimate_of(found: Reliability) -> Estimate | None:
    """The share of seeds that reach the level; None without any run."""
    if found.n == 0:
        return None
    return Estimate(
        what=f"share of seeds of {found.arm.arm} that reach the level",
        value=found.successes / found.n,
        low=found.low,
        high=found.high,
        unit="%",
    )


def asks(case: Case, found: Sequence[Reliability]) -> tuple[Wanted, ...]:
    """The next seeds of arms that are undecided: the fewest after which one may be decided."""
    most = max(case.question.looks, default=0)
    return tuple(
        Wanted(each.arm.arm, min(most, each.seen + least))
        for each in found
        if (least := min(each.sprt.successes_needed, each.sprt.failures_needed))
        and each.seen < most
    )


def further(found: Reliability) -> int | None:
    """Seeds that would settle it if they go as most went so far; None once decided."""
    if found.sprt.decision != "undecided":
        return None
    if 2 * found.successes >= found.n:
        return found.sprt.successes_needed
    return found.sprt.failures_needed
