"""The C parts compute what the plain parts do, and a machine that cannot make them says why."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from tests.trainer.one_step import SHAPES, apart, step  # noqa: E402
from trainer import config as configs  # noqa: E402
from trainer import fused_cpu, machine, native, plain  # noqa: E402
from trainer.data import problems as problems_of  # noqa: E402
from trainer.evaluate import evaluate  # noqa: E402
from trainer.model import Decoder, initial, unpacked  # noqa: E402

CPU = torch.device("cpu")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_a_compiler = pytest.mark.skipif(not COMPILER, reason="there is no C compiler here")


@needs_a_compiler
@pytest.mark.parametrize("problems", [3, 8, 21])
@pytest.mark.parametrize("given", SHAPES)
def test_a_step_by_the_c_parts_is_a_plain_one_but_for_rounding(given, problems):
    config = configs.read(given)

    (losses, gradient), (expected, plain_gradient) = (
        step(config, parts, problems=problems) for parts in (fused_cpu, plain)
    )

    assert apart(losses, expected) < 1e-6
    assert apart(gradient, plain_gradient) < 2e-6


drawn_shapes = st.fixed_dictionaries(
    {
        "head_pairs": st.integers(1, 9),
        "heads": st.integers(1, 5),
        "d_model": st.integers(8, 70),
        "depth": st.integers(1, 3),
        "d_ff": st.integers(1, 90),
        "digits": st.integers(1, 4),
        "loss_on": st.sampled_from(["all", "answer"]),
    }
)


@needs_a_compiler
@settings(max_examples=40, deadline=None)
@given(drawn_shapes, st.integers(1, 20))
def test_whatever_the_widths_the_gradient_is_the_plain_one(drawn, problems):
    width = 2 * drawn.pop("head_pairs") * drawn["heads"]
    sizes = {"base": 10, "d_proj": width, "train_size": 80, "eval_size": 20, "batch_size": 10}
    config = configs.read(drawn | sizes)

    (_, gradient), (_, expected) = (
        step(config, parts, problems=problems) for parts in (fused_cpu, plain)
    )

    assert apart(gradient, expected) < 1e-5


@needs_a_compiler
@pytest.mark.parametrize("given", SHAPES)
def test_a_lane_gets_bit_for_bit_what_it_would_get_alone(given, monkeypatch):
    monkeypatch.setattr(fused_cpu, "_HIDDEN_AT_ONCE", 256)  # several pieces, the last one short
    config = configs.read(given)

    together, alone = (step(config, fused_cpu, lanes) for lanes in (3, 1))

    assert torch.equal(together[0][:1], alone[0])
    assert torch.equal(together[1][:1], alone[1])


@needs_a_compiler
def test_an_evaluation_which_keeps_nothing_for_a_way_back_gives_the_plain_metrics():
    config = configs.read(SHAPES[0] | {"train_size": 2000, "eval_size": 700})
    weights = initial(config, torch.Generator().manual_seed(0))[None]
    problems = problems_of(config, CPU)

    fused, expected = (
        evaluate(Decoder(config, weights, [100.0], parts), problems, config.task.answer_length)
        for parts in (fused_cpu, plain)
    )

    assert fused[0].pop("eval_loss") == pytest.approx(expected[0].pop("eval_loss"), rel=1e-6)
    assert fused == expected


@needs_a_compiler
def test_gelu_and_its_slope_are_right_from_one_end_of_float32_to_the_other():
    far = torch.tensor([0.0, -0.0, 1e-38, -1e-38, 1e18, -1e18, 3e38, -3e38])
    x = torch.cat((torch.linspace(-16, 16, 400_001), far))
    value, slope = torch.empty_like(x), torch.ones_like(x)

    fused_cpu.library().gelu_back(len(x), x.data_ptr(), value.data_ptr(), slope.data_ptr())

    exact = x.double().requires_grad_()
    expected = torch.nn.functional.gelu(exact)
    (expected_slope,) = torch.autograd.grad(expected.sum(), exact)
    torch.testing.assert_close(value.double(), expected.detach(), rtol=7e-7, atol=3e-9)
    torch.testing.assert_close(slope.double(), expected_slope, rtol=0, atol=2.5e-7)


@needs_a_compiler
def test_what_is_no_number_stays_none_so_that_a_run_that_diverges_is_seen():
    config = configs.read(SHAPES[0])
    for where in ("embedding.weight", "blocks.0.query_key_value.weight", "blocks.1.up.weight"):
        weights = initial(config, torch.Generator().manual_seed(0))[None]
        model = Decoder(config, weights, [100.0], fused_cpu)
        unpacked(model.weights.detach(), model.layout)[where].fill_(math.nan)
        tokens = torch.ones(1, 2, config.task.length - 1, dtype=torch.uint8)

        assert model(tokens, config.scored).isnan().all(), where


@needs_a_compiler
def test_a_library_is_compiled_once_and_again_where_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = (
        "import torch, sys; torch.set_num_threads(1)\n"
        "from trainer import config, machine\n"
        "print(machine.way_of(config.read({}), torch.device('cpu')).reasons[0])"
    )

    def told():
        command = [sys.executable, "-c", code]
        root = Path(__file__).parents[2]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout

    first = told()
    (made,) = native.folder().glob("*.so")
    written = made.stat().st_mtime_ns
    assert told() == first
    assert made.stat().st_mtime_ns == written
    made.write_bytes(b"")
    assert told() == first
    assert "done by fused kernels" in first
    assert [path.name for path in native.folder().iterdir()] == [made.name]


@pytest.fixture
def nothing_loaded(tmp_path, monkeypatch):
    """No library was loaded before, and none is kept after."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    fused_cpu.library.cache_clear()
    yield tmp_path
    fused_cpu.library.cache_clear()


def why_not_fused(**given):
    way = machine.way_of(configs.read(given), CPU)
    assert not way.fused
    assert way.parts is plain
    return way.reasons[0]


def test_without_a_c_compiler_the_plain_way_is_taken_and_said(nothing_loaded, monkeypatch):
    monkeypatch.setenv("PATH", str(nothing_loaded))

    assert "no C compiler here (gcc or clang)" in why_not_fused()


def test_a_compiler_that_fails_is_quoted(nothing_loaded, monkeypatch):
    broken = nothing_loaded / "mycc"
    broken.write_text("#!/bin/sh\necho 'mycc: licence expired' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", f"{broken} -O0")

    assert "mycc -O0 does not compile fused_cpu.c: mycc: licence expired" in why_not_fused()


def test_where_nothing_can_be_kept_the_plain_way_is_taken_and_said(nothing_loaded, monkeypatch):
    (nothing_loaded / "cache").write_text("a file, not a folder")

    assert "cannot be kept or loaded" in why_not_fused()


def test_what_the_c_parts_are_not_made_for_takes_the_plain_way(monkeypatch):
    assert "compile=always" in why_not_fused(compile="always")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert "here are 4 (OMP_NUM_THREADS)" in why_not_fused()
    monkeypatch.setattr(machine, "bfloat16_slowdown", lambda device: 0.5)
    assert "float32, not bfloat16" in why_not_fused(precision="bfloat16")
