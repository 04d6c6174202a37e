from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.plan.arms import settle
from techspec.plan.build import build
from techspec.plan.match import LEAST_WIDTH, TOLERANCE, Wanted, solve
from techspec.plan.trainer import Cost
from techspec.spec.model import Matching, Quantity
from tests.plan.addition import Addition, count
from tests.plan.specs import PHASE_2, claims, row, spec, swept

SHAPES = st.fixed_dictionaries(
    {
        "d_model": st.sampled_from([16, 32, 64, 96, 128, 192, 256, 384, 512, 1024]),
        "depth": st.integers(1, 24),
        "d_proj": st.sampled_from([0, 16, 32, 64, 128, 256]),
        "batch_size": st.sampled_from([256, 512]),
    }
)


@given(st.lists(st.tuples(SHAPES, st.integers(10_000, 20_000_000)), max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_size_is_hit_within_one_percent_or_refused_with_the_reason(shapes):
    trainer = Addition()

    fits = solve([Wanted(config, size) for config, size in shapes], trainer.costs)

    assert len(trainer.asked) <= 2
    for (config, size), fit in zip(shapes, fits, strict=True):
        if fit.refusal is None:
            assert fit.match is not None
            assert abs(count(fit.config) / size - 1) <= TOLERANCE
            assert fit.match.params == fit.cost.params == count(fit.config)
            assert fit.config == {**config, "d_ff": fit.match.value}
            assert fit.match.value >= LEAST_WIDTH
        else:
            least = count({**config, "d_ff": LEAST_WIDTH})
            step = count({**config, "d_ff": LEAST_WIDTH + 1}) - least
            assert least > size or step > size * TOLERANCE
            assert "cannot have" in fit.refusal


def test_the_solved_width_is_the_nearest_one():
    wanted = Wanted({"d_model": 64, "depth": 3}, 252_800)

    (fit,) = solve([wanted], Addition().costs)

    assert fit.match is not None
    assert (fit.match.value, fit.match.residue) == (512, 0.0)


def test_a_width_is_a_multiple_of_four_where_that_hits_the_size_well_enough():
    deep, short = {"d_model": 128, "depth": 8, "d_proj": 64}, {"d_model": 16, "depth": 1}

    fits = solve([Wanted(deep, 1_200_000), Wanted(short, 3_300)], Addition().costs)

    assert [fit.config["d_ff"] for fit in fits] == [452, 18]


def test_a_refusal_has_the_numbers_and_the_way_out():
    (fit,) = solve([Wanted({"d_model": 512, "depth": 2}, 1_000_000)], Addition().costs)

    assert fit.too_large
    assert fit.refusal is not None
    for part in ("1M", "d_ff=8", "2.17M", "d_proj"):
        assert part in fit.refusal


def test_a_count_that_is_not_a_line_in_the_width_is_caught_by_the_check():
    def squares(configs):
        return [Cost(params=int(config["d_ff"]) ** 2) for config in configs]

    (fit,) = solve([Wanted({}, 1_000_000)], squares)

    assert fit.match is None
    assert fit.refusal is not None
    assert "within 1%" in fit.refusal


def test_the_problem_of_a_probe_is_the_reason():
    (fit,) = solve([Wanted({"d_model": 7}, 1_000_000)], Addition().costs)

    assert fit.refusal == "d_model=7 is odd; RoPE needs an even width"


def test_the_widest_common_projection_that_lets_every_arm_match_is_taken():
    plan = build(PHASE_2, Addition())

    assert {arm.config["d_proj"] for arm in plan.arms} == {128}
    assert any("d_proj=128" in note and "Wide-shallow" in note for note in plan.notes)
    # One wider would not do.
    assert count({"d_model": 512, "depth": 2, "d_proj": 256, "d_ff": 8}) > 1_010_000


def test_a_projection_that_the_spec_fixes_is_left_alone():
    plan = build(replace(PHASE_2, baseline={"d_proj": 512}), Addition())

    assert {left.arm for left in plan.left_out} >= {"Wide-shallow"}
    assert all(arm.config["d_proj"] == 512 for arm in plan.arms)


def test_where_no_projection_serves_all_the_one_that_loses_fewest_arms_is_taken():
    arms = (*PHASE_2.arms, row("Huge", matched=True, d_model=4096, depth=8))
    plan = build(replace(PHASE_2, arms=arms), Addition())

    assert [left.arm for left in plan.left_out] == ["Huge"]
    assert {arm.config["d_proj"] for arm in plan.arms} == {128}


def test_a_common_projection_never_swallows_an_arm_about_the_projection():
    text = "exact_match(baseline) > exact_match(d_proj=32) by 2pt"
    wide = swept("params", 253_000, 1_000_000, 2_000_000)
    sweep = spec(
        hypotheses=claims(text), parameters=(wide, swept("d_model", 128, 256, 512)), baseline={}
    )

    plan = build(sweep, Addition())

    assert plan.questions[0].unanswerable is None
    assert [plan.arm(name).config["d_proj"] for name in plan.questions[0].arms] == [64, 32]


def test_rows_without_a_target_are_matched_to_the_first_ones_count():
    plan = build(replace(PHASE_2, matching=Matching(line=6)), Addition())

    first = plan.arm("Wide-shallow")
    assert first.match is None
    assert "d_ff" not in first.config
    for arm in plan.arms[1:]:
        assert arm.match is not None
        assert arm.match.target == first.params
        assert abs(arm.match.residue) <= TOLERANCE


def test_sweeps_around_a_named_baseline_are_matched_to_its_count():
    base = replace(row("Upper", d_model=256, depth=6), is_baseline=True)
    sweeps = (swept("depth", 4, 6), swept("params", 2_000_000, 4_000_000))
    plan = build(spec(arms=(base,), parameters=sweeps), Addition())

    assert plan.arm("Upper").match is None
    depth = plan.arm("depth=4")
    assert depth.match is not None
    assert depth.match.target == plan.arm("Upper").params == 3_175_424
    assert {arm.name for arm in plan.arms} == {"Upper", "depth=4", "params=2M", "params=4M"}


def test_a_width_that_an_arm_sets_itself_is_not_solved():
    target = Matching(line=1, target=Quantity(1_000_000, "1M"))
    rows = (row("free", matched=True, depth=4), row("set", matched=True, depth=4, d_ff=64))
    plan = build(spec(arms=rows, matching=target, baseline={"d_model": 128}), Addition())

    assert plan.arm("set").config["d_ff"] == 64
    assert plan.arm("set").match is None
    assert plan.arm("free").match is not None


def test_a_trainer_that_counts_nothing_leaves_sizes_alone_and_says_so():
    class Silent(Addition):
        def costs(self, configs, calibrate=False):
            return [Cost() for _ in configs]

    sweep = spec(
        parameters=(swept("depth", 2, 4), swept("params", 500_000, 1_000_000, 2_000_000)),
        hypotheses=claims("exact_match(depth=2) > exact_match(depth=4) by 2pt"),
    )
    plan = build(sweep, Silent())

    assert {arm.name for arm in plan.arms} == {"baseline", "depth=4"}
    assert {left.arm for left in plan.left_out} == {"params=500K", "params=2M"}
    assert any("Sizes are not matched" in note for note in plan.notes)
    assert plan.questions[0].qualifiers == ("unmatched: the trainer counts no parameters",)


def test_a_settled_draft_keeps_its_width_out_of_its_changes():
    from techspec.plan.ablate import design

    trainer = Addition()
    drawn = design(PHASE_2, trainer.facts())
    settled = settle(drawn, trainer, lambda cost: None)

    for arm in settled.arms:
        assert {change.parameter for change in arm.changes} == {"d_model", "depth"}
