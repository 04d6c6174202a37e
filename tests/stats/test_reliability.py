import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.reliability import chances, clopper_pearson, sprt

COUNTS = st.integers(0, 25).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RATES = st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)).filter(lambda p: p[1] - p[0] > 0.05)
ERROR = st.floats(0.01, 0.3)


def at_least(k: int, n: int, rate: float) -> float:
    return sum(math.comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(k, n + 1))


@given(COUNTS, st.floats(0.5, 0.999))
def test_each_end_of_the_interval_makes_the_count_just_credible(counts, confidence):
    successes, n = counts
    low, high = clopper_pearson(successes, n, confidence)

    tail = (1 - confidence) / 2
    assert 0.0 <= low <= high <= 1.0
    assert low == 0.0 if successes == 0 else at_least(successes, n, low) == pytest.approx(tail)
    at_most = 1 - at_least(successes + 1, n, high)
    assert high == 1.0 if successes == n else at_most == pytest.approx(tail)


@given(COUNTS, st.floats(0.5, 0.999))
def test_the_interval_is_scipys(counts, confidence):
    expected = stats.binomtest(*counts).proportion_ci(confidence) if counts[1] else (0.0, 1.0)

    assert clopper_pearson(*counts, confidence) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8, 0.97])
def test_the_interval_covers_at_least_as_often_as_it_says(rate):
    n = 10
    intervals = [clopper_pearson(k, n) for k in range(n + 1)]

    chance = [at_least(k, n, rate) - at_least(k + 1, n, rate) for k in range(n + 1)]
    covered = [p for p, (low, high) in zip(chance, intervals, strict=True) if low <= rate <= high]
    assert sum(covered) >= 0.95


def test_all_successes_confirm_in_six_and_all_failures_refute_in_two():
    assert [sprt(n, n).decision for n in range(8)] == ["undecided"] * 6 + ["reached"] * 2
    assert [sprt(0, n).decision for n in range(4)] == ["undecided"] * 2 + ["not_reached"] * 2


def test_a_coin_flip_is_confirmed_within_ten_runs_in_under_three_per_cent():
    assert chances(rate=0.5, seeds=10).reached == pytest.approx(0.0273, abs=5e-5)
    assert chances(rate=0.9, seeds=10).not_reached == pytest.approx(0.0253, abs=5e-5)


@given(COUNTS, RATES, ERROR, ERROR)
def test_the_runs_still_needed_decide_and_one_fewer_does_not(counts, rates, alpha, beta):
    (successes, n), (p0, p1) = counts, rates

    def after(more_successes: int, more_failures: int) -> str:
        runs = n + more_successes + more_failures
        return sprt(successes + more_successes, runs, p1, p0, alpha, beta).decision

    now = sprt(successes, n, p1, p0, alpha, beta)
    if now.decision != "undecided":
        assert (now.successes_needed, now.failures_needed) == (0, 0)
    else:
        assert after(now.successes_needed, 0) == "reached"
        assert after(now.successes_needed - 1, 0) == "undecided"
        assert after(0, now.failures_needed) == "not_reached"
        assert after(0, now.failures_needed - 1) == "undecided"


@given(COUNTS, RATES, ERROR, ERROR)
def test_the_decision_is_walds(counts, rates, alpha, beta):
    (successes, n), (p0, p1) = counts, rates
    odds = (p1 / p0) ** successes * ((1 - p1) / (1 - p0)) ** (n - successes)
    result = sprt(successes, n, p1, p0, alpha, beta)

    assert math.exp(result.log_likelihood_ratio) == pytest.approx(odds, rel=1e-6)
    if odds > (1 - beta) / alpha * (1 + 1e-9):
        assert result.decision == "reached"
    elif odds < beta / (1 - alpha) * (1 - 1e-9):
        assert result.decision == "not_reached"
    elif beta / (1 - alpha) * (1 + 1e-9) < odds < (1 - beta) / alpha * (1 - 1e-9):
        assert result.decision == "undecided"


def test_a_tie_with_the_boundary_decides_in_spite_of_rounding():
    # One success weighs log(0.95 / 0.05), and so does the boundary.
    assert sprt(1, 1, p1=0.95, p0=0.05).decision == "reached"
    assert sprt(0, 1, p1=0.95, p0=0.05).decision == "not_reached"
    assert sprt(1, 1, p1=0.15, p0=0.05, alpha=0.25, beta=0.25).decision == "reached"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: clopper_pearson(3, 2), "got 3"),
        (lambda: clopper_pearson(0, -1), "got -1"),
        (lambda: clopper_pearson(1, 2, 1.0), "confidence.* 1.0"),
        (lambda: sprt(-1, 2), "got -1"),
        (lambda: sprt(1, 2, p1=0.4, p0=0.6), "0.6 and p1 = 0.4"),
        (lambda: sprt(1, 2, p1=1.0), "p1.* 1.0"),
        (lambda: sprt(1, 2, alpha=math.nan), "alpha.* nan"),
        (lambda: sprt(1, 2, alpha=0.6, beta=0.5), r"0.6 \+ 0.5"),
    ],
)
def test_a_refusal_names_the_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(0.05, 0.95), st.integers(0, 9), st.floats(0.01, 0.2), st.floats(0.01, 0.2))
def test_chances_are_those_of_every_sequence_of_runs_added_up(rate, seeds, alpha, beta):
    total = {"reached": 0.0, "not_reached": 0.0, "undecided": 0.0}
    for runs in product((True, False), repeat=seeds):
        decision = next(
            (
                found
                for n in range(seeds + 1)
                if (found := sprt(sum(runs[:n]), n, alpha=alpha, beta=beta).decision) != "undecided"
            ),
            "undecided",
        )
        total[decision] += rate ** sum(runs) * (1 - rate) ** (seeds - sum(runs))

    found = chances(rate, seeds, alpha, beta)

    assert (found.reached, found.not_reached, found.undecided) == pytest.approx(
        tuple(total.values())
    )
