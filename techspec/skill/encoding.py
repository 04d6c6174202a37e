"""Pages and numbers in, bytes of the index out, and back. Damage is a `sqlite3.DatabaseError`."""

import contextlib
import marshal
import sqlite3
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from techspec.skill.meaning import DIMENSIONS, Floats, Meanings
from techspec.skill.page import Attempt, Block, Row, Skill, excerpt
from techspec.spec.model import Problem

Placed = TypeVar("Placed", bound=Row | Block)

_FIELDS: Mapping[str, Callable[..., Any]] = {
    "attempts": attrgetter("attempt", "why", "lesson", "line"),
    "empty_attempts": attrgetter("attempt", "why", "lesson", "line"),
    "rows": attrgetter("line", "section", "cells", "header", "lead"),
    "blocks": attrgetter("line", "section", "language", "text"),
    "problems": attrgetter("line", "what", "fix"),
}
_OF_EXCERPT = ("attempts", "rows", "blocks")


@contextlib.contextmanager
def damage_told() -> Iterator[None]:
    """Let what Python says of damaged rows, or of an error message that is no text, be damage."""
    try:
        yield
    except (TypeError, ValueError, LookupError, EOFError, zlib.error) as error:
        raise sqlite3.DatabaseError("an index with damaged rows") from error


def encode_page(skill: Skill) -> tuple[bytes, bytes]:
    """The excerpt of a page, and what else it has; its sections are not kept.

    Rows as tuples, in Python's own format, which is read back five times as fast as JSON. It is
    no format for a damaged file, so what is read has passed the check sum of zlib.
    """
    told = excerpt(skill)
    head = [skill.name, skill.description, dict(skill.metadata), skill.title]
    first = [list(map(_FIELDS[part], getattr(told, part))) for part in _OF_EXCERPT]
    beside = []
    for part, fields in _FIELDS.items():
        lines = {row.line for row in getattr(told, part)}
        beside.append([fields(row) for row in getattr(skill, part) if row.line not in lines])
    return _packed([*head, *first]), _packed(beside)


def decode_excerpt(packed: bytes, path: Path, root: Path) -> Skill:
    """The excerpt of the page at a path of a registry folder."""
    with damage_told():
        name, description, metadata, title, tried, rows, blocks = _unpacked(packed)
        return Skill(
            name=name,
            path=path,
            registry=root,
            description=description,
            metadata=metadata,
            title=title,
            attempts=tuple(Attempt(*row) for row in tried),
            rows=tuple(Row(*row) for row in rows),
            blocks=tuple(Block(*row) for row in blocks),
        )


def decode_page(told: Skill, beside: bytes) -> Skill:
    """The page without its sections, from its excerpt and what else it has."""
    with damage_told():
        _, empty, rows, blocks, problems = _unpacked(beside)
        return replace(
            told,
            empty_attempts=tuple(Attempt(*row) for row in empty),
            rows=_by_line(told.rows, (Row(*row) for row in rows)),
            blocks=_by_line(told.blocks, (Block(*row) for row in blocks)),
            problems=tuple(Problem(*row) for row in problems),
        )


def _packed(values: list[Any]) -> bytes:
    return zlib.compress(marshal.dumps(values), 1)


def _unpacked(packed: bytes) -> Any:
    return marshal.loads(zlib.decompress(packed))


def _by_line(told: Iterable[Placed], beside: Iterable[Placed]) -> tuple[Placed, ...]:
    """As on the page, where no two of a kind begin in one line."""
    return tuple(sorted([*told, *beside], key=attrgetter("line")))


def numbers_of(raw: bytes) -> NDArray[np.uint32]:
    """What `bytes_of` or `Counts.packed` wrote."""
    try:
        return np.frombuffer(raw, np.uint32)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError("an index with damaged counts") from error


def bytes_of(numbers: Iterable[int]) -> bytes:
    """Four bytes a number."""
    return array("I", numbers).tobytes()


def encode_text(text: str) -> bytes:
    """A name may hold half a character, of a path or an escape, which is no text for SQLite."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(raw: bytes) -> str:
    """What `encode_text` wrote."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except (ValueError, AttributeError) as error:
        raise sqlite3.DatabaseError("an index with a damaged name") from error


def bytes_of_vector(vector: Floats) -> bytes:
    """Two bytes a component."""
    return vector.astype(np.float16).tobytes()


def vectors_of(raw: bytes) -> NDArray[np.float16]:
    """Directions one behind the other, shape (documents, DIMENSIONS)."""
    return embeddings_of(raw, DIMENSIONS)


def embeddings_of(raw: bytes, width: int) -> NDArray[np.float16]:
    """Vectors one behind the other, shape (documents, width)."""
    try:
        return np.frombuffer(raw, np.float16).reshape(-1, width)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError("an index with damaged vectors") from error


def meanings_of(terms: str, raw: bytes) -> Meanings:
    """What was learned: a term a line, and the direction of each."""
    rows = {term: row for row, term in enumerate(terms.split("\n"))}
    vectors = vectors_of(raw)
    if len(rows) != len(vectors):
        raise sqlite3.DatabaseError("an index with damaged meanings")
    return Meanings(rows, vectors)
