"""The three specs of the reported study, read exactly as they stand there."""

import pytest

from techspec.spec.claims import ArmRef, Chain, Claim
from techspec.spec.model import Priority, Quantity
from techspec.spec.reader import read_file
from tests.reported_study import PHASE_1, PHASE_2, SCALING


@pytest.fixture
def first():
    return read_file(SCALING)


@pytest.fixture
def phase1():
    return read_file(PHASE_1)


@pytest.fixture
def phase2():
    return read_file(PHASE_2)


def test_nothing_in_the_study_is_a_problem(first, phase1, phase2):
    assert first.problems == phase1.problems == phase2.problems == ()


def test_the_first_spec_has_its_title_objective_and_context(first):
    assert first.title == "Addition Task Parameter Scaling"
    assert first.objective == "Determine minimum viable model size for integer addition (0-999)."
    assert first.context == (
        "This continues Phase 1 baseline work. Prior finding: 3.18M params achieved 91.5%.\n"
        "Focus on finding minimum viable size while maintaining >70% accuracy."
    )


def test_the_first_spec_has_its_hypotheses_without_claims(first):
    assert [(each.id, each.text, each.line) for each in first.hypotheses] == [
        ("H1", "Wider models beat deeper for local operations (addition is positional)", 7),
        ("H2", "RoPE theta values matter less for short sequences", 8),
        ("H3", "d_proj=32 causes information bottleneck", 9),
    ]
    assert {(each.claim, each.problem, each.exploratory) for each in first.hypotheses} == {
        (None, None, False)
    }


def test_the_first_spec_has_its_parameter_ranges(first):
    rows = [(p.name, p.key, p.line, p.values, p.priority) for p in first.parameters]

    assert rows == [
        ("params", "params", 14, (253000, 500000, 1000000, 2000000, 3200000), Priority.HIGH),
        ("depth", "depth", 15, (2, 4, 6, 8), Priority.HIGH),
        ("d_model", "d_model", 16, (64, 128, 256, 512), Priority.HIGH),
        ("RoPE theta", "rope_theta", 17, (10, 30, 100, 500, 10000), Priority.MEDIUM),
        ("batch_size", "batch_size", 18, (512, 1024, 2048, 4096), Priority.LOW),
    ]
    assert all(type(value) is int for p in first.parameters for value in p.values)
    assert first.parameters[0].text == "[253K, 500K, 1M, 2M, 3.2M]"


def test_the_first_spec_has_its_bands(first):
    assert [(b.name, b.metric, b.line, b.text, b.low, b.high) for b in first.bands] == [
        ("Best case", "exact_match", 23, ">95%", 0.95, None),
        ("Realistic", "exact_match", 24, "85-95%", 0.85, 0.95),
        ("Minimum viable", "exact_match", 25, ">70%", 0.7, None),
        ("Failure", "exact_match", 26, "<50%", None, 0.5),
    ]


def test_the_first_spec_has_its_budget(first):
    budget = first.budget

    assert (budget.line, budget.device_hours, budget.device) == (28, 24.0, "gpu")
    assert (budget.experiments, budget.wall_clock_hours) == (50, None)
    assert (budget.order, budget.order_line) == (("depth/width ablation", "RoPE sweep"), 31)


def test_the_first_spec_has_its_sections_in_order(first):
    assert [(section.title, section.level, section.line) for section in first.sections] == [
        ("TECHSPEC: Addition Task Parameter Scaling", 1, 1),
        ("Objective", 2, 3),
        ("Hypotheses", 2, 6),
        ("Parameter Ranges", 2, 11),
        ("Success Criteria", 2, 20),
        ("Budget Constraints", 2, 28),
        ("Context for Claude", 2, 33),
    ]


def test_phase_1_has_its_hypotheses(phase1):
    assert [(each.id, each.text, each.line) for each in phase1.hypotheses] == [
        ("H1", "Smaller models can learn addition (local operation)", 2),
        ("H2", "Performance degrades gracefully with param count", 3),
        ("H3", "Minimum viable: ~250K params", 4),
    ]


def test_phase_1_has_its_grid(phase1):
    arms = phase1.arms

    assert [(arm.name, arm.line, dict(arm.settings)) for arm in arms] == [
        ("Upper", 9, {"d_model": 256, "depth": 6}),
        ("Middle", 10, {"d_model": 192, "depth": 4}),
        ("Lower", 11, {"d_model": 64, "depth": 3}),
        ("Tiny", 12, {"d_model": 32, "depth": 2}),
    ]
    assert [arm.claimed_params for arm in arms] == [
        Quantity(3180000, "3.18M"),
        Quantity(1400000, "1.4M"),
        Quantity(253000, "253K"),
        Quantity(77000, "77K"),
    ]
    assert [(arm.priority, arm.is_baseline, arm.note) for arm in arms] == [
        (None, True, ""),
        (Priority.HIGH, False, ""),
        (Priority.HIGH, False, ""),
        (Priority.LOW, False, "Test floor"),
    ]
    assert not any(arm.matched for arm in arms)
    assert phase1.matching is None


def test_phase_1_has_its_bands_from_bullets(phase1):
    assert [(b.name, b.metric, b.line, b.text, b.low, b.high) for b in phase1.bands] == [
        ("Best case", "exact_match", 15, ">95% exact match", 0.95, None),
        ("Minimum viable", "exact_match", 16, ">70% exact match", 0.7, None),
        ("Failure", "exact_match", 17, "<50% exact match", None, 0.5),
    ]


def test_phase_2_gives_its_prediction_to_its_hypothesis(phase2):
    (hypothesis,) = phase2.hypotheses

    assert hypothesis.text == (
        "Addition is a local, positional operation. Wide-shallow models should "
        "outperform narrow-deep at identical parameter counts."
    )
    assert (hypothesis.id, hypothesis.line, hypothesis.claim_line) == ("H1", 2, 14)
    assert hypothesis.claim == Claim(
        "Wide-shallow > Balanced > Narrow-deep",
        Chain((ArmRef("Wide-shallow"), ArmRef("Balanced"), ArmRef("Narrow-deep"))),
    )


def test_phase_2_has_its_matched_arms_and_their_target(phase2):
    assert [(a.name, a.line, dict(a.settings), a.note) for a in phase2.arms] == [
        ("Wide-shallow", 9, {"d_model": 512, "depth": 2}, "Test max width"),
        ("Narrow-deep", 10, {"d_model": 128, "depth": 8}, "Test max depth"),
        ("Balanced", 11, {"d_model": 256, "depth": 4}, "Control"),
    ]
    assert [arm.claimed_params for arm in phase2.arms] == [
        Quantity(1050000, "~1.05M", approximate=True),
        Quantity(1020000, "~1.02M", approximate=True),
        Quantity(1310000, "~1.31M", approximate=True),
    ]
    assert all(arm.matched and arm.priority is None for arm in phase2.arms)
    assert phase2.matching.line == 6
    assert phase2.matching.target == Quantity(1000000, "~1M", approximate=True)
