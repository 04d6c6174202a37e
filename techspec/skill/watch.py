"""Whether anything in some folders changed since one last asked, where the system tells.

Linux does, for file systems of this machine (inotify). A change is told before the call that made
it returns, so that nothing is missed by asking right after.
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator

_CHANGES = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
"""Written, changed in its rights or times, moved away or here, made, deleted; the folder too."""

_GONE = 0x8000
_ELSEWHERE = 0x800 | 0x4000
"""Moved, or too much happened to be told."""

_EVENT = struct.Struct("iIII")
"""Number of the watch, what happened, a cookie, bytes of the name behind it (inotify(7))."""

_TOLD_ON = {
    0xEF53: "ext4",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x01021994: "tmpfs",
    0x794C7630: "overlay",
    0xF2F52010: "f2fs",
    0x2FC12FC1: "zfs",
    0xCA451A4E: "bcachefs",
}
"""File systems that nobody changes behind this machine's back, by their number in statfs(2)."""

_BYTES = 65_536


class CannotWatch(OSError):
    """The system does not tell of changes there, or has no room for one more watch."""


class Watch:
    """Folders under watch. Pages that also lie elsewhere, by a link, may change untold."""

    def __init__(self) -> None:
        """Raises CannotWatch: the system is not Linux, or has no watch to give."""
        if not sys.platform.startswith("linux"):
            raise CannotWatch(errno.ENOSYS, os.strerror(errno.ENOSYS))
        # Not by ctypes.util.find_library: that starts a process or two.
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        self._paths: dict[int, str] = {}
        self._watched: set[str] = set()

    def add(self, folders: Iterable[str]) -> bool:
        """Watch these folders too; True if one is new, and may have changed before it was watched.

        One that is not there is passed over: who makes it changes the folder above.

        Raises:
            CannotWatch: one cannot be watched.
        """
        new = [folder for folder in folders if folder not in self._watched]
        there = [folder for folder in new if os.path.isdir(folder)]  # noqa: PTH112
        for folder in there:
            path = os.fsencode(folder)
            kind = (ctypes.c_long * 32)()  # more than any struct statfs, whose first is the type
            self._call("statfs", path, kind)
            if kind[0] not in _TOLD_ON:
                raise CannotWatch(errno.ENOTSUP, os.strerror(errno.ENOTSUP), folder)
            number = self._call("inotify_add_watch", self._descriptor, path, _CHANGES)
            self._paths[number] = folder
            self._watched.add(folder)
        return bool(there)

    def is_quiet(self) -> bool:
        """Whether nothing changed since the last call; what was told is then forgotten."""
        quiet = True
        while True:
            try:
                told = os.read(self._descriptor, _BYTES)
            except BlockingIOError:
                return quiet
            quiet = False
            for number, what in _events(told):
                if what & _GONE:
                    self._watched.discard(self._paths.pop(number, ""))
                if what & _ELSEWHERE:  # with all below it: another may stand at every path
                    self._watched.clear()

    def close(self) -> None:
        """Let go of all."""
        os.close(self._descriptor)

    def _call(self, name: str, *given: object) -> int:
        done: int = getattr(self._libc, name)(*given)
        if done < 0:
            number = ctypes.get_errno()
            raise CannotWatch(number, os.strerror(number))
        return done


def _events(told: bytes) -> Iterator[tuple[int, int]]:
    """Of each event, the number of its watch and what happened."""
    at = 0
    while at < len(told):
        number, what, _, length = _EVENT.unpack_from(told, at)
        yield number, what
        at += _EVENT.size + length
