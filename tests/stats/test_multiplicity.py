import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec.stats.multiplicity import holm

P_VALUES = st.lists(st.floats(0.0, 1.0), max_size=7)


@given(P_VALUES)
def test_holm_rejects_what_bonferroni_rejects_in_every_set_around_it(p_values):
    def closed(index: int) -> float:
        others = [p for k, p in enumerate(p_values) if k != index]
        sets = [
            (p_values[index], *more)
            for size in range(len(others) + 1)
            for more in combinations(others, size)
        ]
        return max(min(1.0, len(members) * min(members)) for members in sets)

    assert holm(p_values) == pytest.approx([closed(k) for k in range(len(p_values))])


@given(P_VALUES)
def test_adjusting_keeps_the_order_and_never_strengthens(p_values):
    adjusted = holm(p_values)

    by_raw = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert by_raw == sorted(by_raw)
    assert all(raw <= a <= 1.0 for raw, a in zip(p_values, adjusted, strict=True))


@given(st.permutations([0.2, 0.01, 0.03, 0.04]))
def test_the_order_given_does_not_matter(p_values):
    adjusted = dict(zip(p_values, holm(p_values), strict=True))

    assert adjusted == pytest.approx({0.01: 0.04, 0.03: 0.09, 0.04: 0.09, 0.2: 0.2})


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_a_value_that_is_no_probability_is_named(bad):
    with pytest.raises(ValueError, match=str(bad)):
        holm([0.5, bad])
