import math
import random
import statistics
from functools import cache
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.stats.trend import jonckheere, runs_needed

# Few distinct values, so that ties are common.
GROUP = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=3)
SMALL = st.lists(GROUP, min_size=2, max_size=4).filter(lambda g: sum(map(len, g)) <= 7)


def rising_pairs(groups) -> float:
    return sum(
        1.0 if x < y else 0.5 if x == y else 0.0
        for lower, upper in combinations(groups, 2)
        for x in lower
        for y in upper
    )


def regrouped(values, groups):
    values = iter(values)
    return [[next(values) for _ in group] for group in groups]


@cache
def ways(sizes, pairs):
    """Arrangements of untied values with so many rising pairs, by where the largest value lies."""
    if not any(sizes):
        return int(pairs == 0)
    return sum(
        ways((*sizes[:level], size - 1, *sizes[level + 1 :]), pairs - sum(sizes[:level]))
        for level, size in enumerate(sizes)
        if size
    )


def chance_of_at_least(j, sizes):
    total = math.factorial(sum(sizes)) // math.prod(map(math.factorial, sizes))
    return sum(ways(sizes, pairs) for pairs in range(int(j), sum(sizes) ** 2)) / total


@settings(max_examples=25)
@given(SMALL)
def test_p_counts_the_arrangements_that_rise_or_fall_as_much(groups):
    values = [value for group in groups for value in group]
    null = [rising_pairs(regrouped(order, groups)) for order in permutations(values)]
    found = jonckheere(groups)

    j = rising_pairs(groups)
    assert found.exact
    assert found.statistic == j
    assert found.p == pytest.approx(sum(other >= j for other in null) / len(null))
    assert found.p_opposite == pytest.approx(sum(other <= j for other in null) / len(null))


@given(SMALL)
def test_asking_the_other_way_or_reversing_the_levels_mirrors_the_trend(groups):
    rises, falls = jonckheere(groups), jonckheere(groups, "decreases")
    backwards = jonckheere(groups[::-1])

    assert (falls.p, falls.p_opposite) == (rises.p_opposite, rises.p)
    assert falls.effect == -rises.effect
    assert (backwards.p, backwards.effect) == (falls.p, falls.effect)
    assert falls.direction == "decreases"


@given(SMALL)
def test_only_the_order_of_the_values_counts(groups):
    bent = [[math.exp(value) - 7.0 for value in group] for group in groups]

    assert jonckheere(bent) == jonckheere(groups)


@given(SMALL)
def test_effect_and_p_stay_in_range(groups):
    found = jonckheere(groups)

    assert -1.0 <= found.effect <= 1.0
    assert 0.0 < found.p <= 1.0
    assert found.p + found.p_opposite >= 1.0


def test_a_perfect_order_has_effect_one_and_equal_values_have_none():
    perfect = jonckheere([[1.0], [2.0], [3.0]])
    flat = jonckheere([[1.0, 1.0], [1.0], [1.0, 1.0]])

    assert (perfect.effect, jonckheere([[1.0], [2.0], [3.0]], "decreases").effect) == (1.0, -1.0)
    assert perfect.p == pytest.approx(1 / 6)
    assert (flat.effect, flat.p, flat.p_opposite) == (0.0, 1.0, 1.0)


@given(st.lists(st.integers(1, 3), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_without_ties_p_is_exact_however_many_arrangements_there_are(sizes, draw):
    untied = [float(value) for value in range(sum(sizes))]
    draw.shuffle(untied)
    groups = regrouped(untied, [[None] * n for n in sizes])
    found = jonckheere(groups)

    assert found.exact
    assert found.statistic == rising_pairs(groups)
    assert found.p == pytest.approx(chance_of_at_least(found.statistic, tuple(sizes)))
    assert found.p + found.p_opposite > 1.0


def test_five_levels_of_ten_runs_have_the_p_of_the_normal_limit():
    draw = random.Random(4)
    groups = [[draw.gauss(0.1 * level, 1.0) for _ in range(10)] for level in range(5)]
    found = jonckheere(groups)

    mean, variance = 500.0, (50**2 * 103 - 5 * 10**2 * 23) / 72  # of J: Jonckheere (1954)
    assert found.exact
    limit = statistics.NormalDist(mean, math.sqrt(variance)).cdf(found.statistic - 0.5)
    assert found.p == pytest.approx(1.0 - limit, abs=0.002)


@pytest.mark.parametrize("lift", [0.0, 0.3, 0.8])
def test_random_arrangements_of_tied_values_give_the_p_of_shuffling_and_repeat_themselves(lift):
    draw = random.Random(4)
    groups = [[round(draw.gauss(level * lift, 1.0)) for _ in range(4)] for level in range(4)]
    found = jonckheere(groups)

    values, as_much, shuffles = [value for group in groups for value in group], 0, 4000
    for _ in range(shuffles):
        draw.shuffle(values)
        as_much += rising_pairs(regrouped(values, groups)) >= found.statistic
    assert not found.exact
    assert found.p == pytest.approx(as_much / shuffles, abs=4 * math.sqrt(0.25 / shuffles))
    assert found == jonckheere(groups)


def test_random_arrangements_never_give_a_p_of_zero():
    groups = [[float(10 * level + run) for run in range(5)] for level in range(5)]
    groups[0][0] = groups[0][1]

    assert jonckheere(groups, draws=199).p == 1 / 200


def test_four_levels_of_two_runs_keep_the_error_and_find_a_rise_of_one_sd_a_level():
    draw = random.Random(5)
    rising = [
        jonckheere([[draw.gauss(level, 1.0) for _ in range(2)] for level in range(4)])
        for _ in range(100)
    ]

    for found in rising:
        assert found.p == pytest.approx(chance_of_at_least(found.statistic, (2,) * 4))
    assert chance_of_at_least(19, (2,) * 4) == pytest.approx(0.0484, abs=5e-5)  # the size at 5 %
    assert 0.72 <= sum(found.p <= 0.05 for found in rising) / 100 <= 0.92


@pytest.mark.parametrize(("levels", "effect"), [(3, 0.6), (3, -0.6), (2, 0.7)])
def test_the_runs_needed_bring_a_trend_of_that_strength_to_alpha_and_one_fewer_does_not(
    levels, effect
):
    further = runs_needed(effect, [3] * levels, 0.05, most=20)

    def p_after(n):
        pairs = levels * (levels - 1) // 2 * n * n
        return chance_of_at_least(round(pairs * (1 + abs(effect)) / 2), (n,) * levels)

    assert p_after(3 + further) <= 0.055
    assert further == 1 or p_after(3 + further - 1) > 0.045
    assert runs_needed(effect, [3] * levels, 0.05, most=further - 1) is None


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: jonckheere([[1.0]]), "got 1"),
        (lambda: jonckheere([[1.0], []]), "level 1 .*got 0"),
        (lambda: jonckheere([[1.0], [math.nan]]), "level 1 .*nan"),
        (lambda: jonckheere([[1.0], [2.0]], "sideways"), "sideways"),
        (lambda: jonckheere([[1.0], [2.0]], draws=0), "draws.* 0"),
        (lambda: jonckheere([[1.0], [2.0]], seed=-1), "seed.* -1"),
    ],
)
def test_a_refusal_names_the_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
