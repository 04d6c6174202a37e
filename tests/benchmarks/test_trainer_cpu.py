import json
import subprocess
import sys

import pytest

from benchmarks.trainer_programs import HOME


def test_the_cpu_benchmark_measures_both_programs_on_the_same_work(tmp_path):
    out = tmp_path / "results.jsonl"

    command = [sys.executable, "benchmarks/trainer_cpu.py", "--smoke", "--rounds", "1"]
    command += ["--only", "steps,study", "--out", str(out)]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True)

    assert done.returncode in (0, 1), done.stderr
    found = {result["part"]: result for result in map(json.loads, out.read_text().splitlines())}
    assert found["peak"]["sgemm"] > 0
    assert {"shape", "ours", "plain"} < found["steps"].keys()
    assert min(found["study"]["ours"], found["study"]["plain"]) > 0
    assert found["study"]["ours_loss"] == pytest.approx(found["study"]["plain_loss"], rel=0.2)
