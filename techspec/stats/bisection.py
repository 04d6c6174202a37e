"""Levels and seeds in, which level to test next and how strictly to test each out.

A search errs where one of its tests does, so each has to err less often than the search may.
"""

from collections.abc import Collection
from functools import lru_cache

from techspec.stats.checked import at_least, inside_unit
from techspec.stats.reliability import RELIABLE, UNRELIABLE, chances

# Ours: tenths of the search's error that the test of a level may get. One does for 1,000 levels, of
# which ten are tested.
_TENTHS = range(10, 0, -1)

# Ours: a test stays undecided in about a quarter of cases, so more levels than this are passed by
# in one search of a million. Such a search counts as one that ended without an answer.
_PASSED_MAX = 10

# Boundaries tried for the chance to miss one, evenly spread; with up to as many levels, all.
_BOUNDARIES = 32


def middle(low: int, high: int, places: Collection[int]) -> int | None:
    """The place nearest the middle of low and high, the upper of two as near; None of none.

    >>> middle(-1, 8, range(8)), middle(3, 8, [4, 6, 7]), middle(3, 4, [])
    (3, 6, None)
    """
    centre = (low + high) // 2
    return min(places, key=lambda place: (abs(place - centre), -place), default=None)


@lru_cache(maxsize=64)
def level_errors(levels: int, seeds: int, error: float = 0.05) -> tuple[float, float]:
    """How strict the test of a level has to be so that the whole search errs in `error` at most.

    Args:
        levels: searched, >= 1.
        seeds: the most that a level gets, >= 0.
        error: of a search, either way, in (0, 1).

    Returns:
        (alpha, beta) for `sprt` at each level, in tenths of `error`: the largest with which neither
        `chance_to_invent` nor `chance_to_miss` exceeds `error`.

    Raises:
        ValueError: a value is out of range.

    >>> level_errors(8, 10), level_errors(2, 10)
    ((0.025, 0.045), (0.05, 0.05))
    """
    inside_unit(error, "error")
    tried = [error * tenths / 10.0 for tenths in _TENTHS]
    # A level that is falsely taken for enough spoils either answer, so that error comes first.
    alpha = next(
        (a for a in tried if chance_to_invent(levels, seeds, a, error) <= error), tried[-1]
    )
    beta = next((b for b in tried if chance_to_miss(levels, seeds, alpha, b) <= error), tried[-1])
    return alpha, beta


def chance_to_invent(levels: int, seeds: int, alpha: float, beta: float) -> float:
    """How often a bisection names a level though none is reliable, each at the rate that is not.

    Exact, but for searches that pass by many undecided levels.

    Args:
        levels: searched, >= 1.
        seeds: the most that a level gets, >= 0; one that they leave undecided is passed by.
        alpha: of the test at each level, as in `sprt`.
        beta: the same.

    Raises:
        ValueError: a value is out of range.

    >>> round(chance_to_invent(8, 10, 0.05, 0.05), 3)
    0.083
    >>> round(chance_to_invent(8, 10, *level_errors(8, 10)), 3)
    0.044
    """
    at_least(levels, 1, "levels")
    return _Search(seeds, alpha, beta).wrong(levels, boundary=levels)


def chance_to_miss(levels: int, seeds: int, alpha: float, beta: float) -> float:
    """How often a bisection denies the first reliable level or names another, wherever it lies.

    The average over all places of that level, equally likely. Levels from it on succeed at the rate
    that is reliable, those below at the one that is not; else as `chance_to_invent`.

    >>> round(chance_to_miss(8, 10, 0.05, 0.05), 3)
    0.068
    >>> round(chance_to_miss(8, 10, *level_errors(8, 10)), 3)
    0.046
    """
    at_least(levels, 1, "levels")
    search = _Search(seeds, alpha, beta)
    tried = min(levels, _BOUNDARIES)
    boundaries = [place * levels // tried for place in range(tried)]
    return sum(search.wrong(levels, boundary) for boundary in boundaries) / tried


class _Search:
    """Chances of one search, each part of it worked out once."""

    def __init__(self, seeds: int, alpha: float, beta: float) -> None:
        self._reliable = chances(RELIABLE, seeds, alpha=alpha, beta=beta)
        self._unreliable = chances(UNRELIABLE, seeds, alpha=alpha, beta=beta)
        self._known: dict[tuple[int, int, frozenset[int], bool], float] = {}

    def wrong(
        self,
        between: int,
        boundary: int,
        passed: frozenset[int] = frozenset(),
        below: bool = False,
    ) -> float:
        """Chance of a wrong answer from here on.

        Args:
            between: levels that lie between the last one shown not to be enough and the first one
                shown to be.
            boundary: place of the first reliable level among them, from 0; `between` is the level
                next above them, or none if they end the range; -1 and `between` + 1 lie beyond.
            passed: places that were tested and stayed undecided.
            below: a level below them was shown not to be enough.
        """
        key = between, boundary, passed, below
        if key not in self._known:
            self._known[key] = self._wrong(*key)
        return self._known[key]

    def _wrong(self, between: int, boundary: int, passed: frozenset[int], below: bool) -> float:
        if between == 0:
            return float(below and boundary != 0)
        place = middle(-1, between, [at for at in range(between) if at not in passed])
        if place is None or len(passed) > _PASSED_MAX:
            return 0.0  # left open
        found = self._reliable if place >= boundary else self._unreliable
        lower = frozenset(at for at in passed if at < place)
        upper = frozenset(at - place - 1 for at in passed if at > place)
        beyond = max(boundary - place - 1, -1)
        return (
            found.reached * self.wrong(place, min(boundary, place + 1), lower, below)
            + found.not_reached * self.wrong(between - place - 1, beyond, upper, True)
            + found.undecided * self.wrong(between, boundary, passed | {place}, below)
        )
