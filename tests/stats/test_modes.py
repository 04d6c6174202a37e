import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec.stats.modes import SPREADS_APART, two_modes

VALUES = st.lists(st.integers(0, 1000).map(float), min_size=1, max_size=10)
GAP = st.integers(1, 500).map(float)


@pytest.mark.parametrize(
    ("values", "below"),
    [
        ([0.98, 0.98, 0.98, 0.40], 1),
        ([0.98, 0.40, 0.97], 1),
        ([0.05, 0.98, 0.04, 0.99, 0.97], 2),
        ([1.0, 1.0, 1.0, 0.0], 1),
    ],
)
def test_runs_that_worked_and_runs_that_did_not_are_split(values, below):
    split = two_modes(values)

    assert split is not None
    assert split.below == below


@pytest.mark.parametrize(
    "values",
    [
        [0.98, 0.40],  # two values always have a gap
        [0.98, 0.90, 0.95, 0.85],  # none as wide as 0.2
        [0.2, 0.4, 0.62, 0.8],  # spread evenly
        [0.9, 0.9, 0.9],
        [0.7],
    ],
)
def test_one_mode_is_left_whole(values):
    assert two_modes(values) is None


def test_a_gap_exactly_as_wide_as_asked_splits():
    assert two_modes([0.0, 1.0, 1.0], gap=1.0) is not None


@given(VALUES, GAP)
def test_a_split_obeys_the_rule(values, gap):
    split = two_modes(values, gap)
    if split is None:
        return

    below = sorted(v for v in values if v < split.cut)
    above = sorted(v for v in values if v > split.cut)
    squares = sum((v - sum(side) / len(side)) ** 2 for side in (below, above) for v in side)
    assert (len(below), len(above)) == (split.below, split.above)
    assert len(below) + len(above) == len(values) >= 3
    assert split.gap == above[0] - below[-1] >= gap
    assert split.cut == (above[0] + below[-1]) / 2
    assert split.gap >= SPREADS_APART * math.sqrt(squares / (len(values) - 2)) - 1e-9


@given(VALUES, GAP, st.randoms(use_true_random=False), st.integers(-100, 100))
def test_order_shift_and_unit_do_not_matter(values, gap, shuffler, shift):
    split = two_modes(values, gap)
    moved = [4.0 * (value + shift) for value in values]
    shuffler.shuffle(moved)
    other = two_modes(moved, 4.0 * gap)

    if split is None:
        assert other is None
    else:
        assert (other.below, other.above) == (split.below, split.above)
        assert other.cut == 4.0 * (split.cut + shift)


@given(VALUES, GAP, GAP)
def test_asking_for_a_wider_gap_never_splits_more(values, gap, more):
    wide = two_modes(values, gap + more)

    assert wide is None or wide == two_modes(values, gap)


@pytest.mark.parametrize(("n", "sd", "most"), [(3, 0.05, 0.01), (3, 0.1, 0.16), (10, 0.1, 0.02)])
def test_one_normal_mode_is_seldom_split(n, sd, most):
    draw = random.Random(6)
    splits = sum(
        two_modes([draw.gauss(0.6, sd) for _ in range(n)]) is not None for _ in range(1000)
    )

    assert splits / 1000 <= most


@pytest.mark.parametrize("n", [3, 5, 10])
def test_one_run_far_below_the_others_is_nearly_always_found(n):
    draw = random.Random(7)
    found = 0
    for _ in range(500):
        values = [draw.gauss(0.97, 0.02) for _ in range(n - 1)] + [draw.gauss(0.4, 0.1)]
        split = two_modes(values)
        found += split is not None and split.below == 1

    assert found / 500 >= 0.95


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([],), "got 0"),
        (([0.5, math.nan, 0.1],), "nan"),
        (([0.5, 0.4, 0.1], 0.0), "gap.* 0.0"),
    ],
)
def test_a_refusal_names_the_value(arguments, named):
    with pytest.raises(ValueError, match=named):
        two_modes(*arguments)
