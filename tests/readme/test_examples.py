"""Every spec that ships lints clean and plans whole, inside its own budget."""

import pytest

from techspec.lint.check import check
from techspec.plan.build import build
from techspec.run.trainer_call import trainer_of
from techspec.shipped import folder
from techspec.spec.files import paths
from techspec.spec.reader import read_file

SPECS = list(paths(folder("examples")))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_an_example_lints_clean_and_its_plan_answers_every_hypothesis(path):
    spec = read_file(path)
    trainer = trainer_of(spec, path.parent)

    plan = build(spec, trainer)

    assert check(spec, trainer) == []
    assert plan.trials
    assert plan.dropped == plan.left_out == ()
    assert [question.unanswerable for question in plan.questions] == [None] * len(spec.hypotheses)


def test_the_arms_of_phase_2_have_the_same_size_within_one_percent():
    path = folder("examples") / "phase-2" / "TECHSPEC.md"
    spec = read_file(path)

    plan = build(spec, trainer_of(spec, path.parent))

    assert {arm.config["d_model"] for arm in plan.arms} == {512, 256, 128}
    assert all(abs(arm.params / 1.2e6 - 1) < 0.01 for arm in plan.arms)


def test_the_arms_of_the_reported_phase_2_have_the_reported_sizes():
    path = folder("examples") / "phase-2-as-reported" / "TECHSPEC.md"
    spec = read_file(path)

    plan = build(spec, trainer_of(spec, path.parent))

    sizes = {arm.name: round(arm.params / 1e6, 2) for arm in plan.arms}
    assert sizes == {"Wide-shallow": 1.05, "Balanced": 1.31, "Narrow-deep": 1.02}


def test_the_four_models_of_phase_1_have_the_reported_counts():
    path = folder("examples") / "phase-1" / "TECHSPEC.md"
    spec = read_file(path)

    plan = build(spec, trainer_of(spec, path.parent))

    counts = {arm.name: arm.params for arm in plan.arms}
    assert counts == {"Upper": 3_175_424, "Middle": 1_397_760, "Lower": 252_800, "Tiny": 77_184}
