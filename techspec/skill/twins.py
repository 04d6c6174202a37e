"""A page and a registry in, the pages that say the same out, and which of them it refutes.

Two pages of one thing are found by nobody as one, and count as two sources.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from techspec.records import NotThatRecord, decode
from techspec.skill import findings
from techspec.skill.findings import Finding
from techspec.skill.index import Library, ask
from techspec.skill.known import of_skill, opposed, say, subject, together
from techspec.skill.page import GRADES, Skill, visible
from techspec.skill.registry import Registry, file_text
from techspec.skill.words import terms
from techspec.verdict.model import Outcome

LIKENESS = 0.5
"""Jaccard index from which two pages are twins; .5 finds 13 pairs among 1,855 real pages."""

_CANDIDATES = 20
"""Hits of the search that are compared; a twin shares half of the words that weigh most."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What a finding compared: a metric over values of the parameters that its arms vary."""

    metric: str
    varied: frozenset[tuple[str, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Tested:
    """A finding of a page: its contrast, and its claim without margins."""

    contrast: Contrast
    claim: str
    data: str = ""
    """Digest of what its scores come from; empty where nobody said."""

    def is_as(self, other: "Tested") -> bool:
        """Whether both held the same against the same, as far as is known on the same data."""
        on_other_data = self.data and other.data and self.data != other.data
        return self.contrast == other.contrast and not on_other_data


@dataclass(frozen=True, slots=True)
class Twin:
    """A page that says the same, and by what it was recognised."""

    skill: Skill
    likeness: float
    """Jaccard index of the stems of name and description, from 0 to 1."""
    same_contrast: str = ""
    """The claim that both tested; empty where only words agree."""
    contrary: tuple[tuple[Finding, Finding], ...] = ()
    """Verdicts on one thing that cannot both be right: the other page's, then this one's."""

    @property
    def contradicts(self) -> bool:
        """Whether a claim of one came out otherwise in the other."""
        return bool(self.contrary)

    @property
    def why(self) -> str:
        """In words."""
        if self.same_contrast:
            return f"tested the same: {self.same_contrast}"
        return f"{100 * self.likeness:.0f} % of the words of name and description are the same"


def twins_of(page: Skill, said: str, registry: Registry) -> list[Twin]:
    """The pages of a registry that say what a new one says, the likest first.

    Args:
        page: the new one; a page of the registry at the same path is no twin of it.
        said: its evidence/findings.json; empty without one.
        registry: searched as advise does.
    """
    tested, found_here = read_tested(said), _findings(said)
    own = _stems(page)

    def candidates(library: Library) -> list[Skill]:
        keys = [
            hit.key
            for hit in library.index().search(page.description, [page.name], _CANDIDATES).hits
        ]
        if tested:
            measured = [str(path) for path in _measured(registry)]
            keys += [key for key in measured if key in library and key not in keys]
        return [library.page(key) for key in keys]

    found = []
    for other in ask(registry, candidates):
        likeness = _jaccard(own, _stems(other))
        claim = _compared(tested, tested_by(other)) if tested else ""
        if other.path != page.path and (likeness >= LIKENESS or claim):
            contrary = _contrary(found_here, _findings_of(other)) if claim else ()
            found.append(Twin(other, likeness, claim, contrary))
    return sorted(found, key=lambda twin: (not twin.same_contrast, -twin.likeness))


def pairs(skills: Sequence[Skill]) -> list[tuple[Twin, Skill]]:
    """All twins among these pages, each as (the better evidenced one, the other)."""
    stems = [_stems(skill) for skill in skills]
    tested = [tested_by(skill) for skill in skills]
    likely = {*_alike(stems), *_tested_alike(tested)}
    found = []
    for first, second in sorted(likely):
        likeness = _jaccard(stems[first], stems[second])
        claim = _compared(tested[first], tested[second])
        if likeness < LIKENESS and not claim:
            continue
        better, other = skills[first], skills[second]
        if evidence_order(other) < evidence_order(better):
            better, other = other, better
        if not _is_linked(better, other):
            contrary = _contrary(_findings_of(other), _findings_of(better)) if claim else ()
            found.append((Twin(better, likeness, claim, contrary), other))
    return sorted(found, key=lambda pair: (-pair[0].likeness, str(pair[0].skill.path)))


def refuted(twins: Sequence[Twin]) -> list[Twin]:
    """Those of which all that was decided came out otherwise, on evidence that is no worse.

    A page that also says what nobody refuted keeps its place, and so does one whose claim two
    studies decided alike.
    """
    contrary = [twin for twin in twins if twin.contradicts]
    cited = [each for twin in contrary for each in of_skill(twin.skill.path.parent)]
    held = {subject(each.first) for each in together(cited) if each.evidence == "replicated"}

    def is_refuted(twin: Twin) -> bool:
        gone = [old for new, old in twin.contrary if _is_as_good(new, old)]
        decided = [each for each in _findings_of(twin.skill) if each.outcome in _DECIDED]
        return all(each in gone and subject(each) not in held for each in decided)

    return [twin for twin in contrary if is_refuted(twin)]


_DECIDED = (Outcome.CONFIRMED, Outcome.REFUTED)


def _is_as_good(new: Finding, old: Finding) -> bool:
    planned = new.is_as_planned or not old.is_as_planned
    return planned and new.seeds_min >= old.seeds_min


def otherwise(new: Finding, old: Finding) -> str:
    """What one page found against what the other had."""
    return visible(f"{say(new)}, against {say(old)}")


def evidence_order(skill: Skill) -> tuple[int, int, int, tuple[str, ...]]:
    """Sorts the better evidenced page first: by grade, runs, failed attempts, then path."""
    runs = 0
    try:
        runs = max(0, file_text(skill.path.parent, "evidence/runs.csv").count("\n") - 1)
    except (OSError, ValueError, RuntimeError):
        pass
    return GRADES.index(skill.evidence), -runs, -len(skill.attempts), skill.path.parts


def tested_by(skill: Skill) -> list[Tested]:
    """What the evidence beside a page says that it tested; nothing where it cannot be read."""
    try:
        return read_tested(file_text(skill.path.parent, findings.FILE))
    except (OSError, ValueError, RuntimeError):  # the last for a loop of links
        return []


def read_tested(said: str) -> list[Tested]:
    """The findings of a findings.json that compare anything."""
    try:
        listed = json.loads(said or "[]")
    except (ValueError, RecursionError):
        return []
    entries = listed.get("findings", []) if isinstance(listed, dict) else listed
    return [
        tested
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and (tested := _tested(entry))
    ]


def _tested(entry: Mapping[str, object]) -> Tested | None:
    claim = re.sub(r"\b(by|within)\b.*|\s+", "", str(entry.get("claim") or "").lower())
    metric = re.match(r"[\w.]+", claim)
    sides = entry.get("sides")
    values: dict[str, set[str]] = {}
    for side in sides if isinstance(sides, list) else []:
        settings = side.get("settings") if isinstance(side, dict) else None
        for key, value in settings.items() if isinstance(settings, dict) else ():
            values.setdefault(str(key), set()).add(str(value))
    varied = frozenset((key, frozenset(seen)) for key, seen in values.items() if len(seen) > 1)
    if not metric or not varied:
        return None
    return Tested(Contrast(metric[0], varied), claim, str(entry.get("data") or ""))


def _compared(own: Iterable[Tested], other: Sequence[Tested]) -> str:
    """The first claim that both tested, by its contrast."""
    return next((one.claim for one in own if any(map(one.is_as, other))), "")


def _findings(said: str) -> tuple[Finding, ...]:
    """The findings of a findings.json of our own making; none of one that is another's."""
    try:
        return tuple(decode(Finding, entry) for entry in json.loads(said or "[]"))
    except (NotThatRecord, ValueError, TypeError):
        return ()


def _findings_of(skill: Skill) -> tuple[Finding, ...]:
    """Those that the evidence beside a page gives."""
    return findings.read(skill.path.parent)


def _contrary(
    new: Sequence[Finding], old: Sequence[Finding]
) -> tuple[tuple[Finding, Finding], ...]:
    return tuple(
        (one, other)
        for one in new
        for other in old
        if subject(one) == subject(other) and opposed(one, other)
    )


def _measured(registry: Registry) -> Iterator[Path]:
    for folder in registry.folders:
        for path in sorted(folder.glob("**/evidence/findings.json")):
            yield path.parent.parent / "SKILL.md"


def _stems(skill: Skill) -> frozenset[str]:
    return frozenset(terms(f"{skill.name.replace('-', ' ')} {skill.description}"))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


def _alike(stems: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
    """Pairs that may reach LIKENESS: those that share one of their rarest stems.

    Source:
        Bayardo, Ma, Srikant (2007), "Scaling up all pairs similarity search", WWW, 131-140:
        sets this alike share a term within the first |x| - ceil(t |x|) + 1 in any fixed order.
    """
    frequency = Counter(term for terms_of in stems for term in terms_of)
    holders: dict[str, list[int]] = {}
    for number, terms_of in enumerate(stems):
        rarest = sorted(terms_of, key=lambda term: (frequency[term], term))
        for term in rarest[: len(rarest) - math.ceil(LIKENESS * len(rarest)) + 1]:
            for earlier in holders.setdefault(term, []):
                yield earlier, number
            holders[term].append(number)


def _tested_alike(tested: Sequence[Sequence[Tested]]) -> Iterator[tuple[int, int]]:
    holders: dict[Contrast, list[int]] = {}
    for number, of_page in enumerate(tested):
        for contrast in {each.contrast for each in of_page}:
            for earlier in holders.setdefault(contrast, []):
                yield earlier, number
            holders[contrast].append(number)


def _is_linked(one: Skill, other: Skill) -> bool:
    """True where one is the other's successor, or a person said how they differ."""
    for page, named in ((one, other.name), (other, one.name)):
        links = (page.metadata.get(key, "") for key in ("superseded-by", "differs-from"))
        if named and any(named in link.split(", ") for link in links):
            return True
    return False
