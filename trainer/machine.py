"""A config and a device in, the way that a step is taken there out, and why.

Every way computes the same thing; what a machine lacks, or what would not pay, takes the plain way.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import sys
import sysconfig
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

from trainer import fused_cpu, native, plain, shape
from trainer.config import Config
from trainer.evaluate import CHUNK
from trainer.model import Parts
from trainer.protocol import Mistake, TrainerError

# A compiler takes 36 to 93 CPU seconds for a new shape and makes plain steps 1.5 to 2.2 times as
# many (benchmarks/README.md); from this forecast on, it pays even if nothing is in its cache.
COMPILED_FROM_SECONDS = 600.0
# bfloat16 pays if a product of it is no slower; one without it was 3.6 times slower.
BFLOAT16_SLOWER_AT_MOST = 1.0
_WARM_STEPS = 3
# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


class StoppedCompiling(BaseException):
    """A stop was asked for while a step was compiled; no weight has moved since the last one.

    Not an Exception: the compiler handles those by trying something else.
    """


LossOfBatch = Callable[[Tensor], Tensor]
OneStep = Callable[[LossOfBatch], None]


@dataclass(frozen=True, slots=True)
class Way:
    """How steps are taken: in which precision, by fused kernels, compiled, recorded as a graph."""

    device: torch.device
    precision: str
    fused: bool
    compiled: bool
    graph: bool
    reasons: tuple[str, ...]

    @property
    def identity(self) -> dict[str, object]:
        """What of it can change the last digits of a result."""
        ways = {"fused": self.fused, "compiled": self.compiled, "graph": self.graph}
        return {"device": self.device.type, **ways}

    @property
    def parts(self) -> Parts:
        """What computes the parts of a decoder."""
        if not self.fused:
            return plain
        if self.device.type == "cpu":
            return fused_cpu
        from trainer import fused_gpu

        return fused_gpu

    def enter(self) -> None:
        """Set what is one setting for the whole process; others may have set it since."""
        if self.device.type == "cuda":
            tf32 = self.precision == "tf32"
            torch.set_float32_matmul_precision("high" if tf32 else "highest")

    def prepared(
        self, one_step: OneStep, loss_of_batch: LossOfBatch, mutable: Sequence[Tensor]
    ) -> Callable[[], None]:
        """Make the step that is called again and again.

        Args:
            one_step: takes a step by device work alone, with the loss that it is given.
            loss_of_batch: the loss of each lane; compiled here where that is the way.
            mutable: all that a step changes.

        Compiling and recording come with the first step, so that what ends them ends that step.
        """
        self.enter()
        loss = loss_of_batch
        if self.precision == "bfloat16":
            loss = torch.autocast(self.device.type, torch.bfloat16)(loss)
        if self.compiled:
            loss = _compiled(loss)
        if self.graph:
            return _recorded_at_first(lambda: one_step(loss), mutable)
        return lambda: one_step(loss)


def device_for(asked: str) -> torch.device:
    """Choose the device that `auto`, `cpu` or `cuda` means here.

    Raises:
        TrainerError: there is no such device.
    """
    if asked == "cuda" and not torch.cuda.is_available():
        raise TrainerError(
            Mistake(
                f"device=cuda, but torch {torch.__version__} finds no GPU here",
                "take device=auto or cpu, or install a CUDA build of torch and look at nvidia-smi",
            )
        )
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")


def set_up(device: torch.device) -> int:
    """Make results repeatable here; returns the number of threads: OMP_NUM_THREADS, else one.

    One thread: sums come out the same however many cores there are, and trials beside each other do
    not collide (two threads on two busy cores ran at a third of the speed of one).
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(native.folder()))
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    if device.type == "cpu":
        _keep_freed_memory()
    else:
        # As many streams side by side as there are shapes; by itself the ninth waits for another.
        os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
        # Of the attention kernels only this one adds up in a fixed order on the way back.
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_cudnn_sdp(False)
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # A graph cannot be recorded on the stream that a process begins with.
        torch.cuda.set_stream(torch.cuda.Stream())  # type: ignore[no-untyped-call]
    return torch.get_num_threads()


def _keep_freed_memory() -> None:
    """Let the memory that a step frees wait for the next one, where the C library can be told so.

    By itself glibc gives large blocks back to the system at once, and each of their pages is
    cleared anew at the next step: 95,000 pages a step, or a third of its time, where a batch of
    1,024 problems meets 1,024 hidden values.

    Source:
        mallopt(3), Linux manual page, for the names and numbers of the parameters.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # another C library has none
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, -1)  # give nothing back
        mallopt(_M_MMAP_MAX, 0)  # not even blocks of 32 MiB and more


def way_of(config: Config, device: torch.device) -> Way:
    """Choose how trials of `config` take their steps on `device`.

    Raises:
        TrainerError: the device cannot train in the precision that the config asks for.
    """
    _need_precision(config.precision, device)
    fused, why_fused = _fuses(config, device)
    compiled, why_compiled = _compiles(config, device, fused)
    graph = device.type == "cuda"
    why_graph = (
        "the step is recorded as one CUDA graph" if graph else "no graph: that needs an NVIDIA GPU"
    )
    reasons = (why_fused, why_compiled, why_graph)
    return Way(device, config.precision, fused, compiled, graph, reasons)


def describe(device: torch.device) -> str:
    """Name the device for people."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"cpu: {torch.get_num_threads()} thread(s)"


def room_for_lanes(device: torch.device) -> float:
    """Bytes that all lanes in flight on a GPU may take: half of what is free, for all else."""
    free, _ = torch.cuda.mem_get_info(device)
    return free / 2


def lane_bytes(config: Config) -> int:
    """Foresee what a lane of `config` takes on a GPU.

    Weights, both moments, the gradient twice, and three of these again while a graph is recorded.
    All that a batch writes is kept for the way back (counted on five shapes, it is 0.6 to 1.0 of
    `shape.values`); beside it, a layer of a batch or of an evaluation is at work.
    """
    at_work = max(config.batch_size, CHUNK["cuda"]) / config.depth
    written = (config.batch_size + at_work) * shape.values(config, config.scored)
    return int(4 * (8 * shape.params(config) + written))


def bfloat16_slowdown(device: torch.device) -> float:
    """Seconds of a product in bfloat16 over seconds of the same in float32, here."""
    taken = []
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.ones(256, 256, dtype=dtype, device=device)
        times = []
        for _ in range(4):
            begun = time.perf_counter()
            (a @ a)[0, 0].item()
            times.append(time.perf_counter() - begun)
        taken.append(min(times[1:]))
    return taken[1] / taken[0]


def _need_precision(precision: str, device: torch.device) -> None:
    if device.type == "cuda":
        if precision != "float32" and torch.cuda.get_device_capability(device) < (8, 0):
            raise TrainerError(
                Mistake(
                    f"precision={precision} needs a GPU of compute capability 8.0 or later, and "
                    f"{torch.cuda.get_device_name(device)} is older",
                    "take precision=float32",
                )
            )
    elif precision == "tf32":
        raise TrainerError(
            Mistake("precision=tf32 is a mode of NVIDIA GPUs", "take precision=float32 on a CPU")
        )
    elif precision == "bfloat16":
        slowdown = bfloat16_slowdown(device)
        if slowdown > BFLOAT16_SLOWER_AT_MOST:
            raise TrainerError(
                Mistake(
                    f"precision=bfloat16 makes a product {slowdown:.1f} times slower on this CPU",
                    "take precision=float32",
                )
            )


def _fuses(config: Config, device: torch.device) -> tuple[bool, str]:
    if config.compile == "always":
        return False, "no fused kernels: compile=always has the compiler make them"
    lacks = _lacks_for_gpu(config) if device.type == "cuda" else _lacks_for_cpu(config)
    if lacks:
        return False, f"no fused kernels: {lacks}"
    return True, "what lies between the products is done by fused kernels"


def _lacks_for_gpu(config: Config) -> str:
    if not has_gpu_compiler():
        return "they need triton, a C compiler and Python's headers (gcc, python3-dev)"
    from trainer import fused_gpu

    if not fused_gpu.bears(config):
        return "they are made for narrower models and shorter problems"
    return ""


def _lacks_for_cpu(config: Config) -> str:
    if config.precision != "float32":
        return f"on a CPU they are made for float32, not {config.precision}"
    if (threads := torch.get_num_threads()) > 1:
        return f"on a CPU they work on one thread, and here are {threads} (OMP_NUM_THREADS)"
    try:
        fused_cpu.library()
    except native.NoLibrary as error:
        return str(error)
    return ""


def _compiles(config: Config, device: torch.device, fused: bool) -> tuple[bool, str]:
    if config.compile != "auto":
        return config.compile == "always", f"compile={config.compile} says so"
    if fused:
        return False, "not compiled: the fused kernels leave a compiler little to do"
    seconds = shape.seconds(config, shape.nominal(config, device.type))
    if seconds < COMPILED_FROM_SECONDS:
        return False, (
            f"not compiled: {seconds:.0f} nominal seconds, and it pays from "
            f"{COMPILED_FROM_SECONDS:.0f}"
        )
    if device.type == "cpu" and not has_cpp_compiler():
        return False, "not compiled: no C++ compiler with Python's headers here (g++, python3-dev)"
    if device.type == "cuda" and not has_gpu_compiler():
        return False, (
            "not compiled: that needs triton, a C compiler and Python's headers (gcc, python3-dev)"
        )
    return True, f"compiled: {seconds:.0f} nominal seconds are worth it"


def has_cpp_compiler() -> bool:
    """Say whether there is a C++ compiler here, and the headers of this Python for it."""
    return _has_compiler(os.environ.get("CXX"), "g++", "clang++")


def has_gpu_compiler() -> bool:
    """Say whether there is what torch compiles for a GPU with: triton, and C for its launchers."""
    has_triton = importlib.util.find_spec("triton") is not None
    return has_triton and _has_compiler(os.environ.get("CC"), "gcc", "clang")


def _has_compiler(*names: str | None) -> bool:
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    return header.exists() and any(name and shutil.which(name) for name in names)


def _compiled(loss_of_batch: LossOfBatch) -> LossOfBatch:
    """Compile at the first call, which a SIGTERM may end where it is: that can take minutes."""
    import torch._dynamo  # with the compiler, which takes seconds

    made = torch.compile(loss_of_batch, dynamic=False, fullgraph=True)
    # Every stack counts as a recompilation of the same function, and by itself the ninth fails.
    as_many_as_asked = torch._dynamo.config.patch(
        recompile_limit=sys.maxsize, accumulated_recompile_limit=sys.maxsize
    )
    ready = False

    def call(batch: Tensor) -> Tensor:
        nonlocal ready
        if ready:
            return made(batch)
        with _ended_by_sigterm(), as_many_as_asked:
            try:
                losses = made(batch)
            except Exception as error:
                told = str(error).strip().splitlines() or [type(error).__name__]
                raise TrainerError(
                    Mistake(f"the step cannot be compiled here ({told[0]})", "take compile=never")
                ) from error
        ready = True
        return losses

    return call


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let a SIGTERM, besides doing what it did, raise StoppedCompiling."""
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        before(number, frame)
        raise StoppedCompiling

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _recorded_at_first(step: Callable[[], None], mutable: Sequence[Tensor]) -> Callable[[], None]:
    recorded: Callable[[], None] | None = None

    def call() -> None:
        nonlocal recorded
        if recorded is None:
            recorded = _recorded(step, mutable)
        recorded()

    return call


def _recorded(step: Callable[[], None], mutable: Sequence[Tensor]) -> Callable[[], None]:
    """Record a step as a CUDA graph; the plain step, said on stderr, where that fails.

    It is recorded on the stream that it runs on: the products in it write to scratch memory that
    belongs to a stream, so graphs that run side by side must not come from the same one.

    Nothing in `mutable` is changed by it.
    """
    before = [tensor.clone() for tensor in mutable]

    def restore() -> None:
        for tensor, value in zip(mutable, before, strict=True):
            tensor.copy_(value)

    graph = torch.cuda.CUDAGraph()
    try:
        for _ in range(_WARM_STEPS):
            step()
            restore()  # else a short epoch would end under it
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
            step()
    except RuntimeError as error:
        warnings.warn(f"plain steps, since no CUDA graph could be made: {error}", stacklevel=2)
        return step
    finally:
        restore()
    return graph.replay
