import subprocess
import sys
from dataclasses import replace

import pytest

from techspec.ledger.events import Amended
from techspec.plan.model import LeftOut, Question
from techspec.verdict.model import Outcome

TIME = "2026-11-02T10:00:00.000Z"
HIGH = [0.83, 0.85, 0.84, 0.86, 0.85]
LOW = [0.82, 0.845, 0.81, 0.823, 0.835]
CLAIM = "exact_match(a) > exact_match(b)"


def ask(number, claim, arms, **more):
    return Question(f"H{number}", "said so", claim, "exact_match", tuple(arms), **more)


def test_every_question_has_one_verdict_in_its_order(campaign):
    questions = (ask(1, CLAIM, "ab"), ask(2, None, ""), ask(3, "b > a", "ba"))

    verdicts = campaign({"a": HIGH, "b": LOW}, *questions).judge()

    assert [verdict.hypothesis for verdict in verdicts] == ["H1", "H2", "H3"]


def test_prose_without_a_claim_is_inconclusive_for_that_reason(campaign):
    (verdict,) = campaign({"a": HIGH}, ask(1, None, "")).judge()

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "H1 has no claim" in verdict.sentence


def test_what_the_plan_cannot_answer_is_inconclusive_with_its_reason(campaign):
    question = ask(1, CLAIM, "", unanswerable="its arm 'b' is left out: too wide")

    (verdict,) = campaign({"a": HIGH}, question).judge()

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "its arm 'b' is left out: too wide" in verdict.sentence


def test_hypotheses_judged_together_need_more_evidence_than_one_alone(campaign):
    scores = {"a": HIGH, "b": LOW}
    others = [ask(number, "b > a", "ba") for number in range(2, 7)]

    (alone,) = campaign(scores, ask(1, CLAIM, "ab")).judge()
    first, *_ = campaign(scores, ask(1, CLAIM, "ab"), *others).judge()

    assert alone.outcome is Outcome.CONFIRMED
    assert first.outcome is Outcome.INCONCLUSIVE
    assert "6 hypotheses are judged together" in first.sentence


def test_exploratory_hypotheses_stand_outside_the_family_and_say_so(campaign):
    scores = {"a": HIGH, "b": LOW}
    others = [ask(number, CLAIM, "ab", exploratory=True) for number in range(2, 7)]

    first, second, *_ = campaign(scores, ask(1, CLAIM, "ab"), *others).judge()

    assert first.outcome is second.outcome is Outcome.CONFIRMED
    assert "exploratory" in second.caveats
    assert "exploratory" not in first.caveats


def test_hypotheses_without_runs_count_in_the_family_so_that_it_cannot_be_chosen_afterwards(
    campaign,
):
    scores = {"a": HIGH, "b": LOW, "c": ["pending"] * 5}
    others = [ask(number, "a > c", "ac") for number in range(2, 7)]

    first, *_ = campaign(scores, ask(1, CLAIM, "ab"), *others).judge()

    assert first.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("field", ["data", "code"])
def test_runs_of_different_data_or_code_are_void(campaign, field):
    made = campaign({"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"))
    run = made.state.trials["b-s3"]
    run.started = replace(run.started, **{field: "other-digest"})

    (verdict,) = made.judge()

    assert verdict.outcome is Outcome.VOID
    assert "b (seed 3)" in verdict.sentence
    assert "other-di" in verdict.sentence


def test_a_run_whose_config_contradicts_its_arm_is_void(campaign):
    made = campaign({"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"))
    run = made.state.trials["a-s1"]
    run.started = replace(run.started, config={"width": 16})

    (verdict,) = made.judge()

    assert verdict.outcome is Outcome.VOID
    assert "width = 16, where the plan has width = 8" in verdict.sentence


def with_width(made, planned, resolved):
    arms = tuple(replace(arm, config={"width": planned}) for arm in made.plan.arms)
    made.plan = replace(made.plan, arms=arms)
    for run in made.state.trials.values():
        run.started = replace(run.started, config={"width": resolved})
    return made


def test_a_size_planned_as_0_is_the_trainers_to_derive(campaign):
    made = campaign({"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"))

    assert with_width(made, 0, 64).judge()[0].outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(("planned", "resolved"), [(0, 0.1), (0.0, 0.1), (False, True), (64, 0)])
def test_any_other_value_that_the_trainer_resolved_otherwise_is_void(campaign, planned, resolved):
    made = campaign({"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"))

    assert with_width(made, planned, resolved).judge()[0].outcome is Outcome.VOID


def with_code(made, trainer, code, trials):
    made.plan = replace(made.plan, trainer=trainer)
    for trial in trials:
        run = made.state.trials[trial]
        run.started = replace(run.started, code=code)
    return made


def test_a_bundled_trainer_that_was_changed_after_the_plan_is_void(campaign):
    made = campaign({"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"))

    (verdict,) = with_code(made, None, "ed17ed", list(made.state.trials)).judge()

    assert verdict.outcome is Outcome.VOID
    assert "by code ed17ed, where the plan has c0de" in verdict.sentence


def test_an_own_trainers_digest_is_held_against_the_plan_only_where_some_run_states_the_plans(
    campaign,
):
    scores = {"a": HIGH, "b": LOW, "c": LOW}
    compared = [f"{arm}-s{seed}" for arm in "ab" for seed in range(5)]
    everything = [*compared, *(f"c-s{seed}" for seed in range(5))]
    never, once = (campaign(scores, ask(1, CLAIM, "ab")) for _ in range(2))

    assert with_code(never, "mine.py", "its own", everything).judge()[0].outcome is (
        Outcome.CONFIRMED
    )
    assert with_code(once, "mine.py", "ed17ed", compared).judge()[0].outcome is Outcome.VOID


def test_runs_on_devices_of_two_kinds_are_a_caveat(campaign):
    made = campaign({"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"))
    alike = made.judge()[0].caveats
    for trial, device in (("b-s0", "cuda:0"), ("b-s1", "cuda:1"), ("a-s0", "cpu: 4 thread(s)")):
        run = made.state.trials[trial]
        run.started = replace(run.started, device=device)

    mixed = made.judge()[0].caveats

    assert "mixed devices: a on cpu, b on cpu and cuda" in mixed
    assert not any("mixed devices" in caveat for caveat in alike)


def test_digests_and_configs_that_nobody_gave_do_not_disagree(campaign):
    made = campaign({"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"))
    made.state.trials["a-s1"].started = None
    run = made.state.trials["a-s2"]
    run.started = replace(run.started, code="", data="", config={"width": 8.0, "lr": 0.1})

    assert made.judge()[0].outcome is Outcome.CONFIRMED


def test_runs_that_are_not_compared_may_differ(campaign):
    made = campaign({"a": HIGH, "b": LOW, "c": LOW}, ask(1, CLAIM, "ab"))
    run = made.state.trials["c-s0"]
    made.state.trials["c-s0"].started = replace(run.started, data="other")

    assert made.judge()[0].outcome is Outcome.CONFIRMED


def test_amendments_mark_every_verdict_as_deviated(campaign):
    amended = Amended(TIME, "hash", "the level was a typo", ("H1",))

    verdicts = campaign(
        {"a": HIGH, "b": LOW}, ask(1, CLAIM, "ab"), ask(2, None, ""), amendments=[amended]
    ).judge()

    assert all("DEVIATED: the level was a typo" in verdict.caveats for verdict in verdicts)


def test_caveats_tell_what_is_missing_retried_refused_and_mute(campaign):
    question = ask(1, CLAIM, "ab", seeds=3, seeds_wanted=5, qualifiers=("unmatched: 2 against 1",))
    made = campaign({"a": [*HIGH, "finished"], "b": [*LOW, "pending", "refused"]}, question)
    made.state.trials["a-s0"].crashes = 2

    (verdict,) = made.judge()

    for caveat in (
        "unmatched: 2 against 1",
        "to settle it either way takes 5 seeds an arm, the budget has room for 3",
        "seed 0 of a crashed 2 times and was retried",
        "seed 5 of a ended without reporting exact_match",
        "5 of the 6 seeds of b that it asks for have ended",
        "the trainer refused b: it gave no reason",
    ):
        assert caveat in verdict.caveats
    assert len(verdict.arms[0].runs) == len(verdict.arms[1].runs) == 5


def test_an_arm_that_was_left_out_is_a_caveat_with_its_reason(campaign):
    made = campaign(
        {"a": HIGH, "b": LOW}, ask(1, "a > c", "ac"), left_out=[LeftOut("c", "too wide")]
    )

    assert "c was left out: too wide" in made.judge()[0].caveats


def test_a_value_that_is_not_a_number_is_a_diverged_run_and_never_a_score(campaign):
    made = campaign({"a": [*HIGH, float("nan")], "b": LOW}, ask(1, CLAIM, "ab"))

    (verdict,) = made.judge()

    assert verdict.arms[0].diverged == 1
    assert "nan" not in verdict.sentence


def test_the_seeds_own_tables_of_one_run_each_confirm_nothing(campaign):
    phase_1 = {"Upper": [0.915], "Middle": [0.7931], "Lower": [0.376], "Tiny": [0.0]}
    phase_2 = {"Wide-shallow": [0.872], "Balanced": [0.7931], "Narrow-deep": [0.718]}
    sizes = (77_184, 252_800, 1_397_760, 3_175_424)
    smallest_first = tuple(reversed(phase_1))
    questions = (
        ask(1, "exact_match(Upper) >= 70%", ["Upper"]),
        ask(2, "exact_match increases with params", smallest_first, levels=sizes),
        ask(3, "smallest params with exact_match >= 70%", smallest_first, levels=sizes),
        ask(4, "Wide-shallow > Balanced > Narrow-deep", phase_2),
        ask(5, "exact_match insensitive to depth within 20pt", phase_2, levels=(2, 4, 8)),
    )

    verdicts = campaign({**phase_1, **phase_2}, *questions).judge()

    assert {verdict.outcome for verdict in verdicts} == {Outcome.INCONCLUSIVE}
    assert "one run each: seed noise cannot be told from an effect" in verdicts[3].sentence


def test_importing_the_verdict_loads_neither_scipy_nor_matplotlib():
    code = (
        "import sys, techspec.verdict.decide;"
        "print([name for name in ('scipy', 'numpy', 'matplotlib') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


PERCENT = {"a": [103.5, 105.5, 101.5, 104.0, 103.0], "b": [96.5, 97.0, 99.5, 98.0, 97.5]}


def test_percentages_where_the_spec_has_shares_are_void_and_name_trial_and_value(judge):
    verdict = judge(PERCENT, f"{CLAIM} by 2pt", bands=())

    assert verdict.outcome is Outcome.VOID
    assert "trial a-s0 reported 103.5" in verdict.sentence
    assert "goes from 0 to 1" in verdict.sentence
    assert verdict.unit == ""


def test_a_percentage_is_told_as_the_share_that_it_should_have_been(judge):
    verdict = judge({"a": [96.5] * 6}, "exact_match(a) >= 95%", bands=())

    assert verdict.outcome is Outcome.VOID
    assert "let the trainer report 0.965" in verdict.sentence


def test_criteria_in_per_cent_make_the_metric_a_share_too(judge):
    assert judge(PERCENT, CLAIM).outcome is Outcome.VOID
    assert judge(PERCENT, CLAIM, bands=()).outcome is Outcome.CONFIRMED


def test_one_arm_in_percentages_gives_those_away_that_would_pass_for_shares(campaign):
    scores = {"a": [0.9, 0.8, 1.0], "b": [0.1, 0.2, 0.1], "c": [96.5]}

    (verdict,) = campaign(scores, ask(1, CLAIM, "ab")).judge()

    assert verdict.outcome is Outcome.VOID


def test_a_per_cent_sign_in_an_arm_says_nothing_of_the_metric(judge):
    losses = {"dropout=10%": [2.1, 2.2, 2.0], "dropout=50%": [3.1, 3.2, 3.0]}

    verdict = judge(
        losses,
        "loss(dropout=10%) < loss(dropout=50%) by 0.5",
        metric="loss",
        better="lower",
        bands=(),
    )

    assert verdict.outcome is Outcome.CONFIRMED
    assert "%" not in verdict.sentence.replace("dropout=10%", "").replace(
        "dropout=50%", ""
    ).replace("90 % interval", "")


def test_a_share_that_rounding_put_a_hair_above_one_is_a_share(judge):
    scores = {"a": [1.0000001] * 6}

    assert judge(scores, "exact_match(a) >= 95%").outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (
            "has no claim: write one, such as `m(a) > m(b)`",
            "H1 cannot be answered: it has no claim. Write one, such as `m(a) > m(b)`.",
        ),
        (
            "its claim cannot be read: a metric is missing here",
            "H1 cannot be answered: its claim cannot be read: a metric is missing here."
            " `techspec lint` shows the place.",
        ),
        (
            "'heads=1' has 0 of 4 seeds: the others are beyond 20 experiments",
            "H1 cannot be answered: its arm 'heads=1' has none of its 4 seeds: they are beyond 20"
            " experiments.",
        ),
        (
            "'a' has 1 of 4 seeds: the others are beyond 20 experiments",
            "H1 cannot be answered: its arm 'a' has 1 of 4 seeds: the others are beyond 20"
            " experiments.",
        ),
        (
            "'a' has 1 of 1 seeds, and 1 cannot tell an effect from chance: set seeds to 2 or more",
            "H1 cannot be answered: its arm 'a' has 1 of 1 seeds, and 1 cannot tell an effect from"
            " chance. Set seeds to 2 or more.",
        ),
        (
            "it compares 'a' with itself: name two different arms",
            "H1 cannot be answered: it compares 'a' with itself. Name two different arms.",
        ),
        (
            "there is no arm 'c': the arms are a, b",
            "H1 cannot be answered: there is no arm 'c': the arms are a, b.",
        ),
        (
            "nothing varies depth: list its values under Parameter Ranges",
            "H1 cannot be answered: nothing varies depth. List its values under Parameter Ranges.",
        ),
    ],
)
@pytest.mark.parametrize("claim", [None, CLAIM])
def test_why_a_hypothesis_has_no_answer_is_told_in_whole_sentences(
    campaign, claim, reason, sentence
):
    (verdict,) = campaign({"a": HIGH}, ask(1, claim, "", unanswerable=reason)).judge()

    assert verdict.sentence == sentence


@pytest.mark.parametrize("metric", ["eval_loss", "val/loss", "train.nll"])
def test_a_loss_below_one_is_no_share_though_the_study_is_about_accuracy(judge, metric):
    losses = {"a": [0.31, 0.32, 0.30, 0.31, 0.29], "b": [0.35, 0.36, 0.34, 0.35, 0.33]}

    verdict = judge(losses, f"{metric}(a) < {metric}(b)", metric=metric, bands=())

    assert verdict.unit == ""
    assert "0.04 lower" in verdict.sentence
