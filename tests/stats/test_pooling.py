import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from techspec.stats.checked import sample
from techspec.stats.pooling import random_effects

STUDIES = st.lists(
    st.tuples(st.integers(-500, 500), st.integers(5, 200)).map(lambda p: (p[0] / 1e3, p[1] / 1e3)),
    min_size=2,
    max_size=8,
)


@pytest.mark.parametrize(
    ("effects", "errors", "estimate", "error", "tau_squared", "q", "inconsistency", "p"),
    [  # made with statsmodels 0.15, combine_effects(method_re="dl", use_t=True)
        (
            [0.129, 0.031, 0.179, 0.082, 0.045],
            [0.04, 0.029, 0.039, 0.025, 0.019],
            0.08592143745789693,
            0.026269806478310988,
            0.0019398103807249096,
            13.735750795014802,
            0.7087891255677305,
            0.00818798589586585,
        ),
        (
            [1.2, 0.7],
            [0.3, 0.15],
            0.8825,
            0.2407150805412905,
            0.06875,
            2.2222222,
            0.55,
            0.136037128,
        ),
    ],
)
def test_effects_are_pooled_as_statsmodels_does(
    effects, errors, estimate, error, tau_squared, q, inconsistency, p
):
    found = random_effects(effects, errors, confidence=0.95)

    assert found.estimate == pytest.approx(estimate)
    reach = stats.t.ppf(0.975, len(effects) - 1) * error
    assert (found.low, found.high) == pytest.approx((estimate - reach, estimate + reach))
    assert found.tau**2 == pytest.approx(tau_squared)
    assert (found.q, found.inconsistency) == pytest.approx((q, inconsistency))
    assert found.p_agree == pytest.approx(p)


def test_whether_small_studies_agree_is_welchs_test_of_their_means():
    groups = [[0.91, 0.93, 0.92], [0.71, 0.90, 0.83, 0.79], [0.99, 0.80, 0.85]]
    seen = [sample(group, "group") for group in groups]
    errors = [math.sqrt(each.variance / each.n) for each in seen]

    def agree(chosen):
        return random_effects(
            [seen[n].mean for n in chosen],
            [errors[n] for n in chosen],
            [seen[n].n - 1 for n in chosen],
        ).p_agree

    assert agree([0, 1, 2]) == pytest.approx(0.155350895375855)  # statsmodels 0.15, anova_oneway
    assert agree([0, 1]) == pytest.approx(stats.ttest_ind(*groups[:2], equal_var=False).pvalue)


@given(STUDIES, st.floats(0.5, 0.99))
def test_what_is_pooled_does_not_depend_on_order_sign_or_unit(studies, confidence):
    effects, errors = zip(*studies, strict=True)
    found = random_effects(effects, errors, confidence=confidence)

    turned = random_effects(effects[::-1], errors[::-1], confidence=confidence)
    negative = random_effects(
        [-100 * e for e in effects], [100 * e for e in errors], None, confidence
    )

    assert turned.estimate == pytest.approx(found.estimate)
    assert negative.low == pytest.approx(-100 * found.high, abs=1e-6)
    assert negative.p_agree == pytest.approx(found.p_agree, abs=1e-9)
    assert min(effects) - 1e-12 <= found.estimate <= max(effects) + 1e-12


@given(STUDIES)
def test_few_degrees_of_freedom_never_make_a_disagreement_clearer(studies):
    effects, errors = zip(*studies, strict=True)

    sure = random_effects(effects, errors).p_agree
    unsure = random_effects(effects, errors, [4.0] * len(studies)).p_agree

    if sure < 0.1:
        assert unsure > sure
    endless = random_effects(effects, errors, [1e12] * len(studies)).p_agree
    assert endless == pytest.approx(sure, abs=1e-6)


@given(STUDIES)
def test_the_interval_is_never_narrower_than_noise_alone_makes_it(studies):
    effects, errors = zip(*studies, strict=True)
    found = random_effects(effects, errors)

    least = 1.0 / math.sqrt(sum(1.0 / error**2 for error in errors))
    reach = stats.t.ppf(0.95, len(studies) - 1) * least
    assert found.high - found.low >= 2 * reach * (1 - 1e-9)


@pytest.mark.parametrize("tau", [0.0, 0.05])
def test_a_90_per_cent_interval_covers_the_mean_effect_at_least_so_often(tau):
    draw = random.Random(3)
    covered, called_different, rounds = 0, 0, 1500
    for _ in range(rounds):
        effects, errors, degrees = [], [], []
        for _ in range(3):
            truth = 0.1 + draw.gauss(0.0, tau)
            arms = [[draw.gauss(mean, 0.04) for _ in range(5)] for mean in (truth, 0.0)]
            seen = [sample(arm, "arm") for arm in arms]
            effects.append(seen[0].mean - seen[1].mean)
            errors.append(math.sqrt(sum(each.variance / each.n for each in seen)))
            degrees.append(8.0)
        found = random_effects(effects, errors, degrees)
        covered += found.low <= 0.1 <= found.high
        called_different += found.p_agree < 0.10

    assert covered / rounds > 0.88
    if tau == 0.0:
        assert 0.06 < called_different / rounds < 0.13


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([0.1], [0.1]), "1"),
        (([0.1, 0.2], [0.1]), "1"),
        (([0.1, math.nan], [0.1, 0.1]), "nan"),
        (([0.1, 0.2], [0.1, 0.0]), "0.0"),
        (([0.1, 0.2], [0.1, 0.1], [3.0]), "1"),
        (([0.1, 0.2], [0.1, 0.1], [3.0, 0.0]), "0.0"),
        (([0.1, 0.2], [0.1, 0.1], None, 1.0), "1.0"),
    ],
)
def test_a_refusal_names_the_value(arguments, named):
    with pytest.raises(ValueError, match=named):
        random_effects(*arguments)
