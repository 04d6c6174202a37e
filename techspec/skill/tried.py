"""An idea in, the failed attempts of the registry that are like it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from techspec.skill.index import Library, ask
from techspec.skill.page import Attempt, Skill, label
from techspec.skill.registry import Registry
from techspec.skill.search import Index, Limits, attempt_document

LIMITS = Limits(possible=0.2, strong=0.3)
"""Confidence from which a row is like an idea, with keywords or without: a row is short, so that
one which answers holds most of the words, and one that does not a few by chance. Set on 30 ideas
that a failed attempt of 1,855 pages answers, of which it finds 29, and 30 that none does, of
which it declines 24, half of them of the same trade."""

BESIDE = 0.6
"""Share of the best confidence that a row must have to be told beside it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A failed attempt like the one asked for; `confidence` as in `search.Hit`."""

    attempt: Attempt
    skill: Skill
    label: str
    """What the page is cited and asked for by."""
    confidence: float
    strength: str
    """`strong` or `possible`."""


def tried(
    idea: str,
    skills: Sequence[Skill] | Registry,
    keywords: Sequence[str] = (),
    most: int = 5,
) -> list[Tried]:
    """Has anybody tried it? Best first; empty when nobody wrote that they did.

    Args:
        idea: one change or arm, in words.
        skills: where to look; of a registry only pages that changed are read.
        keywords: 5 to 10 technical terms beside it.
        most: rows wanted, at most.
    """

    def rows(
        index: Index,
        row: Callable[[str], tuple[Skill, Attempt]],
        label_of: Callable[[Skill], str] = label,
    ) -> list[Tried]:
        hits = index.search(idea, keywords, most).hits
        least = BESIDE * max((hit.confidence for hit in hits), default=0.0)
        found = []
        for hit in hits:
            degree = LIMITS.strength(hit.confidence)
            if degree != "none" and hit.confidence >= least:
                skill, attempt = row(hit.key)
                found.append(Tried(attempt, skill, label_of(skill), hit.confidence, degree))
        return found

    def from_registry(library: Library) -> list[Tried]:
        return rows(library.attempts(), library.attempt, library.label)

    if isinstance(skills, Registry):
        return ask(skills, from_registry)
    known: dict[str, tuple[Skill, Attempt]] = {}
    documents = []
    for number, skill in enumerate(skills):
        for row, attempt in enumerate(skill.attempts):
            key = f"{number}:{row}"
            known[key] = (skill, attempt)
            documents.append(attempt_document(skill, row, key))
    return rows(Index(documents), known.__getitem__)
