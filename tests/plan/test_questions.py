from dataclasses import replace

import pytest

from techspec.plan.build import build
from techspec.spec.claims import ClaimProblem
from techspec.spec.model import Hypothesis, RunSettings
from tests.plan.addition import Addition
from tests.plan.specs import ADDITION, PHASE_1, PHASE_2, claims, row, spec, swept


def ask(*texts, of=None, run=None, arms=()):
    of = of or spec(
        parameters=(swept("depth", 8, 2, 6), swept("RoPE theta", 10, 100, 1000)),
        arms=(),
    )
    plan = build(replace(of, hypotheses=claims(*texts, arms=arms), run=run or of.run), Addition())
    return plan, plan.questions


@pytest.mark.parametrize(
    ("text", "arms", "seeds"),
    [
        ("exact_match(depth=2) > exact_match(depth=8) by 2pt", ("depth=2", "depth=8"), 5),
        ("exact_match(Baseline) >= 95%", ("baseline",), 6),
        ("exact_match insensitive to rope_theta within 2pt", None, 5),
        ("exact_match increases with depth", ("depth=2", "baseline", "depth=8"), 5),
        ("smallest depth with exact_match >= 70%", ("depth=2", "baseline", "depth=8"), 6),
        ("exact_match: (depth=8) > (depth=2) > baseline", ("depth=8", "depth=2", "baseline"), 5),
    ],
)
def test_each_form_finds_its_arms_and_wants_its_seeds(text, arms, seeds):
    plan, (question,) = ask(text)

    assert question.unanswerable is None
    assert question.arms == (arms or ("rope_theta=10", "baseline", "rope_theta=1000"))
    assert question.seeds == question.seeds_wanted == seeds
    for trial in plan.trials:
        assert (question.id in trial.serves) == (trial.arm in question.arms)
    others = {trial.arm for trial in plan.trials} - set(question.arms)
    assert all(sum(t.arm == arm for t in plan.trials) == 3 for arm in others)


def test_levels_are_ascending_beside_their_arms():
    _, (question,) = ask("exact_match increases with depth")

    assert question.levels == (2, 6, 8)


def test_an_arm_gets_the_seeds_of_its_most_demanding_question():
    plan, _ = ask("exact_match increases with depth", "exact_match(baseline) >= 90%")

    counts = {arm.name: sum(t.arm == arm.name for t in plan.trials) for arm in plan.arms}
    assert (counts["baseline"], counts["depth=2"]) == (6, 5)
    assert next(t.serves for t in plan.trials if t.arm == "baseline") == ("H1", "H2")


def test_seeds_that_the_spec_sets_hold_for_every_arm_and_a_note_says_what_they_cannot_do():
    plan, (reach, compare) = ask(
        "exact_match(baseline) >= 90%",
        "exact_match(depth=2) > exact_match(depth=8) by 2pt",
        run=RunSettings(seeds=4),
    )

    assert {arm.name: sum(t.arm == arm.name for t in plan.trials) for arm in plan.arms} == {
        arm.name: 4 for arm in plan.arms
    }
    assert "H1 can be refuted with 4 seeds but not confirmed: it needs 6." in plan.notes
    assert "H2 can be confirmed with 4 seeds but not refuted: it needs 5." in plan.notes
    assert (reach.seeds_wanted, compare.seeds_wanted) == (4, 4)


def test_one_seed_answers_nothing():
    _, (question,) = ask("exact_match(baseline) >= 90%", run=RunSettings(seeds=1))

    assert question.seeds == 1
    assert question.unanswerable is not None
    assert "set seeds to 2 or more" in question.unanswerable


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("exact_match(wide) >= 90%", "there is no arm 'wide': the arms are baseline"),
        ("accuracy(baseline) >= 90%", "the trainer reports no 'accuracy'"),
        ("exact_match increases with heads", "nothing varies heads"),
        ("smallest params with exact_match >= 70%", "no two arms differ in params"),
        ("exact_match(baseline) > exact_match(depth=6)", "compares 'baseline' with itself"),
        ("exact_match(d_model=7) >= 90%", "'(d_model=7)' is left out: d_model=7 is odd"),
        ("exact_match(wdith=7) >= 90%", "no parameter 'wdith'"),
    ],
)
def test_a_claim_that_this_plan_cannot_answer_says_why(text, says):
    _, (question,) = ask(text)

    assert question.arms == ()
    assert question.unanswerable is not None
    assert says in question.unanswerable


def test_a_hypothesis_without_claim_is_shown_one_that_this_spec_could_answer():
    plan = build(ADDITION, Addition())

    assert [question.unanswerable for question in plan.questions] == [
        "has no claim: write one, such as `exact_match increases with d_model`",
        "has no claim: write one, such as `exact_match insensitive to rope_theta within 2pt`",
        "has no claim: write one, such as `exact_match(baseline) > exact_match(d_proj=32) by 2pt`",
    ]


def test_a_hypothesis_about_a_boundary_is_shown_the_specs_own_level():
    plan = build(PHASE_1, Addition())

    assert [str(question.unanswerable).split("`")[1] for question in plan.questions] == [
        "exact_match increases with params",
        "exact_match increases with params",
        "smallest params with exact_match >= 70%",
    ]


def test_sizes_that_one_width_serves_are_one_level():
    of = spec(parameters=(swept("params", 1_000_000, 1_000_100, 2_000_000),))
    _, (question,) = ask("exact_match increases with params", of=of)

    assert len(set(question.arms)) == len(question.arms) == len(question.levels) == 2


def test_a_claim_that_could_not_be_read_is_not_taken_for_none():
    problem = ClaimProblem("a >", 2, 3, "nothing is compared", "write b")
    plan = build(
        replace(PHASE_1, hypotheses=(Hypothesis("H1", "a", 1, problem=problem),)), Addition()
    )

    assert plan.questions[0].unanswerable == "its claim cannot be read: nothing is compared"


def test_a_level_that_is_left_out_is_a_qualifier_while_two_remain():
    of = spec(parameters=(swept("d_model", 7, 64, 128),), baseline={"d_model": 64})
    _, (question,) = ask("exact_match increases with d_model", of=of)

    assert question.levels == (64, 128)
    assert question.qualifiers[0] == "without d_model=7: left out of the plan"


def test_words_have_no_order_but_can_be_compared():
    of = spec(parameters=(swept("schedule", "cosine", "constant"),))
    _, (alike, trend) = ask(
        "exact_match insensitive to schedule within 2pt",
        "exact_match increases with schedule",
        of=of,
    )

    assert alike.levels == ("cosine", "constant")
    assert trend.unanswerable is not None
    assert "no order" in trend.unanswerable


def test_the_smallest_size_goes_over_rows_by_what_they_come_to():
    _, (question,) = ask("smallest params with exact_match >= 70%", of=PHASE_1)

    assert question.arms == ("Tiny", "Lower", "Middle", "Upper")
    assert question.levels == (77_184, 252_800, 1_397_760, 3_175_424)


def test_the_smallest_size_goes_over_the_sizes_that_are_swept():
    of = spec(parameters=(swept("params", 2_000_000, 500_000, 1_000_000),))
    _, (question,) = ask("smallest params with exact_match >= 70%", of=of)

    assert question.arms == ("baseline", "params=1M", "params=2M")
    assert question.levels == (500_000, 1_000_000, 2_000_000)


def test_rows_that_vary_more_than_the_parameter_in_question_are_called_confounded():
    _, (question,) = ask("exact_match increases with d_model", of=PHASE_1)

    assert question.levels == (32, 64, 192, 256)
    assert question.qualifiers[0] == "confounded: depth changes with d_model"


def test_arms_of_unlike_sizes_are_called_unmatched():
    _, (pair, chain) = ask(
        "exact_match(upper) > exact_match(tiny) by 2pt",
        "Upper > Middle > Lower",
        of=PHASE_1,
        arms=("Upper", "Middle", "Lower", "Tiny"),
    )

    assert pair.qualifiers == ("unmatched: 3.18M against 77.2K parameters",)
    assert chain.qualifiers == ("unmatched: 3.18M against 253K parameters",)


def test_matched_arms_and_claims_about_size_are_not():
    _, (chain,) = ask(
        "Wide-shallow > Balanced", of=PHASE_2, arms=("Wide-shallow", "Balanced", "Narrow-deep")
    )
    of = spec(parameters=(swept("params", 500_000, 1_000_000),))
    _, (size,) = ask("exact_match(params=1M) > exact_match(params=500K) by 2pt", of=of)

    assert chain.qualifiers == size.qualifiers == ()
    assert size.arms == ("params=1M", "baseline")


def test_arms_are_found_whatever_their_case():
    of = spec(arms=(row("Wide-Shallow", depth=2),))
    _, (question,) = ask("exact_match(wide-shallow) >= 90%", of=of)

    assert question.arms == ("Wide-Shallow",)


def test_a_sweep_whose_arms_differ_in_size_is_called_unmatched():
    _, (wider, hotter) = ask(
        "exact_match increases with depth", "exact_match insensitive to rope_theta within 2pt"
    )

    assert any(each.startswith("unmatched: ") for each in wider.qualifiers)
    assert hotter.qualifiers == ()


def test_a_trend_over_the_size_itself_is_not_called_unmatched():
    _, (question,) = ask("exact_match increases with params", of=PHASE_1)

    assert question.unanswerable is None
    assert question.qualifiers == ()
