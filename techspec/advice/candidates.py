"""Ranked pages in, the few to quote out: each study once, the newest and best evidenced of it."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

from techspec.identity import digest_text
from techspec.ledger.folder import of_spec
from techspec.skill.distil import identity, without_results
from techspec.skill.page import GRADES, Skill, label, read, visible
from techspec.skill.registry import file_text
from techspec.skill.succession import successors, superseded_by, way
from techspec.skill.words import of_word, words
from techspec.spec.model import Spec
from techspec.spec.results import find

TWINS = 0.5
"""Share of the words of two names and descriptions from which pages say nearly the same."""

_LONGEST_EVENT = 100_000
_PREDICTED = re.compile(r"hypothes[ei]s", re.I)
_CAMPAIGN = re.compile(r"\bplan `?([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A page that is to be quoted."""

    key: str
    """Of the match that brought it."""
    page: Skill
    similar: int = 0
    instead_of: str = ""


def choose(
    ranked: Sequence[str],
    page_of: Callable[[str], Skill],
    named: Callable[[str], Skill | None],
    most: int,
) -> list[Candidate]:
    """The pages to quote, best first.

    A page that another one supersedes gives way to it. Of a skill and the spec that taught it the
    skill is quoted, and of pages that say nearly the same the best evidenced one.

    Args:
        ranked: keys of pages, best first.
        page_of: the page of a key.
        named: the page of a name that a superseded page points to; None where there is none.
        most: pages wanted, at most.
    """
    pages = {key: page_of(key) for key in ranked}
    gone = _gone(pages.values())
    taught = frozenset[str]().union(*(_marks(p) for p in pages.values() if not is_spec(p.path)))
    chosen: list[Candidate] = []
    for key, page in pages.items():
        if is_spec(page.path) and taught & _marks(page):
            continue
        newest = _newest(page, named)
        if newest is page and page.name in gone:
            continue
        instead_of = "" if newest is page else visible(page.name)
        if any(other.page.path == newest.path for other in chosen):
            continue
        twin = next((n for n, other in enumerate(chosen) if are_twins(newest, other.page)), None)
        if twin is None:
            if len(chosen) < most:
                chosen.append(Candidate(key, newest, instead_of=instead_of))
            continue
        kept = replace(chosen[twin], similar=chosen[twin].similar + 1)
        if _rank(newest) < _rank(kept.page):
            kept = replace(kept, key=key, page=newest, instead_of=instead_of)
        chosen[twin] = kept
    return chosen


def as_page(path: Path, spec: Spec) -> Skill:
    """A spec as a page: its title and objective are its name and description.

    What it predicts is left out: nobody found that, unless its results say so. Of its evidence
    they alone say how good it is.
    """
    page = read(spec.text, path)
    return replace(
        page,
        name=spec.title or path.stem,
        description=spec.objective or page.description,
        metadata={key: value for key, value in page.metadata.items() if key != "evidence"},
        counted=_grade_of_results(spec, page),
        rows=tuple(row for row in page.rows if not _PREDICTED.search(row.section)),
    )


def is_spec(path: Path) -> bool:
    """Whether a file is a spec by its name."""
    return path.name.startswith("TECHSPEC") and path.suffix == ".md"


def are_twins(a: Skill, b: Skill) -> bool:
    """Whether two pages say nearly the same, by their names and descriptions."""
    first, second = (_words(f"{page.name} {page.description}") for page in (a, b))
    return len(first & second) >= TWINS * len(first | second) > 0


@lru_cache(maxsize=4_096)
def _words(text: str) -> frozenset[str]:
    return frozenset(chain.from_iterable(map(of_word, set(words(text)))))


def labels(pages: Sequence[Skill], of_registry: Callable[[Skill], str]) -> list[str]:
    """A name for each page, unlike the others: a registry's pages are asked for by theirs.

    Args:
        pages: which to name.
        of_registry: what a registry's page is asked for by.
    """
    given = ["" if is_spec(page.path) else of_registry(page) for page in pages]
    for place, page in enumerate(pages):
        name = cited = label(page) or "unnamed"
        number = 1
        while not given[place]:
            if cited not in given:
                given[place] = cited
            number += 1
            cited = f"{name}#{number}"
    return given


def _grade_of_results(spec: Spec, page: Skill) -> str:
    """How many seeds an arm the results that techspec wrote into a spec have; empty without any."""
    block = find(spec.text)
    if block is None or not _CAMPAIGN.search(_results(spec.text, block)):
        return ""
    counts = [
        int(ran[0])
        for row in page.rows
        if block[0] < row.line <= block[1]
        for head, cell in zip(row.header, row.cells, strict=False)
        if head.strip() == "Seeds" and (ran := re.match(r"[1-9]\d*", cell))
    ]
    if not counts:
        return ""
    return "measured over seeds" if min(counts) > 1 else "one run"


def _results(text: str, block: tuple[int, int]) -> str:
    return "\n".join(text.splitlines()[block[0] : block[1]])


def _marks(page: Skill) -> frozenset[str]:
    """What tells which study a page comes from: its plan, its campaign, its spec's digest.

    A skill that was taught by a spec shares one of these with it, also after edits of the spec.
    """
    if is_spec(page.path):
        return frozenset(_marks_of_spec(page))
    try:
        facts = json.loads(file_text(page.path.parent, "evidence/plan.json"))
    except (OSError, ValueError, RuntimeError):  # the last for a loop of links, or of brackets
        return frozenset()
    if not isinstance(facts, dict):
        return frozenset()
    told = (str(facts.get(key, "")) for key in ("plan", "campaign", "spec_sha256"))
    return frozenset(mark[:64] for mark in told if mark) | {str(facts.get("plan", ""))[:16]} - {""}


def _marks_of_spec(page: Skill) -> Iterator[str]:
    text = "\n".join(section.text for section in page.sections)
    yield from _CAMPAIGN.findall(text)
    campaign = of_spec(page.path)
    try:
        yield digest_text(without_results(file_text(page.path.parent, page.path.name)))
        with campaign.ledger.open("rb") as ledger:
            opened = json.loads(ledger.readline(_LONGEST_EVENT))
        yield identity(campaign.name, opened["time"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return


def _gone(pages: Collection[Skill]) -> set[str]:
    """Names that a page of another name, no worse evidenced, supersedes; in a circle all stay."""
    after = successors(pages)
    known = {page.name for page in pages}
    told = {name: newer & known for name, newer in after.items() if name in known}
    involved = set[str]().union(*told.values(), *([name] for name, newer in told.items() if newer))
    ranks: dict[str, int] = {}
    for page in pages:
        if page.name in involved:
            ranks[page.name] = min(_rank(page), ranks.get(page.name, len(GRADES)))
    return {
        name
        for name, newer in told.items()
        if any(not way(each, name, after) and ranks[each] <= ranks[name] for each in newer)
    }


def _newest(page: Skill, named: Callable[[str], Skill | None]) -> Skill:
    """The page that stands for this one now: itself, or what it says superseded it."""
    seen = {page.path}
    while names := superseded_by(page):
        successor = named(names[0])
        if successor is None or successor.path in seen:
            break
        page = successor
        seen.add(page.path)
    return page


def _rank(page: Skill) -> int:
    return GRADES.index(page.evidence)
