import json
import os
import signal

import pytest

from techspec.clock import now
from techspec.ledger.events import Ended, Launched, Measured, RunnerStarted, Started
from techspec.ledger.journal import is_held, read, writing
from techspec.ledger.state import fold
from techspec.records import decode, encode
from techspec.run.campaign import carry_out
from techspec.run.opening import start
from techspec.run.output import hand_out, launch, take_back
from techspec.run.pool_inline import InlinePool
from techspec.run.progress import progress
from tests.run.campaigns import starts, wait_for


def said(trial, step):
    return f'{{"event":"step","trial":"{trial}","step":{step}}}\n'.encode()


def finished(trial, score):
    metrics = f'"metrics":{{"score":{score}}}'
    return f'{{"event":"ended","trial":"{trial}","outcome":"finished",{metrics}}}\n'.encode()


def trials_in(path):
    return [json.loads(line)["trial"] for line in path.read_text().splitlines()]


def launches(folder):
    return [event for event in read(folder.ledger) if isinstance(event, Launched)]


@pytest.fixture
def shared(opened):
    """A campaign of two trials, a and b, whose process was started and printed nothing yet."""
    folder, plan = opened({"a": {}, "b": {}}, seeds=1)
    trials = [trial.id for trial in plan.trials]
    for trial in trials:
        folder.run(trial).mkdir(parents=True)
    return folder, *trials


def test_each_trial_of_a_shared_process_has_its_own_lines_and_no_others(opened):
    folder, plan = opened({"a": {"steps": 2}}, seeds=8, seconds=1.0, workers=1)

    carry_out(folder, InlinePool())

    assert len(launches(folder)[0].trials) > 1
    for trial in plan.trials:
        events = [json.loads(line) for line in folder.metrics(trial.id).read_text().splitlines()]
        assert {event["trial"] for event in events} == {trial.id}
        assert [event["event"] for event in events] == ["started", "eval", "eval", "ended"]


def test_a_line_that_names_no_trial_of_its_process_stays_where_it_was_printed(shared):
    folder, a, b = shared
    launched = launch(folder, [a, b], 1.0, now())
    odd = [b"no JSON", b'{"event":"step","trial":"c"}', b'{"event":"step"}', b"[1]"]

    hand_out(folder, launched, [said(a, 1)[:-1], *odd])

    assert folder.metrics(a).read_bytes() == said(a, 1)
    assert not folder.metrics(b).exists()


def test_a_trial_alone_in_its_process_is_printed_to_its_own_file_at_once(opened):
    folder, plan = opened({"a": {"steps": 1}}, seeds=1)

    carry_out(folder, InlinePool())

    assert trials_in(folder.metrics(plan.trials[0].id)) == [plan.trials[0].id] * 3
    assert not folder.output(plan.trials[0].id).exists()


def test_a_kill_at_any_byte_of_handing_out_neither_loses_nor_doubles_a_line(shared):
    folder, a, b = shared
    folder.metrics(a).write_bytes(said(a, 0) + b'{"event":"st')  # an earlier start, killed
    launched = launch(folder, [a, b], 1.0, now())
    lines = [said(a, 1), said(b, 1), said(a, 2), said(b, 2)]
    hand_out(folder, launched, [line[:-1] for line in lines])
    whole = {trial: folder.metrics(trial).read_bytes() for trial in (a, b)}
    assert whole == {a: said(a, 0) + said(a, 1) + said(a, 2), b: said(b, 1) + said(b, 2)}

    for trial, offset in zip((a, b), launched.trial_offsets, strict=True):
        for cut in range(offset, len(whole[trial]) + 1):
            folder.metrics(trial).write_bytes(whole[trial][:cut])
            take_back(folder, launched)
            hand_out(folder, launched, [line[:-1] for line in lines])
            assert {each: folder.metrics(each).read_bytes() for each in (a, b)} == whole


def test_the_next_runner_hands_out_what_a_killed_one_left_half_done(shared):
    folder, a, b = shared
    printed = [said(a, 1), finished(a, 0.2), said(b, 1), finished(b, 0.4)]
    folder.metrics(b).write_bytes(said(b, 0))
    with writing(folder.ledger) as append:
        append(RunnerStarted(now(), os.getpid(), 1))
        append(launch(folder, [a, b], 1.0, now()))
    folder.output(a).write_bytes(b"".join(printed))
    folder.metrics(a).write_bytes(printed[0] + printed[1][:9])

    stopped = carry_out(folder, InlinePool())

    state = fold(read(folder.ledger))
    assert stopped.why == "complete"
    assert [state.metric(trial, "score") for trial in (a, b)] == [0.2, 0.4]
    assert folder.metrics(a).read_bytes() == printed[0] + printed[1]
    assert folder.metrics(b).read_bytes() == said(b, 0) + printed[2] + printed[3]


def test_trials_that_outlive_their_runner_have_all_of_their_lines_in_the_end(opened):
    folder, plan = opened({"a": {"steps": 20}}, seeds=4, seconds=1.0, workers=1)
    pid = start(folder)
    wait_for(lambda: any(isinstance(event, Measured) for event in read(folder.ledger)))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_held(folder.ledger))

    carry_out(folder)

    assert starts(folder, plan.trials) == [1, 1, 1, 1]
    assert len(launches(folder)[0].trials) == 2
    for trial in plan.trials:
        assert trials_in(folder.metrics(trial.id)) == [trial.id] * 22


def test_progress_of_trials_that_share_a_process_is_each_ones_own(shared):
    folder, a, b = shared
    with writing(folder.ledger) as append:
        append(launched := launch(folder, [a, b], 1.0, now()))
        append(Started(now(), a, {}, None, "cpu", "", ""))
        append(Started(now(), b, {}, None, "cpu", "", ""))
        hand_out(folder, launched, [said(a, 7)[:-1], said(b, 5)[:-1]])

        running = progress(folder).running

    assert [(each.trial, each.step) for each in running] == [(a, 7), (b, 5)]


def test_a_shared_process_of_an_older_version_is_read_where_it_printed(shared):
    folder, a, b = shared
    printed = finished(a, 0.2) + finished(b, 0.4)
    folder.metrics(a).write_bytes(printed)
    with writing(folder.ledger) as append:
        append(RunnerStarted(now(), os.getpid(), 1))
        append(Launched(now(), a, (a, b), 1.0, 0))

    carry_out(folder, InlinePool())

    state = fold(read(folder.ledger))
    assert [state.metric(trial, "score") for trial in (a, b)] == [0.2, 0.4]
    assert [event.trial for event in read(folder.ledger) if isinstance(event, Ended)] == [a, b]
    assert folder.metrics(a).read_bytes() == printed
    assert not folder.metrics(b).exists()


def test_a_launch_that_an_older_version_recorded_is_read_as_one_without_own_files():
    of_before = encode(Launched(now(), "a", ("a", "b"), 1.0, 7))
    del of_before["trial_offsets"]

    assert decode(Launched, of_before).trial_offsets == ()
