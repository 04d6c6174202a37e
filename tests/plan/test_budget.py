from dataclasses import replace

import pytest

from techspec.plan.budget import fit, forecast
from techspec.plan.build import build
from techspec.plan.model import Allowance, Trial
from techspec.plan.trainer import Cost, NoTrainer
from techspec.spec.model import Budget, RunSettings
from tests.plan.addition import Addition
from tests.plan.specs import HIGH, LOW, claims, spec, swept


def trials(*seconds):
    return tuple(Trial(f"t{n}", f"a{n}", 0, 0, seconds=each) for n, each in enumerate(seconds))


SWEEPS = spec(
    parameters=(swept("depth", 2, 4, 6, priority=HIGH), swept("batch_size", 256, 512, priority=LOW))
)


def test_trials_are_kept_in_their_order_until_the_experiments_are_used_up():
    kept, dropped = fit(trials(1.0, 1.0, 1.0), Allowance(experiments=2), workers=1)

    assert [trial.id for trial in kept] == ["t0", "t1"]
    assert [(drop.trial.id, drop.reason) for drop in dropped] == [("t2", "beyond 2 experiments")]


def test_a_trial_beyond_the_hours_is_dropped_with_what_is_taken():
    allowed = Allowance(device_seconds=24 * 3600.0)
    hour = 3600.0
    kept, dropped = fit(trials(*[11.9 * hour] * 2, 11.9 * hour), allowed, workers=1)

    assert len(kept) == 2
    assert dropped[0].reason == "beyond 24 device hours: 23.8 h are taken by 2 trials"


def test_nothing_cheap_overtakes_what_had_no_room():
    kept, _ = fit(trials(60.0, 50.0, 1.0), Allowance(device_seconds=100.0), workers=1)

    assert [trial.id for trial in kept] == ["t0"]


def test_a_trial_that_alone_is_beyond_the_budget_does_not_block_the_others():
    kept, dropped = fit(trials(60.0, 7200.0, 30.0), Allowance(device_seconds=3600.0), workers=1)

    assert [trial.id for trial in kept] == ["t0", "t2"]
    assert dropped[0].reason == "beyond 1 device hours: it alone takes 2 h"


def test_the_wall_clock_is_shared_by_the_workers():
    seconds = trials(*[3600.0] * 5)

    for workers, room in ((1, 2), (2, 4)):
        kept, dropped = fit(seconds, Allowance(wall_clock_seconds=7200.0), workers)
        assert len(kept) == room
        assert "wall-clock" in dropped[0].reason


@pytest.mark.parametrize(
    ("run", "budget", "device"),
    [
        (RunSettings(), None, "cpu"),
        (RunSettings(), Budget(1, device="gpu"), "cuda"),
        (RunSettings(device="cpu"), Budget(1, device="gpu"), "cpu"),
        (RunSettings(device="cuda"), None, "cuda"),
    ],
)
def test_the_forecast_is_for_the_device_that_the_spec_names(run, budget, device):
    plan = build(replace(SWEEPS, run=run, budget=budget), Addition())

    assert plan.nominal_device == device
    arm = plan.arms[0]
    (cost,) = Addition().costs([arm.config])
    assert arm.seconds == (cost.seconds or {})[device]


def test_the_specs_own_seconds_are_taken_where_the_trainer_has_none():
    plan = build(replace(SWEEPS, run=RunSettings(seconds_per_trial=60.0)), NoTrainer())

    assert plan.seconds == 60.0 * len(plan.trials)
    assert not any("forecast" in note for note in plan.notes)


def test_without_any_forecast_the_count_still_holds_and_a_note_says_so():
    plan = build(replace(SWEEPS, budget=Budget(1, device_hours=1.0, experiments=4)), NoTrainer())

    assert len(plan.trials) == 4
    assert plan.seconds is None
    assert any("seconds_per_trial" in note for note in plan.notes)


def test_what_is_dropped_is_named_and_costs_its_question_the_answer():
    asked = claims(
        "exact_match increases with depth", "exact_match insensitive to batch_size within 2pt"
    )
    plan = build(replace(SWEEPS, hypotheses=asked, budget=Budget(1, experiments=16)), Addition())

    depth, batch = plan.questions
    assert (depth.unanswerable, depth.seeds) == (None, 5)
    assert batch.seeds == 1
    assert batch.unanswerable is not None
    assert "beyond 16 experiments" in batch.unanswerable
    assert all(drop.trial.arm == "batch_size=256" for drop in plan.dropped)


def test_the_seeds_of_a_question_stay_balanced_when_the_budget_ends():
    asked = claims("exact_match increases with depth")
    plan = build(replace(SWEEPS, hypotheses=asked, budget=Budget(1, experiments=8)), Addition())

    counts = [sum(trial.arm == arm for trial in plan.trials) for arm in plan.questions[0].arms]
    assert max(counts) - min(counts) <= 1
    assert plan.questions[0].seeds == min(counts) == 2


def test_the_wall_clock_note_says_how_many_run_at_once():
    plan = build(replace(SWEEPS, budget=Budget(1, wall_clock_hours=100.0)), Addition())

    assert any("2 trials at once" in note for note in plan.notes)


def test_a_forecast_adds_up_by_stage():
    plan = build(replace(SWEEPS, run=RunSettings(workers=4)), Addition())

    found = forecast(plan)

    assert found.trials == len(plan.trials) == sum(stage.trials for stage in found.stages)
    assert found.seconds == pytest.approx(sum(stage.seconds or 0 for stage in found.stages))
    assert found.wall_clock_seconds == pytest.approx((plan.seconds or 0) / 4)


def test_measured_seconds_never_enter_a_plan():
    class Here(Addition):
        def costs(self, configs, calibrate=False):
            costs = super().costs(configs, calibrate)
            return [replace(cost, measured_seconds=1e9) for cost in costs]

    assert build(SWEEPS, Here()).hash == build(SWEEPS, Addition()).hash
    assert Cost().measured_seconds is None
