import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.mean import interval_mean

SCORES = st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=2, max_size=10)


@given(SCORES.filter(lambda v: len(set(v)) > 1), st.floats(0.5, 0.999))
def test_the_interval_is_scipys(values, confidence):
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)

    assert interval_mean(values, confidence) == pytest.approx(tuple(expected), abs=1e-9)


@given(SCORES, st.floats(0.001, 0.5), st.floats(0.0, 0.5))
def test_a_higher_floor_never_narrows_the_interval(values, floor, more):
    low, high = interval_mean(values, spread_floor=floor)
    lower, higher = interval_mean(values, spread_floor=floor + more)

    assert lower <= low
    assert high <= higher


def test_there_is_no_interval_where_nothing_is_known_of_the_spread():
    assert interval_mean([0.5]) is None
    assert interval_mean([0.5], spread_floor=0.1) is None
    assert interval_mean([0.5, 0.5, 0.5]) is None
    assert interval_mean([0.1 + 0.2, 0.3]) is None  # differ by rounding only


def test_a_95_per_cent_interval_covers_the_mean_in_95_per_cent_of_samples():
    draw = random.Random(1)
    covered = 0
    for _ in range(4000):
        low, high = interval_mean([draw.gauss(0.7, 0.1) for _ in range(4)])
        covered += low <= 0.7 <= high

    assert 0.94 <= covered / 4000 <= 0.96


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([],), "0"),
        (([1.0, math.nan],), "nan"),
        (([1.0, math.inf],), "inf"),
        (([1.0, 2.0], 1.0), "1.0"),
        (([1.0, 2.0], 0.95, -0.1), "-0.1"),
    ],
)
def test_a_refusal_names_the_value(arguments, named):
    with pytest.raises(ValueError, match=named):
        interval_mean(*arguments)
