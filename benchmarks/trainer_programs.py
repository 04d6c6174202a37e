"""Configs in, what the trainer and the plain loop said and took: both run as programs, unseen.

It loads no torch, nor should who imports it: a process's peak memory begins with its parent's.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
Config = dict[str, Any]
Event = dict[str, Any]
NEVER = 10**9
"""An `eval_every` that leaves only the evaluation at the end."""

CACHES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "XDG_CACHE_HOME")


class ProgramFailed(Exception):
    """A program ended with another code than 0; says what it wrote to stderr."""

    def __init__(self, code: int, complaints: str) -> None:
        super().__init__(f"it ended with {code}:\n{complaints}")
        self.code = code
        self.complaints = complaints


@dataclass(frozen=True, slots=True)
class Said:
    """One event, and the wall seconds since its program was started."""

    event: Event
    wall_seconds: float

    def is_at(self, kind: str, step: int | None = None) -> bool:
        """Whether it is of this kind, and of this step if one is given."""
        return self.event["event"] == kind and step in (None, self.event.get("step"))


@dataclass(frozen=True, slots=True)
class Ran:
    """One program from start to end; memory is its largest process's."""

    said: tuple[Said, ...]
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    is_whole: bool
    """False if it was ended from here, by the time limit or by `until`."""

    def first(self, *kinds: str) -> Said:
        """The first event of these kinds."""
        return next(said for said in self.said if said.event["event"] in kinds)

    def ended(self) -> dict[str, Event]:
        """Each trial's `ended` event by its name; the plain loop's trial has none, and is ''."""
        return {s.event.get("trial", ""): s.event for s in self.said if s.is_at("ended")}


def run(
    command: Sequence[str],
    *,
    threads: int | None = None,
    cache: Path | None = None,
    limit_seconds: float = 3600.0,
    until: Callable[[Event], bool] = lambda event: False,
    hear: Callable[[Said], None] = lambda said: None,
) -> Ran:
    """Run a program to its end, to an event that `until` waits for, or to the time limit.

    Args:
        command: what to start, at the top of the tree.
        threads: for OMP_NUM_THREADS; None leaves torch its own choice.
        cache: folder of compiled code; None gives an empty one, so that compiling is paid for.
        limit_seconds: wall time after which it is ended, with all that it started.
        until: asked of each event.
        hear: told each event as it comes.

    Raises:
        ProgramFailed: it ended by itself with another code than 0.
    """
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if threads is not None:
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    said: list[Said] = []
    with (
        tempfile.TemporaryFile("w+") as complaints,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty,
    ):
        for name in CACHES:
            environment[name] = str((cache or Path(empty)).resolve() / name.lower())
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=HOME,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            start_new_session=True,  # so that its compiler's workers end with it
        )
        cut = threading.Event()

        def end() -> None:
            cut.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(max(0.0, limit_seconds), end)
        timer.start()
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if not line.endswith("\n"):
                    break  # torn, since it was ended
                said.append(Said(json.loads(line), time.perf_counter() - began))
                hear(said[-1])
                if until(said[-1].event):
                    end()
                    break
        except BaseException:
            end()  # a session of its own does not hear an interrupt
            raise
        finally:
            timer.cancel()
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        complaints.seek(0)
        if process.returncode != 0 and not cut.is_set():
            raise ProgramFailed(process.returncode, complaints.read())
    cpu = usage.ru_utime + usage.ru_stime
    return Ran(tuple(said), wall, cpu, usage.ru_maxrss / 1024, not cut.is_set())


def ours(configs: Sequence[Config], seeds: Iterable[int], device: str, folder: Path) -> list[str]:
    """Write one request for all configs and seeds into `folder`; returns the trainer's command.

    Trials are named by the place of their config and the seed: `2-s0`.
    """
    folder = Path(tempfile.mkdtemp(dir=folder))
    trials = []
    for seed in seeds:
        for number, config in enumerate(configs):
            name = f"{number}-s{seed}"
            (folder / name).mkdir()
            place = str(folder / name)
            trials.append({"trial": name, "folder": place, "seed": seed, "config": config})
    request = folder / "request.json"
    request.write_text(json.dumps({"protocol": 1, "device": device, "trials": trials}))
    return [sys.executable, "-m", "trainer", "run", str(request)]


def plain(config: Config, seed: int, device: str, *options: str) -> list[str]:
    """Give the plain loop's command for one run; `options` are its own."""
    name = [sys.executable, "-m", "benchmarks.plain_loop", json.dumps(config)]
    return [*name, "--seed", str(seed), "--device", device, *options]


def peaks(device: str, *options: str) -> dict[str, Any]:
    """Measure what the machine does at its best, by benchmarks/machine_peak.py."""
    command = [sys.executable, "-m", "benchmarks.machine_peak", "--device", device, *options]
    return run(command).said[-1].event


def flops(configs: Sequence[Config], folder: Path) -> list[float]:
    """Ask `trainer cost` for the FLOPs that training each config needs, evaluations included."""
    request = folder / "cost.json"
    request.write_text(json.dumps({"protocol": 1, "configs": list(configs)}))
    command = [sys.executable, "-m", "trainer", "cost", str(request)]
    told = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)
    return [cost["flops"] for cost in json.loads(told.stdout)["costs"]]


def step_flops(config: Config, folder: Path) -> float:
    """Count the FLOPs that one optimiser step of the config needs."""
    two, one = ({**config, "max_steps": steps, "eval_every": NEVER} for steps in (2, 1))
    longer, shorter = flops([two, one], folder)
    return longer - shorter


def middle(values: Sequence[float]) -> str:
    """Write the median with its range, to three digits."""
    shown = [f"{value:.3g}" for value in (statistics.median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown."""
    lines = [list(header), ["---"] * len(header), *(list(map(str, row)) for row in rows)]
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print(flush=True)
