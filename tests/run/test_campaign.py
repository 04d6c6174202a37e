import os
import signal
from dataclasses import replace

import pytest

from techspec.clock import now
from techspec.durable import CannotWrite
from techspec.ledger.events import Ended, Launched, Measured, Released, RunnerStopped, Started
from techspec.ledger.journal import LedgerBusy, is_held, read, writing
from techspec.ledger.plan_file import PlanDamaged
from techspec.ledger.state import fold
from techspec.plan.model import Question
from techspec.run.campaign import carry_out
from techspec.run.opening import PlanChanged, ask_to_stop, freeze, start
from techspec.run.pool_inline import InlinePool
from techspec.run.progress import progress
from tests.run.campaigns import plan_of, starts, wait_for


def state_of(folder):
    return fold(read(folder.ledger))


def outcomes(folder):
    return [event.outcome for event in read(folder.ledger) if isinstance(event, Ended)]


def test_every_trial_of_the_plan_ends_with_its_own_numbers(opened):
    folder, plan = opened({"low": {"value": 0.2, "steps": 2}, "high": {"value": 0.8, "steps": 2}})

    stopped = carry_out(folder)

    state = state_of(folder)
    assert stopped.why == "complete"
    scores = [state.metric(trial.id, "score") for trial in plan.trials]
    assert scores == pytest.approx([0.2, 0.8, 0.21, 0.81])
    assert not state.open_requests


def test_a_second_run_starts_nothing(opened):
    folder, plan = opened({"a": {"steps": 1}})
    carry_out(folder, InlinePool())

    stopped = carry_out(folder, InlinePool())

    assert stopped.why == "complete"
    assert starts(folder, plan.trials) == [1, 1]


@pytest.mark.parametrize(("seconds", "first"), [(1.0, 4), (60.0, 1)])
def test_short_trials_share_a_process_and_long_ones_do_not(opened, seconds, first):
    folder, _ = opened({"a": {"steps": 1}}, seeds=8, seconds=seconds, workers=1)

    carry_out(folder, InlinePool())

    shared = [len(e.trials) for e in read(folder.ledger) if isinstance(e, Launched)]
    assert (shared[0], sum(shared)) == (first, 8)


@pytest.mark.parametrize(("allowance", "first"), [({}, 8), ({"device_seconds": 280.0}, 4)])
def test_a_trainer_that_trains_trials_together_gets_all_that_the_budget_bears(
    opened, monkeypatch, allowance, first
):
    monkeypatch.setattr("techspec.run.campaign.trains_together", lambda plan: True)
    arms = {"a": {"steps": 1}, "b": {"steps": 1}}
    folder, _ = opened(arms, seeds=4, seconds=60.0, workers=1, **allowance)

    carry_out(folder, InlinePool())

    launched = [event for event in read(folder.ledger) if isinstance(event, Launched)]
    assert len(launched[0].trials) == first


def test_a_diverged_run_is_recorded_as_such_and_has_no_number(opened):
    folder, plan = opened({"bad": {"fail": "nan"}}, seeds=1)

    carry_out(folder, InlinePool())

    assert outcomes(folder) == ["diverged"]
    assert state_of(folder).metric(plan.trials[0].id, "score") is None


def test_a_crash_is_tried_again_with_the_same_seed_and_goes_on_from_its_checkpoint(opened):
    folder, plan = opened({"shaky": {"fail": "crash", "steps": 5}}, seeds=1)

    carry_out(folder)

    assert outcomes(folder) == ["crashed", "finished"]  # past step 3 it does not fail again
    assert starts(folder, plan.trials) == [2]
    assert state_of(folder).metric(plan.trials[0].id, "score") == 0.5


def test_what_a_crashed_trainer_said_last_is_its_reason(opened):
    folder, _ = opened({"shaky": {"fail": "crash"}}, seeds=1)

    carry_out(folder)

    reasons = [e.reason for e in read(folder.ledger) if isinstance(e, Ended)]
    assert "the dog ate the gradients" in reasons[0]


def test_a_trainer_that_cannot_start_ends_the_campaign_with_its_words(opened):
    folder, _ = opened({"a": {}}, trainer="sh -c 'echo torch is missing >&2; exit 2'")

    stopped = carry_out(folder)

    assert stopped.why == "failed"
    assert "torch is missing" in stopped.note


def test_a_trial_that_always_dies_is_given_up_and_the_others_go_on(opened, tmp_path):
    script = tmp_path / "picky.sh"
    script.write_text(
        'grep -q \'"seed": 1\' "$2" && exit 9\n'
        'id=$(grep -o \'"trial": "[^"]*"\' "$2" | cut -d\'"\' -f4)\n'
        'echo "{\\"event\\":\\"ended\\",\\"trial\\":\\"$id\\",\\"outcome\\":\\"finished\\",'
        '\\"metrics\\":{\\"score\\":1}}"\n'
    )
    folder, plan = opened({"a": {}}, seeds=3, seconds=60.0, workers=1, trainer=f"sh {script}")

    stopped = carry_out(folder)

    state = state_of(folder)
    assert [state.trial(trial.id).crashes for trial in plan.trials] == [0, 3, 0]
    assert [state.metric(trial.id, "score") for trial in plan.trials] == [1, None, 1]
    assert stopped.why == "complete"


def test_a_refused_trial_is_final_and_says_why(opened):
    folder, plan = opened({"odd": {"fail": "refuse"}, "fine": {"steps": 1}}, seeds=1)

    carry_out(folder, InlinePool())

    ended = state_of(folder).trial(plan.trials[0].id).ended
    assert (ended.outcome, ended.reason) == ("refused", "no such value")
    assert state_of(folder).metric(plan.trials[1].id, "score") == 0.5


def test_a_trainer_that_reports_another_metric_is_stopped_at_once_and_its_runs_are_kept(
    opened, tmp_path
):
    folder, plan = opened({"a": {"steps": 1}}, seeds=4, metric="exact_match", seconds=60.0)

    stopped = carry_out(folder, InlinePool())

    assert stopped.why == "failed"
    assert "exact_match" in stopped.note
    assert "score" in stopped.note
    assert sum(starts(folder, plan.trials)) == 1

    corrected = plan_of({"a": {"steps": 1}}, seeds=4, seconds=60.0)
    freeze(tmp_path / "TECHSPEC.md", corrected, reason="the metric is called score")
    carry_out(folder, InlinePool())
    assert starts(folder, corrected.trials) == [1, 1, 1, 1]
    assert state_of(folder).metric(corrected.trials[0].id, "score") == 0.5


def test_killing_runner_and_trials_at_once_loses_nothing_and_the_next_run_resumes(opened):
    folder, plan = opened({"a": {"steps": 60}}, seeds=2)
    pid = start(folder)
    wait_for(lambda: len([e for e in read(folder.ledger) if isinstance(e, Measured)]) > 4)
    os.kill(pid, signal.SIGKILL)
    for trial in plan.trials:
        os.killpg(int((folder.run(trial.id) / "pid").read_text()), signal.SIGKILL)
    wait_for(lambda: not is_held(folder.ledger))
    before = state_of(folder)
    assert progress(folder).condition == "abandoned"

    carry_out(folder)

    after = state_of(folder)
    assert [after.metric(t.id, "score") for t in plan.trials] == [0.5, 0.51]
    assert after.device_seconds > before.device_seconds  # the killed start is paid for too
    for trial in plan.trials:
        assert set(before.trial(trial.id).measured) <= set(after.trial(trial.id).measured)
        assert sorted(after.trial(trial.id).measured) == list(range(1, 61))


def test_a_trial_that_outlives_its_runner_is_taken_up_and_not_started_again(opened):
    folder, plan = opened({"a": {"steps": 80}}, seeds=2)
    pid = start(folder)
    wait_for(lambda: len([e for e in read(folder.ledger) if isinstance(e, Measured)]) > 4)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_held(folder.ledger))

    carry_out(folder)

    assert starts(folder, plan.trials) == [1, 1]
    assert outcomes(folder) == ["finished", "finished"]


def test_a_killed_trial_is_started_again_with_the_same_seed(opened):
    folder, plan = opened({"a": {"steps": 60}}, seeds=1)
    start(folder)
    wait_for(lambda: any(isinstance(e, Measured) for e in read(folder.ledger)))
    os.killpg(int((folder.run(plan.trials[0].id) / "pid").read_text()), signal.SIGKILL)
    wait_for(lambda: any(isinstance(e, RunnerStopped) for e in read(folder.ledger)))

    assert outcomes(folder) == ["crashed", "finished"]
    assert state_of(folder).metric(plan.trials[0].id, "score") == 0.5


def test_two_runners_on_one_campaign_are_refused(opened):
    folder, _ = opened({"a": {"steps": 200}}, seeds=1)
    start(folder)

    with pytest.raises(LedgerBusy):
        carry_out(folder)
    with pytest.raises(LedgerBusy):
        start(folder)

    ask_to_stop(folder)
    wait_for(lambda: not is_held(folder.ledger))


def test_a_stopped_campaign_goes_on_where_it_was(opened):
    folder, plan = opened({"a": {"steps": 100}}, seeds=1)
    start(folder)
    wait_for(lambda: any(isinstance(e, Measured) for e in read(folder.ledger)))

    assert ask_to_stop(folder)
    wait_for(lambda: not is_held(folder.ledger))
    assert progress(folder).condition == "stopped"
    assert outcomes(folder) == ["interrupted"]

    carry_out(folder)
    assert state_of(folder).metric(plan.trials[0].id, "score") == 0.5


def test_a_run_right_after_a_stop_waits_until_the_trials_are_put_down(opened):
    folder, plan = opened({"a": {"steps": 100}}, seeds=1)
    start(folder)
    wait_for(lambda: any(isinstance(e, Measured) for e in read(folder.ledger)))

    assert ask_to_stop(folder)
    assert freeze(folder.project / "TECHSPEC.md", plan) == folder

    assert outcomes(folder) == ["interrupted"]
    start(folder)
    wait_for(lambda: not is_held(folder.ledger))
    assert state_of(folder).metric(plan.trials[0].id, "score") == 0.5


def test_a_resumed_trial_is_timed_from_its_own_start(opened):
    folder, plan = opened({"a": {"steps": 300}}, seeds=1)
    trial = plan.trials[0].id
    long_ago = "2026-01-01T00:00:00.000Z"
    with writing(folder.ledger) as append:
        append(Launched(long_ago, trial, (trial,), 1.0, 0))
        append(Started(long_ago, trial, {}, None, "cpu", "", "", 0))
        append(Ended(long_ago, trial, "interrupted", 0, {}, 1.0, ""))
        append(Released(long_ago, trial, 1.0, 0))
        append(Launched(now(), trial, (trial,), 1.0, 0))
        (running,) = progress(folder).running

    assert running.seconds < 3600


def test_trials_left_behind_by_a_killed_runner_are_ended_by_a_stop(opened):
    folder, plan = opened({"a": {"steps": 100000}}, seeds=1)
    pid = start(folder)
    wait_for(lambda: any(isinstance(e, Measured) for e in read(folder.ledger)))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_held(folder.ledger))
    lock = folder.run(plan.trials[0].id) / "lock"
    assert is_held(lock)

    assert ask_to_stop(folder)

    wait_for(lambda: not is_held(lock))  # whoever holds it is alive, its keeper for a moment more


@pytest.mark.parametrize("deaf", [False, True])
def test_the_device_budget_is_a_hard_stop_even_for_a_trial_that_takes_longer_than_forecast(
    opened, deaf
):
    slow = {"steps": 100000, "deaf": deaf}
    folder, plan = opened({"slow": slow}, seeds=2, seconds=1.0, device_seconds=15.0)

    stopped = carry_out(folder)

    spent = sum(e.seconds for e in read(folder.ledger) if isinstance(e, Released))
    assert stopped.why == "budget"
    assert "device" in stopped.note
    assert spent <= 15.0
    assert all(state_of(folder).metric(t.id, "score") is None for t in plan.trials)


def test_no_more_experiments_are_launched_than_the_budget_has(opened):
    folder, _ = opened({"a": {"steps": 1}}, seeds=6, experiments=3)

    stopped = carry_out(folder, InlinePool())

    assert stopped.why == "budget"
    assert len(state_of(folder).launched_trials) == 3


def test_a_trial_is_not_begun_when_its_forecast_is_more_than_what_is_left(opened):
    folder, plan = opened({"a": {}}, seeds=1, seconds=500.0, device_seconds=100.0)

    stopped = carry_out(folder, InlinePool())

    assert (stopped.why, starts(folder, plan.trials)) == ("budget", [0])
    assert "100 device seconds are left" in stopped.note


def test_an_edited_plan_needs_a_reason_and_the_reason_is_kept(opened, tmp_path):
    folder, old = opened({"a": {"steps": 1}})
    carry_out(folder, InlinePool())
    new = plan_of({"a": {"steps": 1}, "b": {"steps": 1}})

    with pytest.raises(PlanChanged, match="arm b is new"):
        freeze(tmp_path / "TECHSPEC.md", new)
    freeze(tmp_path / "TECHSPEC.md", new, reason="b was forgotten")
    carry_out(folder, InlinePool())

    assert [a.reason for a in state_of(folder).amendments] == ["b was forgotten"]
    assert starts(folder, old.trials) == [1, 1]  # what was run under the old plan is reused
    assert folder.plan_of(old.hash).exists()


def test_more_looks_after_results_need_a_reason_though_the_planned_trials_stay(opened, tmp_path):
    question = Question("H1", "t", "score(a) > score(b)", "score", ("a", "b"), looks=(3, 5))
    base = replace(plan_of({"a": {"steps": 1}, "b": {"steps": 1}}), questions=(question,))
    more = plan_of({"a": {"steps": 1}, "b": {"steps": 1}}, seeds=4).trials[4:]
    folder = freeze(tmp_path / "TECHSPEC.md", base)
    carry_out(folder, InlinePool())

    longer = replace(base, questions=(replace(question, looks=(3, 5, 7)),), further=more)
    with pytest.raises(PlanChanged, match=r"looks of H1: 3, 5 became 3, 5, 7"):
        freeze(tmp_path / "TECHSPEC.md", longer)
    freeze(tmp_path / "TECHSPEC.md", longer, reason="it was close")

    assert [a.reason for a in state_of(folder).amendments] == ["it was close"]


def test_a_plan_may_change_freely_before_anything_was_launched(opened, tmp_path):
    opened({"a": {}})

    folder = freeze(tmp_path / "TECHSPEC.md", plan_of({"b": {"steps": 1}}))

    assert carry_out(folder, InlinePool()).why == "complete"
    assert state_of(folder).amendments == []


def test_a_plan_file_that_was_edited_by_hand_is_not_run(opened):
    folder, _ = opened({"a": {"steps": 1}})
    folder.plan.write_text(folder.plan.read_text().replace('"score"', '"loss"'))

    with pytest.raises(PlanDamaged):
        carry_out(folder, InlinePool())


def test_a_half_line_that_a_kill_left_in_the_metrics_is_not_glued_to_the_next(opened):
    folder, plan = opened({"a": {"steps": 2}}, seeds=1)
    run = folder.run(plan.trials[0].id)
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text('{"event":"eval","trial":"')

    carry_out(folder, InlinePool())

    assert (run / "metrics.jsonl").read_text().startswith('{"event": "started"')
    assert state_of(folder).metric(plan.trials[0].id, "score") == 0.5


def test_progress_says_which_trial_is_running_and_how_far(opened):
    folder, plan = opened({"a": {"steps": 300}}, seeds=1)
    start(folder)
    wait_for(lambda: any(isinstance(e, Measured) for e in read(folder.ledger)))

    now = progress(folder)

    assert now.condition == "running"
    assert [(r.trial, r.of_steps) for r in now.running] == [(plan.trials[0].id, 300)]
    assert now.running[0].step > 0
    assert (now.done, now.trials) == (0, 1)
    ask_to_stop(folder)
    wait_for(lambda: not is_held(folder.ledger))


def test_a_ledger_that_is_held_by_somebody_else_is_not_opened(opened, tmp_path):
    folder, plan = opened({"a": {}})

    with writing(folder.ledger), pytest.raises(LedgerBusy):
        freeze(tmp_path / "TECHSPEC.md", plan)


def test_a_trial_that_was_given_up_is_tried_again_by_the_next_run(opened, tmp_path):
    script = tmp_path / "later.sh"
    script.write_text("exit 9\n")
    folder, plan = opened({"a": {}}, seeds=1, trainer=f"sh {script}")
    assert carry_out(folder).why == "failed"
    script.write_text(
        f'echo \'{{"event":"ended","trial":"{plan.trials[0].id}","outcome":"finished",'
        '"metrics":{"score":1}}\'\n'
    )

    assert carry_out(folder).why == "complete"

    assert state_of(folder).metric(plan.trials[0].id, "score") == 1


def test_a_last_line_without_its_line_end_counts_once_the_process_is_gone(opened, tmp_path):
    script = tmp_path / "terse.sh"
    folder, plan = opened({"a": {}}, seeds=1, trainer=f"sh {script}")
    script.write_text(
        f'printf \'{{"event":"ended","trial":"{plan.trials[0].id}","outcome":"finished",'
        '"metrics":{"score":1}}\'\n'
    )

    assert carry_out(folder).why == "complete"


def test_a_trial_folder_that_cannot_be_made_is_named_and_nothing_is_lost(opened):
    folder, plan = opened({"a": {"steps": 1}}, seeds=1)
    (folder.path / "runs").write_text("a file where the runs go")

    with pytest.raises(CannotWrite, match="runs"):
        carry_out(folder)
    (folder.path / "runs").unlink()

    assert carry_out(folder).why == "complete"
    assert starts(folder, plan.trials) == [1]


def test_a_trial_whose_runner_is_gone_ends_at_its_reservation(opened):
    endless = {"steps": 100000}
    folder, plan = opened({"a": endless}, seeds=1, seconds=0.5, device_seconds=600.0)
    pid = start(folder)
    wait_for(lambda: any(isinstance(e, Measured) for e in read(folder.ledger)))
    os.kill(pid, signal.SIGKILL)

    lock = folder.run(plan.trials[0].id) / "lock"
    wait_for(lambda: not is_held(lock))

    # Start-up, forecast and caution come to about 12 s; nobody was there to end it.
    reserved = next(e.reserved_seconds for e in read(folder.ledger) if isinstance(e, Launched))
    assert reserved < 15
    assert (lock.parent / "exit").exists()


def test_a_silent_trial_that_was_killed_with_its_runner_is_paid_for(opened, tmp_path):
    script = tmp_path / "silent.sh"
    script.write_text("sleep 60\n")
    folder, plan = opened({"a": {}}, seeds=1, trainer=f"sh {script}", device_seconds=600.0)
    pid = start(folder)
    alive = folder.run(plan.trials[0].id) / "alive"
    wait_for(alive.exists)
    begun = alive.stat().st_mtime
    wait_for(lambda: alive.stat().st_mtime > begun + 2)
    os.kill(pid, signal.SIGKILL)
    os.killpg(int((alive.parent / "pid").read_text()), signal.SIGKILL)
    wait_for(lambda: not is_held(folder.ledger))
    (tmp_path / "silent.sh").write_text("exit 2\n")

    carry_out(folder)

    paid = [e.seconds for e in read(folder.ledger) if isinstance(e, Released)]
    assert paid[0] >= 2


def test_no_trial_is_begun_that_the_wall_clock_has_no_room_for(opened):
    folder, plan = opened({"a": {}}, seeds=1, seconds=500.0, wall_clock_seconds=100.0)

    stopped = carry_out(folder, InlinePool())

    assert (stopped.why, starts(folder, plan.trials)) == ("budget", [0])
    assert "wall-clock" in stopped.note


def test_the_wall_clock_is_a_hard_stop_too(opened):
    folder, _ = opened({"a": {"steps": 100000}}, seeds=1, seconds=0.1, wall_clock_seconds=12.0)

    stopped = carry_out(folder)

    assert stopped.why == "budget"
    assert state_of(folder).wall_clock_seconds <= 12.0


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"started","trial":"T","config":{"clip":Infinity}}',
        '{"event":"eval","trial":"T","step":1,"metrics":{"score":1' + "0" * 400 + "}}",
        '{"event":"eval","trial":"T","step":[],"metrics":{"score":true}}',
        '{"event":"ended"}',
        '["event"]',
        "\udcff[" * 100_000,
    ],
)
def test_no_line_of_a_trainer_can_stop_the_runner(opened, tmp_path, line):
    script = tmp_path / "odd.sh"
    folder, plan = opened({"a": {}}, seeds=1, trainer=f"sh {script}")
    trial = plan.trials[0].id
    (tmp_path / "line").write_text(line.replace("T", trial), errors="surrogateescape")
    script.write_text(
        f'cat {tmp_path / "line"}; echo; echo \'{{"event":"ended","trial":"{trial}",'
        '"outcome":"finished","metrics":{"score":1}}\'\n'
    )

    assert carry_out(folder).why == "complete"
