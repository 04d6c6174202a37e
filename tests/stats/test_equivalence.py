import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.equivalence import all_pairs

SCORE = st.integers(0, 1000).map(lambda n: n / 1000)
VARYING = st.lists(SCORE, min_size=2, max_size=6).filter(lambda values: len(set(values)) > 1)
GROUPS = st.lists(VARYING, min_size=2, max_size=5)
MARGIN = st.floats(0.01, 1.0)


@given(GROUPS, MARGIN)
def test_p_is_the_worst_of_scipys_one_sided_tests_over_all_pairs(groups, margin):
    def one_sided(a, b, null, alternative):
        shifted = [value - null for value in a]
        return stats.ttest_ind(shifted, b, equal_var=False, alternative=alternative).pvalue

    worst = max(
        max(one_sided(a, b, -margin, "greater"), one_sided(a, b, margin, "less"))
        for a, b in combinations(groups, 2)
    )

    assert all_pairs(groups, margin).p == pytest.approx(worst, abs=1e-9)


@given(GROUPS, MARGIN, st.floats(0.001, 0.49))
def test_equivalent_means_that_every_pairs_interval_lies_inside_the_margin(groups, margin, alpha):
    result = all_pairs(groups, margin, alpha)
    intervals = [
        tuple(stats.ttest_ind(a, b, equal_var=False).confidence_interval(1 - 2 * alpha))
        for a, b in combinations(groups, 2)
    ]
    slack = min(min(low + margin, margin - high) for low, high in intervals)

    if abs(slack) > 1e-9:
        assert result.equivalent == (slack > 0)


@given(GROUPS, MARGIN, st.floats(0.0, 1.0))
def test_a_wider_margin_makes_alike_easier_and_different_harder(groups, margin, more):
    narrow, wide = all_pairs(groups, margin), all_pairs(groups, margin + more)

    assert wide.p <= narrow.p
    assert wide.p_different >= narrow.p_different
    assert set(wide.different) <= set(narrow.different)


@given(GROUPS, MARGIN, st.floats(0.001, 0.49), st.just(0.0) | st.floats(0.001, 0.1))
def test_groups_are_never_both_alike_and_different(groups, margin, alpha, floor):
    result = all_pairs(groups, margin, alpha, floor)

    assert not (result.equivalent and result.different)
    assert bool(result.different) == (result.p_different <= alpha)
    assert 0.0 <= result.p <= 1.0
    assert 0.0 <= result.p_different <= 1.0


@given(GROUPS, MARGIN, st.randoms(use_true_random=False))
def test_the_order_of_the_groups_does_not_matter(groups, margin, shuffler):
    shuffled = list(groups)
    shuffler.shuffle(shuffled)
    one, other = all_pairs(groups, margin), all_pairs(shuffled, margin)

    assert other.p == pytest.approx(one.p, abs=1e-12)
    assert other.p_different == pytest.approx(one.p_different, abs=1e-12)
    assert abs(other.estimate) == pytest.approx(abs(one.estimate), abs=1e-12)


@given(GROUPS, MARGIN)
def test_the_widest_pair_is_the_one_furthest_apart(groups, margin):
    result = all_pairs(groups, margin)

    means = [sum(group) / len(group) for group in groups]
    i, j = result.widest
    assert i < j
    assert result.estimate == pytest.approx(means[i] - means[j])
    assert abs(result.estimate) == pytest.approx(max(means) - min(means))
    test = stats.ttest_ind(groups[i], groups[j], equal_var=False)
    assert (result.low, result.high) == pytest.approx(tuple(test.confidence_interval(0.9)))
    assert result.confidence == 0.9


@given(VARYING, VARYING)
def test_against_a_margin_of_nearly_nothing_different_is_the_two_sided_test(a, b):
    two_sided = stats.ttest_ind(a, b, equal_var=False).pvalue

    assert all_pairs([a, b], margin=1e-12).p_different == pytest.approx(two_sided, abs=1e-6)


def test_groups_that_do_not_vary_show_nothing_without_a_floor_and_something_with_one():
    alike, apart = [[0.9] * 3, [0.9] * 3], [[0.9] * 3, [0.4] * 3]

    assert not all_pairs(alike, margin=0.02).equivalent
    assert not all_pairs(apart, margin=0.02).different
    assert all_pairs(alike, margin=0.02, spread_floor=0.005).equivalent
    assert all_pairs(apart, margin=0.02, spread_floor=0.005).different == ((0, 1),)


@pytest.mark.parametrize("sd", [0.005, 0.02, 0.1])
def test_means_exactly_a_margin_apart_are_rarely_called_either(sd):
    draw = random.Random(3)
    alike = different = 0
    for _ in range(2000):
        groups = [[draw.gauss(mean, sd) for _ in range(6)] for mean in (0.5, 0.51, 0.52)]
        result = all_pairs(groups, margin=0.02)
        alike += result.equivalent
        different += bool(result.different)

    assert alike / 2000 <= 0.065
    assert different / 2000 <= 0.065


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([[1.0, 2.0]], 0.1), "got 1"),
        (([[1.0, 2.0], [1.0]], 0.1), "got 1"),
        (([[1.0, 2.0], [1.0, math.nan]], 0.1), "nan"),
        (([[1.0, 2.0], [1.0, 2.0]], 0.0), "margin.* 0.0"),
        (([[1.0, 2.0], [1.0, 2.0]], math.inf), "margin.* inf"),
        (([[1.0, 2.0], [1.0, 2.0]], 0.1, 0.5), "alpha.* 0.5"),
        (([[1.0, 2.0], [1.0, 2.0]], 0.1, 0.05, -1.0), "spread_floor.* -1.0"),
    ],
)
def test_a_refusal_names_the_value(arguments, named):
    with pytest.raises(ValueError, match=named):
        all_pairs(*arguments)
