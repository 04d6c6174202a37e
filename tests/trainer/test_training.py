"""The loop: it learns, it stops when it should, and a cut anywhere changes nothing."""

import hashlib
import io
import math
import platform
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from tests.trainer.conftest import ROOT, SMALL  # noqa: E402
from trainer import checkpoint  # noqa: E402
from trainer import config as configs  # noqa: E402
from trainer import train as loop  # noqa: E402
from trainer.lanes import epoch_order, learning_rate  # noqa: E402
from trainer.protocol import Checkpoint, Ended, Eval, Started, Step, Trial  # noqa: E402
from trainer.train import plateaued, train  # noqa: E402

CPU = torch.device("cpu")


def trained(folder, given, seed=0, stop_after=math.inf):
    """Events of one start; asked to stop once the loop has looked `stop_after` times."""
    folder.mkdir(exist_ok=True)
    looked, events = iter(range(10**6)), []
    trial = Trial("t", folder, seed, given)
    asked = [(trial, configs.read(given))]
    train(asked, CPU, events.append, lambda: next(looked) >= stop_after)
    return events


# Pages that five steps of a large batch ask of the system, after as many to settle.
FAULTS = """
import resource, sys
from pathlib import Path

import torch

from trainer import config, data
from trainer.lanes import Stack, fresh
from trainer.machine import set_up, way_of
from trainer.protocol import Trial

device = torch.device("cpu")
torch.set_num_threads(1)  # the same parts, set up or not
if sys.argv[1] == "set up":
    set_up(device)
settled = config.read(
    {"d_model": 16, "depth": 1, "d_ff": 2048, "digits": 2, "base": 10, "batch_size": 1024}
    | {"train_size": 8000, "eval_size": 100, "compile": "never"}
)
trial = Trial("t", Path(), 0, {})
problems = data.problems(settled, device).train
stack = Stack([fresh(trial, settled, device)], problems, way_of(settled, device))
stack.advance(5, lambda: False)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
stack.advance(5, lambda: False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="glibc is told by name"
)
def test_memory_that_a_step_has_freed_is_seldom_asked_of_the_system_again():
    def pages(how):
        command = [sys.executable, "-c", FAULTS, how]
        return int(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)

    assert 3 * pages("set up") < pages("not set up")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder and events of the small config, trained to its end once."""
    folder = tmp_path_factory.mktemp("whole") / "a"
    return folder, trained(folder, dict(SMALL))


@pytest.fixture
def ended(tmp_path, whole):
    """The same, in a folder that a test may spoil."""
    folder, events = whole
    shutil.copytree(folder, tmp_path / "a")
    return tmp_path / "a", events


def weights(folder):
    """Digest of the weights in the newest checkpoint."""
    content = (folder / checkpoint.NAME).read_bytes()
    state = torch.load(io.BytesIO(content[32:]), weights_only=True)
    digest = hashlib.sha256()
    for tensor in state["model"].values():
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_a_small_model_learns_most_sums_that_it_was_never_shown(tmp_path):
    given = {"d_model": 64, "depth": 1, "heads": 8, "digits": 2, "base": 10, "batch_size": 64}
    given |= {"train_size": 8000, "eval_size": 1000, "learning_rate": 5e-3, "gradient_clip": 1.0}
    given |= {"schedule": "cosine", "warmup_steps": 50, "max_steps": 600}

    ended = trained(tmp_path / "a", given)[-1]

    # Six seeds came to 0.55 to 0.89; one digit of the sum unlearned leaves it at 0.1.
    assert ended.metrics["exact_match"] > 0.5
    assert ended.metrics["exact_match_unmirrored"] > 0.5


def test_a_trial_tells_what_it_is_how_it_goes_and_how_it_ended(whole):
    _, events = whole

    started, ended = events[0], events[-1]
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert started.config["d_proj"] == 16
    assert started.resumed_step == 0
    assert [e.step for e in of_kind(events, Eval)] == [20, 40, 60, 70]
    assert [e.step for e in of_kind(events, Checkpoint)] == [20, 40, 60, 70]
    assert len(of_kind(events, Step)) < 20
    assert (ended.outcome, ended.step) == ("finished", 70)
    assert ended.metrics == of_kind(events, Eval)[-1].metrics
    assert all(0 <= ended.metrics[n] <= 1 for n in ("exact_match", "exact_match_unmirrored"))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path, small, whole):
    for name, seed in (("b", 0), ("c", 1)):
        trained(tmp_path / name, small, seed)

    assert weights(whole[0]) == weights(tmp_path / "b")
    assert weights(whole[0]) != weights(tmp_path / "c")


@pytest.mark.parametrize("every", [1, 7, 23])
def test_stopping_again_and_again_changes_no_bit_of_the_end(tmp_path, small, every):
    small |= {"eval_size": 200}  # of one chunk, so that one look is enough to come to its end
    whole = trained(tmp_path / "whole", small)
    evals, steps = {}, {}
    for _ in range(200):
        events = trained(tmp_path / "cut", small, stop_after=every)
        evals |= {e.step: e.metrics for e in of_kind(events, Eval)}
        steps |= {e.step: e.loss for e in of_kind(events, Step)}
        if events[-1].outcome != "interrupted":
            break
        assert events[-1].metrics is None

    assert events[-1].metrics == whole[-1].metrics
    assert evals == {e.step: e.metrics for e in of_kind(whole, Eval)}
    assert steps == {e.step: e.loss for e in of_kind(whole, Step)}
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


def test_a_torn_checkpoint_falls_back_to_the_one_before(small, ended):
    folder, events = ended
    newest = folder / checkpoint.NAME
    digest = weights(folder)
    newest.write_bytes(newest.read_bytes()[:-7])

    again = trained(folder, small)

    assert again[0].resumed_step == 60
    assert again[-1].metrics == events[-1].metrics
    assert weights(folder) == digest


def test_where_checkpoints_are_far_apart_only_the_last_is_written(
    tmp_path, small, whole, monkeypatch
):
    folder, every = whole
    monkeypatch.setitem(loop.SECONDS_BETWEEN_CHECKPOINTS, "cpu", math.inf)

    seldom = trained(tmp_path / "seldom", small)
    cut = trained(tmp_path / "cut", small, stop_after=50)
    resumed = trained(tmp_path / "cut", small)

    assert [len(of_kind(events, Checkpoint)) for events in (every, seldom, cut)] == [4, 1, 1]
    assert resumed[0].resumed_step == cut[-1].step > 0
    assert weights(tmp_path / "seldom") == weights(folder) == weights(tmp_path / "cut")


def test_a_trial_that_has_ended_keeps_no_moments_and_says_its_end_again(small, ended):
    folder, events = ended
    before, after = (
        (folder / name).stat().st_size for name in (checkpoint.PREVIOUS, checkpoint.NAME)
    )

    again = trained(folder, small)

    assert after < before / 2
    assert [type(event) for event in again] == [Started, Ended]
    assert again[-1].metrics == events[-1].metrics


@pytest.mark.parametrize("cut", [0, 31, 32, 500])
def test_a_folder_with_nothing_whole_starts_over(small, ended, cut):
    folder, events = ended
    for name in (checkpoint.NAME, checkpoint.PREVIOUS):
        path = folder / name
        path.write_bytes(path.read_bytes()[:cut])

    again = trained(folder, small)

    assert again[0].resumed_step == 0
    assert again[-1].metrics == events[-1].metrics


def test_a_checkpoint_of_another_seed_or_config_is_passed_over(small, ended):
    folder, _ = ended

    assert trained(folder, small, seed=1)[0].resumed_step == 0
    assert trained(folder, small | {"d_ff": 64})[0].resumed_step == 0


def test_a_trial_that_has_ended_says_its_end_again_without_training(small, ended):
    folder, first = ended

    again = trained(folder, small)

    assert [type(event) for event in again] == [Started, Ended]
    assert again[-1] == first[-1]


def test_a_loss_that_is_not_finite_ends_the_trial_without_metrics(tmp_path, small):
    given = small | {"learning_rate": 1e30, "eval_every": 10}

    events = trained(tmp_path / "a", given)

    assert events[-1].outcome == "diverged"
    assert events[-1].metrics is None
    assert events[-1].step <= 10
    assert trained(tmp_path / "a", given)[-1].outcome == "diverged"


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([3.0, 2.0, 2.0, 2.0], False),
        ([3.0, 2.0, 2.0, 2.0, 2.0], True),
        ([3.0, 2.0, 2.1, 2.2, 1.9], False),
        ([3.0, 2.0, 2.1, 1.9, 2.0, 2.0, 2.0], True),
        ([3.0, 3.1, 3.2], False),
        ([3.0, 3.1, 3.2, 3.3], True),
    ],
)
def test_three_evaluations_without_improvement_stop_a_trial_and_two_do_not(losses, stops):
    assert plateaued(losses, patience=3, min_improvement=0) == stops


def test_an_improvement_below_the_least_one_counts_only_when_it_has_added_up():
    slow = [1.0, 0.97, 0.94, 0.91]

    assert plateaued(slow, patience=3, min_improvement=0.1)
    assert not plateaued([*slow[:3], 0.89], patience=3, min_improvement=0.1)


def test_a_trial_stops_at_the_evaluation_that_its_rule_names(tmp_path, small):
    given = small | {"early_stopping": True, "patience": 2, "min_improvement": 1.0}

    events = trained(tmp_path / "a", given)

    assert [e.step for e in of_kind(events, Eval)] == [20, 40, 60]
    assert (events[-1].outcome, events[-1].step) == ("early_stopped", 60)
    assert events[-1].metrics == of_kind(events, Eval)[-1].metrics


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    config = configs.read({"train_size": 100, "batch_size": 30})
    first = epoch_order(0, 5, config)
    epoch_order(1, 77, config)

    assert torch.equal(first, epoch_order(0, 5, config))
    assert not torch.equal(first, epoch_order(1, 5, config))
    assert not torch.equal(first, epoch_order(0, 6, config))


def test_an_epoch_shows_no_problem_twice_in_batches_that_are_full():
    order = epoch_order(0, 0, configs.read({"train_size": 100, "batch_size": 30}))

    assert order.shape == (3, 30)
    assert len(set(order.flatten().tolist())) == 90


def test_the_learning_rate_warms_up_then_follows_its_schedule():
    config = configs.read({"learning_rate": 1.0, "warmup_steps": 4, "max_steps": 12})

    def rates(schedule):
        return [learning_rate(replace(config, schedule=schedule), step) for step in range(12)]

    assert rates("constant") == [0.25, 0.5, 0.75, 1.0] + [1.0] * 8
    assert rates("linear")[4:] == [1 - n / 8 for n in range(8)]
    assert rates("cosine")[8] == pytest.approx(0.5)
    assert rates("cosine")[:4] == rates("constant")[:4]
    assert learning_rate(replace(config, schedule="cosine"), 20) == pytest.approx(0)


def test_loss_on_all_also_learns_from_the_operands(tmp_path, small):
    first = {
        loss_on: of_kind(trained(tmp_path / loss_on, small | {"loss_on": loss_on}), Step)[0].loss
        for loss_on in ("answer", "all")
    }

    assert first["answer"] != first["all"]
    assert configs.read(small | {"loss_on": "all"}).scored == 11
    assert configs.read(small).scored == 4


def test_the_least_significant_digit_first_is_another_task_on_the_same_problems(tmp_path, small):
    events = [trained(tmp_path / o, small | {"answer_order": o}) for o in ("msd", "lsd")]

    assert events[0][0].data == events[1][0].data
    assert events[0][-1].metrics != events[1][-1].metrics
