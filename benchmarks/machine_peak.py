"""A device in, what it does at its best out, as JSON: matrix products and copies, each repeated.

    python -m benchmarks.machine_peak --device cpu

FLOP/s of the best of several products of large square matrices, one a precision, and bytes/s of the
best of several copies, read and written counted. On a CPU one thread, by its CPU time, so that
other work does not lower it; on a GPU by CUDA events.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

import torch

REPEATS = 7


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--size", type=int, help="2048 on a CPU, 8192 on a GPU")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} finds no GPU here.\n"
            "  fix: run it where nvidia-smi shows one, with a CUDA build of torch.",
            file=sys.stderr,
        )
        return 2
    print(json.dumps(cpu(args.size or 2048) if args.device == "cpu" else cuda(args.size or 8192)))
    return 0


def cpu(size: int) -> dict[str, float | str]:
    """Measure one thread of the CPU, in float32."""
    torch.set_num_threads(1)
    a, b = torch.randn(size, size), torch.randn(size, size)
    out = torch.empty_like(a)

    def seconds(work: Callable[[], object]) -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    product = best(lambda: seconds(lambda: torch.mm(a, b, out=out)))
    large = torch.ones(2**26)  # 256 MiB, beyond any cache
    copied = torch.empty_like(large)
    copy = best(lambda: seconds(lambda: copied.copy_(large)))
    return {
        "event": "peaks",
        "device": "cpu, one thread",
        "torch": str(torch.__version__),
        "float32": 2 * size**3 / product,
        "copy": 2 * large.nbytes / copy,
    }


def cuda(size: int) -> dict[str, float | str]:
    """Measure the GPU, in float32, in TF32 and in bfloat16."""

    def seconds(work: Callable[[], object]) -> float:
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begun.record()
        work()
        ended.record()
        torch.cuda.synchronize()
        return float(begun.elapsed_time(ended)) / 1000

    a, b = (torch.randn(size, size, device="cuda") for _ in range(2))
    found: dict[str, float | str] = {
        "event": "peaks",
        "device": torch.cuda.get_device_name(),
        "torch": str(torch.__version__),
    }
    for name, precision in (("float32", "highest"), ("tf32", "high")):
        torch.set_float32_matmul_precision(precision)
        found[name] = 2 * size**3 / best(lambda: seconds(lambda: torch.mm(a, b)))
    c, d = a.bfloat16(), b.bfloat16()
    found["bf16"] = 2 * size**3 / best(lambda: seconds(lambda: torch.mm(c, d)))
    large = torch.ones(2**30, device="cuda")  # 4 GiB
    copied = torch.empty_like(large)
    found["copy"] = 2 * large.nbytes / best(lambda: seconds(lambda: copied.copy_(large)))
    return found


def best(measure: Callable[[], float]) -> float:
    """Take the fewest seconds of several tries, after one to warm up."""
    measure()
    return min(measure() for _ in range(REPEATS))


if __name__ == "__main__":
    sys.exit(main())
