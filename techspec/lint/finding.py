"""What lint says: where, which rule, what is wrong, and what would settle it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a spec. `fix` is an imperative that can be followed as it stands."""

    code: str
    line: int
    """From 1."""
    message: str
    fix: str
    column: int | None = None
    """First character of the offending text in its line, from 1; None is the whole line."""
    end: int | None = None
    """The column after its last character."""
