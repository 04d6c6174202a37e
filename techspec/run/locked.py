"""Files that scores come from in, whether they are still as the plan has them out.

A digest says what a file holds; the time of its last change, which no program can set, also tells
of one that was changed and changed back.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from techspec.clock import text_of
from techspec.errors import TechspecError
from techspec.plan.model import LockedFile

_BLOCK = 1 << 20
_PASSED_OVER = "__pycache__"
"""Python writes it beside what it imports; what it holds is made from the rest."""
_SETTLED_SECONDS = 2.0
"""A file this fresh may change again without its times telling: FAT counts in steps of 2 s."""

_Signature = tuple[int, int, int, int]


class LockedFileMissing(TechspecError):
    """The spec says that scores come from a file that is not there."""

    def __init__(self, path: str, place: Path, why: str) -> None:
        super().__init__(
            f"Scores are to come from {path!r}, which cannot be read in {place}: {why}.",
            "correct 'evaluation:' under '## Run'; its paths start at the folder of the spec.",
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """A locked file that is not, or was not all the time, as the plan has it."""

    path: str
    locked: str
    found: str
    """Its digest now: empty where it cannot be read; as locked where it was changed back."""


def lock(place: Path, paths: Iterable[str]) -> tuple[LockedFile, ...]:
    """The files and folders at these paths as they are now, each once, in the order given.

    Raises:
        LockedFileMissing: one of them cannot be read.
    """
    watch = Watch((), place)
    found = []
    for path in dict.fromkeys(paths):
        try:
            found.append(LockedFile(path, watch.digest(path)))
        except OSError as error:
            raise LockedFileMissing(path, place, error.strerror or str(error)) from None
    return tuple(found)


class Watch:
    """Looks at locked files again and again; one whose times stand still is not read again."""

    def __init__(self, files: Iterable[LockedFile], place: Path) -> None:
        self._files, self._place = tuple(files), place
        self._known: dict[Path, tuple[_Signature, str]] = {}

    def changed(self, since: str | None = None) -> list[Changed]:
        """Those that differ from what was locked, and those touched after the moment `since`.

        Args:
            since: as the ledger writes times; None looks at contents alone.
        """
        found = []
        for file in self._files:
            try:
                now = self.digest(file.path)
                touched = since is not None and self._last_change(file.path) > since
            except OSError:
                now, touched = "", True
            if now != file.digest or touched:
                found.append(Changed(file.path, file.digest, now))
        return found

    def digest(self, path: str) -> str:
        """SHA-256 of a file's bytes, or of the names and digests of all files in a folder.

        Raises:
            OSError: it cannot be read.
        """
        whole = self._place / path
        if not whole.is_dir():
            return self._of_file(whole)
        tree = hashlib.sha256()
        for file in _files_in(whole):
            name = file.relative_to(whole).as_posix()
            tree.update(f"{self._of_file(file)} {name}\n".encode(errors="surrogateescape"))
        return tree.hexdigest()

    def _of_file(self, path: Path) -> str:
        signature, changed_at = _signature(path)
        known = self._known.get(path)
        if known is not None and known[0] == signature:
            return known[1]
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if time.time() - changed_at > _SETTLED_SECONDS:
            self._known[path] = signature, digest.hexdigest()
        return digest.hexdigest()

    def _last_change(self, path: str) -> str:
        whole = self._place / path
        files = _files_in(whole) if whole.is_dir() else iter([whole])
        latest = max((_signature(file)[1] for file in files), default=0.0)
        return text_of(datetime.fromtimestamp(latest, UTC))


def _files_in(folder: Path) -> Iterator[Path]:
    """In an order that does not depend on the machine."""
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
        if _PASSED_OVER not in path.relative_to(folder).parts and path.is_file():
            yield path


def _signature(path: Path) -> tuple[_Signature, float]:
    """What changes when a file does, and when it last did; a link counts with what it points to."""
    file, link = path.stat(), path.lstat()
    changed_at = max(file.st_ctime, link.st_ctime)
    return (file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns), changed_at
