import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.difference import welch
from techspec.stats.permutation import permuted, permuted_pairs

SCORE = st.integers(0, 1000).map(lambda n: n / 1000)
SCORES = st.lists(SCORE, min_size=2, max_size=5)
PAIRS = st.lists(st.tuples(SCORE, SCORE), min_size=2, max_size=8)
NULL = st.integers(-500, 500).map(lambda n: n / 1000)
FLOOR = 0.001


def statistic(a, b):
    """Welch's, with the floor under either spread."""
    errors = [max(np.var(x, ddof=1), FLOOR**2) / len(x) for x in (a, b)]
    return (np.mean(a) - np.mean(b)) / math.sqrt(sum(errors))


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, NULL)
def test_p_is_the_share_of_all_ways_to_deal_that_are_as_far_apart(a, b, null):
    values = [value - null for value in a] + b
    observed = statistic(values[: len(a)], b)
    ways = []
    for chosen in combinations(range(len(values)), len(a)):
        rest = [i for i in range(len(values)) if i not in chosen]
        ways.append(statistic([values[i] for i in chosen], [values[i] for i in rest]))
    tie = 1e-7 * (1.0 + abs(observed))

    found = permuted(a, b, FLOOR)

    # Ways as far apart but for rounding may fall on either side of it.
    above, below = np.array(ways) - observed, observed - np.array(ways)
    assert np.mean(above > tie) <= found.p_above(null) <= np.mean(above > -tie)
    assert np.mean(below > tie) <= found.p_below(null) <= np.mean(below > -tie)


@settings(max_examples=40, deadline=None)
@given(PAIRS, NULL)
def test_p_of_pairs_is_scipys_over_all_signs(pairs, null):
    a, b = zip(*pairs, strict=True)
    gaps = np.round([x - y - null for x, y in pairs], 9)
    expected = [
        stats.permutation_test(
            (gaps,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative=side
        ).pvalue
        for side in ("greater", "less")
    ]

    found = permuted_pairs(a, b)

    assert (found.p_above(null), found.p_below(null)) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, st.sampled_from([0.02, 0.05, 0.2]))
def test_an_interval_leaves_zero_out_exactly_where_zero_is_rejected(a, b, p):
    found = permuted(a, b, FLOOR)

    assert (found.low(p) > 0.0) <= (found.p_above() <= p)
    assert (found.high(p) < 0.0) <= (found.p_below() <= p)
    if found.p_above() <= p:
        assert 0.0 <= found.low(p) <= found.estimate
    if found.p_below() <= p:
        assert found.estimate <= found.high(p) <= 0.0


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES)
def test_swapping_the_samples_mirrors_everything(a, b):
    found, mirrored = permuted(a, b, FLOOR), permuted(b, a, FLOOR)

    assert mirrored.estimate == pytest.approx(-found.estimate, abs=1e-12)
    assert mirrored.p_above() == pytest.approx(found.p_below(), abs=1e-12)


def test_of_normal_samples_the_interval_is_about_welchs():
    draw = np.random.default_rng(3)
    a, b = draw.normal(0.8, 0.05, 9).tolist(), draw.normal(0.75, 0.05, 9).tolist()

    found, by_t = permuted(a, b), welch(a, b, alpha=0.1)

    assert found.low(0.05) == pytest.approx(by_t.low, abs=0.006)
    assert found.high(0.05) == pytest.approx(by_t.high, abs=0.006)


def test_three_runs_an_arm_cannot_be_dealt_seldom_enough_for_an_end_at_one_per_cent():
    found = permuted([0.97, 0.98, 0.96], [0.41, 0.42, 0.39], FLOOR)

    assert found.p_above() == pytest.approx(1 / 20)
    assert found.low(0.01) == -math.inf
    assert found.low(0.06) > 0.0


def test_alike_samples_of_two_groups_are_told_apart_no_more_often_than_said():
    """Exact whatever the shape: the very case that Student's t knows nothing of."""
    draw, rejected = np.random.default_rng(11), 0
    for _ in range(2000):
        is_high = draw.random(10) < 0.6
        values = np.where(is_high, 0.97, 0.4) + 0.01 * draw.standard_normal(10)
        rejected += permuted(values[:5], values[5:], FLOOR).p_above() <= 0.05

    assert stats.binomtest(rejected, 2000, 0.05, alternative="greater").pvalue > 0.001
    assert rejected > 0


def test_of_too_many_ways_the_same_part_is_drawn_every_time():
    draw = np.random.default_rng(5)
    a, b = draw.normal(0.6, 0.2, 14).tolist(), draw.normal(0.4, 0.2, 14).tolist()

    once, again = permuted(a, b), permuted(list(a), list(b))

    assert once.p_above() == again.p_above()
    assert once.p_above() == pytest.approx(welch(a, b).p_above(0.0), abs=0.01)
    assert 0.0 < permuted([9.0] * 14, [1.0] * 14, FLOOR).p_above() <= 1 / 10_000


def test_all_signs_of_many_pairs_are_drawn_too():
    gaps = [0.01 * n for n in range(-6, 14)]

    assert permuted_pairs(gaps, [0.0] * 20).p_above() == pytest.approx(
        stats.ttest_1samp(gaps, 0.0, alternative="greater").pvalue, abs=0.01
    )


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [([0.1], [0.1, 0.2], "a needs at least 2"), ([0.1, math.nan], [0.1, 0.2], "finite")],
)
@pytest.mark.parametrize("compare", [permuted, permuted_pairs])
def test_what_cannot_be_compared_is_refused_by_name(compare, a, b, told):
    with pytest.raises(ValueError, match=told):
        compare(a, b)


def test_pairs_of_two_lengths_and_a_floor_below_zero_are_refused():
    with pytest.raises(ValueError, match="one length; got 2 and 3"):
        permuted_pairs([0.1, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="spread_floor is at least"):
        permuted([0.1, 0.2], [0.1, 0.2], -1.0)


def test_every_deal_is_there_once_and_the_observed_one_first():
    from techspec.stats.permutation import _dealt, _signs

    assert _dealt(2, 2)[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert len({tuple(way) for way in _dealt(3, 2)}) == 10
    assert {tuple(way) for way in _signs(3)} == set(product((1.0, -1.0), repeat=3))
