import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.stats.bisection import chance_to_invent, chance_to_miss, level_errors, middle
from techspec.stats.reliability import RELIABLE, UNRELIABLE, chances, sprt

DECISIONS = ("reached", "not_reached", "undecided")
LEVELS, SEEDS = st.integers(1, 24), st.integers(0, 25)
ERROR = st.floats(0.005, 0.2)


def search(decisions):
    """What a bisection over levels that come out so ends with: a place, "none" or "open"."""
    found = {}
    while True:
        high = min((at for at in found if found[at] == "reached"), default=len(decisions))
        low = max((at for at in found if found[at] == "not_reached" and at < high), default=-1)
        place = middle(low, high, [at for at in range(low + 1, high) if at not in found])
        if place is None:
            break
        found[place] = decisions[place]
    if high == len(decisions):
        return "none" if low == high - 1 else "open"
    return high if low == high - 1 >= 0 else "open"


def every_way(chances_of):
    """(decisions, chance) for all that levels with these chances may come out as."""
    if not chances_of:
        yield (), 1.0
        return
    for decision in DECISIONS:
        for others, chance in every_way(chances_of[1:]):
            yield (decision, *others), getattr(chances_of[0], decision) * chance


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.integers(1, 12), ERROR, ERROR)
def test_the_errors_of_a_search_are_those_of_all_its_ways_added_up(levels, seeds, alpha, beta):
    good, bad = (chances(rate, seeds, alpha, beta) for rate in (RELIABLE, UNRELIABLE))

    def wrong(boundary):
        right = {"open", boundary if boundary < levels else "none"}
        ways = every_way([good if at >= boundary else bad for at in range(levels)])
        return sum(chance for decisions, chance in ways if search(decisions) not in right)

    invented = chance_to_invent(levels, seeds, alpha, beta)
    missed = chance_to_miss(levels, seeds, alpha, beta)

    assert invented == pytest.approx(wrong(levels))
    assert missed == pytest.approx(sum(map(wrong, range(levels))) / levels)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(LEVELS, SEEDS, st.sampled_from([0.01, 0.05, 0.1]))
def test_a_search_with_the_errors_it_is_given_keeps_the_error_agreed_on(levels, seeds, error):
    alpha, beta = level_errors(levels, seeds, error)

    assert chance_to_invent(levels, seeds, alpha, beta) <= error
    assert chance_to_miss(levels, seeds, alpha, beta) <= error
    assert max(alpha, beta) <= error


def test_errors_no_larger_than_needed_are_given_away():
    alpha, beta = level_errors(8, 10)

    assert chance_to_invent(8, 10, alpha + 0.005, 0.05) > 0.05
    assert chance_to_miss(8, 10, alpha, beta + 0.005) > 0.05


def test_few_levels_are_tested_as_strictly_as_one_and_many_more_strictly():
    assert level_errors(1, 10) == level_errors(3, 10) == (0.05, 0.05)
    strictness = [level_errors(levels, 10)[0] for levels in (3, 4, 16, 200)]
    assert strictness == sorted(strictness, reverse=True)
    assert strictness[0] > strictness[1] > strictness[2] > strictness[3]


def test_a_simulated_search_errs_as_often_as_it_says():
    rng, levels, seeds = random.Random(0), 8, 10
    alpha, beta = level_errors(levels, seeds)

    def decision(rate):
        successes = 0
        for n in range(1, seeds + 1):
            successes += rng.random() < rate
            found = sprt(successes, n, alpha=alpha, beta=beta).decision
            if found != "undecided":
                break
        return found

    searches = 4000
    invented = sum(
        isinstance(search([decision(UNRELIABLE) for _ in range(levels)]), int)
        for _ in range(searches)
    )

    expected = chance_to_invent(levels, seeds, alpha, beta)
    assert invented / searches == pytest.approx(
        expected, abs=4 * math.sqrt(expected * (1 - expected) / searches)
    )


@given(st.integers(-1, 40), st.sets(st.integers(0, 40)))
def test_the_next_level_is_never_further_from_the_middle_than_another(low, places):
    high = 41
    inside = [place for place in places if low < place < high]

    place = middle(low, high, inside)

    centre = (low + high) // 2
    assert (place is None) == (not inside)
    assert all(abs(place - centre) <= abs(other - centre) for other in inside)


@pytest.mark.parametrize(
    ("levels", "seeds", "error"), [(0, 10, 0.05), (8, -1, 0.05), (8, 10, 0.0), (8, 10, 1.0)]
)
def test_what_is_no_search_is_refused(levels, seeds, error):
    with pytest.raises(ValueError, match=r"got"):
        level_errors(levels, seeds, error)
