import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.difference import welch
from techspec.stats.equivalence import all_pairs
from techspec.stats.power import SEEDS_MAX, equivalence_seeds_needed, seeds_needed

SD = st.floats(0.001, 0.2)
SIZE = st.floats(0.001, 0.5)
ALPHA = st.floats(0.001, 0.2)
POWER = st.floats(0.5, 0.95)


def chance_to_show(difference, sd, n, alpha):
    """Power of the one-sided t-test with n values an arm, by scipy's noncentral t."""
    degrees = 2 * (n - 1)
    critical = stats.t.ppf(1 - alpha, degrees)
    return stats.nct.sf(critical, degrees, difference / (sd * math.sqrt(2 / n)))


@pytest.mark.parametrize(
    ("effect", "alpha", "n"),
    [(0.5, 0.025, 64), (0.8, 0.025, 26), (1.0, 0.025, 17), (0.5, 0.05, 51), (0.8, 0.05, 21)],
)
def test_the_seeds_are_those_of_cohens_tables(effect, alpha, n):
    assert seeds_needed(effect, sd=1.0, alpha=alpha) == n


@given(SIZE, SD, ALPHA, POWER)
def test_the_seeds_needed_show_the_difference_often_enough_and_one_fewer_does_not(
    difference, sd, alpha, power
):
    assume(difference < 20 * sd)  # beyond, scipy's chance is nan
    n = seeds_needed(difference, sd, alpha, power)

    if n < SEEDS_MAX:
        assert chance_to_show(difference, sd, n, alpha) >= power - 1e-6
    if n > 2:
        assert chance_to_show(difference, sd, n - 1, alpha) <= power + 1e-6


@given(SIZE, SD, ALPHA, POWER, st.floats(1.0, 3.0))
def test_more_spread_less_effect_and_less_error_each_cost_seeds(difference, sd, alpha, power, by):
    n = seeds_needed(difference, sd, alpha, power)

    assert 2 <= n <= SEEDS_MAX
    assert seeds_needed(difference, sd * by, alpha, power) >= n
    assert seeds_needed(difference / by, sd, alpha, power) >= n
    assert seeds_needed(difference, sd, alpha / by, power) >= n
    assert seeds_needed(difference, sd, alpha, 1 - (1 - power) / by) >= n


def test_no_difference_needs_no_answer_and_no_spread_the_fewest_seeds():
    assert seeds_needed(0.0, sd=0.1) is None
    assert seeds_needed(-0.1, sd=0.1) is None
    assert seeds_needed(0.1, sd=0.0) == 2
    assert seeds_needed(1e-9, sd=1.0) == SEEDS_MAX
    assert seeds_needed(1.0, sd=1e-300) == 2
    assert equivalence_seeds_needed(sd=0.0, margin=0.01) == 2
    assert equivalence_seeds_needed(sd=1e-200, margin=1.0) == 2


@pytest.mark.parametrize("difference", [0.02, 0.04])
def test_the_seeds_needed_reach_the_power_they_promise(difference):
    draw = random.Random(8)
    n = seeds_needed(difference, sd=0.02)
    shown = 0
    for _ in range(2000):
        a = [draw.gauss(0.8 + difference, 0.02) for _ in range(n)]
        b = [draw.gauss(0.8, 0.02) for _ in range(n)]
        shown += welch(a, b).p_above(0.0) <= 0.05

    assert 0.77 <= shown / 2000 <= 0.93


@pytest.mark.parametrize("groups", [2, 4])
def test_the_seeds_for_equivalence_reach_the_power_they_promise(groups):
    draw = random.Random(9)
    n = equivalence_seeds_needed(sd=0.01, margin=0.02, groups=groups)
    shown = 0
    for _ in range(500):
        samples = [[draw.gauss(0.8, 0.01) for _ in range(n)] for _ in range(groups)]
        shown += all_pairs(samples, margin=0.02).equivalent

    assert shown / 500 >= 0.77


@given(SD, SIZE, st.integers(2, 6), ALPHA, POWER)
def test_equivalence_is_shown_often_enough_from_the_seeds_needed_on(
    sd, margin, groups, alpha, power
):
    assume(margin < 20 * sd)
    n = equivalence_seeds_needed(sd, margin, groups, alpha, power)

    def bound(seeds):
        tests = groups * (groups - 1)
        return 1 - tests * (1 - chance_to_show(margin, sd, seeds, alpha))

    if n < SEEDS_MAX:
        assert bound(n) >= power - 1e-6
    if n > 2:
        assert bound(n - 1) <= power + 1e-6
    assert equivalence_seeds_needed(sd, margin, groups + 1, alpha, power) >= n
    assert equivalence_seeds_needed(sd, margin * 1.5, groups, alpha, power) <= n


def test_five_levels_whose_spread_exceeds_half_the_margin_are_not_settled_within_ten_seeds():
    assert equivalence_seeds_needed(sd=0.01, margin=0.02, groups=5) <= 10
    assert equivalence_seeds_needed(sd=0.011, margin=0.02, groups=5) > 10


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: seeds_needed(math.nan, 0.1), "difference.* nan"),
        (lambda: seeds_needed(0.1, -0.1), "sd.* -0.1"),
        (lambda: seeds_needed(0.1, 0.1, alpha=0.0), "alpha.* 0.0"),
        (lambda: seeds_needed(0.1, 0.1, power=1.0), "power.* 1.0"),
        (lambda: equivalence_seeds_needed(0.1, 0.0), "margin.* 0.0"),
        (lambda: equivalence_seeds_needed(0.1, 0.1, groups=1), "groups.* 1"),
    ],
)
def test_a_refusal_names_the_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
