"""Folders of skills in, the pages that lie in them now out, each with what tells a change.

It is asked at every question: it makes two calls of the system a page at most, and a handful where
a registry is watched.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter, not_
from typing import NamedTuple

from techspec.skill import registry
from techspec.skill.watch import CannotWatch, Watch

_LISTING_SETTLED_SECONDS = 2.5
"""Age below which a folder is listed again: more than the coarsest clock of a file system, 2 s."""

_LISTINGS_MAX = 200_000
_KNOWN_MAX = 8
"""Registries of which a process remembers what it saw."""

_WATCHED_FROM = 8
"""Looks at a registry from which it is watched: a command has fewer, a server soon more."""

_WATCHING_TRIES = 5
"""Times that we look again because something was new to the watch."""

_TRUSTED_SECONDS = 60.0
"""Time without news after which we look all the same; a file may be written through memory."""


class Stamp(NamedTuple):
    """By which a change is noticed. The inode's time tells what kept its size and date."""

    mtime: int
    size: int
    ctime: int


Seen = Mapping[tuple[int, str], Stamp]
"""By number of its folder and path below it, each page's stamp."""


class _Listing(NamedTuple):
    stamp: tuple[int, int, int]
    pages: list[str]
    folders: list[str]


_listings: dict[str, _Listing] = {}
"""By path, folders whose entries need not be listed again while they and their times are the same.
Archives and copies set the date of a folder back; another folder may be moved to its path."""

_folder_stamp = attrgetter("st_mtime_ns", "st_ctime_ns", "st_ino")
_file_times = attrgetter("st_mtime_ns", "st_size", "st_ctime_ns")


class _Look(NamedTuple):
    """What was seen last, in the form in which it is seen soonest that it is still so."""

    folders: list[str]
    listed: list[tuple[int, int, int]]
    files: list[str]
    stamps: list[Stamp]
    seen: Seen
    sure: bool
    """False where the system refused to list a folder, and may agree next time."""

    def holds(self) -> bool:
        try:
            return (
                list(map(_folder_stamp, map(os.stat, self.folders))) == self.listed
                and list(map(_file_times, map(os.stat, self.files))) == self.stamps
            )
        except OSError:
            return False

    def missing(self) -> bool:
        """Whether a folder was not there, or changed too lately to be relied on."""
        return len(self.listed) < len(self.folders)


class _Watched:
    """What was seen, for as long as the system tells of no change to it."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots, self._watch = roots, Watch()
        self._until = 0.0

    def look(self) -> _Look:
        """Look, with a watch on everything that is seen but links, which say nothing themselves."""
        self._until = 0.0
        for _ in range(_WATCHING_TRIES):
            self._places = _places(self._roots)
            last = _look(self._roots)
            are_links = list(map(os.path.islink, last.files))
            pages = list(compress(last.files, map(not_, are_links)))
            if not self._watch.only(last.folders, pages) and last.sure:
                self.seen = last.seen
                self._keys = dict(zip(last.files, last.seen, strict=True))
                self._files = list(compress(last.files, are_links))
                self._stamps = list(compress(last.stamps, are_links))
                self._until = time.monotonic() + _TRUSTED_SECONDS
                break
        return last

    def holds(self) -> bool:
        """Whether `seen` is what another look would see, after a look at files that were written.

        Ask no second time before that look.
        """
        until, self._until = self._until, 0.0  # whoever is interrupted here looks again
        try:
            written = self._watch.written()
            if (
                written is not None
                and time.monotonic() < until
                and _places(self._roots) == self._places
                and list(map(_file_times, map(os.stat, self._files))) == self._stamps
            ):
                if written:
                    stamps = {self._keys[path]: _stamp(path) for path in written}
                    self.seen = {**self.seen, **stamps}
                self._until = until
                return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        self._watch.close()


@dataclass(slots=True)
class _Known:
    """What a process remembers of a registry."""

    looks: int = 0
    last: _Look | None = None
    watched: _Watched | None = None


_known: dict[tuple[str, ...], _Known] = {}


def look(roots: tuple[str, ...]) -> Seen:
    """Each page once, by the rules of `Registry.skills`; a folder that cannot be read has none."""
    known = _known_of(roots)
    if known.watched and known.watched.holds():
        return known.watched.seen
    known.looks += 1
    try:
        if known.looks == _WATCHED_FROM:
            known.watched = _Watched(roots)
        if known.watched:
            return known.watched.look().seen
    except CannotWatch:
        if known.watched:
            known.watched.close()
        known.watched = None
    if known.last is None or not known.last.holds():
        known.last = _look(roots)
    last = known.last
    if last.missing():
        known.last = None
    return last.seen


def _start_over() -> None:
    """Let go of watches shared with the process that made this one: news is told to one alone."""
    for known in _known.values():
        if known.watched:
            known.watched.close()
    _known.clear()


os.register_at_fork(after_in_child=_start_over)


def _known_of(roots: tuple[str, ...]) -> _Known:
    if roots not in _known:
        while len(_known) >= _KNOWN_MAX:
            oldest = _known.pop(next(iter(_known)))
            if oldest.watched:
                oldest.watched.close()
        _known[roots] = _Known()
    return _known[roots]


def _look(roots: Sequence[str]) -> _Look:
    folders: list[str] = []
    files: list[str] = []
    refused: list[str] = []
    seen = _walked(roots, folders, files, refused)
    known = [_listings.get(folder) for folder in folders]
    listed = [listing.stamp for listing in known if listing]
    return _Look(folders, listed, files, list(seen.values()), seen, not refused)


def _places(roots: Sequence[str]) -> list[tuple[int, int] | None]:
    """Which folders these are: another one may come to stand in the place of one."""
    found: list[tuple[int, int] | None] = []
    for root in roots:
        try:
            there = os.stat(root)  # noqa: PTH116
            found.append((there.st_dev, there.st_ino))
        except OSError:
            found.append(None)
    return found


def _walked(roots: Sequence[str], visited: list[str], files: list[str], refused: list[str]) -> Seen:
    """Folder by folder; adds to `visited` the folders, to `files` the pages, in the order seen.

    To `refused` it adds the folders of which another look may see more without any news.
    """
    seen: dict[tuple[int, str], Stamp] = {}
    taken: set[str] = set()
    for number, root in enumerate(roots):
        # Strings, not Paths: 1,855 Paths take longer than all the rest.
        start = _start(root)
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            visited.append(folder)
            pages, folders = _listed(folder, refused)
            waiting += folders
            for path in pages:
                if len(roots) > 1:
                    if path in taken:
                        continue
                    taken.add(path)
                try:
                    stamp = _stamp(path)
                except OSError:
                    stamp = Stamp(0, 0, 0)
                seen[number, path[len(start) :]] = stamp
                files.append(path)
    return seen


def _stamp(path: str) -> Stamp:
    return Stamp(*_file_times(os.stat(path)))  # noqa: PTH116


def _start(root: str) -> str:
    """A root from the top, with a slash behind; one from a working folder that is gone is none."""
    try:
        path = os.path.join(os.getcwd(), root)  # noqa: PTH109, PTH118
    except OSError:
        path = root
    # Behind a link, `..` is not the folder that was named before it.
    path = path if f"{os.sep}.." in path else os.path.normpath(path)
    return os.path.join(path, "")  # noqa: PTH118


def _listed(folder: str, refused: list[str]) -> tuple[list[str], list[str]]:
    """The paths of a folder's pages, and of its folders with a slash behind."""
    try:
        found = os.stat(folder)  # noqa: PTH116
        stamp = _folder_stamp(found)
        known = _listings.get(folder)
        if known and known.stamp == stamp:
            return known.pages, known.folders
        with os.scandir(folder) as listed:
            entries = {entry.name: _is_folder(entry) for entry in listed}
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError:
        refused.append(folder)
        return [], []
    names = [name for name, is_folder in entries.items() if not is_folder]
    main = [name for name in names if name.upper() == "SKILL.MD"]
    pages = [folder + name for name in main or names if _is_page(name)]
    folders = [
        folder + name + os.sep
        for name, is_folder in entries.items()
        if is_folder and is_searched(name, bool(main)) and not os.path.islink(folder + name)  # noqa: PTH114
    ]
    if any(
        is_folder and _is_page(name) and os.path.islink(folder + name)  # noqa: PTH114
        for name, is_folder in entries.items()
    ):
        refused.append(folder)  # what the link leads to may become a page
    elif (
        time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _LISTING_SETTLED_SECONDS * 1e9
    ):
        if len(_listings) >= _LISTINGS_MAX:
            _listings.clear()
        _listings[folder] = _Listing(stamp, pages, folders)
    return pages, folders


def folder_of_main(key: str) -> str | None:
    """The name of the folder that is one skill by the page in it."""
    folder, page_name = os.path.split(key)
    return os.path.basename(folder) if page_name.upper() == "SKILL.MD" else None  # noqa: PTH119


def _is_page(name: str) -> bool:
    stem, _, ending = name.rpartition(".")
    return ending.lower() == "md" and stem != "" and stem.lower() not in registry._NOT_PAGES


def is_searched(name: str, in_a_skill: bool) -> bool:
    """Whether pages are looked for in a folder of this name, in the folder of a skill or not."""
    is_hidden = name.startswith(".") and name not in (".claude", ".agents")
    return not is_hidden and not (in_a_skill and name in registry._INSIDE_A_SKILL)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
