from dataclasses import replace

from techspec.plan.model import Arm, Change, Trial
from techspec.plan.savings import Saving, without_hypotheses, without_sweep
from tests.skill.judged_campaign import plan


def planned():
    """A baseline for all, two arms of a sweep for H1, and one arm that H1 and H2 share."""
    arms = (
        Arm("baseline", {"lr": 1}, is_baseline=True),
        Arm("lr=2", {"lr": 2}, (Change("lr", 2),)),
        Arm("lr=3", {"lr": 3}, (Change("lr", 3),)),
        Arm("both", {"lr": 2, "depth": 9}, (Change("lr", 2), Change("depth", 9))),
    )
    serves = {"baseline": (), "lr=2": ("H1",), "lr=3": ("H1",), "both": ("H1", "H2")}
    trials = tuple(
        Trial(f"{arm.name}-{seed}", arm.name, seed, 0, serves[arm.name], seconds=10.0)
        for arm in arms
        for seed in range(2)
    )
    return replace(plan(), arms=arms, trials=trials)


def test_what_serves_another_hypothesis_or_none_is_not_saved():
    assert without_hypotheses(planned(), {"H1"}) == Saving(4, 40.0)
    assert without_hypotheses(planned(), {"H2"}) == Saving(0, 0.0)
    assert without_hypotheses(planned(), {"H1", "H2"}) == Saving(6, 60.0)
    assert without_hypotheses(planned(), set()) == Saving(0, 0.0)


def test_a_sweep_is_the_arms_that_change_its_parameter_alone():
    assert without_sweep(planned(), "lr") == Saving(4, 40.0)
    assert without_sweep(planned(), "depth") == Saving(0, 0.0)


def test_a_trial_without_a_forecast_leaves_the_time_open():
    whole = planned()
    unknown = replace(
        whole, trials=(*whole.trials[:3], replace(whole.trials[3], seconds=None), *whole.trials[4:])
    )

    assert without_sweep(unknown, "lr") == Saving(4, None)
