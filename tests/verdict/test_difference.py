import pytest

from techspec.spec.model import Band
from techspec.verdict.model import Outcome

WIDE = [0.872, 0.881, 0.866, 0.879, 0.862]
DEEP = [0.718, 0.729, 0.702, 0.725, 0.711]
CLAIM = "exact_match(wide) > exact_match(deep)"


def test_a_clear_lead_over_five_seeds_is_confirmed_with_effect_and_interval(judge):
    verdict = judge({"wide": WIDE, "deep": DEEP}, f"{CLAIM} by 2pt")

    assert verdict.outcome is Outcome.CONFIRMED
    assert verdict.estimate.value == pytest.approx(0.155)
    assert 0.02 < verdict.estimate.low < 0.155 < verdict.estimate.high
    for told in ("5 seeds each", "87.2 %", "71.7 %", "15.5 pt higher", "90 % interval", "2.0 pt"):
        assert told in verdict.sentence
    assert "p =" not in verdict.sentence


def test_a_lead_that_is_real_but_below_the_margin_is_refuted_as_smaller_than_claimed(judge):
    verdict = judge({"wide": WIDE, "deep": DEEP}, f"{CLAIM} by 20pt")

    assert verdict.outcome is Outcome.REFUTED
    assert "smaller than claimed" in verdict.sentence
    assert "15.5 pt" in verdict.sentence


def test_too_few_seeds_to_refute_a_margin_are_no_ground_to_confirm_it(judge):
    verdict = judge({"wide": WIDE[:3], "deep": DEEP[:3]}, f"{CLAIM} by 20pt")

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.seeds_needed == 2
    assert "refuting takes 5 seeds an arm: 2 more" in verdict.sentence


def test_the_opposite_lead_refutes_from_five_seeds_on_and_not_before(judge):
    five = judge({"wide": DEEP, "deep": WIDE}, CLAIM)
    four = judge({"wide": DEEP[:4], "deep": WIDE[:4]}, CLAIM)

    assert five.outcome is Outcome.REFUTED
    assert four.outcome is Outcome.INCONCLUSIVE
    assert four.seeds_needed == 1


def test_two_seeds_confirm_nothing_however_clear(judge):
    verdict = judge({"wide": WIDE[:2], "deep": DEEP[:2]}, CLAIM)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "fewer than 3 seeds" in verdict.sentence


def test_one_run_each_says_that_noise_cannot_be_told_from_an_effect(judge):
    verdict = judge({"wide": WIDE[:1], "deep": DEEP[:1]}, CLAIM)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "one run each: seed noise cannot be told from an effect" in verdict.sentence
    assert verdict.estimate.low is None


def test_an_overlap_is_inconclusive_and_says_how_many_seeds_it_would_take(judge):
    noisy = {"wide": [0.80, 0.84, 0.79, 0.90, 0.805], "deep": [0.80, 0.825, 0.76, 0.803, 0.84]}

    verdict = judge(noisy, CLAIM)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.seeds_needed > 10
    assert f"{verdict.seeds_needed} more seeds" in verdict.sentence


def test_seeds_in_two_groups_are_compared_by_exchanging_runs_between_the_arms(judge):
    verdict = judge(
        {"wide": [0.98, 0.97, 0.98, 0.97, 0.99], "deep": [0.4, 0.42, 0.96, 0.41, 0.38]}, CLAIM
    )

    assert verdict.outcome is Outcome.CONFIRMED
    assert "deep fall into two groups, 4 near 40.5 % and 1 near 96.0 %" in verdict.sentence
    assert "wide averaged 97.8 % exact_match and deep 51.4 %" in verdict.sentence
    # 5 runs above 5: of the 252 ways to deal ten runs, one is as far apart.
    assert "in about 1 of 250 such experiments" in verdict.sentence
    assert verdict.rule.startswith("Permutation test")
    assert 0.0 < verdict.estimate.low < verdict.estimate.value < verdict.estimate.high


def test_one_seed_that_fell_behind_does_not_hide_that_the_others_lead(judge):
    """As counts of successes both arms have 4 of 5, whatever the others scored."""
    ahead = [0.29, 0.91, 0.90, 0.92, 0.93, 0.90, 0.91]
    behind = [0.29, 0.64, 0.62, 0.66, 0.63, 0.61, 0.65]

    verdict = judge({"wide": ahead, "deep": behind}, CLAIM, looks=(7,))

    assert verdict.outcome is Outcome.CONFIRMED


def test_three_seeds_in_two_groups_have_no_interval_and_decide_nothing(judge):
    scores = {"wide": [0.98, 0.97, 0.98], "deep": [0.4, 0.42, 0.96]}

    verdict = judge(scores, CLAIM, looks=(3, 5))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert (verdict.estimate.low, verdict.estimate.high) == (None, None)
    assert "interval" not in verdict.sentence
    assert "So few seeds in two groups tell nothing" in verdict.sentence


def test_paired_seeds_in_two_groups_are_compared_by_the_signs_of_their_gaps(judge):
    behind = [0.40, 0.96, 0.41, 0.95, 0.42, 0.94, 0.43]
    ahead = [value + 0.02 + 0.001 * n for n, value in enumerate(behind)]

    verdict = judge({"wide": ahead, "deep": behind}, f"{CLAIM}, paired", looks=(7,))

    assert verdict.outcome is Outcome.CONFIRMED
    assert "in about 1 of 130 such experiments" in verdict.sentence  # 2 ** 7 signs
    assert "by the signs of the gaps seed by seed" in verdict.rule


def test_two_groups_confirm_no_margin_that_their_averages_refute(judge):
    scores = {
        "wide": [0.976, 0.973, 0.975, 0.974, 0.977, 0.972, 0.978],
        "deep": [0.966, 0.963, 0.965, 0.964, 0.967, 0.962, 0.968],
    }
    split = {arm: [*values[:6], values[6] - 0.3] for arm, values in scores.items()}

    verdict = judge(split, f"{CLAIM} by 40pt", looks=(7,))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "less than the 40.0 pt claimed, so it is not confirmed" in verdict.sentence
    assert "only the opposite of a claim is refuted" in verdict.sentence


# Each arm in two groups, the first 20 pt above the other: one in 490 ways to deal the runs is as
# far apart, and a lead of 30 pt is not rejected by Welch's test.
AHEAD = {
    "wide": [0.90, 0.91, 0.89, 0.92, 0.88, 0.93, 0.60],
    "deep": [0.70, 0.71, 0.69, 0.72, 0.68, 0.73, 0.40],
}


def test_in_two_groups_a_lead_beyond_chance_but_smaller_than_claimed_stays_open(judge):
    within, short = (judge(AHEAD, f"{CLAIM} by {margin}pt", looks=(7,)) for margin in (10, 30))

    assert within.outcome is Outcome.CONFIRMED
    assert short.outcome is Outcome.INCONCLUSIVE
    assert 0.0 < short.estimate.low < 0.30 < short.estimate.high
    assert "above zero, but by these averages it is less than the 30.0 pt claimed" in short.sentence
    assert "where the averages lie as far apart as claimed" in short.rule
    assert short.seeds_needed is None


def test_in_two_groups_a_lead_of_just_the_margin_is_confirmed_whatever_its_rounding(judge):
    behind = [0.7, 0.71, 0.69, 0.72, 0.68, 0.73, 0.4]
    ahead = [value + 0.1 + 0.1 for value in behind]
    assert sum(ahead) / 7 - sum(behind) / 7 < 0.2

    verdict = judge({"wide": ahead, "deep": behind}, f"{CLAIM} by 20pt", looks=(7,))

    assert verdict.outcome is Outcome.CONFIRMED
    assert "a gap under 20.0 pt would not have been enough" in verdict.sentence


def test_gaps_of_paired_seeds_need_not_reach_the_margin_since_groups_cancel_in_them(judge):
    gaps = (0.14, 0.26, 0.17, 0.23, 0.20, 0.15, 0.25)
    ahead = [value + gap for value, gap in zip(AHEAD["deep"], gaps, strict=True)]
    scores = {"wide": ahead, "deep": AHEAD["deep"]}

    seed_by_seed = judge(scores, f"{CLAIM} by 21pt, paired", looks=(7,))
    arm_by_arm = judge(scores, f"{CLAIM} by 21pt", looks=(7,))

    assert seed_by_seed.outcome is Outcome.CONFIRMED
    assert arm_by_arm.outcome is Outcome.INCONCLUSIVE


def test_in_two_groups_every_link_of_a_chain_has_to_reach_the_margin(judge):
    lowest = [value - 0.35 for value in AHEAD["deep"]]
    claim = "exact_match(wide) > exact_match(deep) > exact_match(low) by {}pt"

    reached, short = (
        judge(AHEAD | {"low": lowest}, claim.format(margin), looks=(7,)) for margin in (15, 30)
    )

    assert reached.outcome is Outcome.CONFIRMED
    assert short.outcome is Outcome.INCONCLUSIVE
    assert "1 of 2 links hold at this look; the weakest is wide over deep" in short.sentence


def test_in_two_groups_a_claim_is_given_up_only_where_its_margin_is_out_of_reach(judge):
    first = {arm: [values[0], values[1], values[6]] for arm, values in AHEAD.items()}

    near, far = (judge(first, f"{CLAIM} by {margin}pt", looks=(3, 5, 7, 10)) for margin in (21, 60))

    assert not near.is_futile
    assert [wanted.seeds for wanted in near.asks] == [5, 5]
    assert far.is_futile


def test_seeds_in_two_groups_refute_by_the_opposite_and_not_for_want_of_a_lead(judge):
    worse = {"wide": [0.4, 0.42, 0.41, 0.41, 0.96], "deep": [0.98, 0.97, 0.98, 0.97, 0.99]}
    alike = {"wide": [0.4, 0.98, 0.41, 0.97, 0.98], "deep": [0.98, 0.41, 0.98, 0.42, 0.99]}

    assert judge(worse, CLAIM).outcome is Outcome.REFUTED
    assert judge(alike, f"{CLAIM} by 30pt").outcome is Outcome.INCONCLUSIVE


def test_without_a_band_in_the_gap_the_middle_of_the_gap_is_the_level(judge):
    verdict = judge(
        {"wide": [0.98, 0.97, 0.98, 0.97, 0.99], "deep": [0.4, 0.4, 0.98, 0.4, None]},
        CLAIM,
        bands=(),
    )

    assert "reached 69.0 %" in verdict.sentence


def test_a_diverged_run_sends_the_comparison_to_counts_and_counts_as_a_failure(judge):
    verdict = judge(
        {"wide": [0.98, 0.97, 0.98, 0.97, 0.99], "deep": [0.6, None, None, None, None]}, CLAIM
    )

    assert verdict.outcome is Outcome.CONFIRMED
    assert "4 of 5 seeds of deep diverged" in verdict.caveats
    assert "5 of 5 seeds of wide and 1 of 5 of deep ended without diverging" in verdict.sentence
    assert verdict.arms[1].diverged == 4


def test_one_diverged_run_does_not_let_a_band_edge_make_much_of_a_tiny_lead(judge):
    scores = {"wide": [0.951, 0.952, 0.951, 0.953, 0.952, 0.951], "deep": [0.949] * 5 + [None]}

    verdict = judge(scores, f"{CLAIM} by 20pt")

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "more often" in verdict.sentence
    assert "the runs that ended speak against the 20.0 pt claimed" in verdict.sentence
    assert "on average 0.3 pt higher" in verdict.sentence


def test_ending_more_often_confirms_no_margin_that_the_runs_that_ended_refute(judge):
    left = [0.951, 0.952, 0.951, 0.953, 0.952, 0.951]
    scores = {"wide": left, "deep": [0.949, 0.948, None, None, None, None]}

    within = judge(scores, CLAIM)
    beyond = judge(scores, f"{CLAIM} by 20pt")

    assert within.outcome is Outcome.CONFIRMED
    assert beyond.outcome is Outcome.INCONCLUSIVE


def test_a_band_of_failures_is_no_level_that_counts_as_success(judge):
    bands = (
        Band("Best", "exact_match", 1, ">95%", 0.95, None),
        Band("Fail", "exact_match", 1, "20-50%", 0.2, 0.5),
    )
    scores = {"wide": [0.98, 0.97, 0.98, 0.97, 0.99], "deep": [0.01, 0.1, 0.98, 0.11, None]}

    verdict = judge(scores, CLAIM, bands=bands)

    assert verdict.outcome is Outcome.CONFIRMED
    assert "reached 95.0 % (Best)" in verdict.sentence


def test_a_band_that_every_share_reaches_is_no_level_either(judge):
    bands = (Band("Poor", "exact_match", 1, "0-50%", 0.0, 0.5),)
    scores = {"wide": [0.96] * 5, "deep": [0.01] * 4 + [None]}

    assert "0.0 %" not in judge(scores, CLAIM, bands=bands).sentence


def test_an_arm_that_always_diverges_is_refuted_as_the_better_one(judge):
    verdict = judge({"wide": [None] * 5, "deep": WIDE}, CLAIM)

    assert verdict.outcome is Outcome.REFUTED


def test_a_claim_of_less_is_about_less_and_its_numbers_are_no_percentages(judge):
    scores = {"wide": [0.31, 0.32, 0.30, 0.31, 0.29], "deep": [0.35, 0.36, 0.34, 0.35, 0.33]}

    less = judge(scores, "loss(wide) < loss(deep)", metric="loss", better="lower")
    more = judge(scores, "loss(wide) > loss(deep)", metric="loss", better="lower")

    assert less.outcome is Outcome.CONFIRMED
    assert more.outcome is Outcome.REFUTED
    assert "0.04 lower" in less.sentence
    assert "%" not in less.sentence.replace("90 % interval", "")


def test_for_a_loss_the_success_counts_are_of_runs_that_got_low(judge):
    scores = {"wide": [0.01, 0.02, 0.01, 0.015, 0.01], "deep": [2.3, 2.31, 2.3, None, 2.29]}

    verdict = judge(scores, "loss(wide) < loss(deep)", metric="loss", better="lower", bands=())

    assert verdict.outcome is not Outcome.REFUTED
    assert "4 of 5 of deep" in verdict.sentence


def test_equal_scores_are_not_believed_to_be_exact(judge):
    same = judge({"wide": [1.0] * 5, "deep": [1.0] * 5}, CLAIM)
    apart = judge({"wide": [1.0] * 3, "deep": [0.2] * 3}, CLAIM)
    losses = {"wide": [0.31] * 3, "deep": [0.35] * 3}
    unknown = judge(losses, "loss(wide) < loss(deep)", metric="loss", better="lower")

    assert same.outcome is Outcome.INCONCLUSIVE
    assert apart.outcome is Outcome.CONFIRMED
    assert unknown.outcome is Outcome.INCONCLUSIVE
    assert "No two seeds of an arm differ" in unknown.sentence


def test_no_run_yet_is_inconclusive_and_names_the_arm(judge):
    verdict = judge({"wide": WIDE, "deep": ["pending"] * 5}, CLAIM)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "No run of deep" in verdict.sentence
    assert "0 of the 5 seeds of deep that it asks for have ended" in verdict.caveats


def test_pairs_are_of_one_seed_even_where_an_arm_lacks_one(judge):
    starts = [0.30, 0.55, 0.42, 0.61, 0.37, 0.48]
    leads = [0.021, 0.019, 0.020, 0.022, 0.018, 0.020]
    after = [start + lead for start, lead in zip(starts, leads, strict=True)]
    after[1] = "finished"  # without a number

    verdict = judge({"wide": after, "deep": starts}, f"{CLAIM}, paired", looks=(3, 5))

    assert verdict.outcome is Outcome.CONFIRMED
    assert verdict.look == 3
    assert verdict.estimate.value == pytest.approx(0.021)
    assert "seed 1 of wide ended without reporting exact_match" in verdict.caveats


def test_arms_without_a_common_seed_make_no_pair(judge):
    scores = {"wide": [0.5, "finished"], "deep": ["finished", 0.4]}

    verdict = judge(scores, f"{CLAIM}, paired", looks=(3, 5))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "No seed of both wide and deep has ended with a result" in verdict.sentence


def test_how_many_more_pairs_it_takes_is_told_of_the_gaps_not_of_the_seeds(judge):
    starts = [0.30, 0.55, 0.42]
    after = [start + lead for start, lead in zip(starts, [0.020, 0.012, 0.029], strict=True)]

    verdict = judge({"wide": after, "deep": starts}, f"{CLAIM}, paired", looks=(3, 5, 7, 10))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert 1 <= verdict.seeds_needed <= 2


@pytest.mark.parametrize("value", [1e200, -1.7e308])
@pytest.mark.parametrize(
    "claim",
    ["ppl(a) < ppl(b)", "ppl insensitive to width within 3", "ppl decreases with width"],
)
def test_a_value_too_large_to_be_squared_counts_as_diverged(judge, claim, value):
    scores = {"a": [20.0, 21.0, value, 22.0, 20.5], "b": [40.0, 41.0, 42.0, 40.5, 41.5]}

    verdict = judge(scores, claim, levels=(1, 2), metric="ppl", better="lower")

    assert "1 of 5 seeds of a diverged" in verdict.caveats
