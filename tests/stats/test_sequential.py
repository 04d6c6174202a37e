import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from techspec.stats.sequential import (
    boundaries,
    sequential_p,
)

LOOKS = st.lists(st.integers(2, 24), min_size=1, max_size=5, unique=True).map(sorted).map(tuple)
KIND = st.sampled_from(["two-sample", "one-sample"])
ALPHA = st.floats(0.0005, 0.5)
P = st.floats(0.0, 1.0)
DRAWS = 60_000


def _p_at_looks(rng, seeds, kind, sd=1.0, shift=0.0, draws=DRAWS):
    """p of the null "no difference" at each look, (draws, looks), by scipy's own tests."""
    a = shift + sd * rng.standard_normal((draws, seeds[-1]))
    b = rng.standard_normal((draws, seeds[-1]))
    if kind == "one-sample":
        return np.stack(
            [stats.ttest_rel(a[:, :n], b[:, :n], axis=1, alternative="greater")[1] for n in seeds],
            axis=1,
        )
    return np.stack(
        [
            stats.ttest_ind(a[:, :n], b[:, :n], axis=1, equal_var=False, alternative="greater")[1]
            for n in seeds
        ],
        axis=1,
    )


def _rejected(p_values, bounds):
    return float((p_values <= np.array(bounds)).any(1).mean())


@pytest.mark.parametrize("alpha", [0.05, 0.0125])
@pytest.mark.parametrize("seeds", [(3, 5, 7, 10), (5, 7, 10), (3, 4), (3, 5, 7, 10, 14, 20)])
@pytest.mark.parametrize(
    ("kind", "sd"),
    [("one-sample", 1.0), ("two-sample", 1.0), ("two-sample", 3.0), ("two-sample", 8.0)],
)
def test_looking_again_and_again_rejects_a_true_null_in_at_most_alpha(kind, sd, seeds, alpha):
    p_values = _p_at_looks(np.random.default_rng(4), seeds, kind, sd)

    size = _rejected(p_values, boundaries(seeds, alpha, kind))

    chance = math.sqrt(alpha * (1.0 - alpha) / DRAWS)  # standard deviation of `size` at alpha
    assert size <= alpha + 3.0 * chance
    if sd != 1.0 or kind == "one-sample":
        assert size >= 0.8 * alpha  # and gives little away


def test_ordinary_p_values_looked_at_again_and_again_do_not_keep_it():
    p_values = _p_at_looks(np.random.default_rng(4), range(3, 11), "two-sample")

    assert _rejected(p_values, [0.05] * 8) > 0.11


def test_each_look_of_independent_data_spends_its_share_as_the_normal_integral_says():
    # Times that scipy's multivariate normal integral, another method, is given as well.
    seeds, alpha = (4, 6, 9), 0.08
    bounds = [-special.ndtri(p) for p in boundaries(seeds, alpha, "one-sample")]
    times = np.array(seeds) / seeds[-1]
    together = np.minimum.outer(times**2, times**2) / np.outer(times, times)

    for reached in (1, 2, 3):
        none = stats.multivariate_normal(cov=together[:reached, :reached]).cdf(bounds[:reached])
        assert 1.0 - none == pytest.approx(alpha * times[reached - 1] ** 1.5, rel=0.01)


@given(LOOKS, KIND, ALPHA, st.floats(1.01, 1.9))
def test_every_boundary_rises_with_the_error_allowed_and_none_exceeds_it(seeds, kind, alpha, by):
    bounds = boundaries(seeds, alpha, kind)

    assert len(bounds) == len(seeds)
    assert all(0.0 < bound <= alpha * 1.003 for bound in bounds)
    assert all(
        low < high for low, high in zip(bounds, boundaries(seeds, alpha * by, kind), strict=True)
    )


@given(st.integers(2, 24), ALPHA)
def test_a_single_look_of_an_exact_test_spends_all(n, alpha):
    assert boundaries((n,), alpha, "one-sample") == pytest.approx((alpha,), rel=0.003)
    assert sequential_p([alpha], (n,), "one-sample") == pytest.approx(alpha, rel=0.003)


@given(LOOKS, KIND, ALPHA, st.lists(P, max_size=5))
def test_the_sequential_p_is_at_most_alpha_where_and_only_where_a_boundary_is_reached(
    seeds, kind, alpha, p_values
):
    p_values = p_values[: len(seeds)]
    bounds = boundaries(seeds, alpha, kind)

    p = sequential_p(p_values, seeds, kind)

    if any(p_value <= bound * (1 - 1e-9) for p_value, bound in zip(p_values, bounds, strict=False)):
        assert p <= alpha
    if all(p_value >= bound * (1 + 1e-9) for p_value, bound in zip(p_values, bounds, strict=False)):
        assert p > alpha


@given(LOOKS, KIND, ALPHA, st.data())
def test_a_p_value_on_its_boundary_is_worth_alpha(seeds, kind, alpha, data):
    look = data.draw(st.integers(0, len(seeds) - 1))
    bound = boundaries(seeds, alpha, kind)[look]

    assert sequential_p([1.0] * look + [bound], seeds, kind) == pytest.approx(alpha, rel=1e-9)


@given(LOOKS, KIND, st.lists(P, max_size=5))
def test_a_further_look_can_only_lower_the_sequential_p(seeds, kind, p_values):
    p_values = p_values[: len(seeds)]
    so_far = [sequential_p(p_values[:n], seeds, kind) for n in range(len(p_values) + 1)]

    assert so_far[0] == 1.0
    assert so_far == sorted(so_far, reverse=True)
    assert all(0.0 <= p <= 1.0 for p in so_far)


def test_certainty_either_way_is_kept():
    assert sequential_p([0.0], (3, 5)) == 0.0
    assert sequential_p([1.0, 1.0], (3, 5)) == 1.0


def test_without_a_look_nothing_is_rejected():
    assert boundaries(()) == ()
    assert sequential_p([], ()) == 1.0


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: boundaries((5, 3)), r"\[5, 3\]"),
        (lambda: boundaries((1, 3)), r"\[1, 3\]"),
        (lambda: boundaries((3, 5), 0.0), "alpha.* 0.0"),
        (lambda: boundaries((3, 5), 0.05, "welch"), "'welch'"),
        (lambda: sequential_p([1.5], (3, 5)), "1.5"),
        (lambda: sequential_p([math.nan], (3, 5)), "nan"),
        (lambda: sequential_p([0.1, 0.1], (3,)), "got 2 for 1"),
    ],
)
def test_a_refusal_names_the_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
