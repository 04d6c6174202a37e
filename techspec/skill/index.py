"""A registry and a question in, the answer out, without reading pages that have not changed.

A cache and no more: nothing is in it that the pages do not say, and it may be deleted any time.
"""

import contextlib
import fcntl
import functools
import gc
import hashlib
import marshal
import os
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from techspec.skill import (
    frontmatter,
    glossary,
    markdown,
    meaning,
    page,
    registry,
    search,
    words,
)
from techspec.skill.meaning import DIMENSIONS, PAGES_MIN, Floats, Meanings, learn
from techspec.skill.page import Attempt, Block, Row, Skill, citable
from techspec.skill.registry import NoSuchSkill, Registry, read_inside
from techspec.skill.search import (
    FIELD_WEIGHTS,
    RARITY,
    WEIGHTS,
    Counts,
    Document,
    Index,
    Rows,
    document,
    unpacked,
)
from techspec.spec.model import Problem

T = TypeVar("T")

SMALL = 40
"""Pages up to which no file is written: reading them takes a fifth of a second, and a registry
of that size is most often a project's own, or a test's."""

HEADS_FROM = 400
"""Pages from which a first question is answered from names and descriptions alone, if the asker
agrees, while another process reads the rest. Below, reading everything takes two seconds."""

_WAIT_SECONDS = 0.25
"""How long another process' refresh is waited for before the old pages answer."""

_WAIT_FIRST_SECONDS = 60.0
"""The same where there are no old pages yet: what another process builds, we need not."""

_SETTLED_SECONDS = 0.02
"""Age below which a page is read again: a later write could leave size and times alike, since a
system's clock for files moves every 4 to 10 ms."""

_LISTING_SETTLED_SECONDS = 2.5
"""The same for a folder's list of entries; more than the coarsest clock of a file system, 2 s."""

_DECODED_MAX = 256
"""Pages kept decoded in a process, about 20 kB each."""

LEARN_AGAIN = 1.5
"""Growth of a registry since its meanings were learned at which they are learned anew."""

_LEARNING_TRIES = 5
"""Times that we learn again because a page changed meanwhile."""

_OPEN_MAX = 8
"""Registry sets whose index a process keeps open."""

_SWEEP_FROM = 200
"""Documents that are gone at which their entries are swept, if they are also a quarter of all."""


def ask(registry: Registry, question: Callable[["Library"], T], at_once: bool = False) -> T:
    """The answer to a question about a registry's pages as they are now.

    Every call looks at the modification time and size of each page, and reads those that changed.
    What was read is kept in a file of the user's cache folder; see `cache_folder`.

    Args:
        registry: whose pages; they are identified by their path.
        question: called once, or again if the file turns out to be damaged; it must not keep the
            library.
        at_once: while a large registry has no index yet, its pages are ranked by their names,
            descriptions and tags, and one that is asked for is read whole.
    """

    def answer(cache: _Cache, seen: _Seen) -> T:
        if at_once and len(seen) >= HEADS_FROM and cache.is_being_built():
            return question(Library(cache.heads(seen)))
        answer = cache.answer(seen, question)
        cache.start_learning()
        return answer

    return _used(registry, answer)


def _used(registry: Registry, use: Callable[["_Cache", "_Seen"], T]) -> T:
    """What is made of a registry's index; of one made anew if it turns out to be damaged."""
    roots = tuple(os.fspath(folder) for folder in registry.folders)
    with _lock:
        seen = _look(roots)
        file = _file(roots) if len(seen) > SMALL else None
        if file and file not in _unusable:
            for _ in range(2):
                try:
                    return use(_opened(file, roots), seen)
                except sqlite3.Error as error:
                    _close(file, roots)
                    if not _discard(file, error):
                        break
            _unusable.add(file)
        return use(_opened(None, roots), seen)


def find(registry: Registry, name: str) -> Skill:
    """The whole page called `name`, or whose folder is: the first folder's first.

    Raises:
        NoSuchSkill: there is none.
    """
    path, root = ask(registry, lambda library: library.place(name), at_once=True)
    return read_inside(path, root)


def build(registry: Registry) -> None:
    """Make the index of a registry, or renew it, and learn from it what its words mean.

    Nobody needs to call it: `ask` answers without, and has another process do it.
    """

    def learned(cache: _Cache, seen: _Seen) -> None:
        cache.answer(seen, lambda library: None)
        cache.learn()

    _used(registry, learned)


def cache_folder() -> Path:
    """Where indexes lie: $TECHSPEC_CACHE, or techspec/ in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("TECHSPEC_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "techspec"


class Library:
    """The pages of a registry at one moment."""

    def __init__(self, cache: "_Cache | _Heads") -> None:
        self._cache = cache

    def index(self, beside: Sequence[Document] = ()) -> Index:
        """All pages, each by its path as key, ready to be searched together with others."""
        cache = self._cache
        if beside:
            return Index(beside, cache.pages, cache.meanings)
        if cache.index is None:
            cache.index = Index((), cache.pages, cache.meanings)
        return cache.index

    def attempts(self) -> Index:
        """The failed attempts of all pages; a key is what `attempt` takes."""
        return self._cache.attempts()

    def attempt(self, key: str) -> tuple[Skill, Attempt]:
        """A failed attempt and its page."""
        row, _, path = key.partition(":")
        skill = self.page(path)
        return skill, skill.attempts[int(row)]

    def __contains__(self, key: str) -> bool:
        return key in self._cache.numbers

    def evidence(self, key: str) -> str:
        """As `Skill.evidence`, without decoding the page."""
        return self._cache.evidence(self._cache.numbers[key])

    def page(self, key: str) -> Skill:
        """The page at a path, without its sections: they are searched, and never quoted."""
        return self._cache.page(self._cache.numbers[key])

    def place(self, name: str) -> tuple[Path, Path]:
        """The path and the registry folder of the page that `find` finds."""
        cache = self._cache
        called = [n for n, own in cache.names() if name in (own, citable(own))]
        called += [n for key, n in cache.numbers.items() if name == _folder_of_main(key)]
        if not called:
            raise NoSuchSkill(name, [citable(own) for _, own in cache.names()])
        root, path = cache.place(min(called, key=self._order))
        folder = self._cache.roots[root]
        return Path(folder, path), Path(folder)

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


def attempt_document(skill: Skill, row: int, key: str) -> Document:
    """What a failed attempt can be found by."""
    attempt = skill.attempts[row]
    fields = {
        "description": attempt.attempt,
        "failed": f"{attempt.why} {attempt.lesson}",
        "prose": f"{skill.name} {' '.join(skill.tags)}",
    }
    return Document(key, fields)


class _Stamp(NamedTuple):
    """By which a change is noticed. The inode's time tells what kept its size and date."""

    mtime: int
    size: int
    ctime: int


_Seen = Mapping[tuple[int, str], _Stamp]
"""By number of its folder and path below it, each page's stamp."""


class _Entry(NamedTuple):
    root: int
    path: str
    name: str
    stamp: _Stamp
    evidence: str


_lock = threading.RLock()
_open: dict[tuple[Path | None, tuple[str, ...]], "_Cache"] = {}
_unusable: set[Path] = set()
"""Files that could not be used; a process asks no second time."""


def _opened(file: Path | None, roots: tuple[str, ...]) -> "_Cache":
    cache = _open.get((file, roots))
    if cache and not cache.is_current():
        _close(file, roots)
        cache = None
    if cache is None:
        while len(_open) >= _OPEN_MAX:
            _open.pop(next(iter(_open))).close()
        cache = _Cache(file, roots)
        _open[file, roots] = cache
    return cache


def _close(file: Path | None, roots: tuple[str, ...]) -> None:
    if cache := _open.pop((file, roots), None):
        cache.close()


def _file(roots: Sequence[str]) -> Path | None:
    """Where the index of these folders lies; None without a home."""
    places = "\0".join(os.path.realpath(root) for root in roots)
    name = hashlib.sha256(os.fsencode(places)).hexdigest()[:20]
    try:
        return cache_folder() / f"search-{name}.sqlite"
    except RuntimeError:
        return None


def _discard(file: Path, error: sqlite3.Error) -> bool:
    """Delete a damaged index; False where that would not help."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return False
    try:
        with _alone(file.parent):
            # The file last: whoever finds it without its log would miss what only the log says.
            for ending in ("-wal", "-shm", ""):
                file.with_name(file.name + ending).unlink(missing_ok=True)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the cache folder while an index is made or deleted."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@functools.cache
def _made_by() -> str:
    """Changes with the code that makes an index: another version's index is not used."""
    code = hashlib.sha256(sys.version.encode())
    for module in (page, markdown, frontmatter, registry, search, words, glossary, meaning):
        code.update(Path(module.__file__ or "").read_bytes())
    code.update(Path(__file__).read_bytes())
    return code.hexdigest()


_SCHEMA = """
CREATE TABLE state(
    made_by TEXT, generation INTEGER, last INTEGER, gone INTEGER, learned INTEGER);
CREATE TABLE pages(
    number INTEGER PRIMARY KEY, root INTEGER, path BLOB, name BLOB, mtime INTEGER, size INTEGER,
    ctime INTEGER, evidence TEXT, lengths BLOB, vector BLOB);
CREATE TABLE attempts(
    number INTEGER PRIMARY KEY, page INTEGER, row INTEGER, lengths BLOB, vector BLOB);
CREATE INDEX attempts_of_page ON attempts(page);
CREATE TABLE bodies(number INTEGER PRIMARY KEY, body BLOB);
CREATE TABLE pages_terms(term TEXT PRIMARY KEY, entries BLOB);
CREATE TABLE attempts_terms(term TEXT PRIMARY KEY, entries BLOB);
CREATE TABLE meanings(terms TEXT, vectors BLOB);
"""


class _Stored:
    """Documents of the database, as `search.Stored`."""

    def __init__(
        self,
        read: Callable[[str], bytes],
        numbers: Sequence[int] = (),
        keys: Sequence[str] = (),
        lengths: Iterable[bytes] = (),
        vectors: Iterable[bytes] | None = None,
    ) -> None:
        """`numbers` ascend; the other values are in their order."""
        self._read = read
        self._numbers = np.array(numbers, np.int64)
        self.keys = keys
        counts = _numbers(b"".join(lengths)).astype(np.int64)
        self.vectors = None if vectors is None else _vectors(b"".join(vectors)).astype(np.float32)
        documents = len(counts) if self.vectors is None else len(self.vectors) * len(WEIGHTS)
        if not len(keys) * len(WEIGHTS) == len(counts) == documents:
            raise sqlite3.DatabaseError("an index with damaged counts")
        self.lengths = counts.reshape(-1, len(WEIGHTS))

    def entries(self, term: str) -> tuple[Rows, Rows]:
        both = _numbers(self._read(term)).astype(np.int64)
        numbers, counts = both[::2], both[1::2]
        rows = self._numbers.searchsorted(numbers)
        # Beyond the last row, or another's, is what belonged to a document that is gone.
        alive = np.append(self._numbers, -1)[rows] == numbers
        return rows[alive], counts[alive]


def _connected(file: Path | str) -> sqlite3.Connection:
    """An index that has its tables, made where it is new."""
    db = sqlite3.connect(file, _WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")  # readers keep their pages while one writes
        db.execute("PRAGMA synchronous = NORMAL")
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            made = f"INSERT INTO state VALUES ('{_made_by()}', 0, 0, 0, 0)"
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {made}; COMMIT")
        if db.execute("SELECT made_by FROM state").fetchone() != (_made_by(),):
            raise sqlite3.DatabaseError("an index of another version")
    except sqlite3.Error:
        db.close()
        raise
    return db


class _Cache:
    """An open index, and what of it is held in memory. Raises sqlite3.Error alone."""

    def __init__(self, file: Path | None, roots: tuple[str, ...]) -> None:
        self._file, self.roots = file, roots
        if file is None:
            self._db = _connected(":memory:")
        else:
            try:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with _alone(file.parent):
                    self._db = _connected(file)
                    self._inode = file.stat().st_ino
            except OSError as error:
                raise sqlite3.OperationalError(f"no index can be kept at {file}") from error
        self._generation = -1
        self._decoded: dict[int, Skill] = {}
        self.index: Index | None = None
        self.attempt_index: Index | None = None
        self._builder: subprocess.Popen[bytes] | None = None
        self._heads: _Heads | None = None
        self.page_heads: Sequence[Skill] | None = None
        self.meanings: Meanings | None = None
        self._learned = 0
        self._forget()

    def close(self) -> None:
        self._db.close()

    def is_current(self) -> bool:
        """False once the file was deleted or replaced."""
        try:
            return self._file is None or self._file.stat().st_ino == self._inode
        except OSError:
            return False

    def is_being_built(self) -> bool:
        """Whether nothing is stored yet and another process is at it; we start one if need be."""
        if self._file is None or self._one("SELECT generation FROM state"):
            self._heads = None
            return False
        if self._is_written_to():
            return True
        if self._builder is None:
            self._builder = _started(self.roots)
        return self._builder is not None and self._builder.poll() is None

    def _is_written_to(self) -> bool:
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return True
            raise
        return False

    def heads(self, seen: _Seen) -> "_Heads":
        if self._heads is None or self._heads.seen != seen:
            collects = gc.isenabled()
            gc.disable()  # a fifth of the time goes into looking for garbage where all is kept
            try:
                self._heads = _Heads(self.roots, seen)
            finally:
                if collects:
                    gc.enable()
        return self._heads

    def answer(self, seen: _Seen, question: Callable[[Library], T]) -> T:
        """Refresh what is stored from what was seen, then ask."""
        self._db.execute("BEGIN")
        try:
            self._load()
        finally:
            self._db.execute("COMMIT")
        if self._known != seen:
            self._refresh()
        self._db.execute("BEGIN")  # from here to its end no other process' refresh is seen
        try:
            self._load()
            return question(Library(self))
        finally:
            self._db.execute("COMMIT")

    def start_learning(self) -> None:
        """Let another process learn, unless we started one before."""
        if self._file and self._builder is None and self._has_more_to_learn():
            self._builder = _started(self.roots)

    def _has_more_to_learn(self) -> bool:
        return len(self.entries) >= max(PAGES_MIN, LEARN_AGAIN * self._learned)

    def learn(self) -> None:
        """Learn what the words of the pages mean; nothing where another process is at it."""
        if self._file is None:
            return
        with self._file.with_suffix(".learning").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            for _ in range(_LEARNING_TRIES):
                self._read_anew()
                if not self._has_more_to_learn() or self._learn_once():
                    return

    def _read_anew(self) -> None:
        self._db.execute("BEGIN")
        try:
            self._load()
        finally:
            self._db.execute("COMMIT")

    def _learn_once(self) -> bool:
        """False where pages changed meanwhile: they would be left without a direction."""
        query = "SELECT term, entries FROM pages_terms WHERE instr(term, ' ') = 0 ORDER BY term"
        stored = self._db.execute(query).fetchall()
        entries = [self.pages.entries(term) for term, _ in stored]
        columns = np.repeat(np.arange(len(stored)), [len(rows) for rows, _ in entries])
        fields, counts = unpacked(np.concatenate([numbers for _, numbers in entries]))
        meanings, vectors = learn(
            [term for term, _ in stored],
            columns,
            np.concatenate([rows for rows, _ in entries]),
            (counts * FIELD_WEIGHTS[fields]).astype(np.float32),
            len(self.entries),
            RARITY,
        )
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if self._one("SELECT generation FROM state") != self._generation:
                return False
            self._db.execute("DELETE FROM meanings")
            values = ("\n".join(meanings.rows), meanings.vectors.tobytes())
            self._db.execute("INSERT INTO meanings VALUES (?, ?)", values)
            self._db.executemany(
                "UPDATE pages SET vector = ? WHERE number = ?",
                zip(map(_vector, vectors), sorted(self.entries), strict=True),
            )
            change = "UPDATE state SET learned = ?, generation = generation + 1"
            self._db.execute(change, [len(self.entries)])
            return True
        finally:
            self._db.execute("COMMIT")

    def attempts(self) -> Index:
        if self.attempt_index is None:
            query = "SELECT number, page, row, lengths FROM attempts ORDER BY number"
            rows = self._db.execute(query).fetchall()
            keys = {number: key for key, number in self.numbers.items()}
            stored = _Stored(
                functools.partial(self._entries, "attempts_terms"),
                [number for number, *_ in rows],
                [f"{row}:{keys[of_page]}" for _, of_page, row, _ in rows],
                (lengths for *_, lengths in rows),
            )
            self.attempt_index = Index(stored=stored)
        return self.attempt_index

    def evidence(self, number: int) -> str:
        return self.entries[number].evidence

    def names(self) -> list[tuple[int, str]]:
        return [(number, entry.name) for number, entry in self.entries.items()]

    def place(self, number: int) -> tuple[int, str]:
        entry = self.entries[number]
        return entry.root, entry.path

    def page(self, number: int) -> Skill:
        if number not in self._decoded:
            body = self._one("SELECT body FROM bodies WHERE number = ?", number)
            if len(self._decoded) >= _DECODED_MAX:
                self._decoded.clear()
            entry = self.entries[number]
            root = Path(self.roots[entry.root])
            self._decoded[number] = _decode(body, root / entry.path, root)
        return self._decoded[number]

    def _one(self, query: str, *values: object) -> Any:
        return self._row(query, *values)[0]

    def _row(self, query: str, *values: object) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        if row is None:
            raise sqlite3.DatabaseError("an index with a row missing")
        return row

    def _entries(self, table: str, term: str) -> bytes:
        row = self._db.execute(f"SELECT entries FROM {table} WHERE term = ?", [term]).fetchone()
        return row[0] if row else b""

    def _forget(self) -> None:
        self.pages = _Stored(functools.partial(self._entries, "pages_terms"))
        self.entries: dict[int, _Entry] = {}
        self.numbers: dict[str, int] = {}
        self.index = self.attempt_index = None
        self.page_heads = None
        self._known: dict[tuple[int, str], _Stamp] = {}

    def _load(self) -> None:
        """Hold the head of every page in memory, unless that is done."""
        generation = self._one("SELECT generation FROM state")
        if generation == self._generation:
            return
        self._forget()
        rows = self._db.execute(
            "SELECT number, root, path, name, mtime, size, ctime, evidence, lengths, vector"
            " FROM pages ORDER BY number"
        ).fetchall()
        for number, root, raw, name, mtime, size, ctime, evidence, _, _ in rows:
            path = os.fsdecode(raw)
            key = os.path.join(self.roots[root], path)  # noqa: PTH118 1,855 times in 2 ms
            stamp = _Stamp(mtime, size, ctime)
            self.entries[number] = _Entry(root, path, _text(name), stamp, evidence)
            self.numbers[key] = number
            self._known[root, path] = stamp
        learned = self._one("SELECT learned FROM state")
        if learned != self._learned:  # it grows each time that we learn
            self.meanings = _meanings(*self._row("SELECT terms, vectors FROM meanings"))
        self._learned = learned
        self.pages = _Stored(
            functools.partial(self._entries, "pages_terms"),
            list(self.entries),
            list(self.numbers),
            (lengths for *_, lengths, _ in rows),
            (vector or b"" for *_, vector in rows) if self.meanings else None,
        )
        self._generation = generation

    def _refresh(self) -> None:
        """Store what is seen and not known; another process that is at it is left to it."""
        wait = _WAIT_SECONDS if self._generation else _WAIT_FIRST_SECONDS
        self._db.execute(f"PRAGMA busy_timeout = {int(1000 * wait)}")
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if self._generation and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return
            raise
        try:
            self._load()
            seen = _look(self.roots)  # anew: the wait was long, and what we saw would undo news
            known = self._known
            numbers = {(entry.root, entry.path): n for n, entry in self.entries.items()}
            self._remove([n for place, n in numbers.items() if known[place] != seen.get(place)])
            self._add([place for place in seen if known.get(place) != seen[place]], seen)
            self._sweep()
            self._db.execute("UPDATE state SET generation = generation + 1")
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _remove(self, numbers: Sequence[int]) -> None:
        each = [[number] for number in numbers]
        for table, column in (("pages", "number"), ("bodies", "number"), ("attempts", "page")):
            self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", each)
        self._db.execute("UPDATE state SET gone = gone + ?", [len(each)])

    def _add(self, places: Sequence[tuple[int, str]], seen: _Seen) -> None:
        last = self._one("SELECT last FROM state")
        now = time.time_ns()
        pages, attempts = Counts(self.meanings), Counts()
        page_rows, bodies, attempt_rows = [], [], []
        for root, path in places:
            folder = Path(self.roots[root])
            skill = read_inside(folder / path, folder)
            stamp = seen[root, path]
            if 0 <= now - stamp.ctime < _SETTLED_SECONDS * 1e9:
                stamp = stamp._replace(size=-1)
            last += 1
            number = last
            pages.add(document(skill, ""))
            page_rows.append(
                (number, root, os.fsencode(path), _raw(skill.name), *stamp, skill.evidence)
            )
            bodies.append((number, _encode(skill)))
            for row in range(len(skill.attempts)):
                last += 1
                attempts.add(attempt_document(skill, row, ""))
                attempt_rows.append((last, number, row))
        self._db.executemany("INSERT INTO bodies VALUES (?, ?)", bodies)
        self._insert("pages", page_rows, pages)
        self._insert("attempts", attempt_rows, attempts)
        self._db.execute("UPDATE state SET last = ?", [last])

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]], counted: Counts) -> None:
        """Add rows, which begin with their number, and what their documents count."""
        if not rows:
            return
        lengths = map(_bytes, counted.lengths.tolist())
        vectors = counted.vectors
        raw = [None] * len(rows) if vectors is None else map(_vector, vectors)
        marks = ", ".join("?" * (len(rows[0]) + 2))
        self._db.executemany(
            f"INSERT INTO {table} VALUES ({marks})",
            ((*row, *both) for row, *both in zip(rows, lengths, raw, strict=True)),
        )
        numbers = np.array([row[0] for row in rows], np.uint32)
        self._db.executemany(
            f"INSERT INTO {table}_terms VALUES (?, ?) ON CONFLICT(term) DO UPDATE"
            " SET entries = CAST(entries || excluded.entries AS BLOB)",
            ((term, _numbered(counted.terms[term], numbers)) for term in sorted(counted.terms)),
        )

    def _sweep(self) -> None:
        """Drop the entries of documents that are gone, once they are many."""
        gone = self._one("SELECT gone FROM state")
        if gone < _SWEEP_FROM or 4 * gone < self._one("SELECT count(*) FROM pages"):
            return
        for numbers in ("pages", "attempts"):
            table = f"{numbers}_terms"
            alive = {number for (number,) in self._db.execute(f"SELECT number FROM {numbers}")}
            for term, entries in self._db.execute(f"SELECT term, entries FROM {table}").fetchall():
                old = _numbers(entries).tolist()  # few, most often: no work for arrays
                pairs = zip(old[::2], old[1::2], strict=True)
                kept = [n for pair in pairs if pair[0] in alive for n in pair]
                if not kept:
                    self._db.execute(f"DELETE FROM {table} WHERE term = ?", [term])
                elif len(kept) < len(old):
                    change = f"UPDATE {table} SET entries = ? WHERE term = ?"
                    self._db.execute(change, [_bytes(kept), term])
        self._db.execute("UPDATE state SET gone = 0")


class _Heads:
    """What pages say of themselves at their top; the rest is read when it is asked for."""

    def __init__(self, roots: Sequence[str], seen: _Seen) -> None:
        self.seen = seen
        self.pages = Counts()
        self.meanings: Meanings | None = None
        self.index: Index | None = None
        self.page_heads: Sequence[Skill] | None = None
        self.numbers: dict[str, int] = {}
        self.roots = roots
        self._folders = [Path(root) for root in roots]
        self._places = list(seen)
        self._names: list[tuple[int, str]] = []
        for number, (root, path) in enumerate(seen, start=1):
            key = os.path.join(roots[root], path)  # noqa: PTH118 as in _Cache._load
            self.numbers[key] = number
            head = page.read_head(Path(key), self._folders[root])
            self._names.append((number, head.name))
            self.pages.add(document(head, key))

    def attempts(self) -> Index:
        skills = {key: self.page(number) for key, number in self.numbers.items()}
        return Index(
            attempt_document(skill, row, f"{row}:{key}")
            for key, skill in skills.items()
            for row in range(len(skill.attempts))
        )

    def evidence(self, number: int) -> str:
        return self.page(number).evidence

    def names(self) -> list[tuple[int, str]]:
        return self._names

    def place(self, number: int) -> tuple[int, str]:
        return self._places[number - 1]

    def page(self, number: int) -> Skill:
        root, path = self.place(number)
        folder = self._folders[root]
        return replace(read_inside(folder / path, folder), sections=())


def _started(roots: Sequence[str]) -> "subprocess.Popen[bytes] | None":
    """A process that builds the index and outlives us; None where none can be started."""
    here = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    try:
        return subprocess.Popen(
            [sys.executable, "-m", __name__, *roots],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": here, "OPENBLAS_NUM_THREADS": "1"},
        )
    except OSError:
        return None


class _Listing(NamedTuple):
    mtime: int
    pages: list[str]
    folders: list[str]


_listings: dict[str, _Listing] = {}
"""By path, folders whose entries need not be listed again while their own time is the same."""

_LISTINGS_MAX = 200_000

_folder_time = attrgetter("st_mtime_ns")
_file_times = attrgetter("st_mtime_ns", "st_size", "st_ctime_ns")


class _Look(NamedTuple):
    """What was seen last, in the form in which it is seen soonest that it is still so."""

    folders: list[str]
    listed: list[int]
    files: list[str]
    stamps: list[_Stamp]
    seen: _Seen

    def holds(self) -> bool:
        try:
            return (
                list(map(_folder_time, map(os.stat, self.folders))) == self.listed
                and list(map(_file_times, map(os.stat, self.files))) == self.stamps
            )
        except OSError:
            return False


_looks: dict[tuple[str, ...], _Look] = {}


def _look(roots: tuple[str, ...]) -> _Seen:
    """Each page once, by the rules of `Registry.skills`; a folder that cannot be read has none."""
    last = _looks.pop(roots, None)
    if last is None or not last.holds():
        folders: list[str] = []
        files: list[str] = []
        seen = _walked(roots, folders, files)
        known = [_listings.get(folder) for folder in folders]
        listed = [listing.mtime for listing in known if listing]
        last = _Look(folders, listed, files, list(seen.values()), seen)
        if len(listed) < len(folders):  # one is missing or too new to be relied on
            return seen
    if len(_looks) >= _OPEN_MAX:
        _looks.clear()
    _looks[roots] = last
    return last.seen


def _walked(roots: Sequence[str], visited: list[str], files: list[str]) -> _Seen:
    """Folder by folder; adds to `visited` the folders, to `files` the pages, in the order seen."""
    seen: dict[tuple[int, str], _Stamp] = {}
    taken: set[str] = set()
    for number, root in enumerate(roots):
        # Strings, not Paths: 1,855 Paths take longer than all the rest.
        start = os.path.join(os.path.abspath(root), "")  # noqa: PTH100, PTH118
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            visited.append(folder)
            pages, folders = _listed(folder)
            waiting += folders
            for path in pages:
                if len(roots) > 1:
                    if path in taken:
                        continue
                    taken.add(path)
                try:
                    found = os.stat(path)  # noqa: PTH116
                    stamp = _Stamp(found.st_mtime_ns, found.st_size, found.st_ctime_ns)
                except OSError:
                    stamp = _Stamp(0, 0, 0)
                seen[number, path[len(start) :]] = stamp
                files.append(path)
    return seen


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """The paths of a folder's pages, and of its folders with a slash behind."""
    try:
        mtime = os.stat(folder).st_mtime_ns  # noqa: PTH116
        known = _listings.get(folder)
        if known and known.mtime == mtime:
            return known.pages, known.folders
        with os.scandir(folder) as found:
            entries = {entry.name: _is_folder(entry) for entry in found}
    except OSError:
        return [], []
    names = [name for name, is_folder in entries.items() if not is_folder]
    main = [name for name in names if name.upper() == "SKILL.MD"]
    pages = [folder + name for name in main or names if _is_page(name)]
    folders = [
        folder + name + os.sep
        for name, is_folder in entries.items()
        if is_folder and _is_searched(name, bool(main)) and not os.path.islink(folder + name)  # noqa: PTH114
    ]
    if time.time_ns() - mtime > _LISTING_SETTLED_SECONDS * 1e9:
        if len(_listings) >= _LISTINGS_MAX:
            _listings.clear()
        _listings[folder] = _Listing(mtime, pages, folders)
    return pages, folders


def _folder_of_main(key: str) -> str | None:
    """The name of the folder that is one skill by the page in it."""
    folder, page_name = os.path.split(key)
    return os.path.basename(folder) if page_name.upper() == "SKILL.MD" else None  # noqa: PTH119


def _is_page(name: str) -> bool:
    stem, _, ending = name.rpartition(".")
    return ending.lower() == "md" and stem != "" and stem.lower() not in registry._NOT_PAGES


def _is_searched(name: str, in_a_skill: bool) -> bool:
    is_hidden = name.startswith(".") and name not in (".claude", ".agents")
    return not is_hidden and not (in_a_skill and name in registry._INSIDE_A_SKILL)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


_PARTS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("attempts", attrgetter("attempt", "why", "lesson", "line")),
    ("empty_attempts", attrgetter("attempt", "why", "lesson", "line")),
    ("rows", attrgetter("line", "section", "cells", "header")),
    ("blocks", attrgetter("line", "section", "language", "text")),
    ("problems", attrgetter("line", "what", "fix")),
)


def _encode(skill: Skill) -> bytes:
    """Rows as tuples, in Python's own format, which is read back five times as fast as JSON.

    It is no format for a damaged file, so what is read has passed the check sum of zlib.
    """
    head = [skill.name, skill.description, dict(skill.metadata), skill.title]
    parts = [[fields(row) for row in getattr(skill, name)] for name, fields in _PARTS]
    return zlib.compress(marshal.dumps([*head, *parts]), 1)


def _decode(body: bytes, path: Path, root: Path) -> Skill:
    try:
        name, description, metadata, title, tried, empty, rows, blocks, problems = marshal.loads(
            zlib.decompress(body)
        )
        return Skill(
            name=name,
            path=path,
            registry=root,
            description=description,
            metadata=metadata,
            title=title,
            attempts=tuple(Attempt(*row) for row in tried),
            empty_attempts=tuple(Attempt(*row) for row in empty),
            rows=tuple(Row(*row) for row in rows),
            blocks=tuple(Block(*row) for row in blocks),
            problems=tuple(Problem(*row) for row in problems),
        )
    except (zlib.error, ValueError, TypeError, EOFError) as error:
        raise sqlite3.DatabaseError("an index with a damaged page") from error


def _numbers(raw: bytes) -> NDArray[np.uint32]:
    try:
        return np.frombuffer(raw, np.uint32)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError("an index with damaged counts") from error


def _bytes(numbers: Iterable[int]) -> bytes:
    return array("I", numbers).tobytes()


def _numbered(entries: Sequence[int], numbers: NDArray[np.uint32]) -> bytes:
    """A term's entries, with the numbers of documents in the place of their rows."""
    both = np.array(entries, np.uint32)
    both[::2] = numbers[both[::2]]
    return both.tobytes()


def _raw(text: str) -> bytes:
    """A name may hold half a character, of a path or an escape, which is no text for SQLite."""
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except (ValueError, AttributeError) as error:
        raise sqlite3.DatabaseError("an index with a damaged name") from error


def _vector(vector: Floats) -> bytes:
    return vector.astype(np.float16).tobytes()


def _vectors(raw: bytes) -> NDArray[np.float16]:
    try:
        return np.frombuffer(raw, np.float16).reshape(-1, DIMENSIONS)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError("an index with damaged vectors") from error


def _meanings(terms: str, raw: bytes) -> Meanings:
    rows = {term: row for row, term in enumerate(terms.split("\n"))}
    vectors = _vectors(raw)
    if len(rows) != len(vectors):
        raise sqlite3.DatabaseError("an index with damaged meanings")
    return Meanings(rows, vectors)


if __name__ == "__main__":
    build(Registry([Path(root) for root in sys.argv[1:]]))
