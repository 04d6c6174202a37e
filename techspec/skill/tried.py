"""An idea in, the failed attempts of the registry that are like it out."""

from collections.abc import Sequence
from dataclasses import dataclass

from techspec.skill.page import Attempt, Skill
from techspec.skill.search import Document, Index, strength


@dataclass(frozen=True, slots=True)
class Tried:
    """A failed attempt like the one asked for; `confidence` as in `search.Hit`."""

    attempt: Attempt
    skill: Skill
    confidence: float
    strength: str
    """`strong` or `possible`."""


def tried(
    idea: str, skills: Sequence[Skill], keywords: Sequence[str] = (), most: int = 5
) -> list[Tried]:
    """Has anybody tried it? Best first; empty when nobody wrote that they did."""
    rows = [(skill, attempt) for skill in skills for attempt in skill.attempts]
    index = Index(
        Document(
            str(number),
            {
                "description": attempt.attempt,
                "failed": f"{attempt.why} {attempt.lesson}",
                "prose": f"{skill.name} {' '.join(skill.tags)}",
            },
        )
        for number, (skill, attempt) in enumerate(rows)
    )
    found = []
    for hit in index.search(idea, keywords, most).hits:
        skill, attempt = rows[int(hit.key)]
        degree = strength(hit.confidence, bool(keywords))
        if degree != "none":
            found.append(Tried(attempt, skill, hit.confidence, degree))
    return found
