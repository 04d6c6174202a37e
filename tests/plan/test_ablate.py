import pytest

from techspec.plan.build import build
from techspec.plan.trainer import NoTrainer
from techspec.spec.model import Factor, NamedArm, Parameter
from tests.plan.addition import Addition
from tests.plan.specs import HIGH, LOW, PHASE_1, claims, row, spec, swept


def names(plan):
    return [arm.name for arm in plan.arms]


def test_one_factor_moves_at_a_time_and_the_baseline_serves_as_its_own_level():
    sweeps = (swept("depth", 2, 4), swept("learning rate", 0.001, 0.003))
    plan = build(spec(baseline={"depth": 4, "learning_rate": 0.001}, parameters=sweeps), Addition())

    assert names(plan) == ["baseline", "depth=2", "learning_rate=0.003"]
    assert dict(plan.arm("baseline").config) == {"depth": 4, "learning_rate": 0.001}
    for arm in plan.arms[1:]:
        (change,) = arm.changes
        assert {**plan.arm("baseline").config, change.parameter: change.value} == arm.config


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ((2, 4, 6, 8), 6),  # the trainer's default is among them
        ((2, 4, 8, 10), 4),  # it is not: the lower middle
        ((10, 2, 4), 2),
        ((3,), 3),
    ],
)
def test_a_swept_parameter_without_a_baseline_takes_the_default_or_the_lower_middle(values, taken):
    plan = build(spec(parameters=(swept("depth", *values),)), Addition())

    assert plan.arm("baseline").config["depth"] == taken
    assert len(plan.arms) == len(values)
    assert any(f"depth={taken}" in note for note in plan.notes)


def test_a_baseline_that_the_spec_gives_needs_no_note():
    plan = build(spec(baseline={"depth": 2}, parameters=(swept("depth", 2, 4),)), Addition())

    assert not any("depth" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("low", "high", "levels"),
    [
        (0.0001, 0.01, [0.0001, 0.001, 0.01]),
        (0.1, 0.3, [0.1, 0.2, 0.3]),
        (16, 256, [16, 64, 256]),
        (2, 5, [2, 4, 5]),
        (0, 100, [0, 50, 100]),
        (1, 2, [1, 2]),
    ],
)
def test_a_range_gives_low_middle_and_high(low, high, levels):
    parameter = Parameter("x", "x", 1, "", low=low, high=high)
    plan = build(spec(parameters=(parameter,)), NoTrainer())

    values = sorted(arm.config["x"] for arm in plan.arms)
    assert values == levels
    assert [type(value) for value in values] == [type(low)] * len(levels)


def test_a_cell_that_names_no_values_is_noted_and_not_swept():
    plan = build(spec(parameters=(Parameter("depth", "depth", 1, "any"),)), Addition())

    assert plan.arms == ()
    assert any("depth" in note and "any" in note for note in plan.notes)


def test_named_rows_take_what_they_leave_out_from_the_baseline():
    rows = (
        NamedArm("Upper", 1, {"d_model": 256, "rope_theta": 30}, is_baseline=True),
        NamedArm("Small", 2, {"d_model": 64}),
    )
    plan = build(spec(arms=rows, baseline={"batch_size": 128}), Addition())

    assert dict(plan.arm("Small").config) == {"batch_size": 128, "d_model": 64, "rope_theta": 30}
    assert [arm.is_baseline for arm in plan.arms] == [True, False]


def test_a_row_called_baseline_is_the_baseline():
    plan = build(spec(arms=(row("Small", depth=2), row("Baseline", depth=4))), Addition())

    assert names(plan) == ["Baseline", "Small"]
    assert plan.arms[0].is_baseline


def test_two_rows_of_one_name_stay_apart():
    plan = build(spec(arms=(row("A", depth=2), row("a", depth=4))), Addition())

    assert names(plan) == ["A", "a (line 1)"]


def test_equal_configurations_are_one_arm_with_one_set_of_trials():
    plan = build(
        spec(
            arms=(NamedArm("Upper", 1, {"depth": 6}, is_baseline=True), row("Twin", depth=2)),
            parameters=(swept("depth", 2, 6),),
            hypotheses=claims("exact_match(depth=2) >= 90%"),
        ),
        Addition(),
    )

    assert names(plan) == ["Upper", "Twin"]
    assert plan.questions[0].arms == ("Twin",)
    assert any("'depth=2'" in note and "'Twin'" in note for note in plan.notes)


def test_an_arm_in_parentheses_becomes_one_of_its_own_unless_it_is_there_already():
    text = "exact_match(d_model=512, depth=2) > exact_match(depth=6) by 2pt"
    plan = build(spec(parameters=(swept("depth", 4, 6),), hypotheses=claims(text)), Addition())

    assert names(plan) == ["baseline", "depth=4", "(d_model=512, depth=2)"]
    assert plan.questions[0].arms == ("(d_model=512, depth=2)", "baseline")


def test_parameters_of_one_factor_move_together():
    shape = Factor("shape", ("d_model", "depth"), line=1)
    sweeps = (swept("d_model", 64, 128, 256), swept("depth", 2, 4, 6))
    plan = build(spec(factors=(shape,), parameters=sweeps), Addition())

    assert names(plan) == ["baseline", "(d_model=64, depth=2)", "(d_model=128, depth=4)"]
    assert dict(plan.arms[0].config) == {"d_model": 256, "depth": 6}


def test_a_factor_of_uneven_lists_is_left_out_with_the_counts():
    shape = Factor("shape", ("d_model", "depth"), line=1)
    sweeps = (swept("d_model", 64, 128, 256), swept("depth", 2, 4))
    plan = build(spec(factors=(shape,), parameters=sweeps), Addition())

    assert names(plan) == ["baseline"]
    assert all("d_model has 3" in left.reason for left in plan.left_out)
    assert plan.left_out


def test_a_parameter_that_the_trainer_lacks_is_left_out_and_never_passed_on():
    sweeps = (swept("dept", 2, 4), swept("batch_size", 256, 512))
    plan = build(spec(parameters=sweeps), Addition())

    assert names(plan) == ["baseline", "batch_size=256"]
    assert {left.arm for left in plan.left_out} == {"dept=2", "dept=4"}
    assert all("'depth'" in left.reason for left in plan.left_out)
    assert not any("dept" in arm.config for arm in plan.arms)


def test_an_arm_that_the_trainer_refuses_is_left_out_with_its_words():
    plan = build(spec(parameters=(swept("d_model", 7, 64),), baseline={"d_model": 64}), Addition())

    (left,) = plan.left_out
    assert left.arm == "d_model=7"
    assert "odd" in left.reason


def test_a_size_that_is_no_number_is_left_out():
    plan = build(spec(parameters=(swept("params", "small", 1_000_000),)), Addition())

    assert [left.arm for left in plan.left_out] == ["baseline"]


def test_whole_numbers_reach_a_trainer_that_wants_them_as_whole_numbers():
    plan = build(spec(baseline={"max_steps": 1e3, "learning_rate": 1.0}), Addition())

    config = plan.arm("baseline").config
    assert [(type(value), value) for value in config.values()] == [(int, 1000), (float, 1.0)]


def test_without_a_trainer_every_name_is_accepted():
    plan = build(spec(parameters=(swept("anything", "a", "b", priority=LOW),)), NoTrainer())

    assert names(plan) == ["baseline", "anything=b"]
    assert plan.seconds is None


def test_an_empty_spec_plans_nothing():
    plan = build(spec(), Addition())

    assert (plan.arms, plan.trials, plan.stages) == ((), (), ())


def test_the_baseline_is_first_and_in_the_first_stage():
    plan = build(PHASE_1, Addition())

    assert names(plan) == ["Upper", "Middle", "Lower", "Tiny"]
    assert plan.stages[0].priority is HIGH
    assert plan.stages[0].arms == ("Upper", "Middle", "Lower")


def test_a_baseline_alone_has_a_stage_of_its_own():
    plan = build(spec(baseline={"depth": 4}), Addition())

    assert [stage.arms for stage in plan.stages] == [("baseline",)]
    assert len(plan.trials) == 3


def test_values_that_claims_share_are_no_arm_by_themselves():
    text = "exact_match(depth=4) > exact_match(depth=2) by 2pt"
    plan = build(spec(baseline={"batch_size": 256}, hypotheses=claims(text)), Addition())

    assert names(plan) == ["(depth=4)", "(depth=2)"]
    assert all(arm.config["batch_size"] == 256 for arm in plan.arms)
