"""What the trainer's tests share: a small request, and the program as a process."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

# Read where kernels are made: they run here without a GPU, each program after the other.
os.environ.setdefault("TRITON_INTERPRET", "1")

with suppress(ImportError):
    import torch

    torch.set_num_threads(1)  # as the program does, before it asks which way this machine takes

ROOT = Path(__file__).parents[2]

# Small enough for a test, large enough for every path: three evaluations, none the last step's.
SMALL = {
    "d_model": 16,
    "depth": 1,
    "d_ff": 32,
    "digits": 2,
    "base": 10,
    "train_size": 2000,
    "eval_size": 500,
    "batch_size": 32,
    "learning_rate": 1e-2,
    "max_steps": 70,
    "eval_every": 20,
    "early_stopping": False,
}


@pytest.fixture
def small():
    return dict(SMALL)


@pytest.fixture
def request_for(tmp_path):
    """Writes a `run` request with one trial a config; returns its path."""

    def write(*configs, device="cpu", **fields):
        trials = []
        for number, config in enumerate(configs):
            folder = tmp_path / f"trial-{number}"
            folder.mkdir(exist_ok=True)
            trial = {"trial": f"trial-{number}", "folder": str(folder), "seed": 0}
            trials.append(trial | {"config": config})
        path = tmp_path / "request.json"
        request = {"protocol": 1, "device": device, "trials": trials} | fields
        path.write_text(json.dumps(request))
        return path

    return write


@pytest.fixture
def start():
    """Starts `python -m trainer` as techspec would; whatever still runs is killed at the end."""
    begun = []

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "trainer", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()
