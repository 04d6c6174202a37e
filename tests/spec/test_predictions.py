"""Hypotheses, and where their claims come from."""

import pytest

from techspec.spec.claims import ArmRef, Chain
from techspec.spec.reader import read

ARMS = "## Arms\n| Arm | d_model |\n|--|--|\n| Wide | 512 |\n| Narrow deep | 128 |\n\n"


def test_a_claim_stands_in_backticks_within_its_hypothesis():
    spec = read("## Hypotheses\n1. Wider wins:\n   `m(a) > m(b) by 2pt`\n2. No claim.\n")

    first, second = spec.hypotheses
    assert (first.text, first.line, first.claim_line) == ("Wider wins", 2, 3)
    assert first.claim.text == "m(a) > m(b) by 2pt"
    assert (second.id, second.claim, second.claim_line) == ("H2", None, None)


def test_a_claim_in_the_middle_of_a_sentence_stays_in_the_text():
    (hypothesis,) = read("## Hypotheses\n- We expect `m(a) > m(b)` on long inputs.\n").hypotheses

    assert hypothesis.text == "We expect m(a) > m(b) on long inputs."
    assert hypothesis.claim.text == "m(a) > m(b)"


def test_a_claim_alone_is_its_own_text():
    (hypothesis,) = read("## Hypotheses\n1. `m(a) > m(b)`\n").hypotheses

    assert hypothesis.text == "m(a) > m(b)"


def test_a_nested_item_belongs_to_its_hypothesis():
    (hypothesis,) = read("## Hypotheses\n1. Wider wins\n   - `m(a) > m(b)`\n").hypotheses

    assert (hypothesis.text, hypothesis.claim_line) == ("Wider wins", 3)


def test_arms_are_spelled_as_their_row_does():
    (hypothesis,) = read(ARMS + "## Hypotheses\n1. `m(wide) > m(NARROW DEEP)`\n").hypotheses

    assert (hypothesis.claim.form.left, hypothesis.claim.form.right) == (
        ArmRef("Wide"),
        ArmRef("Narrow deep"),
    )


def test_an_unreadable_claim_is_kept_as_a_problem_of_its_hypothesis():
    (hypothesis,) = read("## Hypotheses\n1. Wins `m(a) > m(b) by 2%`\n").hypotheses

    assert hypothesis.claim is None
    assert hypothesis.claim_line == 2
    assert hypothesis.problem.text[hypothesis.problem.start : hypothesis.problem.end] == "2%"


@pytest.mark.parametrize("span", ["d_model", "d_model=64", "d_model >= 64"])
def test_a_name_and_a_condition_on_a_parameter_are_no_claim(span):
    (hypothesis,) = read(ARMS + f"## Hypotheses\n1. It learns with `{span}`\n").hypotheses

    assert hypothesis.problem is None
    assert hypothesis.text == f"It learns with {span}"


def test_the_second_claim_of_a_hypothesis_is_a_problem_on_its_line():
    spec = read("## Hypotheses\n1. x `m(a) > 1`\n   and `m(b) > 1`\n")

    assert spec.hypotheses[0].claim.text == "m(a) > 1"
    assert [problem.line for problem in spec.problems] == [3]


def test_exploratory_is_a_mark_and_no_text():
    spec = read(
        "## Hypotheses\n1. Wider wins (exploratory): `m(a) > m(b)`\n2. Not.\n3. (exploratory) So.\n"
    )

    assert [(each.text, each.exploratory) for each in spec.hypotheses] == [
        ("Wider wins", True),
        ("Not.", False),
        ("So.", True),
    ]


def test_paragraphs_are_hypotheses_where_there_is_no_list():
    spec = read("## Hypothesis\nOne\nthing.\n\nAnother.\n\n`m(a) > m(b)`\n")

    assert [(each.text, each.line, each.claim_line) for each in spec.hypotheses] == [
        ("One thing.", 2, None),
        ("Another.", 5, 7),
    ]


def test_paragraphs_beside_a_list_are_comment():
    spec = read("## Hypotheses\nWe predict:\n\n1. a\n2. b\n\nThat is all.\n")

    assert [each.text for each in spec.hypotheses] == ["a", "b"]


def test_a_prediction_gives_its_claim_to_the_hypothesis_above():
    (hypothesis,) = read("## Hypothesis\nWidth.\n\n## Prediction\n`m(a) > m(b)`\n").hypotheses

    assert (hypothesis.text, hypothesis.line, hypothesis.claim_line) == ("Width.", 2, 5)


def test_a_prediction_is_a_hypothesis_of_its_own_where_the_one_above_has_a_claim():
    spec = read("## Hypothesis\nWidth `m(a) > 1`.\n\n## Predictions\n- So: `m(b) > 1`\n")

    assert [(each.id, each.text) for each in spec.hypotheses] == [("H1", "Width"), ("H2", "So")]


def test_a_prediction_without_backticks_names_its_arms_and_the_prose_behind_is_ignored():
    spec = read(ARMS + "## Prediction\nWide > narrow deep for local tasks\n\nThat is why.\n")

    (hypothesis,) = spec.hypotheses
    assert hypothesis.claim.text == "Wide > narrow deep"
    assert hypothesis.claim.form == Chain((ArmRef("Wide"), ArmRef("Narrow deep")))
    assert hypothesis.text == "Wide > narrow deep for local tasks"


def test_a_prediction_in_prose_is_a_hypothesis_without_a_claim():
    (hypothesis,) = read(ARMS + "## Prediction\nAccuracy stays > 90% everywhere.\n").hypotheses

    assert (hypothesis.claim, hypothesis.problem) == (None, None)


def test_each_line_of_a_prediction_beyond_the_first_claim_is_a_problem():
    spec = read(ARMS + "## Prediction\nWide > Narrow deep\nNarrow deep > Wide\n")

    assert [problem.line for problem in spec.problems] == [9]
