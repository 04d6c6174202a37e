"""Scores of two arms in, what a habit of judging says of "a > b by a margin" out, and its price.

The tests are Welch's at 5 % either way, without anything of ours but the least spread to believe.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from unittest.mock import patch

from hidden_runs import settle

from techspec.stats.difference import welch
from techspec.verdict.findings import SPREAD_FLOOR
from techspec.verdict.model import Outcome

SEEDS_MAX = 10
"""Seeds an arm that a policy may look at."""

Scores = Mapping[str, Sequence[float]]


class Judged(NamedTuple):
    """A policy's word on one claim, and the seeds an arm it took."""

    outcome: Outcome
    seeds: float


def techspec(scores: Scores, margin: float) -> Judged:
    """The engine, which asks for seeds until it is settled or gives up."""
    settled = settle(f"score(a) > score(b) by {margin}", scores)
    return Judged(settled.outcome, settled.runs / len(scores))


def without_guard(scores: Scores, margin: float) -> Judged:
    """The engine made blind to seeds that fall into two groups, to see what that guard costs."""
    with patch("techspec.verdict.difference.split_of", return_value=None):
        return techspec(scores, margin)


def fixed(seeds: int) -> Callable[[Scores, float], Judged]:
    """One test, on a number of seeds settled beforehand."""
    return lambda scores, margin: Judged(_by_welch(scores, margin, seeds), seeds)


def peeking(scores: Scores, margin: float) -> Judged:
    """A test after every seed from the third on, stopping at the first p below 5 %."""
    for seeds in range(3, SEEDS_MAX + 1):
        outcome = _by_welch(scores, margin, seeds)
        if outcome is not Outcome.INCONCLUSIVE:
            break
    return Judged(outcome, seeds)


def best_of_three(scores: Scores, margin: float) -> Judged:
    """The best of three runs of the new arm against one of the baseline."""
    return Judged(_by_sign(max(scores["a"][:3]) - scores["b"][0]), 2)


def one_seed(scores: Scores, margin: float) -> Judged:
    """One run of each, and the sign of what lies between."""
    return Judged(_by_sign(scores["a"][0] - scores["b"][0]), 1)


def _by_sign(lead: float) -> Outcome:
    return Outcome.CONFIRMED if lead > 0.0 else Outcome.REFUTED


def _by_welch(scores: Scores, margin: float, seeds: int) -> Outcome:
    d = welch(scores["a"][:seeds], scores["b"][:seeds], spread_floor=SPREAD_FLOOR)
    if d.p_below(margin) <= 0.05:
        return Outcome.REFUTED
    return Outcome.CONFIRMED if d.p_above(0.0) <= 0.05 else Outcome.INCONCLUSIVE


OURS, LONGEST = "techspec", "fixed 10"
POLICIES: Mapping[str, Callable[[Scores, float], Judged]] = {
    "one seed, take the sign": one_seed,
    "best of 3 against one baseline": best_of_three,
    "fixed 3": fixed(3),
    "fixed 5": fixed(5),
    LONGEST: fixed(10),
    "peek at every seed": peeking,
    OURS: techspec,
}
