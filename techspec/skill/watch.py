"""Whether some files and folders changed since one last asked, where the system tells.

Linux does, for file systems of this machine (inotify). A change is told before the call that made
it returns, so that nothing is missed by asking right after.
"""

import ctypes
import errno
import os
import select
import struct
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, repeat

_CHANGES = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
"""Written, changed in its rights or times, closed by a writer, which may have written through
memory; moved away or here, made, deleted; what is watched itself too."""

_WRITES = 0x2 | 0x4 | 0x8
"""Of these, what happens to a file alone, and leaves it where it is."""

_GONE = 0x8000
"""The watch ended with what it watched; its number is not given again."""

_TOO_MUCH = -1
"""In the place of a watch' number where too much happened to be told."""

_MOUNTS = "/proc/self/mountinfo"

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
    """Files and folders under watch, by what they are: a path may come to lead to another."""

    def __init__(self) -> None:
        """Raises CannotWatch: the system is not Linux, or has no watch to give."""
        if not sys.platform.startswith("linux"):
            raise CannotWatch(errno.ENOSYS, os.strerror(errno.ENOSYS))
        # Not by ctypes.util.find_library: that starts a process or two.
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._numbers: set[int] = set()
        self._files: dict[int, list[str]] = {}
        self._descriptor = self._call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._mounts = os.open(_MOUNTS, os.O_RDONLY)
        except OSError as error:
            os.close(self._descriptor)
            raise CannotWatch(error.errno, error.strerror, _MOUNTS) from error
        self._mounted = select.poll()
        self._mounted.register(self._mounts, select.POLLPRI)

    def only(self, folders: Iterable[str], files: Iterable[str]) -> bool:
        """Watch what is at these paths, and nothing else; True if some of it was not watched.

        That may have changed before it was. A path where nothing is is passed over: who makes
        something there changes the folder above.

        Raises:
            CannotWatch: one cannot be watched.
        """
        there: set[int] = set()
        self._files = {}
        is_new = False
        for path, is_file in chain(zip(folders, repeat(False)), zip(files, repeat(True))):
            raw = os.fsencode(path)
            try:
                number = self._call("inotify_add_watch", self._descriptor, raw, _CHANGES)
                if number not in self._numbers:
                    self._check(raw)
                    is_new = True
            except CannotWatch as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR):
                    continue
                raise
            there.add(number)
            if is_file:
                self._files.setdefault(number, []).append(path)
            self._numbers.add(number)
        for number in self._numbers - there:
            self._libc.inotify_rm_watch(self._descriptor, number)
        self._numbers = there
        return is_new

    def written(self) -> set[str] | None:
        """The files written since the last call; None where more changed, or may have.

        What was told is then forgotten.
        """
        files = set[str]()
        more = bool(self._mounted.poll(0))  # what is mounted hides what is watched
        while True:
            try:
                told = os.read(self._descriptor, _BYTES)
            except BlockingIOError:
                return None if more else files
            for number, what, is_inside in _events(told):
                if what & _GONE:
                    self._numbers.discard(number)
                if number not in self._numbers and number != _TOO_MUCH:
                    continue
                if what & ~_WRITES or not (is_inside or number in self._files):
                    more = True
                elif not is_inside:  # what is written in a folder is watched itself, or no matter
                    files.update(self._files[number])

    def close(self) -> None:
        """Let go of all."""
        os.close(self._descriptor)
        os.close(self._mounts)

    def _check(self, path: bytes) -> None:
        """Raise CannotWatch where a file system does not tell of all changes."""
        kind = (ctypes.c_long * 32)()  # more than any struct statfs, whose first is the type
        self._call("statfs", path, kind)
        if kind[0] not in _TOLD_ON:
            raise CannotWatch(errno.ENOTSUP, os.strerror(errno.ENOTSUP), path)

    def _call(self, name: str, *given: object) -> int:
        done: int = getattr(self._libc, name)(*given)
        if done < 0:
            number = ctypes.get_errno()
            raise CannotWatch(number, os.strerror(number))
        return done


def _events(told: bytes) -> Iterator[tuple[int, int, bool]]:
    """Of each event, the number of its watch, what happened, and whether to what lies inside."""
    at = 0
    while at < len(told):
        number, what, _, length = _EVENT.unpack_from(told, at)
        yield number, what, length > 0
        at += _EVENT.size + length
