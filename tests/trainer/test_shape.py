"""What a config costs is said without torch, and is what the model has and takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import shape
from trainer.config import METRICS, parameters, read
from trainer.protocol import TrainerError, code_digest

ROOT = Path(__file__).parents[2]

SMALL_TASK = {"digits": 2, "train_size": 8000, "eval_size": 2000}


def cost(tmp_path, configs, **fields):
    path = tmp_path / "cost.json"
    request = {"protocol": 1, "device": "cpu", "calibrate": False, "configs": configs}
    path.write_text(json.dumps(request | fields))
    done = subprocess.run(
        [sys.executable, "-m", "trainer", "cost", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_cost_is_told_for_every_config_and_a_problem_for_what_cannot_be_trained(tmp_path):
    told = cost(tmp_path, [{"d_model": 32, "depth": 2}, {"d_model": 7}])

    good, bad = told["costs"]
    assert good["params"] == 77_184
    assert good["seconds"].keys() == {"cpu", "cuda"}
    assert good["problem"] is None
    assert bad["params"] is bad["flops"] is bad["seconds"] is None
    assert "d_model=7" in bad["problem"]
    assert "d_model=8" in bad["problem"]
    assert told["trainer"] == {"name": "addition", "code": code_digest()}
    assert told["parameters"] == json.loads(json.dumps(parameters()))
    assert told["metrics"] == METRICS


def test_cost_answers_without_torch(tmp_path):
    path = tmp_path / "cost.json"
    path.write_text(json.dumps({"protocol": 1, "configs": [{}, {"d_model": 7}]}))
    code = (
        "import sys, trainer.__main__ as program\n"
        "assert program.main(['cost', sys.argv[1]]) == 0\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True)


def test_calibration_adds_what_this_machine_takes(tmp_path):
    pytest.importorskip("torch")
    small = SMALL_TASK | {"d_model": 16, "depth": 1, "d_ff": 32, "base": 10, "batch_size": 32}

    costs = cost(tmp_path, [small, {"d_model": 7}, small | {"depth": 2}], calibrate=True)["costs"]

    assert costs[0]["measured_seconds"] > 0
    assert costs[2]["measured_seconds"] > 0
    assert "measured_seconds" not in costs[1]


configs = st.fixed_dictionaries(
    {
        "d_model": st.integers(1, 80),
        "depth": st.integers(1, 4),
        "d_proj": st.integers(0, 80),
        "d_ff": st.integers(1, 100),
        "base": st.sampled_from([10, 100]),
        "digits": st.integers(1, 4),
    }
).map(lambda drawn: drawn | {"train_size": 80, "eval_size": 20, "batch_size": 10})


@settings(max_examples=50, deadline=None)
@given(configs)
def test_the_counted_parameters_are_those_of_the_model(drawn):
    pytest.importorskip("torch")
    from trainer.lanes import generator_for
    from trainer.model import initial

    try:
        config = read(drawn)
    except TrainerError:
        return
    assert shape.params(config) == len(initial(config, generator_for(0, "weights")))


def test_flops_are_those_that_torch_counts():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from trainer.lanes import generator_for
    from trainer.model import Decoder, initial

    for settled in ({"d_model": 32, "depth": 2}, {"d_model": 64, "depth": 3, "loss_on": "all"}):
        config = read(settled)
        model = Decoder(config, initial(config, generator_for(0, "weights"))[None], [100.0])
        tokens = torch.zeros(1, 7, config.task.length - 1, dtype=torch.uint8)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(tokens, config.scored)
        assert counter.get_total_flops() == pytest.approx(
            7 * shape.forward_flops(config, config.scored), rel=0.05
        )


# CPU seconds of a training step, medians of 5 to 40 on the machine that shape.CPU names:
# d_model, depth, heads, d_ff, base, digits, batch_size, loss_on, milliseconds.
MEASURED = [
    (16, 1, 1, 64, 10, 2, 64, "answer", 3.3),
    (32, 1, 1, 128, 10, 2, 64, "answer", 4.5),
    (32, 1, 1, 128, 10, 2, 128, "all", 10.0),
    (32, 2, 1, 128, 10, 2, 128, "answer", 16.4),
    (16, 2, 1, 64, 10, 2, 512, "answer", 29.9),
    (64, 2, 2, 256, 10, 2, 128, "answer", 30.1),
    (32, 1, 1, 512, 10, 2, 256, "answer", 20.2),
    (64, 1, 2, 256, 10, 2, 512, "answer", 42.8),
    (32, 1, 1, 128, 100, 2, 128, "answer", 6.4),
    (32, 2, 1, 512, 100, 3, 512, "answer", 80.0),
    (64, 3, 2, 512, 100, 3, 512, "answer", 202.1),
    (32, 2, 1, 512, 100, 3, 512, "all", 96.3),
    (192, 4, 6, 512, 100, 3, 512, "answer", 697.0),
    (256, 6, 8, 512, 100, 3, 512, "answer", 1581.6),
    (256, 2, 8, 512, 100, 3, 64, "answer", 63.3),
    (128, 8, 4, 512, 100, 3, 256, "answer", 504.3),
    (16, 1, 4, 64, 10, 2, 64, "answer", 6.75),
    (32, 1, 4, 128, 10, 2, 64, "answer", 6.61),
    (64, 1, 8, 512, 10, 2, 64, "answer", 12.85),
    (64, 1, 8, 128, 10, 2, 256, "all", 46.82),
    (32, 2, 8, 128, 10, 2, 512, "answer", 101.8),
    (16, 2, 4, 64, 10, 3, 512, "answer", 66.54),
    (32, 2, 4, 512, 100, 3, 512, "answer", 75.39),
]


def test_nominal_seconds_are_within_a_factor_of_what_was_measured():
    names = ("d_model", "depth", "heads", "d_ff", "base", "digits", "batch_size", "loss_on")
    for *values, milliseconds in MEASURED:
        config = read(SMALL_TASK | dict(zip(names, values, strict=True)))
        nominal = shape.step_seconds(config, shape.CPU)

        assert 1 / 1.5 < nominal * 1000 / milliseconds < 1.5, (values, nominal)
