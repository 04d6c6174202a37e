from techspec.ledger.events import (
    Amended,
    Ended,
    Launched,
    Measured,
    Opened,
    Released,
    RunnerStarted,
    RunnerStopped,
)
from techspec.ledger.state import fold


def at(second: int) -> str:
    return f"2026-11-02T10:00:{second:02d}.000Z"


def ended(trial: str, outcome: str, second: int = 5, **metrics: float) -> Ended:
    return Ended(at(second), trial, outcome, 100, metrics, 4.0)


def test_a_final_result_is_never_replaced():
    state = fold([ended("a", "finished", exact_match=0.5), ended("a", "finished", exact_match=0.9)])

    assert state.metric("a", "exact_match") == 0.5


def test_a_diverged_run_has_no_value():
    state = fold([ended("a", "diverged")])

    assert state.trial("a").is_final
    assert state.metric("a", "exact_match") is None


def test_an_interrupted_run_is_not_final_and_its_crashes_are_counted_apart():
    state = fold([ended("a", "crashed"), ended("a", "interrupted"), ended("a", "crashed")])

    assert not state.trial("a").is_final
    assert state.trial("a").crashes == 2


def test_a_step_measured_again_after_a_resume_counts_once():
    events = [Measured(at(n), "a", 10, {"loss": loss}, 1.0) for n, loss in ((1, 0.5), (2, 0.4))]

    state = fold(events)

    assert [m.metrics["loss"] for m in state.trial("a").measured.values()] == [0.4]


def test_a_released_process_is_paid_for_and_an_open_one_is_known():
    state = fold(
        [
            Launched(at(0), "a", ("a",), 9.0),
            Launched(at(0), "b", ("b",), 9.0),
            Released(at(7), "a", 7.0, 0),
        ]
    )

    assert state.device_seconds == 7.0
    assert list(state.open_requests) == ["b"]
    assert state.launched_trials == {"a", "b"}


def test_the_night_between_two_runners_is_not_wall_clock():
    state = fold(
        [
            Opened(at(0), "p", "TECHSPEC.md"),
            RunnerStarted(at(0), 1, 2),
            RunnerStopped(at(10), "stopped"),
            RunnerStarted(at(40), 2, 2),
            RunnerStopped(at(45), "complete"),
        ]
    )

    assert state.wall_clock_seconds == 15


def test_an_amendment_puts_another_plan_in_force_and_is_remembered():
    state = fold([Opened(at(0), "old", "TECHSPEC.md"), Amended(at(1), "new", "typo", ("bands",))])

    assert state.plan == "new"
    assert [each.reason for each in state.amendments] == ["typo"]
