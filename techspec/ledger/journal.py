"""The ledger file: append an event, read them all. Nothing in it is ever changed.

Each line names its place in the sequence and the hash of the line before it, so that an edit of
any line but the last, a missing one or two writers are noticed at the next read.
"""

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from techspec.errors import TechspecError
from techspec.ledger.events import KINDS, Event
from techspec.records import NotThatRecord, decode, encode

_NAMES = {kind: name for name, kind in KINDS.items()}
_START = "0" * 16
_PATIENCE_SECONDS = 0.3


class LedgerBusy(TechspecError):
    """Another process is writing the ledger."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Another runner is at work on the campaign {path.parent.name!r} ({path}).",
            "watch it with 'techspec status --follow', or end it with 'techspec stop'.",
        )


class LedgerDamaged(TechspecError):
    """A line before the last is not what was appended."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(
            f"{path}:{line}: the ledger was changed after it was written: {why}.",
            "bring back the file from a copy; nothing after this line can be trusted.",
        )


class LedgerFull(TechspecError):
    """The system refused to store an event; those before it are safe."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be appended to: {error.strerror or error}.",
            "make room or mend the folder's rights, then 'techspec run' again: it goes on "
            "where it stopped.",
        )


Append = Callable[[Event], None]


@contextmanager
def writing(path: Path) -> Iterator[Append]:
    """Hold the ledger at `path` as its only writer; yields `append`, which returns once on disk.

    A half-written last line is cut off first. When an append fails, what it wrote is taken back.

    Raises:
        LedgerBusy: another process is writing it.
        LedgerDamaged: an earlier line was changed.
        LedgerFull: by `append`, when the system refuses to store the event.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: bytes that could not be written must not come back at closing.
        file = path.open("ab+", buffering=0)
    except OSError as error:
        raise LedgerFull(path, error) from error
    with file:
        if not _locked(file):
            raise LedgerBusy(path)
        _cut_torn_tail(file)
        lines = path.read_bytes().split(b"\n")[:-1]
        for _ in _events(path, lines):  # the whole chain holds before anything is added to it
            pass
        count, previous = len(lines), _hash(lines[-1]) if lines else _START

        def append(event: Event) -> None:
            nonlocal count, previous
            record = {"n": count, "prev": previous, "event": _NAMES[type(event)], **encode(event)}
            line = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
            size = file.seek(0, os.SEEK_END)
            try:
                if file.write(line + b"\n") <= len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError as error:
                with suppress(OSError):  # else the next writer cuts the torn tail
                    file.truncate(size)
                raise LedgerFull(path, error) from error
            count, previous = count + 1, _hash(line)

        yield append


def read(path: Path) -> Iterator[Event]:
    """Yield the events in order, without a torn last line; nothing if there is no file.

    Raises:
        LedgerDamaged: a line before the last is not an event, or does not follow the one before.
    """
    if path.exists():
        yield from _events(path, path.read_bytes().split(b"\n")[:-1])


def _events(path: Path, lines: list[bytes]) -> Iterator[Event]:
    previous = _START
    for number, line in enumerate(lines, start=1):
        try:
            record: Any = json.loads(line)
            kind = KINDS[record["event"]]
        except (ValueError, KeyError, TypeError):
            raise LedgerDamaged(path, number, "it is not an event") from None
        if record.get("n") != number - 1 or record.get("prev") != previous:
            raise LedgerDamaged(path, number, "it does not follow the line before it")
        try:
            yield decode(kind, record)
        except NotThatRecord as error:
            raise LedgerDamaged(path, number, str(error)) from None
        previous = _hash(line)


def is_held(path: Path) -> bool:
    """Whether some process holds the ledger for writing at this moment."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _locked(file: FileIO) -> bool:
    """Whether we hold it now; somebody who only looks holds it for less than a moment."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _cut_torn_tail(file: FileIO) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    if whole < size:
        file.truncate(whole)
        os.fsync(file.fileno())
