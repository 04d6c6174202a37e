from techspec.plan.build import build
from techspec.spec.model import Budget
from tests.plan.addition import Addition
from tests.plan.specs import ADDITION, HIGH, LOW, MEDIUM, claims, row, spec, swept


def stage_names(plan):
    return [stage.name for stage in plan.stages]


def ordered(*items):
    return Budget(line=1, order=items)


def test_the_priority_column_comes_before_the_priority_line():
    sweeps = (
        swept("batch_size", 256, 512, priority=LOW),
        swept("RoPE theta", 10, 100, priority=MEDIUM),
        swept("depth", 2, 4, priority=HIGH),
    )
    plan = build(spec(parameters=sweeps, budget=ordered("batch size", "RoPE sweep")), Addition())

    assert stage_names(plan) == ["depth", "rope_theta", "batch_size"]


def test_within_a_priority_the_line_decides_and_what_it_does_not_mention_is_last():
    assert stage_names(build(ADDITION, Addition())) == [
        "depth",
        "d_model",
        "params",
        "rope_theta",
        "batch_size",
    ]


def test_then_what_serves_a_claim_goes_first_and_then_the_order_of_the_file():
    sweeps = (swept("depth", 2, 4), swept("batch_size", 256, 512), swept("RoPE theta", 10, 100))
    asked = claims("exact_match insensitive to rope_theta within 2pt")
    plan = build(spec(parameters=sweeps, hypotheses=asked), Addition())

    assert stage_names(plan) == ["rope_theta", "depth", "batch_size"]


def test_named_arms_are_ranked_by_what_they_vary():
    plan = build(
        spec(
            arms=(row("a", d_model=64), row("b", d_model=128)),
            parameters=(swept("depth", 2, 4),),
            budget=ordered("depth", "width"),
        ),
        Addition(),
    )

    assert stage_names(plan) == ["depth", "named arms"]


def test_the_baseline_is_run_in_the_first_stage_alone():
    plan = build(ADDITION, Addition())

    assert plan.stages[0].arms[0] == "baseline"
    assert sum("baseline" in stage.arms for stage in plan.stages) == 1


def test_within_a_stage_every_arm_has_its_seed_before_any_has_the_next():
    sweep = spec(parameters=(swept("depth", 2, 4, 6),))
    plan = build(sweep, Addition())

    assert [(trial.seed, trial.arm) for trial in plan.trials] == [
        (seed, arm) for seed in range(3) for arm in ("baseline", "depth=2", "depth=4")
    ]
    assert [trial.stage for trial in plan.trials] == [0] * 9


def test_an_id_says_what_it_is_and_depends_on_nothing_else():
    depth = swept("depth", 2, 6)
    alone = build(spec(parameters=(depth,)), Addition())
    base = {"rope_theta": 100}
    first = build(spec(baseline=base, parameters=(depth,)), Addition())
    other = build(
        spec(baseline=base, parameters=(swept("batch_size", 256, 512), depth)), Addition()
    )

    ids = {trial.id for trial in alone.trials if trial.arm == "depth=2"}
    assert all(identity.startswith("depth-2-s") for identity in ids)
    again = {trial.id for trial in build(spec(parameters=(depth,)), Addition()).trials}
    assert ids <= again
    assert not ids & {trial.id for trial in first.trials}
    assert not ids & {trial.id for trial in other.trials}  # Its batch size is now set.
