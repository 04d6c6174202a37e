import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from benchmarks import trainer_gpu
from benchmarks.trainer_programs import HOME, Said
from techspec.plan.build import build
from techspec.run.trainer_call import trainer_of
from techspec.spec.reader import read_file
from trainer import config, shape


def benchmark(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/trainer_gpu.py", *map(str, options)]
    return subprocess.run(command, cwd=HOME, capture_output=True, text=True)


def results(path: Path) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for line in path.read_text().splitlines():
        result = json.loads(line)
        found.setdefault(result["part"], []).append(result)
    return found


def test_the_seven_configurations_are_those_that_the_examples_plan():
    planned = {}
    for phase in ("phase-1", "phase-2"):
        path = HOME / "examples" / phase / "TECHSPEC.md"
        spec = read_file(path)
        for arm in build(spec, trainer_of(spec, path.parent)).arms:
            planned[arm.name] = config.read(dict(arm.config))

    for index, name in enumerate(trainer_gpu.PHASES):
        full = trainer_gpu.STUDY.full()[index] | {"early_stopping": True}
        assert config.read(full) == planned.pop(name.split()[0])
    assert not planned


def test_a_stretch_foretells_the_whole_run_of_a_steady_program():
    # 2 s to begin, 30 s that the first half takes more (compiling), 0.1 s a step, 3 s an evaluation
    events = [
        Said({"event": "started"}, 2.0),
        Said({"event": "step", "step": 100}, 42.0),
        Said({"event": "step", "step": 200}, 52.0),
        Said({"event": "eval", "step": 200}, 55.0),
        Said({"event": "step", "step": 300}, 65.0),
        Said({"event": "step", "step": 400}, 75.0),
        Said({"event": "eval", "step": 400}, 78.0),
    ]

    first, further = trainer_gpu.whole_seconds(events, steps=10_000, eval_every=500)

    assert further == pytest.approx(10_000 * 0.1 + 20 * 3)
    assert first == pytest.approx(further + 30)


def test_a_step_without_problems_moves_only_the_weights_and_their_optimiser():
    small = config.read({"d_model": 32, "d_proj": 16, "depth": 3, "d_ff": 64})
    settings = asdict(small)

    weights_alone = trainer_gpu.step_bytes(settings | {"batch_size": 0})

    assert weights_alone == 10 * 4 * shape.params(small)
    assert trainer_gpu.step_bytes(settings) > weights_alone


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_the_gpu_benchmark_refuses_without_a_gpu():
    refused = benchmark()

    assert refused.returncode == 2
    assert "finds no GPU" in refused.stderr
    assert "fix:" in refused.stderr


def test_the_gpu_benchmarks_path_runs_in_tiny_sizes(tmp_path):
    out = tmp_path / "results.jsonl"

    smoke = ("--smoke", "--device", "cpu", "--only", "ours1,eager,single", "--out", out)
    done = benchmark(*smoke)

    assert done.returncode == 0, done.stderr
    found = results(out)
    assert found["ours1"][0]["is_whole"]
    assert found["ours1"][0]["outcomes"] == {"0-s0": "finished"}
    assert [r["config"] for r in found["single"]] == list(trainer_gpu.TINY)
    assert all(r["flops"] > 0 and r["bytes"] > 0 for r in found["single"])
    assert found["eager"][-1]["totals"]["8"] > found["eager"][-1]["totals"]["1"] > 0


def test_a_part_that_outlasts_the_limit_is_cut_off_and_said_so(tmp_path):
    out = tmp_path / "results.jsonl"

    smoke = ("--smoke", "--device", "cpu", "--only", "ours1", "--limit", "0", "--out", out)
    done = benchmark(*smoke)

    assert "CUT OFF" in done.stdout
    assert not results(out)["ours1"][0]["is_whole"]
