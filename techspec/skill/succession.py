"""Pages in, which of them stand in the place of which out: by what they say of one another."""

import re
from collections.abc import Iterable, Iterator, Mapping

from techspec.skill.objections import Objection
from techspec.skill.page import Skill, visible


def supersedes(page: Skill) -> tuple[str, ...]:
    """The names of the pages in whose place it stands."""
    return _named(page.metadata, "supersedes", "replaces")


def superseded_by(page: Skill) -> tuple[str, ...]:
    """The names of the pages that stand in its place."""
    return _named(page.metadata, "superseded-by", "replaced-by", "successor")


def shown(page: Skill) -> str:
    """The same names, as they are shown; empty where it has none."""
    return visible(", ".join(superseded_by(page)))[:100]


def successors(pages: Iterable[Skill]) -> dict[str, set[str]]:
    """By the name of a page the names of those that supersede it, whichever of both says so."""
    after: dict[str, set[str]] = {}
    for page in pages:
        for newer in superseded_by(page):
            after.setdefault(page.name, set()).add(newer)
        for older in supersedes(page):
            after.setdefault(older, set()).add(page.name)
    return after


def way(start: str, end: str, after: Mapping[str, Iterable[str]]) -> list[str]:
    """The names from one page through its successors to another, both included; else empty."""
    before: dict[str, str] = {}
    left = [start]
    while left:
        name = left.pop()
        for newer in sorted(after.get(name, ())):
            if newer not in before:
                before[newer] = name
                left.append(newer)
    if end not in before:
        return []
    found = [end]
    while found[-1] != start or len(found) == 1:
        found.append(before[found[-1]])
    return found[::-1]


def about_circle(page: Skill, text: str, after: Mapping[str, Iterable[str]]) -> Iterator[Objection]:
    """What is to be said against a page that supersedes itself, be it by way of others."""
    if circle := way(page.name, page.name, after):
        line = next((n for n, t in enumerate(text.split("\n"), 1) if _LINK.match(t)), 1)
        what = f"a circle of pages that supersede each other: {', '.join(circle[:-1])}"
        fix = (
            "decide which of them stands; take its `superseded-by` out, and its name out of the "
            "`supersedes` of the others."
        )
        yield Objection("SKILL.md", line, what, fix)


def _named(metadata: Mapping[str, str], *kinds: str) -> tuple[str, ...]:
    """Names in a field such as `superseded-by`, `superseded_by` or `techspec-superseded-by`."""
    for key, value in metadata.items():
        kind = key.lower().replace("_", "-").removeprefix("techspec-")
        if kind in kinds:
            named = (name.strip(" []\"'") for name in value.split(","))
            return tuple(name for name in named if name)
    return ()


_LINK = re.compile(r"\s+supersede(s|d-by):")
