"""What a verdict says never contradicts what it decided, and tells what comes next."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.plan.model import Question
from techspec.verdict.model import Outcome

LOOKS, BY_SEED = (3, 5, 7, 10), tuple(range(1, 11))
CLAIM = "exact_match(a) > exact_match(b)"
LEAST = "smallest params with exact_match >= 70%"
SIZES = (77_000, 253_000, 1_400_000, 3_180_000)
PENDING = ["pending"] * 10


@pytest.fixture
def say(campaign):
    """say(claim, scores, looks, levels): the verdict of one claim about all arms."""

    def judged(claim, scores, looks=LOOKS, levels=()):
        question = Question(
            "H1", "said so", claim, "exact_match", tuple(scores), tuple(levels), tuple(looks)
        )
        return campaign(scores, question).judge()[0]

    return judged


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(-5, 30), st.sampled_from(["", ", paired"]))
def test_the_interval_and_the_words_beside_it_never_contradict_the_verdict(
    campaign, seed, lead, how
):
    draw = random.Random(seed)
    scores = {
        arm: [draw.gauss(mean, 0.01) for _ in range(10)]
        for arm, mean in (("a", 0.8 + lead / 1000), ("b", 0.8))
    }
    question = Question(
        "H1", "said so", f"{CLAIM} by 1pt{how}", "exact_match", ("a", "b"), looks=LOOKS
    )

    (verdict,) = campaign(scores, question).judge()

    estimate = verdict.estimate
    if verdict.outcome is Outcome.CONFIRMED:
        assert estimate.low > 0.0
    if verdict.outcome is Outcome.REFUTED:
        assert estimate.high < 0.01
    if verdict.outcome is Outcome.INCONCLUSIVE:
        assert estimate.low <= 0.0
        assert estimate.high >= 0.01
    assert ("is higher, but by only" in verdict.sentence) == (
        verdict.outcome is Outcome.REFUTED and estimate.low > 0.0
    )
    assert ("the opposite of the claim" in verdict.sentence) == (estimate.high < 0.0)


def test_a_lead_that_rounds_to_nothing_is_called_level(say):
    scores = {"a": [0.80, 0.81, 0.79], "b": [0.81, 0.79, 0.80]}

    verdict = say(CLAIM, scores)

    assert "they are level" in verdict.sentence
    assert "0.0 pt higher" not in verdict.sentence


def test_a_paired_comparison_says_that_it_is_one(say):
    scores = {"a": [0.80, 0.85, 0.76], "b": [0.78, 0.829, 0.741]}

    assert "seed by seed, a is 2.0 pt higher" in say(f"{CLAIM}, paired", scores).sentence
    assert "seed by seed" not in say(CLAIM, scores).sentence


def test_equal_counts_are_called_equal(say):
    verdict = say(CLAIM, {"a": [0.98, None, 0.98], "b": [0.98, 0.97, None]})

    assert "both do so equally often" in verdict.sentence


def test_counts_that_would_do_at_a_single_look_are_not_called_close(say):
    scores = {"a": [0.98, 0.97, 0.98, 0.97, 0.99], "b": [None, None, 0.98, None, None]}

    early, only = say(CLAIM, scores), say(CLAIM, scores, looks=(5,))

    assert early.outcome is Outcome.INCONCLUSIVE
    assert "clear, but not clear enough for so early a look" in early.sentence
    assert only.outcome is Outcome.CONFIRMED


def test_a_chain_counts_only_links_that_hold_at_this_look(say):
    verdict = say(
        "a > b > c",
        {"a": [0.861, 0.83, 0.826], "b": [0.815, 0.79, 0.789], "c": [0.71, 0.72, 0.718]},
    )

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "1 of 2 links hold at this look; the weakest is a over b" in verdict.sentence


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ([0.96] * 6, "Had 1 of them failed, it would be open."),
        ([0.9] * 2, "Had 1 of them succeeded, it would be open."),
        ([0.96], "Next it is looked at with 4 seeds of a."),
        ([0.96, 0.9, 0.96] * 3 + [0.96], "All 10 seeds that are registered have run."),
    ],
)
def test_reliability_says_what_would_have_changed_it_or_what_comes_next(say, scores, told):
    padded = [*scores, *PENDING][:10]

    assert say("exact_match(a) >= 95%", {"a": padded}, BY_SEED).sentence.endswith(told)


def test_levels_that_were_never_run_are_named_as_such_and_not_counted_as_0_of_0(say):
    scores = dict(zip("abcd", (PENDING, [0.2, 0.3], PENDING, PENDING), strict=True))

    verdict = say(LEAST, scores, BY_SEED, SIZES)

    assert "Seeds that do: 0 of 2 at 253K; not run: 77K, 1.4M and 3.18M." in verdict.sentence
    assert verdict.sentence.endswith("Next it is looked at with 2 seeds of c.")


def test_a_limit_that_was_tried_itself_leaves_no_level_between(say):
    scores = dict(zip("abcd", (PENDING, [0.2, 0.3], PENDING, PENDING), strict=True))

    at_it = say(f"{LEAST} is at most 253K", scores, BY_SEED, SIZES)
    above = say(f"{LEAST} is at most 300K", scores, BY_SEED, SIZES)

    assert at_it.outcome is above.outcome is Outcome.REFUTED
    assert "Only a higher limit could hold" in at_it.sentence
    assert "The largest tried was 253K; one between that and 300K" in above.sentence


STEPS = (-1.355, -0.565, 0.0, 0.565, 1.355)


def seeds(mean, sd):
    return [mean + sd * step for step in STEPS]


def test_an_interval_above_zero_is_not_said_to_include_it(say):
    scores = {"a": seeds(0.5116, 0.006), "b": seeds(0.5, 0.006)}

    verdict = say(f"{CLAIM} by 2pt", scores)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert 0.0 < verdict.estimate.low < 0.02 < verdict.estimate.high
    assert "The interval lies above zero" in verdict.sentence
    assert "includes" not in verdict.sentence


def test_no_gap_that_decided_is_said_to_be_too_small(say):
    behind = {"a": seeds(0.4894, 0.006), "b": seeds(0.5, 0.006)}

    verdict, pairs = say(CLAIM, behind), say(f"{CLAIM}, paired", {**behind, "a": [
        0.4820, 0.4845, 0.4894, 0.4940, 0.4967]})  # fmt: skip

    assert verdict.outcome is pairs.outcome is Outcome.REFUTED
    assert "No lead, however small, is left in the interval" in verdict.sentence
    assert "left it open" not in verdict.sentence
    assert "would have left it open" in pairs.sentence


def test_the_gap_that_would_have_been_enough_is_that_of_the_confirming_test(say):
    verdict = say(CLAIM, {"a": seeds(0.5, 0.02), "b": seeds(0.45, 0.02)})

    assert verdict.outcome is Outcome.CONFIRMED
    needed = 100 * (verdict.estimate.value - verdict.estimate.low)
    assert f"a gap under {needed:.1f} pt would not have been enough" in verdict.sentence


def test_a_flat_trend_is_not_said_to_be_beyond_any_number_of_seeds(say):
    flat = {arm: [*seeds(mean, 0.02), *["pending"] * 3]
            for arm, mean in (("a", 0.5), ("b", 0.505), ("c", 0.5))}  # fmt: skip

    verdict = say("exact_match increases with width", flat, (2, 3, 5, 8), (1, 2, 3))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.seeds_needed is not None
    assert "no number of seeds" not in verdict.sentence


def test_a_trend_refuted_by_its_ends_is_not_said_to_run_the_opposite_way(say):
    falling = {"a": seeds(0.522, 0.02), "b": seeds(0.478, 0.02), "c": seeds(0.491, 0.02)}

    verdict = say("exact_match increases with width", falling, (2, 3, 5, 8), (1, 2, 3))

    assert verdict.outcome is Outcome.REFUTED
    assert "no trend worth having" in verdict.sentence
    assert "the opposite is the case" not in verdict.sentence


def test_a_level_and_a_margin_are_told_with_the_digits_that_the_claim_has(say, judge):
    alike = {"a": [0.9, 0.901, 0.902], "b": [0.9, 0.902, 0.901]}

    level = say("exact_match(a) >= 99.95%", {"a": [0.9996] * 6}, BY_SEED).sentence
    lead = say(f"{CLAIM} by 0.04pt", alike).sentence
    within = say("exact_match insensitive to width within 0.25pt", alike, levels=(1, 2)).sentence
    score = judge({"a": [12346.0] * 6}, "reward(a) >= 12345", metric="reward").sentence

    assert "reached 99.95 % (scored 99.96 %)" in level
    assert "the 0.04 pt claimed" in lead
    assert "the 0.25 pt allowed" in within
    assert "reached 12345 " in score


def test_what_held_back_an_earlier_look_is_not_told_of_this_one(campaign):
    later = {"a": [0.46, 0.47], "b": [0.52, 0.55], "c": [0.50, 0.51], "d": [0.50, 0.51]}
    first = {"a": [0.541, 0.551, 0.561], "b": [0.50, 0.51, 0.52]}
    pairs = {"H1": ("a", "b"), "H2": ("c", "d")}
    questions = [
        Question(name, "said so", f"exact_match({one}) > exact_match({other})", "exact_match",
                 (one, other), looks=LOOKS)
        for name, (one, other) in pairs.items()
    ]  # fmt: skip

    def told(seeds):
        scores = {
            arm: [*[*first.get(arm, [0.49, 0.50, 0.51]), *more][:seeds], *PENDING][:10]
            for arm, more in later.items()
        }
        return campaign(scores, *questions).judge()[0]

    at_three, at_five = told(3), told(5)
    assert at_three.outcome is at_five.outcome is Outcome.INCONCLUSIVE
    assert "Alone this would be enough" in at_three.sentence
    assert "Alone this would be enough" not in at_five.sentence
    assert "The interval includes zero" in at_five.sentence
    assert "Alone, the look at 3 seeds an arm would have been enough" in at_five.sentence


def test_two_groups_that_lie_behind_are_not_told_that_their_lead_is_too_small(say):
    stuck = [0.10, 0.99, 1.0, 0.11, 0.98, 0.10, 0.99, 1.0, 0.97, 0.99]
    level = [0.996, 0.99, 0.994, 0.998, 0.995, 0.991, 0.997, 0.993, 0.996, 0.992]

    verdict = say(f"{CLAIM} by 10pt", {"a": stuck, "b": level}, looks=(3, 5, 7, 10))

    assert "a is " in verdict.sentence
    assert "pt lower" in verdict.sentence
    assert "By these averages it is less" not in verdict.sentence
