import random

import pytest

from techspec.verdict.model import Outcome

RELIABLE = "exact_match(upper) >= 95%"
ALIKE = "exact_match insensitive to rope_theta within 2pt"
RISES = "exact_match increases with d_model"
LEAST = "smallest params with exact_match >= 70%"
SIZES = (77_000, 253_000, 1_400_000, 3_180_000)
GOOD, BAD = [0.9] * 6, [0.2, 0.3]


def levels(*scores):
    return {f"level {place}": values for place, values in enumerate(scores)}


# Threshold


def test_six_seeds_that_all_reach_the_level_confirm_and_five_do_not(judge):
    six = judge({"upper": [0.96] * 6}, RELIABLE)
    five = judge({"upper": [0.96] * 5}, RELIABLE)

    assert six.outcome is Outcome.CONFIRMED
    assert (five.outcome, five.seeds_needed) == (Outcome.INCONCLUSIVE, 1)
    assert "1 more that succeeds would confirm" in five.sentence


def test_two_misses_refute_a_threshold(judge):
    assert judge({"upper": [0.94, 0.93]}, RELIABLE).outcome is Outcome.REFUTED


def test_a_mean_above_the_level_does_not_make_an_arm_reliable(judge):
    verdict = judge({"upper": [0.98, 0.98, 0.98, 0.98, 0.40]}, "exact_match(upper) >= 85%")

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "4 of 5 seeds" in verdict.sentence


def test_a_diverged_seed_misses_the_threshold(judge):
    assert judge({"upper": [None, None]}, RELIABLE).outcome is Outcome.REFUTED


def test_a_diverged_seed_is_no_evidence_of_having_exceeded_a_level(judge):
    claim = "exact_match(bad) <= 10%"

    three = judge({"bad": [None] * 3}, claim)
    mixed = judge({"bad": [0.05] * 6 + [None] * 3}, claim)
    above = judge({"bad": [0.3, 0.4, None]}, claim)

    assert three.outcome is Outcome.INCONCLUSIVE
    assert "All runs of bad diverged" in three.sentence
    assert mixed.outcome is Outcome.CONFIRMED
    assert "6 of 6 seeds of bad that ended got down to 10.0 %" in mixed.sentence
    assert "3 of 9 seeds of bad diverged" in mixed.caveats
    assert above.outcome is Outcome.REFUTED


def test_to_diverge_is_no_evidence_that_a_loss_stayed_below_a_level(judge):
    options = {"metric": "loss", "better": "lower"}

    diverged = judge({"bad": [None, None]}, "loss(bad) >= 2", **options)
    mixed = judge({"bad": [None, 2.5, None, *[2.5] * 5]}, "loss(bad) >= 2", **options)

    assert diverged.outcome is Outcome.INCONCLUSIVE
    assert (mixed.outcome, mixed.look) == (Outcome.CONFIRMED, 8)


@pytest.mark.parametrize(
    ("claim", "levels"),
    [("exact_match(bad) <= 10%", ()), ("smallest width with exact_match <= 10%", (1,))],
)
def test_a_claim_that_diverged_runs_do_not_count_for_asks_for_seeds_beyond_them(
    judge, claim, levels
):
    scores = {"bad": [None, None, 0.05, *["pending"] * 7]}

    verdict = judge(scores, claim, levels, looks=range(1, 11))

    assert [(each.arm, each.seeds) for each in verdict.asks] == [("bad", 6)]


def test_a_threshold_that_was_decided_early_says_so_of_its_first_seeds(judge):
    verdict = judge({"upper": [0.96] * 6 + [0.2] * 4}, RELIABLE)

    assert verdict.outcome is Outcome.CONFIRMED
    assert "6 of the first 6 seeds of upper reached 95.0 %" in verdict.sentence


@pytest.mark.parametrize(
    ("relation", "outcome"), [(">=", Outcome.CONFIRMED), (">", Outcome.REFUTED)]
)
def test_the_relation_decides_for_seeds_exactly_at_the_level(judge, relation, outcome):
    assert judge({"upper": [0.95] * 6}, f"exact_match(upper) {relation} 95%").outcome is outcome


def test_an_upper_limit_is_reached_by_being_low(judge):
    options = {"metric": "loss", "better": "lower"}
    assert judge({"a": [0.1] * 6}, "loss(a) <= 0.2", **options).outcome is Outcome.CONFIRMED
    assert judge({"a": [0.3] * 6}, "loss(a) <= 0.2", **options).outcome is Outcome.REFUTED


# Insensitive


def test_levels_within_the_margin_are_shown_alike(judge):
    alike = levels(*[[0.913, 0.915, 0.912, 0.914, 0.916]] * 3)

    verdict = judge(alike, ALIKE, (10, 100, 1000))

    assert verdict.outcome is Outcome.CONFIRMED
    assert "10, 100 and 1000" in verdict.sentence


def test_a_level_beyond_the_margin_refutes_and_the_pair_is_named(judge):
    apart = levels(
        [0.913, 0.915, 0.912, 0.914, 0.913],
        [0.914, 0.913, 0.915, 0.912, 0.914],
        [0.812, 0.816, 0.814, 0.815, 0.813],
    )

    verdict = judge(apart, ALIKE, (10, 100, 1000))

    assert verdict.outcome is Outcome.REFUTED
    assert "10 against 1000" in verdict.sentence
    assert "10 against 100 " not in verdict.sentence


def test_seeds_that_vary_by_more_than_half_the_margin_are_given_as_the_reason(judge):
    noisy = levels([0.90, 0.93, 0.94, 0.91, 0.92], [0.95, 0.90, 0.93, 0.91, 0.89])

    verdict = judge(noisy, ALIKE, (10, 100))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "more than half of the 2.0 pt allowed" in verdict.sentence


def test_levels_whose_seeds_fall_into_two_groups_are_never_called_alike(judge):
    split = levels([0.98, 0.40, 0.97, 0.98, 0.98], [0.97, 0.98, 0.98, 0.40, 0.99])

    assert judge(split, ALIKE, (10, 100)).outcome is Outcome.INCONCLUSIVE


def test_levels_that_succeed_unlike_often_refute_insensitivity(judge):
    unlike = levels([0.98, 0.97, 0.98, 0.99, 0.98, 0.97], [0.98, 0.2, None, 0.2, 0.2, 0.2])
    ending = levels([0.98, 0.97, 0.98, 0.99, 0.98, 0.97], [0.97, None, None, None, None, None])

    assert judge(unlike, ALIKE, (10, 100)).outcome is Outcome.REFUTED
    assert judge(ending, ALIKE, (10, 100)).outcome is Outcome.REFUTED


def test_a_diverged_run_does_not_let_a_band_edge_refute_insensitivity(judge):
    scores = levels([0.951, 0.952, 0.951, 0.953, 0.952, 0.951], [0.949] * 5 + [None])

    verdict = judge(scores, "exact_match insensitive to rope_theta within 5pt", (10, 100))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "ended without diverging" in verdict.sentence


def spread(mean, sd):
    """Five seeds with this mean and this standard deviation."""
    return [mean + sd * step for step in (-1.355, -0.565, 0.0, 0.565, 1.355)]


def test_a_refuted_insensitivity_names_the_levels_that_differ_at_the_look_that_refutes(judge):
    apart = levels(spread(0.5303, 0.0058), spread(0.5, 0.0058))

    verdict = judge(apart, ALIKE, (10, 100), looks=(3, 5, 7, 10))

    assert verdict.outcome is Outcome.REFUTED
    assert "More than the 2.0 pt allowed lies between levels (10 against 100)" in verdict.sentence
    assert verdict.estimate.low > verdict.estimate.claimed


def test_what_would_not_have_been_refuted_is_told_of_the_pair_that_is(judge):
    noisy = levels(spread(0.5, 0.001), spread(0.54, 0.001), spread(0.545, 0.04))

    verdict = judge(noisy, ALIKE, (1, 10, 100), looks=(3, 5))

    assert "lies between levels (1 against 10):" in verdict.sentence
    assert "A claim that allows more than 3.8 pt would not have been refuted" in verdict.sentence
    allowing = [judge(noisy, ALIKE.replace("2pt", f"{pt}pt"), (1, 10, 100), looks=(3, 5))
                for pt in (3.75, 3.9)]  # fmt: skip
    assert [each.outcome for each in allowing] == [Outcome.REFUTED, Outcome.INCONCLUSIVE]


def test_one_level_that_fails_is_not_given_up_for_the_many_pairs_that_are_searched(judge):
    scores = levels([0.97, 0.98, 0.97], [0.98, 0.97, 0.99], [0.98, 0.40, 0.97], [0.40, 0.41, 0.38])

    verdict = judge(scores, ALIKE, (1, 10, 100, 1000), looks=(3, 5, 7, 10))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert not verdict.is_futile
    assert {each.seeds for each in verdict.asks} == {5}


def test_success_rates_are_held_against_what_the_margin_allows_of_them(judge):
    mostly, seldom = [0.97] * 9 + [0.40], [0.97] * 2 + [0.40] * 8
    scores = levels(mostly, seldom)

    narrow = judge(scores, ALIKE, (10, 100))
    wide = judge(scores, "exact_match insensitive to rope_theta within 40pt", (10, 100))

    assert narrow.outcome is Outcome.REFUTED
    assert "differ by more than the 2.0 pt allowed" in narrow.sentence
    assert "differed by 3.5 %, which moves an average by the 2.0 pt allowed" in narrow.sentence
    assert wide.outcome is Outcome.INCONCLUSIVE
    assert "No pair of levels differs by more than the 40.0 pt allowed" in wide.sentence


def test_a_level_whose_runs_diverge_is_apart_whatever_the_margin(judge):
    scores = levels([0.97] * 7, [0.97] * 1 + [None] * 6)

    verdict = judge(scores, "exact_match insensitive to rope_theta within 40pt", (10, 100))

    assert verdict.outcome is Outcome.REFUTED
    assert "if they succeeded equally often" in verdict.sentence


def test_levels_clearly_apart_wait_for_the_seeds_that_refuting_takes(judge):
    verdict = judge(levels([0.90, 0.91, 0.92], [0.50, 0.51, 0.52]), ALIKE, (10, 100), looks=(3, 5))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "refuting takes 5 seeds a level: 2 more" in verdict.sentence
    assert "seed noise" not in verdict.sentence


# Trend


def test_values_that_rise_with_every_level_confirm_a_trend(judge):
    verdict = judge(
        levels([0.37, 0.39, 0.35], [0.56, 0.58, 0.6], [0.91, 0.9, 0.92]), RISES, (1, 2, 3)
    )

    assert verdict.outcome is Outcome.CONFIRMED
    assert (
        "Of 27 pairs of runs from different levels, 27 are in the claimed order" in verdict.sentence
    )


def test_the_opposite_order_refutes_a_trend_from_five_seeds_a_level(judge):
    falling = [
        [0.97, 0.98, 0.95, 0.96, 0.97],
        [0.56, 0.58, 0.60, 0.57, 0.59],
        [0.21, 0.20, 0.22, 0.21, 0.23],
    ]

    five = judge(levels(*falling), RISES, (1, 2, 3))
    four = judge(levels(*[level[:4] for level in falling]), RISES, (1, 2, 3))

    assert five.outcome is Outcome.REFUTED
    assert four.outcome is Outcome.INCONCLUSIVE


def test_ends_that_differ_by_less_than_their_seeds_refute_a_trend_as_none_worth_having(judge):
    flat = [[0.50, 0.56, 0.53, 0.47, 0.58], [0.55, 0.49, 0.52, 0.57, 0.51]]

    verdict = judge(levels(*flat, [0.49, 0.55, 0.52, 0.48, 0.53]), RISES, (1, 2, 3))

    assert verdict.outcome is Outcome.REFUTED
    assert "no trend worth having" in verdict.sentence


def test_a_perfect_order_of_single_runs_is_no_trend(judge):
    verdict = judge(levels([0.1], [0.3], [0.5], [0.7], [0.9]), RISES, (1, 2, 3, 4, 5))

    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_a_diverged_run_ranks_last_in_a_trend(judge):
    verdict = judge(
        levels([None, None, 0.2], [0.56, 0.58, 0.6], [0.91, 0.9, 0.92]), RISES, (1, 2, 3)
    )

    assert verdict.outcome is Outcome.CONFIRMED
    assert "ranks last" in verdict.sentence


def test_a_clear_order_of_too_few_runs_is_not_called_mixed_and_says_how_many_would_do(judge):
    few = judge(levels([0.1, 0.2], [0.5, 0.6]), RISES, (1, 2))
    enough = judge(levels([0.1, 0.2, 0.15], [0.5, 0.6, 0.55]), RISES, (1, 2))

    assert few.outcome is Outcome.INCONCLUSIVE
    assert "too few runs to tell" in few.sentence
    assert "too mixed" not in few.sentence
    assert few.seeds_needed == 1
    assert "About 1 more seed a level would probably settle it" in few.sentence
    assert enough.outcome is Outcome.CONFIRMED


def test_a_clear_order_the_other_way_of_too_few_runs_says_so(judge):
    few = judge(levels([0.5, 0.6], [0.1, 0.2]), RISES, (1, 2))
    enough = judge(
        levels([0.5, 0.6, 0.55, 0.57, 0.53], [0.1, 0.2, 0.15, 0.17, 0.13]), RISES, (1, 2)
    )

    assert "points the other way" in few.sentence
    assert few.seeds_needed == 3
    assert enough.outcome is Outcome.REFUTED


def test_an_order_that_is_mixed_is_called_so(judge):
    mixed = judge(levels([0.1, 0.55], [0.5, 0.2]), RISES, (1, 2))

    assert "too mixed to tell" in mixed.sentence


# Smallest


def test_the_boundary_is_the_smallest_level_that_reaches_it_above_one_that_does_not(judge):
    verdict = judge(levels(BAD, BAD, GOOD, GOOD), LEAST, SIZES)

    assert verdict.outcome is Outcome.CONFIRMED
    assert "1.4M is the smallest parameter count" in verdict.sentence
    assert "253K, the next one down" in verdict.sentence


def test_a_level_of_a_longer_search_takes_more_seeds_and_the_rule_says_how_many(judge):
    def judged(seeds, claim=LEAST):
        scores = levels(*[BAD] * 4, [0.9] * seeds, *[[0.9] * 10] * 3)
        return judge(scores, claim, tuple(range(1, 9)), looks=tuple(range(1, 11)))

    six, seven, limited = judged(6), judged(7), judged(6, f"{LEAST} is at most 5")

    assert (six.outcome, six.seeds_needed) == (Outcome.INCONCLUSIVE, 1)
    assert (seven.outcome, seven.estimate.value) == (Outcome.CONFIRMED, 5)
    assert "7 successes in a row decide, or 2 failures" in seven.rule
    assert limited.outcome is Outcome.CONFIRMED
    assert "6 successes in a row decide, or 2 failures" in limited.rule


def test_a_boundary_below_the_range_is_not_found(judge):
    verdict = judge(levels(GOOD, GOOD, GOOD, GOOD), LEAST, SIZES)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the boundary lies below the range" in verdict.sentence


def test_no_level_that_reaches_it_refutes(judge):
    assert judge(levels(BAD, BAD, BAD, BAD), LEAST, SIZES).outcome is Outcome.REFUTED


def test_an_open_level_below_the_boundary_keeps_it_open_and_is_named(judge):
    verdict = judge(levels(BAD, [0.6, 0.75, 0.71], GOOD, GOOD), LEAST, SIZES)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "at 253K" in verdict.sentence
    assert verdict.seeds_needed == 6


@pytest.mark.parametrize(
    ("lower", "outcome"),
    [(GOOD, Outcome.CONFIRMED), (BAD, Outcome.REFUTED), ([0.75, 0.6], Outcome.INCONCLUSIVE)],
)
def test_a_limit_is_judged_by_the_levels_up_to_it(judge, lower, outcome):
    claim = f"{LEAST} is at most 260K"

    assert judge(levels(BAD, lower, GOOD, GOOD), claim, SIZES).outcome is outcome


def test_a_limit_below_every_level_is_open(judge):
    verdict = judge(levels(BAD, BAD, GOOD, GOOD), f"{LEAST} is at most 50K", SIZES)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "no level that small was planned" in verdict.sentence


# Chain

HIGH = [0.872, 0.881, 0.866, 0.879, 0.862]
MIDDLE = [0.793, 0.80, 0.785, 0.79, 0.801]
LOW = [0.718, 0.729, 0.702, 0.725, 0.711]


def test_a_chain_is_confirmed_when_every_link_is_and_names_the_weakest(judge):
    verdict = judge({"a": HIGH, "b": MIDDLE, "c": LOW}, "a > b > c")

    assert verdict.outcome is Outcome.CONFIRMED
    assert "weakest is b over c" in verdict.sentence


def test_one_link_the_wrong_way_refutes_a_chain(judge):
    verdict = judge({"a": HIGH, "b": LOW, "c": MIDDLE}, "a > b > c")

    assert verdict.outcome is Outcome.REFUTED
    assert "b over c" in verdict.sentence


def test_one_open_link_keeps_a_chain_open(judge):
    assert judge({"a": HIGH, "b": LOW, "c": LOW}, "a > b > c").outcome is Outcome.INCONCLUSIVE


def test_a_chain_without_a_metric_means_better_which_for_a_loss_is_lower(judge):
    losses = {"a": [0.31, 0.32, 0.30], "b": [0.35, 0.36, 0.34], "c": [0.41, 0.40, 0.42]}

    verdict = judge(losses, "a > b > c", metric="loss", better="lower")

    assert verdict.outcome is Outcome.CONFIRMED


def test_whether_the_smallest_is_at_most_a_level_is_asked_of_that_level_alone(judge):
    claim = f"{LEAST} is at most 253K"
    lucky = levels([0.9] * 6, ["pending"] * 10)
    unlike = levels([0.9] * 6, BAD)

    open_one = judge(lucky, claim, SIZES[:2], looks=range(1, 11))
    odd = judge(unlike, claim, SIZES[:2], looks=range(1, 11))
    enough = judge(levels(BAD, GOOD), claim, SIZES[:2], looks=range(1, 11))

    assert open_one.outcome is Outcome.INCONCLUSIVE
    assert [(each.arm, each.seeds) for each in open_one.asks] == [("level 1", 2)]
    assert (odd.outcome, odd.asks) == (Outcome.INCONCLUSIVE, ())
    assert "77K passes for enough and 253K does not" in odd.sentence
    assert enough.outcome is Outcome.CONFIRMED
    assert "253K is enough" in enough.sentence


def test_levels_that_other_claims_ran_do_not_raise_the_error_of_an_at_most_claim(judge):
    draw, wrong, looks = random.Random(1), 0, tuple(range(1, 11))
    for _ in range(300):
        scores = levels(*([draw.choice(GOOD[:1] + BAD[:1]) for _ in range(8)] for _ in range(8)))
        claim = "smallest width with exact_match >= 70% is at most 8"
        verdict = judge(scores, claim, tuple(range(1, 9)), looks=looks, bands=())
        wrong += verdict.outcome is Outcome.CONFIRMED

    assert wrong / 300 <= 0.05


@pytest.mark.parametrize("scale", [1.0, 1e20])
def test_a_diverged_run_ranks_last_however_large_the_values_are(judge, scale):
    rising = levels([None, 1.0 * scale], [1.0 * scale, 2.0 * scale])

    verdict = judge(rising, "score increases with width", (1, 2), metric="score", bands=())

    assert "Of 4 pairs of runs from different levels, 3.5 are in the claimed order" in (
        verdict.sentence
    )
