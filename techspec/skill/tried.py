"""An idea in, the failed attempts of the registry that are like it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from techspec.skill import succession
from techspec.skill.index import Library, ask
from techspec.skill.page import Attempt, Skill, label, visible
from techspec.skill.registry import Registry
from techspec.skill.search import Index, Limits, attempt_document

LIMITS = Limits(possible=0.24, strong=0.32)
"""Confidence from which a row is like an idea: a row is short, so that one which answers holds most
of the words, and one that does not a few by chance. Set on 30 ideas that a failed attempt of 1,855
pages answers, of which it finds 29, and 30 that none does, of which it declines 28, half of them of
the same trade; with keywords 19 of 20 and 18 of 20."""

BESIDE = 0.6
"""Share of the best confidence that a row must have to be told beside it."""

_ALONE = 50
"""Rows that are looked at for the idea alone; one that is told is among the first of them."""


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

    @property
    def said(self) -> tuple[str, str, str]:
        """What was tried, why it failed and the lesson, as it is shown."""
        row = self.attempt
        return visible(row.attempt), visible(row.why), visible(row.lesson)

    @property
    def superseded_by(self) -> str:
        """The names of the pages that stand in the place of its page; empty where none does."""
        return succession.shown(self.skill)


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
        alone = {hit.key: hit.confidence for hit in index.search(idea, (), _ALONE).hits}
        sure = dict(islice(alone.items(), most))
        if keywords:  # of the field around an idea: a row that answers may have none of them
            hits = index.search(idea, keywords, most).hits
            sure = {hit.key: max(hit.confidence, alone.get(hit.key, 0.0)) for hit in hits}
            sure = dict(sorted(sure.items(), key=itemgetter(1), reverse=True))
        least = max(LIMITS.possible, BESIDE * max(sure.values(), default=0.0))
        found = []
        for key, confidence in sure.items():
            if confidence >= least:
                skill, attempt = row(key)
                strength = LIMITS.strength(confidence)
                found.append(Tried(attempt, skill, label_of(skill), confidence, strength))
        still = {each.said for each in found if not each.superseded_by}
        return [each for each in found if not each.superseded_by or each.said not in still]

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
