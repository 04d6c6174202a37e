"""How often an arm reached a level in, a paragraph out."""

from techspec.stats.reliability import sprt
from techspec.verdict.findings import Case, Reliability
from techspec.verdict.model import Outcome
from techspec.verdict.words.numbers import n_seeds, number, places_of, span
from techspec.verdict.words.phrases import goal_of, nothing_yet


def sentence(case: Case, found: Reliability, outcome: Outcome, _held_back: int) -> str:
    """For `metric(arm) >= level`."""
    if nothing := nothing_yet(case):
        return nothing
    if found.n == 0:
        return (
            f"All runs of {found.arm.arm} diverged, which is no evidence that it stayed below a"
            " level or exceeded it; it takes runs that end with a number."
        )
    told = f"{_reaching(case, found)}{_scores_of(case, found)}."
    if outcome is Outcome.INCONCLUSIVE:
        return f"{told} {_open_reliability(case, found)}"
    if outcome is Outcome.CONFIRMED:
        rule = (
            "An arm that succeeds with only half of its seeds would rarely do this well, so it"
            " counts as reliable, which is 9 seeds in 10; the test errs about 1 time in 20."
        )
    else:
        rule = (
            "An arm that succeeds with 9 seeds in 10 would rarely do this badly, so it does not"
            " count as reliable; the test errs about 1 time in 20."
        )
    return f"{told} {rule} {_true_share(found)} {_undone(found)}"


def _reaching(case: Case, found: Reliability) -> str:
    runs = sum(len(arm.runs) for arm in case.arms if arm.arm == found.arm.arm)
    ended = " that ended" if found.could_count < runs else ""
    first = "the first " if found.n < found.could_count else ""
    goal = goal_of(case, found.level)
    return f"{found.successes} of {first}{n_seeds(found.n)} of {found.arm.arm}{ended} {goal}"


def _scores_of(case: Case, found: Reliability) -> str:
    if not found.arm.values:
        return ""
    # As fine as the level, or a score beyond it could look as if it fell short.
    places = 1 if found.level.value is None else places_of(found.level.value)
    lowest, highest = min(found.arm.values), max(found.arm.values)
    low, high = (number(end, case.unit, places) for end in (lowest, highest))
    if low == high:
        return f" (scored {low})"
    return f" (scores {span(lowest, highest, case.unit, places)})"


def _open_reliability(case: Case, found: Reliability) -> str:
    few = (
        "That is too few to tell an arm that succeeds with 9 seeds in 10 from one that does with"
        " half of them."
    )
    if found.n == 1:
        few = "One run cannot tell a reliable arm from a lucky or an unlucky one."
    hits, misses = found.sprt.successes_needed, found.sprt.failures_needed
    most = case.question.looks[-1] if case.question.looks else 0
    ended = f" All {most} seeds that are registered have run." if 1 < most <= found.seen else ""
    return (
        f"{few} {_true_share(found)} {_more(hits, 'succeed')} would confirm it,"
        f" {_more(misses, 'fail')} would refute it.{ended}"
    )


def _more(count: int, what: str) -> str:
    return f"1 more that {what}s" if count == 1 else f"{count} more in a row that {what}"


def _true_share(found: Reliability) -> str:
    return (
        f"In the long run between {span(found.low, found.high, '%').replace(' to ', ' and ')} of"
        " its seeds would succeed (95 % interval)."
    )


def _undone(found: Reliability) -> str:
    """How many of the seeds would have had to go the other way; asked of the test itself."""
    confirmed = found.sprt.decision == "reached"
    for turned in range(1, found.n + 1):
        successes = found.successes - turned if confirmed else found.successes + turned
        if 0 <= successes <= found.n and sprt(successes, found.n).decision == "undecided":
            what = "failed" if confirmed else "succeeded"
            return f"Had {turned} of them {what}, it would be open."
    return ""
