import random

from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.verdict.model import Outcome

CLAIM = "exact_match(a) > exact_match(b)"
few = settings(max_examples=40, deadline=None, derandomize=True)

# One mode: the spread is far below the gap that would split an arm in two.
shares = st.integers(450, 550).map(lambda mille: mille / 1000)
samples = st.lists(shares, min_size=5, max_size=8)


@few
@given(samples, samples)
def test_what_confirms_a_claim_refutes_its_opposite(judge, a, b):
    one = judge({"a": a, "b": b}, CLAIM)
    other = judge({"b": b, "a": a}, "exact_match(b) > exact_match(a)")

    if one.outcome is Outcome.CONFIRMED:
        assert other.outcome is Outcome.REFUTED
    if one.outcome is Outcome.INCONCLUSIVE:
        assert other.outcome is not Outcome.CONFIRMED


@few
@given(samples, samples, st.sampled_from(["", " by 1pt", " by 5pt"]))
def test_saying_less_of_the_other_arm_is_the_same_claim(judge, a, b, margin):
    more = judge({"a": a, "b": b}, CLAIM + margin)
    less = judge({"b": b, "a": a}, f"exact_match(b) < exact_match(a){margin}")

    assert less.outcome is more.outcome


@few
@given(samples, samples, st.sampled_from([-0.2, 0.1, 0.3]))
def test_adding_a_constant_to_every_run_changes_nothing(judge, a, b, constant):
    claim = f"{CLAIM} by 2pt"
    as_it_was = judge({"a": a, "b": b}, claim, bands=())
    moved = judge({"a": [x + constant for x in a], "b": [x + constant for x in b]}, claim, bands=())

    assert moved.outcome is as_it_was.outcome
    assert moved.seeds_needed == as_it_was.seeds_needed


anything = st.one_of(st.floats(0.0, 1.0), st.none())


@few
@given(st.lists(anything, min_size=4, max_size=4))
def test_one_seed_an_arm_confirms_or_refutes_nothing_whatever_the_claim(judge, scores):
    arms = {name: [score] for name, score in zip("abcd", scores, strict=True)}
    pair = {name: arms[name] for name in "ab"}
    levels = (64, 128, 256, 512)

    for claim in (CLAIM, f"{CLAIM} by 5pt", "exact_match(a) < exact_match(b)"):
        assert judge(pair, claim).outcome is Outcome.INCONCLUSIVE
    assert judge({"a": arms["a"]}, "exact_match(a) >= 50%").outcome is Outcome.INCONCLUSIVE
    assert judge(arms, "a > b > c > d").outcome is Outcome.INCONCLUSIVE
    for claim in (
        "exact_match insensitive to width within 50pt",
        "exact_match increases with width",
        "exact_match decreases with width",
        "smallest width with exact_match >= 50%",
        "smallest width with exact_match >= 50% is at most 256",
    ):
        assert judge(arms, claim, levels).outcome is Outcome.INCONCLUSIVE


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.lists(anything, max_size=5), min_size=3, max_size=3))
def test_no_scores_however_odd_leave_a_hypothesis_without_a_sentence(judge, scores):
    arms = dict(zip("abc", scores, strict=True))

    for claim in (
        "a > b > c",
        "exact_match insensitive to width within 5pt",
        "exact_match increases with width",
        "smallest width with exact_match >= 50%",
    ):
        verdict = judge(arms, claim, (64, 128, 256))
        assert verdict.sentence.endswith((".", "`."))
        assert "nan" not in verdict.sentence
        assert "inf" not in verdict.sentence.replace("confirm", "")


def test_arms_that_are_alike_are_confirmed_to_differ_in_at_most_one_case_of_twenty(judge):
    draw = random.Random(20261102)
    confirmed = 0
    times = 2_000

    for _ in range(times):
        a, b = ([draw.gauss(0.8, 0.02) for _ in range(5)] for _ in "ab")
        confirmed += judge({"a": a, "b": b}, CLAIM).outcome is Outcome.CONFIRMED

    # Welch at n = 5 holds 5 %; 3 standard errors of 2,000 draws are 1.5 %.
    assert 0.03 < confirmed / times < 0.05 + 0.015


def test_a_lead_of_one_spread_is_called_none_worth_having_in_at_most_one_case_of_twenty(judge):
    draw = random.Random(20261103)
    refuted = 0
    times = 2_000

    for _ in range(times):
        a, b = ([draw.gauss(mean, 0.02) for _ in range(5)] for mean in (0.82, 0.80))
        refuted += judge({"a": a, "b": b}, CLAIM).outcome is Outcome.REFUTED

    assert 0.02 < refuted / times < 0.05 + 0.015
