import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.rates import fisher


@st.composite
def _counts(draw):
    n_a, n_b = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return draw(st.integers(0, n_a)), n_a, draw(st.integers(0, n_b)), n_b


@given(_counts(), st.floats(0.001, 0.5))
def test_fisher_is_scipys_test_and_joins_scipys_intervals_of_the_rates(counts, alpha):
    successes_a, n_a, successes_b, n_b = counts
    table = [[successes_a, n_a - successes_a], [successes_b, n_b - successes_b]]
    wilson_a, wilson_b = (
        stats.binomtest(successes, n).proportion_ci(1.0 - alpha, method="wilson")
        for successes, n in ((successes_a, n_a), (successes_b, n_b))
    )
    rates = fisher(*counts, alpha)

    greater = stats.fisher_exact(table, alternative="greater").pvalue
    assert rates.p_above == pytest.approx(greater)
    assert rates.p_below == pytest.approx(stats.fisher_exact(table, alternative="less").pvalue)
    low = math.hypot(successes_a / n_a - wilson_a.low, wilson_b.high - successes_b / n_b)
    assert rates.estimate - rates.low == pytest.approx(low, abs=1e-9)


@given(_counts())
def test_swapping_the_arms_mirrors_the_rates(counts):
    rates, mirrored = fisher(*counts), fisher(*counts[2:], *counts[:2])

    assert (mirrored.low, mirrored.high) == pytest.approx((-rates.high, -rates.low))
    assert mirrored.p_above == pytest.approx(rates.p_below)
    assert -1.0 <= rates.low <= rates.estimate <= rates.high <= 1.0


def test_the_interval_of_rates_is_the_one_newcombe_published():
    rates = fisher(56, 70, 48, 80)

    assert rates.estimate == pytest.approx(0.2)
    assert (rates.low, rates.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert rates.odds_ratio == pytest.approx((56 * 32) / (14 * 48))


def test_odds_without_a_ratio_are_none_and_odds_against_nothing_infinite():
    assert fisher(3, 3, 5, 5).odds_ratio is None
    assert fisher(0, 3, 0, 5).odds_ratio is None
    assert fisher(3, 3, 2, 5).odds_ratio == math.inf
    assert fisher(0, 3, 2, 5).odds_ratio == 0.0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((0, 0, 1, 2), "got 0"),
        ((3, 2, 1, 2), "got 3"),
        ((1, 2, -1, 2), "got -1"),
        ((1, 2, 1, 2, 1.5), "alpha.* 1.5"),
    ],
)
def test_fisher_names_the_count_it_refuses(arguments, named):
    with pytest.raises(ValueError, match=named):
        fisher(*arguments)
