"""What lint says: where, which rule, what is wrong, and what would settle it."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["problem", "note"]
"""A problem should be mended before the spec is run; a note is worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say of a spec. `fix` is an imperative that can be followed as it stands."""

    code: str
    line: int
    """From 1."""
    message: str
    fix: str
    column: int | None = None
    """First character of the offending text in its line, from 1; None is the whole line."""
    end: int | None = None
    """The column after its last character."""
    level: Level = "problem"


@dataclass(frozen=True, slots=True)
class Settled:
    """A hypothesis that earlier findings have decided, as whoever knows them says it."""

    hypothesis: str
    outcome: str
    said: str
    """What was found, with its sources."""
