"""A device in, whether the trainer's GPU way is right there out; the first thing to run on one.

    python -m benchmarks.trainer_gpu_right [--device cpu]

Each line is one comparison of the trainer with itself and says `same` or what differs; exit 1 if
any is not as it should be. Needs torch alone and takes a minute or two. On a CPU there is no graph
and nothing runs side by side: that only tries this program.

warnings    none was given: above all, every step was recorded as a graph
recorded    steps replayed from a graph against plain ones, bit for bit
side by side    shapes that train at once, against each of them alone, bit for bit
resumed     a request that was stopped again and again, against one that was not, bit for bit
fused       the gradient by fused kernels, against that by plain operations, up to rounding
on a CPU    losses of the first steps against a CPU's, in float32, up to the order of sums
memory      what is held after all of that, with Python's garbage collector off
"""

import argparse
import gc
import sys
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from trainer import checkpoint, config, data, machine, plain
from trainer import train as loop
from trainer.lanes import fresh, losses_of
from trainer.model import Decoder
from trainer.protocol import Event, Step, Trial

TASK = {"digits": 3, "train_size": 20_000, "eval_size": 2000, "batch_size": 256}
LENGTH = {"max_steps": 200, "eval_every": 50, "early_stopping": False, "learning_rate": 1e-3}
SHAPES: tuple[dict[str, Any], ...] = (
    {"d_model": 256, "depth": 6},
    {"d_model": 64, "depth": 3, "gradient_clip": 1.0},
    {"d_model": 512, "depth": 2, "d_proj": 64, "d_ff": 431},
    {"d_model": 128, "depth": 8, "d_proj": 64, "d_ff": 450, "schedule": "cosine"},
)
CPU_STEPS = {"max_steps": 5, "eval_every": 5}
LARGEST_DIFFERENCE = 1e-3
"""Of a loss after 5 steps, to a CPU's: a wrong operation differs by far more, rounding by less."""
LARGEST_ERROR = 1e-5
"""Of a gradient, in float32, by its norm: both ways round each sum, and no more."""
HELD_AT_MOST = 2**28
"""Bytes, without the scratch memory that torch keeps for products: 64 MiB a stream."""


def main() -> int:
    """Print each comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    args = parser.parse_args()
    device = machine.device_for(args.device)
    tiny = {} if device.type == "cuda" else {"d_model": 16, "d_ff": 32, "d_proj": 0, "depth": 1}
    sizes = {"batch_size": 32, "max_steps": 30, "eval_every": 10} if tiny else {}
    shapes = [TASK | LENGTH | shape | tiny | sizes for shape in SHAPES]
    print(f"{machine.describe(device)}, torch {torch.__version__}", flush=True)
    gc.disable()
    results = []

    def say(name: str, wrong: object) -> None:
        results.append(bool(wrong))
        print(f"{name}: {wrong or 'same'}", flush=True)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        # Two seeds of each shape, the second of which ends early and leaves a gap to be closed.
        given = [one for shape in shapes for one in (shape, shape | {"max_steps": 20})]
        together = trained(given, device)
        say("warnings", "; ".join(dict.fromkeys(str(one.message) for one in warned)))
    with patch.object(loop, "way_of", _plain):
        say("recorded", differing(together, trained(given, device)))
    alone = [w for n in range(0, len(given), 2) for w in trained(given[n : n + 2], device)]
    say("side by side", differing(together, alone))
    for shape in shapes if device.type == "cuda" else ():
        apart = gradient_error(shape, device)
        say("fused", f"gradients differ by {apart:.1e}" if apart > LARGEST_ERROR else "")
    say("resumed", differing(together, trained(given, device, cut_every=97)))
    for precision in ("tf32", "bfloat16") if device.type == "cuda" else ():
        losses = curve(shapes[0] | {"precision": precision}, device)
        say(precision, "" if losses[-1] < losses[0] else f"the loss does not fall: {losses}")
    for shape in shapes:
        here, there = (curve(shape | CPU_STEPS, one) for one in (device, torch.device("cpu")))
        apart = max(abs(a / b - 1) for a, b in zip(here, there, strict=True))
        say("on a CPU", f"losses differ by {apart:.1e}" if apart > LARGEST_DIFFERENCE else "")
    if device.type == "cuda":
        torch._C._cuda_clearCublasWorkspaces()
        held = torch.cuda.memory_allocated()
        say("memory", f"{held / 2**20:.0f} MiB are held" if held > HELD_AT_MOST else "")
    gc.enable()
    return int(any(results))


def trained(
    given: Iterable[dict[str, Any]], device: torch.device, cut_every: int = 0
) -> list[torch.Tensor]:
    """Weights that each config ends with, trained in one request; cut at every so many looks."""
    with tempfile.TemporaryDirectory() as place:
        asked = _asked(given, Path(place))
        looked = 0

        def stop_asked() -> bool:
            nonlocal looked
            looked += 1
            return bool(cut_every) and looked % cut_every == 0

        for _ in range(100):
            ended: list[Event] = []
            loop.train(asked, device, ended.append, stop_asked)
            if not any(getattr(event, "outcome", "") == "interrupted" for event in ended):
                break
        states = [checkpoint.newest(trial.folder) for trial, _ in asked]
    return [torch.cat([w.flatten() for w in state["model"].values()]) for state in states if state]


def curve(given: dict[str, Any], device: torch.device) -> list[float]:
    """Losses that one config reports."""
    events: list[Event] = []
    with tempfile.TemporaryDirectory() as place:
        loop.train(_asked([given], Path(place)), device, events.append, lambda: False)
    return [event.loss for event in events if isinstance(event, Step)]


def gradient_error(given: dict[str, Any], device: torch.device) -> float:
    """How far the gradient of the first batch by fused kernels is from that by plain operations."""
    settings = config.read(given)
    weights = fresh(Trial("", Path(), 0, {}), settings, device).weights[None]
    batch = data.problems(settings, device).train[None, : settings.batch_size]
    gradients = []
    for parts in (machine.way_of(settings, device).parts, plain):
        model = Decoder(settings, weights.clone(), [settings.rope_theta], parts)
        losses_of(model, batch, settings.scored).sum().backward()  # type: ignore[no-untyped-call]
        assert model.weights.grad is not None
        gradients.append(model.weights.grad)
    return float((gradients[0] - gradients[1]).norm() / gradients[1].norm())


def differing(some: list[torch.Tensor], others: list[torch.Tensor]) -> str:
    """Name the trials whose weights are not the same to the last bit, and by how much."""
    if len(some) != len(others):
        return f"{len(some)} trials ended here, {len(others)} there"
    pairs = enumerate(zip(some, others, strict=True))
    apart = {n: (a - b).abs().max().item() for n, (a, b) in pairs if not torch.equal(a, b)}
    return "; ".join(f"trial {n} differs by {most:.1e}" for n, most in apart.items())


def _asked(given: Iterable[dict[str, Any]], place: Path) -> list[loop.Asked]:
    asked = []
    for number, one in enumerate(given):
        folder = place / str(number)
        folder.mkdir()
        trial = Trial(str(number), folder, number % 2, one)
        asked.append((trial, config.read(one | {"compile": "never"})))
    return asked


def _plain(given: config.Config, device: torch.device) -> machine.Way:
    return replace(machine.way_of(given, device), graph=False)


if __name__ == "__main__":
    sys.exit(main())
