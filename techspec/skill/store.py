"""What is known of the pages of a registry, in a SQLite file: refreshed, and read in parts.

A cache and no more: nothing is in it that the pages do not say, and it may be deleted any time.
"""

import contextlib
import fcntl
import functools
import gc
import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from techspec.skill import (
    embedding,
    encoding,
    frontmatter,
    glossary,
    listing,
    markdown,
    meaning,
    page,
    registry,
    search,
    words,
)
from techspec.skill.embedding import Model
from techspec.skill.encoding import (
    bytes_of,
    bytes_of_vector,
    damage_told,
    decode_excerpt,
    decode_page,
    decode_text,
    embeddings_of,
    encode_page,
    encode_text,
    meanings_of,
    numbers_of,
    vectors_of,
)
from techspec.skill.heads import Heads
from techspec.skill.listing import Seen, Stamp
from techspec.skill.meaning import PAGES_MIN, Floats, Meanings, learn
from techspec.skill.page import Skill
from techspec.skill.registry import read_inside
from techspec.skill.search import (
    FIELD_WEIGHTS,
    RARITY,
    WEIGHTS,
    Counts,
    Entries,
    Index,
    attempt_document,
    document,
    unpacked,
)

T = TypeVar("T")

_WAIT_SECONDS = 0.25
"""How long another process' refresh is waited for before the old pages answer."""

_WAIT_FIRST_SECONDS = 60.0
"""The same where there are no old pages yet: what another process builds, we need not."""

_SETTLED_SECONDS = 0.02
"""Age below which a page is read again: a later write could leave size and times alike, since a
system's clock for files moves every 4 to 10 ms."""

_SETTLED_COARSE_SECONDS = 2.5
"""The same where times are whole seconds: more than the coarsest clock of a file system, 2 s."""

_INTEGER_MAX = 2**63 - 1
"""What SQLite takes: a date up to the year 2262."""

_DECODED_MAX = 256
"""Pages kept decoded in a process, about 20 kB each, and as many excerpts."""

LEARN_AGAIN = 1.5
"""Growth of a registry since its meanings were learned at which they are learned anew."""

_LEARNING_TRIES = 5
"""Times that we learn again because a page changed meanwhile."""

_ENCODED_AT_ONCE = 64
"""Pages encoded between two writes, in about 5 s; what was written is used at once."""

_REFRESHES_A_PART = 32
"""Refreshes, and steps of learning, after which what refreshes add to terms begins another part:
adding to the part of the first build would write the entries of every common term anew. A part lies
together in the file, so that a refresh writes few of its pages."""

_SWEEP_FROM = 200
"""Documents that are gone at which their entries are swept, if they are also a quarter of all."""

_ENTRY_BYTES = 8
"""Of an entry: a document's number, and a count with its field."""

_TERMS_AT_ONCE = 500
"""Terms looked for in one query; SQLite may take no more than 999 values."""

_PARTS_MAX = 16
"""Parts at which those of refreshes are put together: each term is looked for in each."""


class _Entry(NamedTuple):
    """The head of a page, which does not change: a page that was read again gets a new number."""

    key: str
    root: int
    path: str
    name: str
    stamp: Stamp
    lengths: bytes
    vector: bytes


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process was at it for longer than we wait."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def discard(file: Path) -> bool:
    """Delete a damaged index; False where it cannot be deleted."""
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
    read = (page, markdown, frontmatter, registry)
    for module in (*read, search, words, glossary, meaning, embedding, listing, encoding):
        code.update(Path(module.__file__ or "").read_bytes())
    code.update(Path(__file__).read_bytes())
    return code.hexdigest()


_SCHEMA = """
CREATE TABLE state(
    made_by TEXT, generation INTEGER, last INTEGER, gone INTEGER, swept INTEGER, learned INTEGER,
    model TEXT);
CREATE TABLE pages(
    number INTEGER PRIMARY KEY, root INTEGER, path BLOB, name BLOB, mtime INTEGER, size INTEGER,
    ctime INTEGER, lengths BLOB, vector BLOB);
CREATE TABLE attempts(
    number INTEGER PRIMARY KEY, page INTEGER, row INTEGER, lengths BLOB, vector BLOB);
CREATE INDEX attempts_of_page ON attempts(page);
CREATE TABLE bodies(number INTEGER PRIMARY KEY, excerpt BLOB, beside BLOB);
CREATE TABLE pages_terms(part INTEGER, term TEXT, entries BLOB, PRIMARY KEY(part, term));
CREATE TABLE attempts_terms(part INTEGER, term TEXT, entries BLOB, PRIMARY KEY(part, term));
CREATE TABLE meanings(terms TEXT, vectors BLOB);
CREATE TABLE embeddings(number INTEGER PRIMARY KEY, vector BLOB);
"""


class _Stored:
    """Documents of the database, as `search.Stored`."""

    def __init__(
        self,
        read: Callable[[Sequence[str]], list[bytes]],
        numbers: Sequence[int] = (),
        keys: Sequence[str] = (),
        lengths: Iterable[bytes] = (),
        vectors: Iterable[bytes] | None = None,
        embeddings: Floats | None = None,
    ) -> None:
        """`numbers` ascend; the other values are in their order."""
        self._read = read
        self._numbers = np.array(numbers, np.int64)
        self._and_none = np.append(self._numbers, -1)
        self.keys = keys
        counts = numbers_of(b"".join(lengths)).astype(np.int64)
        self.vectors = None if vectors is None else vectors_of(b"".join(vectors)).astype(np.float32)
        documents = len(counts) if self.vectors is None else len(self.vectors) * len(WEIGHTS)
        if not len(keys) * len(WEIGHTS) == len(counts) == documents:
            raise sqlite3.DatabaseError("an index with damaged counts")
        self.embeddings = embeddings
        self.lengths = counts.reshape(-1, len(WEIGHTS))

    @damage_told()
    def entries(self, terms: Sequence[str]) -> Entries:
        raw = self._read(terms)
        if any(len(entries) % _ENTRY_BYTES for entries in raw):
            raise sqlite3.DatabaseError("an index with damaged counts")
        lengths = [len(entries) // _ENTRY_BYTES for entries in raw]
        codes = np.arange(len(terms)).repeat(lengths)
        both = numbers_of(b"".join(raw)).astype(np.int64)
        numbers, counts = both[::2], both[1::2]
        rows = self._numbers.searchsorted(numbers)
        # Beyond the last row, or another's, is what belonged to a document that is gone.
        alive = self._and_none[rows] == numbers
        return Entries(codes[alive], rows[alive], counts[alive])


def _connected(file: Path | str) -> sqlite3.Connection:
    """An index that has its tables, made where it is new."""
    db = sqlite3.connect(file, _WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with damage_told():
            db.execute("PRAGMA journal_mode = WAL")  # readers keep their pages while one writes
            db.execute("PRAGMA synchronous = NORMAL")
            if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                made = f"INSERT INTO state VALUES ('{_made_by()}', 0, 0, 0, 0, 0, '')"
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {made}; COMMIT")
            if db.execute("SELECT made_by FROM state").fetchone() != (_made_by(),):
                raise sqlite3.DatabaseError("an index of another version")
    except sqlite3.Error:
        db.close()
        raise
    return db


class Cache:
    """An open index, and what of it is held in memory. Raises sqlite3.Error alone."""

    def __init__(
        self, file: Path | None, roots: tuple[str, ...], model: Model | None = None
    ) -> None:
        self._file, self.roots = file, roots
        self.model = model if file else None
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
        self._excerpts: dict[int, Skill] = {}
        self._whole: dict[int, Skill] = {}
        self.index: Index | None = None
        self.attempt_index: Index | None = None
        self._builder: subprocess.Popen[bytes] | None = None
        self._built_for = 0
        self._heads: Heads | None = None
        self.page_heads: Sequence[Skill] | None = None
        self.labels: dict[int, str] | None = None
        self.meanings: Meanings | None = None
        self._learned = self._swept = 0
        self._known: Seen = {}
        self._forget()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def is_current(self) -> bool:
        """False once the file was deleted or replaced."""
        try:
            return self._file is None or self._file.stat().st_ino == self._inode
        except OSError:
            return False

    @contextlib.contextmanager
    def _transaction(self, kind: str = "") -> Iterator[None]:
        """All of it or nothing; `IMMEDIATE` keeps others from writing."""
        self._db.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # of a full disk, say, SQLite rolls back by itself
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

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
            with self._transaction("IMMEDIATE"):
                return False
        except sqlite3.OperationalError as error:
            if is_busy(error):
                return True
            raise

    def heads(self, seen: Seen) -> Heads:
        """The pages by their tops, kept until one changes."""
        if self._heads is None or self._heads.seen != seen:
            collects = gc.isenabled()
            gc.disable()  # a fifth of the time goes into looking for garbage where all is kept
            try:
                self._heads = Heads(self.roots, seen)
            finally:
                if collects:
                    gc.enable()
        self._heads.forget()  # the question before
        return self._heads

    def answer(self, seen: Seen, question: Callable[[], T]) -> T:
        """Refresh what is stored from what was seen, then ask."""
        self._read_anew()
        if not self._is_known(seen):
            self._refresh()
        with self._transaction():  # to its end no other process' refresh is seen
            self._load()
            return question()

    def _is_known(self, seen: Seen) -> bool:
        """Whether what is stored is what was seen; two looks without news give the same `seen`."""
        if self._known is not seen and self._known == seen:
            self._known = seen  # so that nothing need be compared next time
        return self._known is seen

    def start_learning(self) -> None:
        """Let another process learn and encode, unless we started one for these pages before."""
        last = max(self.entries, default=0)
        if not self._file or self._built_for == last:
            return
        if self._builder and self._builder.poll() is None:
            return
        if self._has_more_to_learn() or self._has_more_to_encode():
            self._built_for = last
            self._builder = _started(self.roots)

    def _has_more_to_encode(self) -> bool:
        embeddings = self.pages.embeddings
        return self.model is not None and bool(
            len(self.entries) if embeddings is None else np.isnan(embeddings[:, 0]).any()
        )

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
                    break
            while self.model and self._encode_some(self.model):
                pass

    def _read_anew(self) -> None:
        with self._transaction():
            self._load()

    def _learn_once(self) -> bool:
        """False where pages changed meanwhile: they would be left without a direction."""
        query = "SELECT DISTINCT term FROM pages_terms WHERE instr(term, ' ') = 0 ORDER BY term"
        terms = [term for (term,) in self._db.execute(query)]
        columns, rows, numbers = self.pages.entries(terms)
        fields, counts = unpacked(numbers)
        meanings, vectors = learn(
            terms,
            columns,
            rows,
            (counts * FIELD_WEIGHTS[fields]).astype(np.float32),
            len(self.entries),
            RARITY,
        )
        with self._transaction("IMMEDIATE"):
            if self._one("SELECT generation FROM state") != self._generation:
                return False
            self._db.execute("DELETE FROM meanings")
            values = ("\n".join(meanings.rows), meanings.vectors.tobytes())
            self._db.execute("INSERT INTO meanings VALUES (?, ?)", values)
            self._db.executemany(
                "UPDATE pages SET vector = ? WHERE number = ?",
                zip(map(bytes_of_vector, vectors), sorted(self.entries), strict=True),
            )
            change = "UPDATE state SET learned = ?, generation = generation + 1"
            self._db.execute(change, [len(self.entries)])
        return True

    def _encode_some(self, model: Model) -> bool:
        """Encode pages that were not encoded yet, if there are any."""
        with self._transaction():
            self._load()
            known = self.pages.embeddings
            numbers = np.array(list(self.entries), np.int64)
            left = numbers if known is None else numbers[np.isnan(known[:, 0])]
            texts = {
                number: _encoded(self.page(number)) for number in left[:_ENCODED_AT_ONCE].tolist()
            }
        if not texts:
            return False
        vectors = map(bytes_of_vector, model.encode(list(texts.values())))
        with self._transaction("IMMEDIATE"):
            if known is None:  # those of another model
                self._db.execute("DELETE FROM embeddings")
            self._db.executemany(
                "INSERT OR REPLACE INTO embeddings SELECT number, ? FROM pages WHERE number = ?",
                zip(vectors, texts, strict=True),
            )
            change = "UPDATE state SET model = ?, generation = generation + 1"
            self._db.execute(change, [model.fingerprint])
        return True

    @damage_told()
    def attempts(self) -> Index:
        """The failed attempts of all pages, by row and path."""
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

    def names(self) -> list[tuple[int, str]]:
        """The number and the name of each page."""
        return [(number, entry.name) for number, entry in self.entries.items()]

    def place(self, number: int) -> tuple[int, str]:
        """The number of its folder, and its path below."""
        entry = self.entries[number]
        return entry.root, entry.path

    def page(self, number: int) -> Skill:
        """The page without its sections."""
        if number not in self._whole:
            beside = self._one("SELECT beside FROM bodies WHERE number = ?", number)
            _make_room(self._whole)
            self._whole[number] = decode_page(self.excerpt(number), beside)
        return self._whole[number]

    def excerpt(self, number: int) -> Skill:
        """As `page.excerpt`."""
        if number not in self._excerpts:
            _make_room(self._excerpts)
            packed = self._one("SELECT excerpt FROM bodies WHERE number = ?", number)
            entry = self.entries[number]
            root = Path(self.roots[entry.root])
            self._excerpts[number] = decode_excerpt(packed, root / entry.path, root)
        return self._excerpts[number]

    def _one(self, query: str, *values: object) -> Any:
        return self._row(query, *values)[0]

    def _row(self, query: str, *values: object) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        if row is None:
            raise sqlite3.DatabaseError("an index with a row missing")
        return row

    def _entries(self, table: str, terms: Sequence[str]) -> list[bytes]:
        """Of each term its entries, those of the first part first."""
        # So SQLite looks for the terms in each part, and nowhere else.
        parts = ", ".join(map(str, range(self._last_part() + 1)))
        found: dict[str, bytes] = {}
        for begin in range(0, len(terms), _TERMS_AT_ONCE):
            some = terms[begin : begin + _TERMS_AT_ONCE]
            query = (
                f"SELECT part, term, entries FROM {table}"
                f" WHERE part IN ({parts}) AND term IN ({', '.join('?' * len(some))})"
            )
            for _, term, entries in sorted(self._db.execute(query, some)):
                found[term] = found.get(term, b"") + entries
        return [found.get(term, b"") for term in terms]

    def _last_part(self) -> int:
        """The one that a refresh adds to."""
        return -(-(self._generation - self._swept) // _REFRESHES_A_PART)

    def _forget(self) -> None:
        self.pages = _Stored(functools.partial(self._entries, "pages_terms"))
        self.entries: dict[int, _Entry] = {}
        self.numbers: dict[str, int] = {}
        self.index = self.attempt_index = None
        self.page_heads = self.labels = None
        self._known = {}

    @damage_told()
    def _load(self) -> None:
        """Hold the head of every page in memory, unless that is done."""
        generation = self._one("SELECT generation FROM state")
        if generation == self._generation:
            return
        before = self.entries
        self._forget()
        learned = self._one("SELECT learned FROM state")
        if learned != self._learned:  # it grows each time that we learn, which moves every page
            before = {}
            self.meanings = meanings_of(*self._row("SELECT terms, vectors FROM meanings"))
        self._learned = learned
        self._swept = self._one("SELECT swept FROM state")
        left = {number for (number,) in self._db.execute("SELECT number FROM pages")}
        entries = {number: entry for number, entry in before.items() if number in left}
        rows = self._db.execute(
            "SELECT number, root, path, name, mtime, size, ctime, lengths, vector"
            " FROM pages WHERE number > ? ORDER BY number",
            [max(entries, default=0)],
        )
        for number, root, raw, name, mtime, size, ctime, lengths, vector in rows:
            path = os.fsdecode(raw)
            entries[number] = _Entry(
                os.path.join(self.roots[root], path),  # noqa: PTH118 1,855 times in 2 ms
                root,
                path,
                decode_text(name),
                Stamp(mtime, size, ctime),
                lengths,
                vector or b"",
            )
        self.entries = entries
        self.numbers = {entry.key: number for number, entry in entries.items()}
        self._known = {(entry.root, entry.path): entry.stamp for entry in entries.values()}
        self.pages = _Stored(
            functools.partial(self._entries, "pages_terms"),
            list(entries),
            list(self.numbers),
            (entry.lengths for entry in entries.values()),
            (entry.vector for entry in entries.values()) if self.meanings else None,
            self._embeddings(),
        )
        self._generation = generation

    def _embeddings(self) -> Floats | None:
        """Each page's vector by the model at hand, shape (pages, width), NaN where it has none."""
        if self.model is None or self._one("SELECT model FROM state") != self.model.fingerprint:
            return None
        rows = dict(self._db.execute("SELECT number, vector FROM embeddings").fetchall())
        none = np.full(self.model.width, np.nan, np.float16).tobytes()
        raw = b"".join(rows.get(number, none) for number in self.entries)
        return embeddings_of(raw, self.model.width).astype(np.float32)

    def _refresh(self) -> None:
        """Store what is seen and not known; another process that is at it is left to it."""
        wait = _WAIT_SECONDS if self._generation else _WAIT_FIRST_SECONDS
        self._db.execute(f"PRAGMA busy_timeout = {int(1000 * wait)}")
        try:
            with self._transaction("IMMEDIATE"):
                self._store_news()
        except sqlite3.OperationalError as error:
            if not (self._generation and is_busy(error)):
                raise

    def _store_news(self) -> None:
        self._load()
        # Anew: the wait was long, and what we saw would undo news.
        seen = listing.look(self.roots)
        known = self._known
        numbers = {(entry.root, entry.path): n for n, entry in self.entries.items()}
        self._remove([n for place, n in numbers.items() if known[place] != seen.get(place)])
        self._add([place for place in seen if known.get(place) != seen[place]], seen)
        self._sweep()
        self._db.execute("UPDATE state SET generation = generation + 1")

    def _remove(self, numbers: Sequence[int]) -> None:
        each = [[number] for number in numbers]
        of_pages = (("pages", "number"), ("bodies", "number"), ("embeddings", "number"))
        for table, column in (*of_pages, ("attempts", "page")):
            self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", each)
        self._db.execute("UPDATE state SET gone = gone + ?", [len(each)])

    def _add(self, places: Sequence[tuple[int, str]], seen: Seen) -> None:
        last = self._one("SELECT last FROM state")
        now = time.time_ns()
        pages, attempts = Counts(self.meanings), Counts()
        page_rows, bodies, attempt_rows = [], [], []
        for root, path in places:
            folder = Path(self.roots[root])
            skill = read_inside(folder / path, folder)
            stamp = seen[root, path]
            if (
                0 <= now - stamp.ctime < _settling_seconds(stamp) * 1e9
                or max(map(abs, stamp)) > _INTEGER_MAX
                or (page.is_unread(skill) and _can_be_read(skill.path))
            ):
                stamp = Stamp(0, -1, 0)
            last += 1
            number = last
            pages.add(document(skill, ""))
            page_rows.append((number, root, os.fsencode(path), encode_text(skill.name), *stamp))
            bodies.append((number, *encode_page(skill)))
            for row in range(len(skill.attempts)):
                last += 1
                attempts.add(attempt_document(skill, row, ""))
                attempt_rows.append((last, number, row))
        self._db.executemany("INSERT INTO bodies VALUES (?, ?, ?)", bodies)
        self._insert("pages", page_rows, pages)
        self._insert("attempts", attempt_rows, attempts)
        self._db.execute("UPDATE state SET last = ?", [last])

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]], counted: Counts) -> None:
        """Add rows, which begin with their number, and what their documents count."""
        if not rows:
            return
        lengths = map(bytes_of, counted.lengths.tolist())
        vectors = counted.vectors
        raw = [None] * len(rows) if vectors is None else map(bytes_of_vector, vectors)
        marks = ", ".join("?" * (len(rows[0]) + 2))
        self._db.executemany(
            f"INSERT INTO {table} VALUES ({marks})",
            ((*row, *both) for row, *both in zip(rows, lengths, raw, strict=True)),
        )
        numbers = np.array([row[0] for row in rows], np.uint32)
        self._db.executemany(
            f"INSERT INTO {table}_terms VALUES ({self._last_part()}, ?, ?) ON CONFLICT DO UPDATE"
            " SET entries = CAST(entries || excluded.entries AS BLOB)",
            counted.packed(numbers),
        )

    @damage_told()
    def _sweep(self) -> None:
        """Drop the entries of documents that are gone once they are many; put parts together.

        The part of the first build is touched only where documents are dropped: it is the largest.
        """
        gone, generation = self._row("SELECT gone, generation FROM state")
        are_many = gone >= _SWEEP_FROM and 4 * gone >= self._one("SELECT count(*) FROM pages")
        if not are_many and self._last_part() < _PARTS_MAX:
            return
        first = 0 if are_many else 1
        for numbers in ("pages", "attempts"):
            table = f"{numbers}_terms"
            found = self._db.execute(f"SELECT number FROM {numbers}").fetchall()
            alive = np.array(found, np.uint32).reshape(-1)
            known: dict[str, bytes] = {}
            every = f"SELECT term, entries FROM {table} WHERE part >= {first} ORDER BY part, term"
            for term, entries in self._db.execute(every):
                known[term] = known.get(term, b"") + entries
            self._db.execute(f"DELETE FROM {table} WHERE part >= {first}")
            self._db.executemany(f"INSERT INTO {table} VALUES ({first}, ?, ?)", _left(known, alive))
        # The next refresh begins the part behind the one that was written here.
        swept = generation - first * _REFRESHES_A_PART
        self._db.execute("UPDATE state SET gone = ?, swept = ?", [0 if are_many else gone, swept])


def _left(entries: Mapping[str, bytes], alive: NDArray[np.uint32]) -> Iterator[tuple[str, bytes]]:
    """Each term, ascending, and its entries of documents that are there still, if it has any.

    They are looked through together: one term after the other, a sweep takes 12 times as long.
    """
    terms = sorted(entries)
    raw = b"".join(map(entries.__getitem__, terms))
    both = numbers_of(raw).reshape(-1, 2)
    is_left = np.isin(both[:, 0], alive)
    raw = both[is_left].tobytes()
    lengths = np.array([len(entries[term]) for term in terms], np.int64)
    ends = _ENTRY_BYTES * np.append(0, is_left.cumsum())[lengths.cumsum() // _ENTRY_BYTES]
    begin = 0
    for term, end in zip(terms, ends.tolist(), strict=True):
        if begin < end:
            yield term, raw[begin:end]
        begin = end


def _encoded(skill: Skill) -> str:
    """What a sentence model is told of a page; of more the ranking gains nothing."""
    return f"{skill.name.replace('-', ' ')}. {skill.description or skill.title}"


def _make_room(decoded: dict[int, Skill]) -> None:
    if len(decoded) >= _DECODED_MAX:
        decoded.clear()


def _settling_seconds(stamp: Stamp) -> float:
    return _SETTLED_SECONDS if stamp.ctime % 1_000_000_000 else _SETTLED_COARSE_SECONDS


def _can_be_read(path: Path) -> bool:
    """Whether a page that was not read may be next time: nothing about it need change first."""
    return os.path.isfile(path) and os.access(path, os.R_OK)  # noqa: PTH113


def _started(roots: Sequence[str]) -> "subprocess.Popen[bytes] | None":
    """A process that builds the index and outlives us; None where none can be started."""
    # What we were found in ourselves, and not the working folder: it may hold a yaml.py of its own.
    here = dict.fromkeys([os.fspath(Path(__file__).parents[2]), *filter(None, sys.path)])
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "techspec.skill.index", *roots],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(here), "OPENBLAS_NUM_THREADS": "1"},
        )
    except OSError:
        return None
