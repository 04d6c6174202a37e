import math
import random
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.difference import paired, welch

SCORE = st.integers(0, 1000).map(lambda n: n / 1000)
SCORES = st.lists(SCORE, min_size=2, max_size=10)
VARYING = SCORES.filter(lambda values: len(set(values)) > 1)
PAIRS = st.lists(st.tuples(SCORE, SCORE), min_size=2, max_size=10)
FLOOR = st.floats(0.001, 0.5)
NULL = st.floats(-1.0, 1.0)


@given(VARYING, VARYING, NULL)
def test_welch_is_scipys_test_of_the_shifted_sample(a, b, null):
    shifted = [value - null for value in a]
    greater = stats.ttest_ind(shifted, b, equal_var=False, alternative="greater")
    less = stats.ttest_ind(shifted, b, equal_var=False, alternative="less")

    d = welch(a, b)

    assert d.p_above(null) == pytest.approx(greater.pvalue, abs=1e-9)
    assert d.p_below(null) == pytest.approx(less.pvalue, abs=1e-9)


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy, of the constant sample
@given(VARYING, SCORES, st.floats(0.001, 0.5))
def test_the_interval_of_welch_is_scipys_even_if_one_sample_does_not_vary(a, b, alpha):
    d = welch(a, b, alpha)

    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(1 - alpha)
    assert (d.low, d.high) == pytest.approx(tuple(expected), abs=1e-8)


@given(PAIRS, NULL)
def test_the_paired_test_is_scipys_test_of_the_differences(pairs, null):
    a, b = zip(*pairs, strict=True)
    gaps = [x - y for x, y in pairs]
    assume(statistics.pstdev(gaps) > 1e-6)
    d = paired(a, b)

    greater = stats.ttest_1samp(gaps, null, alternative="greater")
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert d.p_above(null) == pytest.approx(greater.pvalue, abs=1e-9)
    assert (d.low, d.high) == pytest.approx(tuple(expected), abs=1e-8)


@pytest.mark.parametrize("compare", [welch, paired])
@given(pairs=PAIRS, floor=st.just(0.0) | FLOOR, null=NULL)
def test_swapping_the_arms_mirrors_everything(compare, pairs, floor, null):
    a, b = zip(*pairs, strict=True)
    d, mirrored = compare(a, b, spread_floor=floor), compare(b, a, spread_floor=floor)

    assert mirrored.estimate == pytest.approx(-d.estimate, abs=1e-12)
    assert (mirrored.low, mirrored.high) == pytest.approx((-d.high, -d.low), abs=1e-9)
    assert mirrored.p_above(-null) == pytest.approx(d.p_below(null), abs=1e-9)


@pytest.mark.parametrize("compare", [welch, paired])
@given(pairs=PAIRS, floor=FLOOR, null=NULL, more=st.floats(0.0, 1.0))
def test_p_falls_as_the_null_moves_away_and_both_sides_add_to_one(
    compare, pairs, floor, null, more
):
    d = compare(*zip(*pairs, strict=True), spread_floor=floor)

    assert 0.0 <= d.p_above(null) <= d.p_above(null + more) <= 1.0
    assert d.p_above(null) + d.p_below(null) == pytest.approx(1.0)


@pytest.mark.parametrize("compare", [welch, paired])
@given(pairs=PAIRS, floor=FLOOR, alpha=st.floats(0.001, 0.5))
def test_the_interval_ends_where_p_is_half_of_alpha(compare, pairs, floor, alpha):
    d = compare(*zip(*pairs, strict=True), alpha, spread_floor=floor)

    assert d.p_above(d.low) == pytest.approx(alpha / 2)
    assert d.p_below(d.high) == pytest.approx(alpha / 2)
    assert d.confidence == 1 - alpha


@pytest.mark.parametrize("compare", [welch, paired])
@given(pairs=PAIRS, floor=FLOOR, more=st.floats(0.0, 0.5), margin=st.floats(0.0, 1.0))
def test_a_higher_floor_only_weakens_evidence(compare, pairs, floor, more, margin):
    a, b = zip(*pairs, strict=True)
    d = compare(a, b, spread_floor=floor)
    higher = compare(a, b, spread_floor=floor + more)

    assert higher.low <= d.low
    assert d.high <= higher.high
    # Away from the estimate, on either side of it.
    assert higher.p_above(d.estimate - margin) >= d.p_above(d.estimate - margin)
    assert higher.p_below(d.estimate + margin) >= d.p_below(d.estimate + margin)


@pytest.mark.parametrize("compare", [welch, paired])
@given(x=SCORE, y=SCORE, null=NULL)
def test_samples_that_do_not_vary_show_nothing_without_a_floor(compare, x, y, null):
    d = compare([x] * 3, [y] * 3)

    assert (d.p_above(null), d.p_below(null)) == (1.0, 1.0)
    assert (d.low, d.high) == (-math.inf, math.inf)
    assert d.estimate == pytest.approx(x - y)


def test_samples_that_do_not_vary_are_compared_by_the_floor():
    d = welch([1.0] * 3, [0.5] * 3, spread_floor=0.1)
    same = paired([1.0] * 3, [0.5] * 3, spread_floor=0.1)

    t = 0.5 / (0.1 * math.sqrt(2 / 3))
    assert d.p_above(0.0) == pytest.approx(stats.t.sf(t, 2))
    assert same.p_above(0.0) == pytest.approx(stats.t.sf(t, 2))


@pytest.mark.parametrize("compare", [welch, paired])
def test_spread_that_is_only_rounding_counts_as_none(compare):
    d = compare([0.1 + 0.2, 0.3, 0.3], [0.1, 0.1, 0.1])

    assert d.p_above(0.0) == 1.0


def test_the_rounding_of_large_values_is_no_spread_of_their_small_differences():
    b = [1000.0, 1.3, 150.7]

    d = paired([value + 0.001 for value in b], b)

    assert d.estimate == pytest.approx(0.001)
    assert d.p_above(0.0) == 1.0


@pytest.mark.parametrize("sd_b", [0.02, 0.1])
def test_welch_keeps_its_coverage_and_its_size(sd_b):
    draw = random.Random(2)
    covered = wrong = 0
    for _ in range(4000):
        a = [draw.gauss(0.8, 0.02) for _ in range(5)]
        b = [draw.gauss(0.8, sd_b) for _ in range(5)]
        d = welch(a, b)
        covered += d.low <= 0.0 <= d.high
        wrong += d.p_above(0.0) <= 0.05

    assert 0.935 <= covered / 4000 <= 0.975
    assert 0.03 <= wrong / 4000 <= 0.06


@pytest.mark.parametrize("compare", [welch, paired])
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([1.0], [1.0, 2.0]), "a needs at least 2 value.* got 1"),
        (([1.0, 2.0], []), "b needs at least 2 value.* got 0"),
        (([1.0, math.nan], [1.0, 2.0]), "nan"),
        (([1.0, 2.0], [-math.inf, 2.0]), "-inf"),
        (([1.0, 2.0], [1.0, 2.0], 0.0), "alpha.* 0.0"),
        (([1.0, 2.0], [1.0, 2.0], math.nan), "alpha.* nan"),
        (([1.0, 2.0], [1.0, 2.0], 0.05, -0.5), "spread_floor.* -0.5"),
    ],
)
def test_a_refusal_names_the_value(compare, arguments, named):
    with pytest.raises(ValueError, match=named):
        compare(*arguments)


def test_pairs_of_different_length_and_a_null_that_is_no_number_are_refused():
    with pytest.raises(ValueError, match="3 and 2"):
        paired([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"null.* nan"):
        welch([1.0, 2.0], [1.0, 3.0]).p_above(math.nan)
