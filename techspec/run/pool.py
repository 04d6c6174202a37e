"""Where trials run: the interface. A pool starts processes; what they mean is the campaign's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """A process to be started. `folder` is its request's; what it says to stderr goes there."""

    request: str
    folder: Path
    output: Path
    """Takes what it prints: one JSON event a line."""
    command: tuple[str, ...]
    place: Path
    environment: Mapping[str, str]
    ledger: Path
    limit_seconds: float | None = None
    """How long it may go on where no runner watches it; None is for ever."""

    @property
    def log(self) -> Path:
        """What it prints to stderr."""
        return self.folder / "log.txt"


@dataclass(frozen=True, slots=True)
class Gone:
    """A process that is no more; `exit_code` is None if it was killed and nobody saw it."""

    request: str
    exit_code: int | None


class Pool(Protocol):
    """Starts jobs, says which are gone, ends them."""

    slots: int

    def start(self, job: Job) -> None:
        """Start it; it lives on when this process dies."""
        ...

    def adopt(self, job: Job) -> bool:
        """Take up a job that an earlier runner started; False if it is no longer alive."""
        ...

    def gone(self, wait_seconds: float) -> list[Gone]:
        """Those that ended since the last call; waits up to so long for the first."""
        ...

    def end(self, request: str, now: bool) -> None:
        """Ask a process to end (SIGTERM), or with `now` end it (SIGKILL)."""
        ...
