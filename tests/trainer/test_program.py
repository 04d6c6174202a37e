"""The program as techspec meets it: real processes, killed and stopped."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def events_of(process):
    out, err = process.communicate(timeout=100)
    return [json.loads(text) for text in out.splitlines()], err


def read_until(process, kind):
    seen = []
    for text in process.stdout:
        seen.append(json.loads(text))
        if seen[-1]["event"] == kind:
            return seen
    pytest.fail(f"no {kind} in {seen}: {process.stderr.read()}")


def state_of(path):
    """All that a checkpoint holds, bit for bit, but for the seconds that no two runs share."""
    torch = pytest.importorskip("torch")

    def bits(value):
        if isinstance(value, torch.Tensor):
            return value.numpy().tobytes()
        if isinstance(value, dict):
            return {key: bits(item) for key, item in value.items() if key != "seconds"}
        return [bits(item) for item in value] if isinstance(value, list) else value

    return bits(torch.load(io.BytesIO(path.read_bytes()[32:]), weights_only=True))


def test_a_run_killed_at_once_after_a_checkpoint_ends_as_one_never_killed(
    tmp_path, request_for, start, small
):
    given = small | {"max_steps": 150}
    request = request_for(given)
    events, _ = events_of(start("run", request))
    newest = tmp_path / "trial-0" / "checkpoint.pt"
    unkilled = state_of(newest)
    for path in newest.parent.iterdir():
        path.unlink()

    process = start("run", request)
    read_until(process, "checkpoint")
    os.kill(process.pid, signal.SIGKILL)
    killed = process.wait()
    resumed, _ = events_of(start("run", request))

    assert killed == -signal.SIGKILL
    assert 0 < resumed[0]["resumed_step"] < 150
    assert resumed[-1]["metrics"] == events[-1]["metrics"]
    assert state_of(newest) == unkilled


def test_sigterm_ends_every_trial_as_interrupted_with_a_checkpoint_and_exit_0(
    tmp_path, request_for, start, small
):
    long = small | {"max_steps": 10**6, "eval_every": 10**6 // 2, "compile": "never"}
    request = request_for(long, small)
    process = start("run", request)
    read_until(process, "started")

    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    events, _ = events_of(process)

    assert process.returncode == 0
    assert time.monotonic() - asked < 5
    assert [e["event"] for e in events if e["event"] != "step"] == ["checkpoint", "ended", "ended"]
    ended = [e for e in events if e["event"] == "ended"]
    assert [(e["trial"], e["outcome"]) for e in ended] == [
        ("trial-0", "interrupted"),
        ("trial-1", "interrupted"),
    ]
    assert not any("metrics" in e for e in ended)
    assert (tmp_path / "trial-0" / "checkpoint.pt").exists()


def test_each_trial_of_a_request_ends_once_the_refused_one_too(request_for, start, small):
    process = start("run", request_for(small, small | {"depht": 2, "base": 16}, small))
    events, _ = events_of(process)

    ended = {e["trial"]: e for e in events if e["event"] == "ended"}
    assert process.returncode == 0
    assert len([e for e in events if e["event"] == "ended"]) == 3
    assert ended["trial-0"]["outcome"] == ended["trial-2"]["outcome"] == "finished"
    assert ended["trial-0"]["metrics"] == ended["trial-2"]["metrics"]
    assert ended["trial-1"]["outcome"] == "refused"
    assert "depth" in ended["trial-1"]["reason"]
    assert "base=16" in ended["trial-1"]["reason"]
    assert "metrics" not in ended["trial-1"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"protocol": 2}, ["protocol 2"]),
        ({"device": "tpu"}, ['"tpu"', "cuda"]),
        ({"trials": []}, ["trials", "[]"]),
        ({"speed": 9}, ["speed"]),
        ({"trials": [{"trial": 1}, {"trial": "b"}]}, ["trial 1", "trial 2", "folder"]),
    ],
)
def test_a_request_that_cannot_be_run_is_refused_with_exit_2_and_why(
    request_for, start, small, fields, words
):
    process = start("run", request_for(small, **fields))
    events, err = events_of(process)

    assert process.returncode == 2
    assert events == []
    assert all(word in err for word in words)


def test_a_folder_that_is_missing_or_shared_is_refused(tmp_path, request_for, start, small):
    trial = {"trial": "a", "folder": str(tmp_path), "seed": 0, "config": small}
    gone = trial | {"trial": "b", "folder": str(tmp_path / "gone")}
    process = start("run", request_for(trials=[trial, trial, gone]))
    _, err = events_of(process)

    assert process.returncode == 2
    assert "'a' shares" in err
    assert "gone" in err


def test_cuda_without_a_gpu_is_refused_with_exit_2(request_for, start, small):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    process = start("run", request_for(small, device="cuda"))
    _events, err = events_of(process)

    assert process.returncode == 2
    assert "device=cuda" in err
    assert "cpu" in err


def test_a_machine_without_torch_is_told_how_to_get_it(tmp_path, request_for, small):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    # -P: without it the current folder would come before PYTHONPATH and nothing is shadowed.
    command = [sys.executable, "-c", "import sys; sys.path.append('.'); from trainer.__main__"]
    command[-1] += " import main; sys.exit(main(sys.argv[1:]))"
    for arguments, code in ((["check"], 1), (["run", str(request_for(small))], 2)):
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=env, capture_output=True, text=True
        )
        assert done.returncode == code
        assert "pip install torch" in done.stdout + done.stderr


def test_check_says_what_a_run_would_use_and_proves_it(start):
    process = start("check", "--json")
    out, _ = process.communicate(timeout=100)

    told = json.loads(out)
    assert process.returncode == 0
    assert told["ready"] is True
    assert {"device", "torch", "threads", "path", "why"} <= told.keys()
