"""What a config costs is said without torch, and is what the model has and takes."""

import json
import statistics
import subprocess
import sys
from dataclasses import replace
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


# CPU milliseconds of a training step on the machine that shape.CPU names, the lower of two medians:
# d_model, depth, heads, d_ff, base, digits, batch_size, loss_on, milliseconds.
MEASURED = [
    (32, 1, 8, 64, 100, 6, 256, "answer", 12.8),
    (16, 8, 1, 1024, 10, 8, 256, "answer", 569.5),
    (128, 1, 4, 128, 100, 6, 1024, "all", 274.5),
    (24, 2, 4, 64, 100, 10, 256, "all", 34.3),
    (16, 8, 4, 1024, 100, 6, 128, "all", 160.4),
    (96, 8, 4, 512, 10, 4, 64, "all", 163.7),
    (192, 2, 2, 512, 100, 8, 512, "answer", 555.2),
    (128, 1, 2, 256, 10, 8, 512, "answer", 183.1),
    (48, 2, 1, 512, 10, 2, 1024, "all", 250.4),
    (64, 1, 4, 128, 100, 4, 1024, "answer", 61.1),
    (160, 4, 2, 512, 10, 2, 512, "answer", 684.4),
    (48, 6, 4, 128, 10, 6, 64, "answer", 53.9),
    (96, 6, 4, 1024, 100, 3, 64, "answer", 140.2),
    (256, 3, 4, 64, 10, 8, 128, "answer", 431.8),
    (24, 2, 2, 1024, 100, 8, 1024, "answer", 264.9),
    (128, 3, 4, 128, 10, 4, 64, "all", 48.2),
    (32, 2, 4, 512, 10, 4, 128, "answer", 32.3),
    (256, 8, 2, 512, 10, 4, 128, "answer", 1195.1),
    (128, 1, 1, 512, 10, 8, 1024, "answer", 429.4),
    (16, 2, 2, 512, 100, 3, 128, "answer", 16.4),
    (64, 3, 1, 256, 10, 3, 512, "all", 214.7),
    (128, 1, 4, 256, 100, 2, 64, "answer", 12.9),
    (256, 4, 8, 512, 100, 2, 128, "answer", 216.4),
]
NAMES = ("d_model", "depth", "heads", "d_ff", "base", "digits", "batch_size", "loss_on")
SHAPES = [
    read(SMALL_TASK | {"max_tokens": 64} | dict(zip(NAMES, values, strict=True)))
    for *values, _ in MEASURED
]


def test_nominal_seconds_are_within_a_factor_of_what_was_measured():
    for config, (*values, milliseconds) in zip(SHAPES, MEASURED, strict=True):
        nominal = shape.step_seconds(config, shape.CPU)

        assert 1 / 1.3 < nominal * 1000 / milliseconds < 1.3, (values, nominal)


# Milliseconds of a step of 512 problems on an H200 in float32, TF32 and bfloat16, of the reported
# study's seven shapes: d_model, depth, d_proj, d_ff.
MEASURED_ON_A_GPU = {
    (256, 6, 256, 512): (3.38, 1.68, 1.28),
    (192, 4, 192, 512): (1.80, 1.00, 0.80),
    (64, 3, 64, 512): (0.63, 0.49, 0.44),
    (32, 2, 32, 512): (0.38, 0.33, 0.32),
    (512, 2, 64, 432): (1.15, 0.61, 0.51),
    (256, 4, 64, 448): (1.55, 0.89, 0.89),
    (128, 8, 64, 452): (2.19, 1.39, 1.36),
}


@pytest.mark.parametrize(
    ("place", "precision", "most"), [(0, "float32", 1.07), (1, "tf32", 1.07), (2, "bfloat16", 1.21)]
)
def test_nominal_seconds_on_a_gpu_know_the_precision(place, precision, most):
    for (d_model, depth, d_proj, d_ff), milliseconds in MEASURED_ON_A_GPU.items():
        widths = {"d_model": d_model, "d_proj": d_proj, "d_ff": d_ff, "depth": depth}
        config = read(widths | {"batch_size": 512, "precision": precision})

        nominal = shape.step_seconds(config, shape.nominal(config, "cuda"))

        assert 1 / most < nominal * 1000 / milliseconds[place] < most, widths


PRICES = ("layer_seconds", "flop_seconds", "value_seconds", "hidden_seconds")


def scaled(factors):
    """Prices of shape.CPU, each times a factor of its own."""
    begun = [getattr(shape.CPU, name) for name in PRICES]
    return replace(shape.CPU, **{n: f * b for n, f, b in zip(PRICES, factors, begun, strict=True)})


four_factors = st.lists(st.floats(0.6, 1.6), min_size=4, max_size=4)


@settings(max_examples=50, deadline=None)
@given(four_factors, st.floats(0.1, 10))
def test_a_fit_to_the_probes_foresees_shapes_that_are_none(factors, slower):
    pytest.importorskip("torch")
    from trainer.calibrate import PROBES

    machine = scaled([slower * factor for factor in factors])
    sizes = {"train_size": 1024, "eval_size": 1}
    works = [shape.step_work(read(sizes | probe)) for probe in PROBES]

    here = shape.fitted([(work, shape.priced(work, machine)) for work in works], shape.CPU)

    for config in SHAPES:
        foreseen, true = (shape.step_seconds(config, speed) for speed in (here, machine))
        assert foreseen == pytest.approx(true, rel=0.1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.2, 5), min_size=6, max_size=len(SHAPES)))
def test_a_fit_has_no_negative_price_and_errs_no_more_than_one_ratio_for_all_would(noise):
    works = [shape.step_work(config) for config in SHAPES[: len(noise)]]
    times = [n * shape.priced(work, shape.CPU) for n, work in zip(noise, works, strict=True)]

    here = shape.fitted(list(zip(works, times, strict=True)), shape.CPU)

    def error(speed):
        return sum((shape.priced(w, speed) / t - 1) ** 2 for w, t in zip(works, times, strict=True))

    assert min(getattr(here, name) for name in PRICES) >= 0
    assert error(here) <= error(scaled([statistics.median(noise)] * 4)) + 1e-9


def test_an_evaluation_adds_to_the_seconds_of_a_run_by_how_often_it_comes():
    often, seldom = (read({"max_steps": 1000, "eval_every": every}) for every in (100, 500))

    more = shape.seconds(often, shape.CPU) - shape.seconds(seldom, shape.CPU)

    assert more == pytest.approx(8 * shape.evaluation_seconds(often, often.eval_size, shape.CPU))
