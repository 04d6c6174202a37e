import json
import multiprocessing
import resource
import signal
from pathlib import Path

import pytest

from techspec.ledger.events import Ended, Launched, Measured, Opened, RunnerStarted
from techspec.ledger.journal import (
    LedgerBusy,
    LedgerDamaged,
    LedgerFull,
    is_held,
    read,
    writing,
)

T = "2026-11-02T10:00:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "campaign" / "ledger.jsonl"


def measured(step: int) -> Measured:
    return Measured(T, "wide-s0-3fa9c1", step, {"exact_match": step / 100}, 1.5 * step)


def test_what_was_appended_is_read_back_in_order(path):
    events = [
        Opened(T, "hash", "TECHSPEC.md"),
        RunnerStarted(T, 1, 2),
        Launched(T, "a", ("a", "b"), 3.0),
        measured(10),
        Ended(T, "a", "diverged", 20, {}, 2.0, "loss was nan"),
    ]

    with writing(path) as append:
        for event in events:
            append(event)

    assert list(read(path)) == events


def test_cutting_the_file_at_any_byte_loses_at_most_the_event_being_written(path):
    with writing(path) as append:
        for step in range(4):
            append(measured(step))
    whole = path.read_bytes()

    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        assert [e.step for e in read(path)] == list(range(whole[:cut].count(b"\n")))


def test_half_a_last_line_is_cut_off_before_the_next_append(path):
    with writing(path) as append:
        append(measured(0))
        append(measured(1))
    path.write_bytes(path.read_bytes()[:-20])

    with writing(path) as append:
        append(measured(2))

    assert [event.step for event in read(path)] == [0, 2]


def test_a_changed_number_in_the_middle_is_noticed_with_its_line(path):
    with writing(path) as append:
        for step in range(3):
            append(measured(step))
    path.write_bytes(path.read_bytes().replace(b'"seconds":1.5', b'"seconds":1.6'))

    with pytest.raises(LedgerDamaged, match=r"ledger\.jsonl:3"):
        list(read(path))


def test_a_missing_line_is_noticed(path):
    with writing(path) as append:
        for step in range(3):
            append(measured(step))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])

    with pytest.raises(LedgerDamaged, match="does not follow"):
        list(read(path))


def test_nothing_is_appended_to_a_ledger_that_was_tampered_with(path):
    with writing(path) as append:
        append(measured(0))
        append(measured(1))
    path.write_text(path.read_text().replace('"step":0', '"step":7'))

    with pytest.raises(LedgerDamaged), writing(path):
        pass


def test_a_second_writer_is_refused_and_the_first_goes_on(path):
    with writing(path) as append:
        with pytest.raises(LedgerBusy, match="campaign"), writing(path):
            pass
        assert is_held(path)
        append(measured(0))

    assert not is_held(path)
    assert len(list(read(path))) == 1


def test_the_lock_of_a_killed_writer_is_free(path):
    process = multiprocessing.get_context("fork").Process(target=_append_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL

    with writing(path) as append:
        append(measured(1))

    assert [event.step for event in read(path)] == [0, 1]


def test_a_full_disk_is_told_and_loses_nothing_that_was_appended(path):
    process = multiprocessing.get_context("fork").Process(target=_fill_the_disk, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == 42  # LedgerFull was raised and carried the path

    steps = [event.step for event in read(path)]
    assert steps == list(range(len(steps)))
    assert len(steps) > 0
    assert path.read_bytes().endswith(b"\n")  # what could not be written whole was taken back


def test_a_line_is_plain_json_that_any_tool_reads(path):
    with writing(path) as append:
        append(measured(3))

    line = json.loads(path.read_text())

    assert (line["n"], line["event"], line["metrics"]) == (0, "measured", {"exact_match": 0.03})


def _append_and_die(path: Path) -> None:
    with writing(path) as append:
        append(measured(0))
        import os

        os.kill(os.getpid(), signal.SIGKILL)


def _fill_the_disk(path: Path) -> None:
    # A limit on the file's size stands in for a full disk: the write fails half-way just the same.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        with writing(path) as append:
            for step in range(100):
                append(measured(step))
    except LedgerFull as error:
        raise SystemExit(42 if str(path) in str(error) else 1) from None
