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
        "5 seeds an arm were wanted, the budget has room for 3",
        "seed 0 of a crashed 2 times and was retried",
        "seed 5 of a ended without reporting exact_match",
        "6 of 7 planned seeds of b have ended",
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
