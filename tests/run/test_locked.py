"""What scores come from stays as the plan has it, or what ran meanwhile does not count."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec.cli import main
from techspec.ledger.events import Launched, RunnerStarted, Voided
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import read, writing
from techspec.ledger.state import fold
from techspec.plan.build import build
from techspec.plan.model import Question
from techspec.run.campaign import carry_out
from techspec.run.locked import LockedFileMissing, Watch, lock
from techspec.run.opening import PlanChanged, freeze
from techspec.run.pool_inline import InlinePool
from techspec.run.trainer_call import trainer_of
from techspec.spec.reader import read as read_spec
from techspec.verdict.campaign import judged
from techspec.verdict.model import Outcome
from tests.run.campaigns import plan_of

MEDDLING = Path(__file__).parent / "trainers" / "meddling.py"
LATER = "2999-01-01T00:00:00.000Z"
WAYS = ("edit", "restore", "delete", "touch", "add")


@pytest.fixture
def evaluation(tmp_path):
    """A folder that is locked, with one script in it."""
    folder = tmp_path / "evaluation"
    folder.mkdir()
    (folder / "eval.py").write_text("SCORE = 0.5\n")
    return folder


@pytest.fixture
def opened(tmp_path, evaluation):
    """opened(meddle=...): a campaign of arms `a` and `b`, of which `a` meddles at one seed."""

    def open_campaign(meddle, at=0, **changes):
        arms = {"a": {"meddle": meddle, "at": at}, "b": {}}
        changes = {"seconds": 60.0, "workers": 1} | changes
        plan = plan_of(arms, trainer=f"{sys.executable} {MEDDLING}", **changes)
        looks = (changes.get("seeds", 2),)
        question = Question(
            "H1", "said so", "score(a) > score(b)", "score", ("a", "b"), looks=looks
        )
        plan = replace(plan, questions=(question,), locked=lock(tmp_path, ["evaluation"]))
        return freeze(tmp_path / "TECHSPEC.md", plan)

    return open_campaign


def void_of(folder: CampaignFolder) -> list[Voided]:
    return [event for event in read(folder.ledger) if isinstance(event, Voided)]


def restore(evaluation: Path) -> None:
    for path in evaluation.iterdir():
        path.unlink()
    (evaluation / "eval.py").write_text("SCORE = 0.5\n")


# Trials that meddle


@pytest.mark.parametrize("how", WAYS)
def test_a_trial_that_meddles_with_the_evaluation_is_void_however_it_does_it(opened, how):
    folder = opened(how)

    stopped = carry_out(folder, InlinePool())

    (event,) = void_of(folder)
    campaign = judged(folder)
    plan, state, (verdict,) = campaign.plan, campaign.state, campaign.verdicts
    assert stopped.why == "failed"
    assert "evaluation" in stopped.note
    assert event.path == "evaluation"
    assert event.locked == plan.locked[0].digest
    assert event.trials == (plan.trials[0].id,)
    assert (event.found == event.locked) == (how in ("restore", "touch"))
    assert state.metric(plan.trials[0].id, "score") is None
    assert verdict.outcome is Outcome.VOID
    assert "Seed 0 of a is void" in verdict.sentence
    assert "evaluation" in verdict.sentence
    assert not state.open_requests


def test_results_from_before_the_meddling_stand(opened):
    folder = opened("edit", at=1, seeds=3)

    carry_out(folder, InlinePool())

    campaign = judged(folder)
    first = [trial.id for trial in campaign.plan.trials if trial.seed == 0]
    assert [campaign.state.metric(trial, "score") for trial in first] == [0.5, 0.5]
    assert campaign.verdicts[0].outcome is Outcome.VOID  # no seed is dropped by being voided


@pytest.mark.parametrize("how", WAYS)
def test_once_the_file_is_as_it_was_the_same_seed_runs_again_from_nothing(opened, evaluation, how):
    folder = opened(how)
    carry_out(folder, InlinePool())
    restore(evaluation)

    stopped = carry_out(folder, InlinePool())

    campaign = judged(folder)
    (verdict,) = campaign.verdicts
    trial = campaign.plan.trials[0].id
    assert stopped.why == "complete"
    assert campaign.state.metric(trial, "score") == 0.5
    assert campaign.state.trial(trial).started.resumed_step == 0
    assert verdict.outcome is not Outcome.VOID
    (told,) = [caveat for caveat in verdict.caveats if "run again" in caveat]
    assert told.startswith("seed 0 of a was run again, as its first run (score 0.")
    assert "evaluation" in told


def test_while_the_file_is_not_as_it_was_nothing_is_started(opened, evaluation):
    folder = opened("edit")
    carry_out(folder, InlinePool())
    launches = sum(isinstance(event, Launched) for event in read(folder.ledger))

    stopped = carry_out(folder, InlinePool())

    assert stopped.why == "failed"
    assert sum(isinstance(event, Launched) for event in read(folder.ledger)) == launches
    assert void_of(folder)[-1].trials == ()


def test_a_change_before_the_first_launch_of_a_runner_is_met_before_anything_is_spent(
    opened, evaluation
):
    folder = opened("")
    (evaluation / "eval.py").write_text("SCORE = 0.9\n")

    stopped = carry_out(folder, InlinePool())

    assert stopped.why == "failed"
    assert not any(isinstance(event, Launched) for event in read(folder.ledger))
    assert judged(folder).verdicts[0].outcome is Outcome.INCONCLUSIVE


def test_trials_that_run_beside_the_one_that_meddles_are_void_as_well(opened):
    folder = opened("edit", seeds=1, workers=2)

    carry_out(folder)  # two processes

    touched = {trial for event in void_of(folder) for trial in event.trials}
    plan, state = judged(folder).plan, judged(folder).state
    finished = {trial.id for trial in plan.trials if state.trial(trial.id).is_final}
    assert plan.trials[0].id in touched
    assert not touched & finished
    assert all(state.metric(trial, "score") == 0.5 for trial in finished)


def test_a_runner_killed_between_voiding_and_releasing_voids_again_and_counts_nothing(
    opened, evaluation
):
    folder = opened("")
    trial = judged(folder).plan.trials[0].id
    folder.run(trial).mkdir(parents=True)
    (folder.run(trial) / "metrics.jsonl").write_text(
        f'{{"event":"ended","trial":"{trial}","outcome":"finished","metrics":{{"score":0.9}}}}\n'
    )
    before = "2020-01-01T00:00:00.000Z"  # the file was made after it, so it changed since
    with writing(folder.ledger) as append:
        append(RunnerStarted(before, os.getpid(), 1))
        append(Launched(before, trial, (trial,), 1.0))
        append(Voided(before, trial, (trial,), "evaluation", "one", "other"))

    stopped = carry_out(folder, InlinePool())

    state = fold(read(folder.ledger))
    assert stopped.why == "failed"
    assert state.metric(trial, "score") is None
    assert [event.trials for event in void_of(folder)] == [(trial,), (trial,)]


# The plan


SPEC = """\
## Hypotheses
1. said so: `score(a) > score(b)`

## Arms
| Name | rate |
|------|------|
| a | 1 |
| b | 2 |

## Run
```yaml
trainer: python meddling.py
metric: score
seeds: 2
evaluation: [evaluation/eval.py]
```
"""


@pytest.fixture
def project(tmp_path, evaluation):
    (tmp_path / "meddling.py").write_text(MEDDLING.read_text())
    (tmp_path / "TECHSPEC.md").write_text(SPEC)
    return tmp_path


def planned(project, text=SPEC):
    spec = read_spec(text)
    return build(spec, trainer_of(spec, project))


def test_the_plan_locks_what_the_spec_names_and_the_files_of_an_own_trainer(project):
    assert [file.path for file in planned(project).locked] == ["meddling.py", "evaluation/eval.py"]


def test_another_evaluation_is_another_trial_and_another_plan(project, evaluation):
    before = planned(project)
    (evaluation / "eval.py").write_text("SCORE = 0.9\n")

    after = planned(project)

    assert before.hash != after.hash
    assert not {trial.id for trial in before.trials} & {trial.id for trial in after.trials}


def test_an_edited_evaluation_is_an_amendment_with_a_reason_and_the_verdict_carries_it(
    project, evaluation
):
    spec = project / "TECHSPEC.md"
    carry_out(freeze(spec, planned(project)), InlinePool())
    (evaluation / "eval.py").write_text("SCORE = 0.9\n")

    with pytest.raises(PlanChanged, match=r"evaluation/eval\.py, which scores come from, was"):
        freeze(spec, planned(project))
    folder = freeze(spec, planned(project), "the old one left ties out")
    carry_out(folder, InlinePool())

    campaign = judged(folder)
    assert "DEVIATED: the old one left ties out" in campaign.verdicts[0].caveats
    assert [run.value for run in campaign.verdicts[0].arms[0].runs] == [0.9, 0.9]
    (amended,) = campaign.state.amendments
    assert any("evaluation/eval.py" in change for change in amended.changed)


def test_an_own_trainer_that_is_edited_while_its_campaign_runs_is_caught_unasked(project):
    folder = freeze(project / "TECHSPEC.md", planned(project))
    with (project / "meddling.py").open("a") as file:
        file.write("# for the next study\n")

    stopped = carry_out(folder, InlinePool())

    assert stopped.why == "failed"
    assert [event.path for event in void_of(folder)] == ["meddling.py"]


def test_a_file_that_is_not_there_is_named_before_anything_is_spent(project, capsys):
    spec = project / "TECHSPEC.md"
    spec.write_text(SPEC.replace("evaluation/eval.py", "evaluation/none.py"))

    for verb in ("plan", "run"):
        assert main([verb, str(spec)]) == 2
        assert "'evaluation/none.py'" in capsys.readouterr().err
    assert main(["lint", str(spec)]) == 1
    assert "TS307" in capsys.readouterr().out
    assert not (project / ".techspec").exists()


@pytest.mark.parametrize(
    "written",
    [
        "```yaml\nevaluation: [eval.py, data/test set.csv]\n```",
        "```yaml\nevaluation:\n  - eval.py\n  - data/test set.csv\n  - eval.py\n```",
        "evaluation: eval.py, data/test set.csv",
        "| Setting | Value |\n|--|--|\n| Evaluation | eval.py, data/test set.csv |",
    ],
)
def test_paths_are_read_as_people_write_lists(written):
    spec = read_spec(f"## Run\n{written}\n")

    assert spec.problems == ()
    assert spec.run.evaluation == ("eval.py", "data/test set.csv")


def test_other_settings_still_hold_one_value():
    spec = read_spec("## Run\n```yaml\nmetric: [a, b]\n```\n## Baseline\n```yaml\nd: [1]\n```\n")

    assert [problem.what for problem in spec.problems] == [
        "'metric' holds more than one value.",
        "'d' holds more than one value.",
    ]


# Looking at files


@pytest.fixture
def watched(tmp_path):
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.csv").write_text("1,2\n")
    (folder / "b.csv").write_text("3,4\n")
    return folder, Watch(lock(tmp_path, ["data", "data/b.csv"]), tmp_path)


def test_what_nobody_touched_is_unchanged_however_often_it_is_looked_at(watched):
    _, watch = watched

    assert [watch.changed(), watch.changed(), watch.changed(since=LATER)] == [[], [], []]


@pytest.mark.parametrize("settled_seconds", [3600.0, -1.0], ids=["fresh", "known by its times"])
def test_a_change_of_the_same_size_with_its_time_set_back_is_seen(
    watched, monkeypatch, settled_seconds
):
    monkeypatch.setattr("techspec.run.locked._SETTLED_SECONDS", settled_seconds)
    folder, watch = watched
    path = folder / "b.csv"
    old = path.stat().st_mtime_ns
    assert watch.changed() == []

    changed_at = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == changed_at:  # the clock of a file system has ticks
        path.write_text("3,5\n")
        os.utime(path, ns=(old, old))

    assert [each.path for each in watch.changed()] == ["data", "data/b.csv"]


def test_added_renamed_and_removed_files_change_a_folder(watched):
    folder, watch = watched
    for act, undo in (
        (lambda: (folder / "c").touch(), lambda: (folder / "c").unlink()),
        (
            lambda: (folder / "deep" / "a.csv").rename(folder / "deep" / "z.csv"),
            lambda: (folder / "deep" / "z.csv").rename(folder / "deep" / "a.csv"),
        ),
    ):
        act()
        assert [each.path for each in watch.changed()] == ["data"]
        undo()
        assert watch.changed() == []


def test_what_python_compiles_beside_a_script_is_no_change(watched):
    folder, watch = watched
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "eval.pyc").write_bytes(b"made from the rest")

    assert watch.changed() == []


def test_a_link_that_points_elsewhere_is_a_change(tmp_path):
    for name, text in (("one", "1"), ("two", "2")):
        (tmp_path / name).write_text(text)
    (tmp_path / "current").symlink_to("one")
    watch = Watch(lock(tmp_path, ["current"]), tmp_path)

    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("two")

    assert [each.path for each in watch.changed()] == ["current"]


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_a_file_is_changed_exactly_if_its_bytes_are_others(tmp_path_factory, before, after):
    place = tmp_path_factory.getbasetemp()
    (place / "any").write_bytes(before)
    watch = Watch(lock(place, ["any"]), place)

    (place / "any").write_bytes(after)

    assert bool(watch.changed()) == (before != after)


def test_a_path_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(LockedFileMissing, match=r"'none\.csv'"):
        lock(tmp_path, ["none.csv"])


def test_a_file_is_read_again_only_when_it_was_touched(tmp_path, monkeypatch):
    path = tmp_path / "large.bin"
    path.write_bytes(b"0" * 100)
    watch = Watch(lock(tmp_path, ["large.bin"]), tmp_path)
    monkeypatch.setattr("techspec.run.locked._SETTLED_SECONDS", -1.0)
    assert watch.changed() == []

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda *_: pytest.fail("it was read"))
        assert watch.changed() == []

    path.write_bytes(b"1" * 100)
    assert [each.path for each in watch.changed()] == ["large.bin"]
