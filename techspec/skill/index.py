"""A registry and a question in, the answer out, without reading pages that have not changed."""

import hashlib
import os
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from techspec.skill import embedding
from techspec.skill.heads import Heads
from techspec.skill.listing import Seen, folder_of_main, look
from techspec.skill.page import Attempt, Skill, citable, label
from techspec.skill.registry import NoSuchSkill, Registry, read_inside
from techspec.skill.search import Document, Index
from techspec.skill.store import Cache, discard, is_busy

T = TypeVar("T")

SMALL = 40
"""Pages up to which no file is written: reading them takes a fifth of a second, and a registry
of that size is most often a project's own, or a test's."""

HEADS_FROM = 400
"""Pages from which a first question is answered from names and descriptions alone, if the asker
agrees, while another process reads the rest. Below, reading everything takes two seconds."""

_OPEN_MAX = 8
"""Registry sets whose index a process keeps open."""


def ask(registry: Registry, question: Callable[["Library"], T], at_once: bool = False) -> T:
    """The answer to a question about a registry's pages as they are now.

    Every call looks at the modification time and size of each page, and reads those that changed.
    What was read is kept in a file of the user's cache folder; see `cache_folder`.

    Args:
        registry: whose pages; they are identified by their path.
        question: called once, or again if the file turns out to be damaged; it must neither keep
            the library nor ask one itself.
        at_once: while a large registry has no index yet, its pages are ranked by their names,
            descriptions and tags, and one that is asked for is read whole.
    """

    def answer(cache: Cache, seen: Seen) -> T:
        if at_once and len(seen) >= HEADS_FROM and cache.is_being_built():
            return question(Library(cache.heads(seen)))
        answer = cache.answer(seen, lambda: question(Library(cache)))
        cache.start_learning()
        return answer

    return _used(registry, answer)


def _used(registry: Registry, use: Callable[[Cache, Seen], T]) -> T:
    """What is made of a registry's index; of one made anew if it turns out to be damaged."""
    roots = tuple(os.fspath(folder) for folder in registry.folders)
    with _lock:
        seen = look(roots)
        file = _file(roots) if len(seen) > SMALL else None
        if file and file not in _unusable:
            for _ in range(2):
                try:
                    return use(_opened(file, roots), seen)
                except sqlite3.Error as error:
                    _close(file, roots)
                    if is_busy(error):
                        break
                    if not discard(file):
                        _unusable.add(file)
                        break
            else:
                _unusable.add(file)
        return use(_opened(None, roots), seen)


def find(registry: Registry, name: str) -> Skill:
    """The whole page that is cited or called `name`, or whose folder is: the first folder's first.

    Of `NAME/evidence/version-1` the version that is kept there.

    Raises:
        NoSuchSkill: there is none.
    """
    own, of_version, version = name.partition("/evidence/version-")
    path, root = ask(registry, lambda library: library.place(own), at_once=True)
    if of_version:
        path = path.parent / "evidence" / f"version-{version}" / path.name
        if not version.isdecimal() or not path.is_file():
            raise NoSuchSkill(name, [own])
    return read_inside(path, root)


def labels(registry: Registry, skills: Sequence[Skill]) -> list[str]:
    """What each of some pages of a registry is cited and asked for by."""
    return ask(registry, lambda library: [library.label(skill) for skill in skills], at_once=True)


def called(registry: Registry, skill: Skill) -> tuple[str, list[tuple[str, Path]]]:
    """What a page is cited and asked for by, and the label and path of each other of its name."""
    return ask(registry, lambda lib: (lib.label(skill), lib.namesakes(skill)), at_once=True)


def build(registry: Registry) -> None:
    """Make the index of a registry, or renew it, and learn from it what its words mean.

    Nobody needs to call it: `ask` answers without, and has another process do it.
    """

    def learned(cache: Cache, seen: Seen) -> None:
        cache.answer(seen, lambda: None)
        cache.learn()

    _used(registry, learned)


def cache_folder() -> Path:
    """Where indexes lie: $TECHSPEC_CACHE, or techspec/ in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("TECHSPEC_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "techspec"


class Library:
    """The pages of a registry at one moment."""

    def __init__(self, cache: Cache | Heads) -> None:
        self._cache = cache

    @property
    def is_whole(self) -> bool:
        """False while the registry is read for the first time, and known by its pages' tops."""
        return not isinstance(self._cache, Heads)

    def index(self, beside: Sequence[Document] = ()) -> Index:
        """All pages, each by its path as key, ready to be searched together with others."""
        cache = self._cache
        encode = cache.model.encode if cache.model else None
        if beside:
            return Index(beside, cache.pages, cache.meanings, encode)
        if cache.index is None:
            cache.index = Index((), cache.pages, cache.meanings, encode)
        return cache.index

    def attempts(self) -> Index:
        """The failed attempts of all pages; a key is what `attempt` takes."""
        return self._cache.attempts()

    def attempt(self, key: str) -> tuple[Skill, Attempt]:
        """A failed attempt and the excerpt of its page."""
        row, _, path = key.partition(":")
        skill = self.excerpt(path)
        return skill, skill.attempts[int(row)]

    def __contains__(self, key: str) -> bool:
        return key in self._cache.numbers

    def page(self, key: str) -> Skill:
        """The page at a path, without its sections: they are searched, and never quoted."""
        return self._cache.page(self._cache.numbers[key])

    def excerpt(self, key: str) -> Skill:
        """The page at a path with what may be quoted to a goal, as `page.excerpt`."""
        return self._cache.excerpt(self._cache.numbers[key])

    def place(self, name: str) -> tuple[Path, Path]:
        """The path and the registry folder of the page that `find` finds."""
        cache, labels = self._cache, self._labels()
        called = [n for n, label in labels.items() if name == label]
        called = called or [n for n, own in cache.names() if name == own]
        called = called or [n for key, n in cache.numbers.items() if name == folder_of_main(key)]
        if not called:
            raise NoSuchSkill(name, list(labels.values()))
        root, path = cache.place(min(called, key=self._order))
        folder = self._cache.roots[root]
        return Path(folder, path), Path(folder)

    def label(self, skill: Skill) -> str:
        """What a page is cited by, and found by with `place`.

        Of pages of one name the first is called so, in the order of `Registry.skills`, the next
        `NAME#2`, and so on.
        """
        number = self._cache.numbers.get(os.fspath(skill.path), 0)
        return self._labels().get(number) or label(skill)

    def namesakes(self, skill: Skill) -> list[tuple[str, Path]]:
        """The labels and paths of the other pages that are called as this one is."""
        name, _, _ = self.label(skill).partition("#")
        same = {n: each for n, each in self._labels().items() if each.partition("#")[0] == name}
        places = [(same[n], self._cache.place(n)) for n in sorted(same, key=self._order)]
        found = [(each, Path(self._cache.roots[root], path)) for each, (root, path) in places]
        return [(each, path) for each, path in found if path != skill.path]

    def _labels(self) -> Mapping[int, str]:
        """By number, what each page is cited by; kept until a page changes."""
        cache = self._cache
        if cache.labels is None:
            # Without a list for each name: to make thousands sets off a look for garbage.
            labels = {number: citable(own) for number, own in cache.names()}
            count = Counter(labels.values())
            repeated = [n for n, name in labels.items() if count[name] > 1]
            met = Counter[str]()
            for number in sorted(repeated, key=self._order):
                name = labels[number]
                met[name] += 1
                if met[name] > 1:
                    labels[number] = f"{name}#{met[name]}"
            cache.labels = labels
        return cache.labels

    def pages(self) -> list[Skill]:
        """Every page as `page` gives it, in the order of `Registry.skills`."""
        numbers = sorted(self._cache.numbers.values(), key=self._order)
        return [self._cache.page(number) for number in numbers]

    def _order(self, number: int) -> tuple[int, list[tuple[bool, str]]]:
        root, path = self._cache.place(number)
        *folders, name = Path(path).parts
        return root, [*((True, folder) for folder in folders), (False, name)]

    def heads(self) -> Sequence[Skill]:
        """As `pages`, with what the frontmatter holds and the title; kept until a page changes."""
        cache = self._cache
        if cache.page_heads is None:
            cache.page_heads = [
                Skill(p.name, p.path, p.registry, p.description, p.metadata, p.title)
                for p in self.pages()
            ]
        return cache.page_heads


_lock = threading.RLock()
_open: dict[tuple[Path | None, tuple[str, ...]], Cache] = {}
_unusable: set[Path] = set()
"""Files that could not be used; a process asks no second time."""


_inherited: list[Cache] = []
"""Indexes of the process that made this one: SQLite allows neither to use nor to close them."""


def _start_over() -> None:
    """In a new process nobody holds the lock, whatever was being asked in the one that made it."""
    global _lock
    _lock = threading.RLock()
    _inherited.extend(_open.values())
    _open.clear()


os.register_at_fork(after_in_child=_start_over)


def _opened(file: Path | None, roots: tuple[str, ...]) -> Cache:
    cache = _open.get((file, roots))
    if cache and not cache.is_current():
        _close(file, roots)
        cache = None
    if cache is None:
        while len(_open) >= _OPEN_MAX:
            _open.pop(next(iter(_open))).close()
        folder = embedding.find() if file else None
        cache = Cache(file, roots, embedding.load(folder) if folder else None)
        _open[file, roots] = cache
    return cache


def _close(file: Path | None, roots: tuple[str, ...]) -> None:
    if cache := _open.pop((file, roots), None):
        cache.close()


def _file(roots: Sequence[str]) -> Path | None:
    """Where the index of these folders lies; None without a home or a working folder."""
    try:
        places = "\0".join(os.path.realpath(root) for root in roots)
        name = hashlib.sha256(os.fsencode(places)).hexdigest()[:20]
        return cache_folder() / f"search-{name}.sqlite"
    except (RuntimeError, FileNotFoundError):
        return None


if __name__ == "__main__":
    build(Registry([Path(root) for root in sys.argv[1:]]))
