import math
import random
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.stats.trend import DRAWS, jonckheere

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


def chances_without_ties(sizes) -> list[float]:
    """Chance of each J = 0, 1, …: counting orders by inversions, the q-multinomial coefficient."""
    ways, seen = [1], 0
    for size in sizes:
        for k in range(1, size + 1):  # times (1 - q^(seen + k)) / (1 - q^k)
            up = ways + [0] * (seen + k)
            for power in range(len(ways)):
                up[power + seen + k] -= ways[power]
            for power in range(k, len(up)):
                up[power] += up[power - k]
            ways = up[: len(ways) + seen]
        seen += size
    return [count / sum(ways) for count in ways]


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


@pytest.mark.parametrize("lift", [0.0, 0.3, 0.8])
def test_random_arrangements_come_close_to_the_exact_p_and_repeat_themselves(lift):
    draw = random.Random(4)
    groups = [[draw.gauss(level * lift, 1.0) for _ in range(4)] for level in range(4)]
    found = jonckheere(groups)

    exact = sum(chances_without_ties([4] * 4)[int(found.statistic) :])
    assert not found.exact
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(0.25 / DRAWS))
    assert found == jonckheere(groups)


def test_random_arrangements_never_give_a_p_of_zero():
    groups = [[float(10 * level + run) for run in range(5)] for level in range(5)]

    assert jonckheere(groups, draws=199).p == 1 / 200


def test_four_levels_of_two_runs_keep_the_error_and_find_a_rise_of_one_sd_a_level():
    chances = chances_without_ties([2] * 4)
    draw = random.Random(5)
    rising = [
        jonckheere([[draw.gauss(level, 1.0) for _ in range(2)] for level in range(4)])
        for _ in range(100)
    ]

    for found in rising:
        assert found.p == pytest.approx(sum(chances[int(found.statistic) :]))
    assert sum(chances[19:]) == pytest.approx(0.0484, abs=5e-5)  # the size at 5 %
    assert 0.72 <= sum(found.p <= 0.05 for found in rising) / 100 <= 0.92


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
