from dataclasses import replace

import pytest

from techspec.plan.model import Question
from techspec.spec.claims import parse
from techspec.spec.model import Band, Hypothesis, RunSettings, Spec
from techspec.verdict.campaign import edited

ABOVE = "exact_match(a) > exact_match(b) by 2pt"
BAND = Band("Best case", "exact_match", 3, ">95%", 0.95, None)


def hypothesis(name, claim, text="said so", **more):
    return Hypothesis(name, text, 1, parse(claim, ["a", "b"]) if claim else None, **more)


@pytest.fixture
def plan(campaign):
    asked = (
        Question("H1", "said so", ABOVE, "exact_match", ("a", "b")),
        Question("H2", "prose alone", None),
    )
    return campaign({"a": [0.9], "b": [0.8]}, *asked, bands=[BAND]).plan


@pytest.fixture
def spec():
    return Spec("", hypotheses=(hypothesis("H1", ABOVE), hypothesis("H2", None)), bands=(BAND,))


def test_a_spec_that_asks_what_the_plan_asks_is_not_edited(plan, spec):
    assert edited(plan, spec) == ()


def test_rewording_and_moving_lines_change_no_rule(plan, spec):
    reworded = replace(
        spec,
        hypotheses=(hypothesis("H1", ABOVE, text="put otherwise"), hypothesis("H2", None)),
        bands=(replace(BAND, line=30, text="> 95 %"),),
    )

    assert edited(plan, reworded) == ()


def test_a_claim_that_was_changed_is_told_as_it_was_and_as_it_is(plan, spec):
    laxer = ABOVE.replace("2pt", "1pt")

    changed = replace(spec, hypotheses=(hypothesis("H1", laxer), spec.hypotheses[1]))

    assert edited(plan, changed) == (f"the claim of H1 was `{ABOVE}` and is `{laxer}`",)


def test_hypotheses_that_came_and_went_are_told(plan, spec):
    added = replace(spec, hypotheses=(*spec.hypotheses, hypothesis("H3", ABOVE)))
    gone = replace(spec, hypotheses=spec.hypotheses[:1])
    aside = replace(
        spec, hypotheses=(hypothesis("H1", ABOVE, exploratory=True), spec.hypotheses[1])
    )

    assert edited(plan, added) == (f"H3 is new, with the claim `{ABOVE}`",)
    assert edited(plan, gone) == ("H2 is gone",)
    assert edited(plan, aside) == ("H1 is now exploratory",)


def test_moved_success_criteria_are_told(plan, spec):
    lower = replace(BAND, text=">90%", low=0.9)
    other = replace(BAND, name="Failure", text="<50%", low=None, high=0.5)

    assert edited(plan, replace(spec, bands=(lower,))) == (
        "the success criterion Best case was >95% and is >90%",
    )
    assert edited(plan, replace(spec, bands=(other,))) == (
        "the success criterion Best case (>95%) is gone",
        "the success criterion Failure (<50%) is new",
    )


def test_another_metric_is_told(plan, spec):
    other = replace(spec, run=RunSettings(metric="loss"))

    assert edited(plan, other) == ("the metric was exact_match and is loss",)
