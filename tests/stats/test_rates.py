import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.rates import fisher, p_rates_apart


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


@given(_counts(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8]))
def test_rates_apart_have_the_largest_chance_of_all_rates_within_the_margin(counts, margin):
    successes_a, n_a, successes_b, n_b = counts

    p = p_rates_apart(*counts, margin)

    def least(a, b):
        table = [[a, n_a - a], [b, n_b - b]]
        sides = (stats.fisher_exact(table, alternative=side) for side in ("less", "greater"))
        return min(found.pvalue for found in sides)

    seen = least(successes_a, successes_b)
    fisher_p = np.array([[least(a, b) for b in range(n_b + 1)] for a in range(n_a + 1)])
    extreme = fisher_p <= seen * (1.0 + 1e-7)
    rates = np.linspace(0.0, 1.0, 41)
    of_a = stats.binom.pmf(np.arange(n_a + 1)[:, None], n_a, rates)
    of_b = stats.binom.pmf(np.arange(n_b + 1)[:, None], n_b, rates)
    chances = of_a.T @ extreme @ of_b
    within = np.abs(rates[:, None] - rates) <= margin + 1e-9
    assert 0.998 * chances[within].max() <= p <= 1.0
    assert p <= 1.02 * chances[within].max() + 1e-3


@given(_counts(), st.floats(0.0, 1.2), st.floats(0.0, 1.2))
def test_a_wider_margin_never_makes_rates_look_further_apart(counts, one, other):
    narrow, wide = sorted((one, other))

    assert p_rates_apart(*counts, narrow) <= 1.005 * p_rates_apart(*counts, wide)
    assert p_rates_apart(*counts, 1.0) == 1.0


@given(_counts())
def test_without_a_margin_rates_look_at_least_as_far_apart_as_to_fisher(counts):
    rates = fisher(*counts)

    assert p_rates_apart(*counts) <= 2.0 * min(rates.p_above, rates.p_below) + 1e-9
    assert p_rates_apart(*counts) == pytest.approx(p_rates_apart(*counts[2:], *counts[:2]))


def test_rates_apart_are_scipys_boschloo_test_where_both_arms_are_as_large():
    for successes_b in range(6):
        table = [[5, successes_b], [0, 5 - successes_b]]
        expected = stats.boschloo_exact(table, n=64).pvalue

        assert p_rates_apart(5, 5, successes_b, 5) == pytest.approx(expected, rel=2e-3)


def test_rates_apart_name_the_count_and_the_margin_that_they_refuse():
    with pytest.raises(ValueError, match="got 3"):
        p_rates_apart(3, 2, 1, 2)
    with pytest.raises(ValueError, match=r"margin.* -0\.1"):
        p_rates_apart(1, 2, 1, 2, -0.1)
