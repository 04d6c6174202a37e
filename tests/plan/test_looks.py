from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.plan.build import build
from techspec.plan.looks import looks
from techspec.spec.claims import Chain, Difference, Insensitive, Smallest, Threshold, Trend
from techspec.spec.model import Budget, RunSettings
from tests.plan.addition import Addition
from tests.plan.specs import HIGH, LOW, claims, spec, swept

FORMS = (Difference, Chain, Insensitive, Trend, Threshold, Smallest)
RISES, ALIKE = (
    "exact_match increases with depth",
    "exact_match insensitive to batch_size within 2pt",
)
SWEEPS = spec(
    parameters=(swept("depth", 2, 6, priority=HIGH), swept("batch_size", 256, 512, priority=LOW))
)


def planned(*texts, seeds=None, budget=None):
    asked = replace(SWEEPS, hypotheses=claims(*texts), run=RunSettings(seeds=seeds), budget=budget)
    return build(asked, Addition())


def seeds_of(trials):
    return Counter(trial.arm for trial in trials)


@pytest.mark.parametrize(
    ("form", "usual", "capped_at_4"),
    [
        (Difference, (3, 5, 7, 10), (3, 4)),
        (Chain, (3, 5, 7, 10), (3, 4)),
        (Insensitive, (3, 5, 7, 10), (3, 4)),
        (Trend, (2, 3, 5, 8), (2, 3, 4)),
        (Threshold, tuple(range(1, 11)), (1, 2, 3, 4)),
        (Smallest, tuple(range(1, 11)), (1, 2, 3, 4)),
    ],
)
def test_each_form_has_its_looks_and_seeds_under_run_end_them(form, usual, capped_at_4):
    assert looks(form) == usual
    assert looks(form, 4) == capped_at_4


@settings(deadline=None)
@given(st.sampled_from(FORMS), st.integers(1, 200))
def test_looks_rise_end_at_the_cap_and_those_of_the_table_never_move(form, cap):
    found = looks(form, cap)

    assert list(found) == sorted(set(found))
    assert found[-1] == cap
    assert [n for n in looks(form) if n in found] == [n for n in looks(form) if n <= cap]


def test_a_claim_is_planned_with_the_seeds_that_settle_it_either_way_and_the_others_are_further():
    plan = planned(RISES)

    (question,) = plan.questions
    assert question.looks == (2, 3, 5, 8)
    assert {seeds_of(plan.trials)[arm] for arm in question.arms} == {5}
    assert {seeds_of(plan.further)[arm] for arm in question.arms} == {3}
    assert {trial.seed for trial in plan.further} == {5, 6, 7}


def test_arms_without_a_claim_have_no_further_seeds():
    plan = planned(RISES)

    asked = set(plan.questions[0].arms)
    assert {trial.arm for trial in plan.further} == asked
    assert {trial.arm for trial in plan.trials} > asked


def test_what_is_planned_comes_first_over_all_stages_and_the_further_seeds_in_their_order_again():
    plan = planned(RISES, ALIKE)

    for trials in (plan.trials, plan.further):
        assert [trial.stage for trial in trials] == sorted(trial.stage for trial in trials)
        assert {trial.stage for trial in trials} == {0, 1}
    assert plan.every_trial == plan.trials + plan.further
    assert len({trial.id for trial in plan.every_trial}) == len(plan.every_trial)


def test_seeds_of_the_spec_are_planned_as_far_as_they_settle_a_claim_and_cap_its_looks():
    few, many = planned(RISES, seeds=4), planned(RISES, seeds=12)

    assert few.questions[0].looks == (2, 3, 4)
    assert few.further == ()
    assert many.questions[0].looks == (2, 3, 5, 8, 11, 12)
    assert {seeds_of(many.trials)[arm] for arm in many.questions[0].arms} == {5}
    assert {seeds_of(many.every_trial)[arm] for arm in many.questions[0].arms} == {12}


def test_an_arm_that_lost_seeds_to_the_budget_gets_no_further_ones_and_no_looks_beyond_them():
    plan = planned(RISES, ALIKE, budget=Budget(1, experiments=14))

    rises, alike = plan.questions
    short = {drop.trial.arm for drop in plan.dropped}
    assert len(plan.trials) == 14
    assert short
    assert not short & {trial.arm for trial in plan.further}
    assert rises.looks == (2, 3, 5, 8)
    reach = min(seeds_of(plan.every_trial)[arm] for arm in alike.arms)
    assert reach < 5
    assert alike.looks[-1] == reach == alike.seeds


def test_further_seeds_stay_in_the_plan_though_they_do_not_fit_beside_all_that_is_planned():
    plan = planned(RISES, budget=Budget(1, experiments=len(planned(RISES).trials)))

    assert plan.dropped == ()
    assert {trial.arm for trial in plan.further} == set(plan.questions[0].arms)
    assert plan.questions[0].looks == (2, 3, 5, 8)
