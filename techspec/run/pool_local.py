"""Trials as processes on this machine. They outlive the runner, and the next runner finds them.

A process inherits a locked file and holds the lock until it is dead, whoever started it: that is
how a later runner knows that a trial still runs, without trusting process ids.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from techspec.run.pool import Gone, Job

_LOOK_EVERY_SECONDS = 0.05
_KEEPER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")))


@dataclass(slots=True)
class _Alive:
    job: Job
    process: subprocess.Popen[bytes] | None
    """None for an adopted one: only its lock is known."""


class LocalPool:
    """Up to `slots` processes at once, each in a session of its own."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._alive: dict[str, _Alive] = {}

    def start(self, job: Job) -> None:
        """Start the job; returns once its process exists."""
        (job.folder / "exit").unlink(missing_ok=True)
        lock = os.open(job.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(lock)
            with job.output.open("ab") as output, job.log.open("ab") as log:
                process = subprocess.Popen(
                    [*_KEEPER, job.folder, job.ledger, str(job.limit_seconds or 0), *job.command],
                    cwd=job.place,
                    env=dict(job.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
        finally:
            os.close(lock)  # the process has its own hold on it
        self._alive[job.request] = _Alive(job, process)

    def adopt(self, job: Job) -> bool:
        """Take up a job of an earlier runner if its process still lives."""
        if not _is_locked(job.folder / "lock"):
            return False
        self._alive[job.request] = _Alive(job, None)
        return True

    def gone(self, wait_seconds: float) -> list[Gone]:
        """Those that ended; waits up to `wait_seconds` for the first."""
        until = time.monotonic() + wait_seconds
        while True:
            found = [gone for alive in list(self._alive.values()) if (gone := self._look(alive))]
            if found or time.monotonic() >= until:
                return found
            time.sleep(_LOOK_EVERY_SECONDS)

    def end(self, request: str, now: bool) -> None:
        """SIGTERM to its whole process group, or SIGKILL with `now`."""
        if alive := self._alive.get(request):
            pid = alive.process.pid if alive.process else _pid(alive.job.folder)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL if now else signal.SIGTERM)

    def _look(self, alive: _Alive) -> Gone | None:
        if alive.process is not None:
            code = alive.process.poll()
            if code is None:
                return None
        else:
            code = exit_code(alive.job)
            if code is None and _is_locked(alive.job.folder / "lock"):
                return None
        self.end(alive.job.request, now=True)  # workers that outlived it
        del self._alive[alive.job.request]
        return Gone(alive.job.request, code)


def exit_code(job: Job) -> int | None:
    """How a process of this or an earlier runner ended; None if it lives, or was killed."""
    try:
        return int((job.folder / "exit").read_text())
    except (FileNotFoundError, ValueError):
        return None


def slots_here(device: str, workers: int | None) -> int:
    """How many trials to run at once: what the spec says, one on a GPU, else one a CPU core."""
    if workers is not None:
        return workers
    if device == "cuda" or (device == "auto" and has_gpu()):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def has_gpu() -> bool:
    """Whether this machine shows an NVIDIA GPU; asked without loading any framework."""
    return Path("/dev/nvidia0").exists()


def _lock(file: int) -> None:
    """Hold it; somebody who only looks whether it is held has it for less than a moment."""
    until = time.monotonic() + 1.0
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        time.sleep(_LOOK_EVERY_SECONDS)


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _pid(folder: Path) -> int | None:
    try:
        return int((folder / "pid").read_text())
    except (FileNotFoundError, ValueError):
        return None
