"""A goal and a spec in, what the team already knows out: quotes with their sources, no more.

Nothing is concluded here that no source says; what no source covers is named as such.
"""

import math
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, compress
from pathlib import Path

from techspec.advice import for_spec, passages
from techspec.advice.candidates import Candidate, as_page, choose, is_spec, labels
from techspec.advice.model import Advice, Planned, Quote, SettledHere, Source, Statement
from techspec.errors import TechspecError
from techspec.plan.savings import without_hypotheses
from techspec.skill import findings, known
from techspec.skill.glossary import english
from techspec.skill.index import Library, ask
from techspec.skill.known import Bearing, Cited, Known
from techspec.skill.page import GRADES, Skill, visible
from techspec.skill.registry import Registry, leads_out
from techspec.skill.search import Index, document
from techspec.skill.words import of_word, shown, terms, words
from techspec.spec.model import Spec
from techspec.spec.reader import read_file

_ROWS_BY_RANK = (3, 2, 1)
"""Rows a kind from the first, second and every further source; a possible match has one less."""

_BESIDE = 3
"""Pages looked at beyond those wanted, for twins, successors and what contradicts."""

_STATEMENTS_MIN = 2

_TERMS_MIN = 3
"""Terms below which a part of the spec asks nothing: `learning_rate` alone is on too many pages."""

_BESIDE_STRONG = 0.6
"""Share of the best confidence from which a possible match is quoted beside strong ones. On 53
known-item queries it took recall in the answer from .62 to .66 (of .68 with all of them), and the
median answer from 350 to 430 tokens."""

_STATEMENTS_MAX = 5
"""Typed findings quoted, at most, without those about the spec's own hypotheses."""

_TRUST = {"replicated": 1.15, "measured over seeds": 1.1}
"""Evidence that can be counted again moves near-ties, and nothing else does: with pages with
numbers before those without, the mean reciprocal rank of 313 known items was .737, not .751."""

_ABOUT_RUNNING = re.compile(r"\b(TECHSPEC(\.md)?|experiments?|runs?|running|task)\b", re.I)
"""With a spec at hand these words tell no spec from another."""


def advise(
    goal: str,
    keywords: Sequence[str] = (),
    spec: Spec | None = None,
    registry: Registry | None = None,
    specs: Sequence[tuple[Path, Spec]] = (),
    most: int = 5,
    planned: Planned | None = None,
) -> Advice:
    """Find the passages that matter for a goal, and hold them against a spec.

    Args:
        goal: what somebody is about to do, in words.
        keywords: 5 to 10 technical terms beside it.
        spec: the spec they work from, if they have one.
        registry: the pages to search.
        specs: the project's other spec files, searched too.
        most: sources, at most.
        planned: the plan of `spec`; without it nothing is said of what is settled or saved.
    """
    registry = registry or Registry([])
    others = {
        f"spec {number}": as_page(path, other)
        for number, (path, other) in enumerate(specs)
        if spec is None or other.text != spec.text
    }

    def from_library(library: Library) -> Advice:
        asked = _Asked(goal, keywords, spec, planned, registry, library, others)
        return replace(asked.advice(most), is_partial=not library.is_whole)

    return ask(registry, from_library, at_once=True)


@dataclass(frozen=True, slots=True)
class _Match:
    total: float
    """Confidence over all questions that it answers: who answers more of them comes first."""
    confidence: float
    strength: str
    words: tuple[str, ...]
    terms: frozenset[str]
    """Of all questions, as the index has them."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, with everything that is searched for it."""

    goal: str
    keywords: Sequence[str]
    spec: Spec | None
    planned: Planned | None
    registry: Registry
    library: Library
    others: Mapping[str, Skill]

    def advice(self, most: int) -> Advice:
        index = self.library.index([document(page, key) for key, page in self.others.items()])
        best = _best(index, self.goal, self.keywords, self.spec, most + _BESIDE)
        ranked = sorted(best, key=lambda key: self._merit(key, best[key]), reverse=True)
        ranked = ranked[: most + _BESIDE]
        chosen = choose(ranked, self._page, lambda name: self._named(index, name), most)
        names = labels([each.page for each in chosen], self.library.label)
        wanted = _wanted(self.goal, self.keywords, self.spec)
        pick = _picking(index, wanted)
        cited = self._cited(chosen, names, ranked)
        together = known.together(cited)
        bearing = self._bearing(together)
        near = self._near(together)
        if not chosen and not bearing:
            return Advice(self.goal, has_spec=self.spec is not None)
        typed = {each.folder for each in cited}
        sources = tuple(
            _source(each, name, best[each.key], pick, _rows(rank, best[each.key]), typed)
            for rank, (each, name) in enumerate(zip(chosen, names, strict=True))
        )
        advice = Advice(
            self.goal,
            sources,
            statements=_statements(together, bearing, near, sources, pick),
            has_spec=self.spec is not None,
        )
        if self.spec is None:
            met = frozenset[str]().union(*(best[each.key].terms for each in chosen))
            return replace(advice, not_covered=_missed(self.goal, self.keywords, met))
        elsewhere = self._measured_elsewhere(cited)
        return self._for_spec(advice, self.spec, chosen, names, bearing, near, elsewhere)

    def _merit(self, key: str, match: _Match) -> float:
        page = self.others[key] if key in self.others else self.library.excerpt(key)
        return match.total * _TRUST.get(page.evidence, 1.0)

    def _page(self, key: str) -> Skill:
        if key in self.others:
            return self.others[key]
        # A goal is told excerpts; a spec is held against all that a page says.
        page = self.library.excerpt(key) if self.spec is None else self.library.page(key)
        if not is_spec(page.path) or leads_out(page.path, page.registry):
            return page
        try:
            return replace(as_page(page.path, read_file(page.path)), registry=page.registry)
        except TechspecError:  # gone meanwhile, or no text
            return page

    def _named(self, index: Index, name: str) -> Skill | None:
        pages = (self._page(hit.key) for hit in index.search(name).hits)
        return next((page for page in pages if page.name == name), None)

    def _cited(
        self, chosen: Sequence[Candidate], names: Sequence[str], ranked: Sequence[str]
    ) -> list[Cited]:
        """Findings of the chosen pages, of near misses, and with a plan of all the registry."""
        folders = {each.page.path.parent: name for each, name in zip(chosen, names, strict=True)}
        for key in ranked:
            if key not in self.others:
                folders.setdefault(Path(key).parent, self.library.label(self._page(key)))
        found = [
            cited
            for folder, name in folders.items()
            if os.path.exists(folder / findings.FILE)  # noqa: PTH110
            for cited in known.of_skill(folder, name)
        ]
        if self.planned:
            found += [c for c in known.of_registry(self.registry) if c.folder not in folders]
        return found

    def _bearing(self, together: Iterable[Known]) -> list[Bearing]:
        """What is known of the spec's own hypotheses."""
        if self.planned is None:
            return []
        return known.bearing(self.planned.plan, self.planned.facts, together)

    def _near(self, together: Iterable[Known]) -> dict[str, tuple[Known, str]]:
        """By hypothesis of the spec, what is known of its arms where it claims something else."""
        if self.planned is None:
            return {}
        return known.near(self.planned.plan, self.planned.facts, together)

    def _measured_elsewhere(self, found: Iterable[Cited]) -> set[Path]:
        """Folders of pages on another trainer: what a value does there says nothing of it here."""
        if self.planned is None:
            return set()
        own = self.planned.facts.name
        return {each.folder for each in found if each.finding.trainer != own}

    def _for_spec(
        self,
        advice: Advice,
        spec: Spec,
        chosen: Sequence[Candidate],
        names: Sequence[str],
        bearing: Sequence[Bearing],
        near: Mapping[str, tuple[Known, str]],
        elsewhere: Collection[Path],
    ) -> Advice:
        pages = [
            (each.page, passages.quoting(name, each.page.evidence))
            for each, name in zip(chosen, names, strict=True)
        ]
        quoted = [passages.everything(page, quote_of) for page, quote_of in pages]
        is_here = [page.path.parent not in elsewhere for page, _ in pages]
        quotes = list(chain.from_iterable(quoted))
        here = list(chain.from_iterable(compress(quoted, is_here)))
        failed = passages.plain(
            q
            for page, quote_of in compress(pages, is_here)
            for q in passages.failed(page, quote_of)
        )
        lines = {h.id: h.claim_line or h.line for h in spec.hypotheses}
        plan = self.planned.plan if self.planned else None
        settled = tuple(
            SettledHere(
                each.hypothesis,
                lines.get(each.hypothesis, 0),
                str(each.outcome),
                _statement(each.known),
                without_hypotheses(plan, {each.hypothesis}),
            )
            for each in bearing
            if plan and each.outcome is not None
        )
        done = {each.hypothesis for each in settled}
        covered = for_spec.covered(spec, quotes)
        spoken_of = {entry.what for entry in covered} | {each.hypothesis for each in bearing}
        return replace(
            advice,
            settled=settled,
            spared=without_hypotheses(plan, done) if plan else None,
            failing=for_spec.failing(spec, failed),
            skips=tuple(for_spec.skips(spec, here, self.planned)),
            starts=tuple(for_spec.starts(spec, here, self.planned, settled)),
            covered=covered,
            not_covered=tuple(
                f"{name} itself ({near[name][1]})" if name in near else name
                for name in for_spec.parts(spec)
                if name not in spoken_of
            ),
        )


def _best(
    index: Index, goal: str, keywords: Sequence[str], spec: Spec | None, most: int
) -> dict[str, _Match]:
    """By page, its best match among the questions that goal and spec ask."""
    best: dict[str, _Match] = {}
    for question, beside in _questions(goal, keywords, spec):
        asked = _words(question, beside)
        found = index.search(question, beside, most)
        for hit in found.hits if found.strength != "none" else ():
            if hit.strength == "none":
                continue
            before = best.get(hit.key, _Match(0.0, 0.0, "", (), frozenset()))
            total = before.total + hit.confidence
            met = before.terms | set(hit.terms)
            if hit.confidence > before.confidence:
                rarest = _rarest(asked, hit.terms)
                before = _Match(total, hit.confidence, hit.strength, rarest, met)
            best[hit.key] = replace(before, total=total, terms=met)
    if any(match.strength == "strong" for match in best.values()):
        least = _BESIDE_STRONG * max(match.confidence for match in best.values())
        return {k: m for k, m in best.items() if m.strength == "strong" or m.confidence >= least}
    return best


def _questions(
    goal: str, keywords: Sequence[str], spec: Spec | None
) -> Iterator[tuple[str, Sequence[str]]]:
    if spec is None:
        yield goal, keywords
        return
    about = _ABOUT_RUNNING.sub(" ", goal)
    # A single word that is left would match every page that has it, so the spec joins in.
    first = spec.title or spec.objective or next((h.text for h in spec.hypotheses), "")
    yield f"{about} {first}", keywords
    names = " ".join(parameter.name for parameter in spec.parameters)
    for question in (spec.objective, *(h.text for h in spec.hypotheses), names):
        if len(set(terms(question))) >= _TERMS_MIN:
            yield question, ()


def _words(question: str, keywords: Sequence[str]) -> list[str]:
    """The question's own words and their English."""
    return shown(" ".join([question, english(question), *keywords]))


def _rarest(asked: Iterable[str], matched: Sequence[str]) -> tuple[str, ...]:
    """The words that a page has, by their rarest term; `matched` has the rarest first.

    Of `gpg-agent` on a page that speaks of agents this is `agent`.
    """
    rank = {term: place for place, term in enumerate(matched)}
    parted = chain.from_iterable([word] if _is_met(word, rank) else words(word) for word in asked)
    met = [word for word in dict.fromkeys(parted) if _is_met(word, rank)]
    return tuple(sorted(met, key=lambda word: min(rank.get(t, len(rank)) for t in terms(word))))


def _missed(goal: str, keywords: Sequence[str], met: Collection[str]) -> tuple[str, ...]:
    """The words of the request that the sources do not have."""
    # Of a word that has an English one, that tells whether somebody wrote of it.
    return tuple(
        word
        for word in _words(goal, keywords)
        if terms(word) and not _is_met(word, met) and not english(word)
    )


def _is_met(word: str, met: Collection[str]) -> bool:
    """Whether each part of a word is among met terms; of a script without spaces, some of it."""
    parts = _parts(word)
    return bool(parts) and all(any(term in met for term in own) for own in parts)


@lru_cache(maxsize=4_096)
def _parts(word: str) -> tuple[tuple[str, ...], ...]:
    """The terms of each part of a word; kept, as each page is asked for the same ones."""
    return tuple(own for part in words(word) if (own := of_word(part)))


def _wanted(goal: str, keywords: Sequence[str], spec: Spec | None) -> set[str]:
    """The terms by which rows are picked."""
    text = [goal, *keywords]
    if spec is not None:
        text += [spec.title, spec.objective, *(h.text for h in spec.hypotheses)]
        text += [parameter.name for parameter in spec.parameters]
    return set(terms(" ".join(text)))


def _picking(index: Index, wanted: set[str]) -> passages.Pick:
    weights = index.weights(wanted)
    beginnings = {term[:2] for term in wanted}
    known: set[str] = set()
    meant: dict[str, set[str]] = {}  # of the words that mean a wanted term; few do

    def telling(quote: Quote) -> float:
        said = set(words(quote.text))
        new = said - known
        # In small letters it has one term, which begins as it does: most need no cutting.
        for word in [word for word in new if not word.islower() or word[:2] in beginnings]:
            if met := wanted.intersection(of_word(word)):
                meant[word] = met
        known.update(new)
        met = set[str]().union(*(meant[word] for word in said & meant.keys()))
        # Rounded once: two rows with the same words weigh the same, in whatever order these come.
        return math.fsum(weights[term] for term in met)

    def pick(quotes: Sequence[Quote], at_most: int) -> tuple[Quote, ...]:
        worth = [telling(quote) for quote in quotes]
        ranked = sorted(range(len(quotes)), key=lambda number: (-worth[number], number))
        return passages.plain(quotes[n] for n in ranked[:at_most] if worth[n] > 0)

    return pick


def _rows(rank: int, match: _Match) -> int:
    most = _ROWS_BY_RANK[min(rank, len(_ROWS_BY_RANK) - 1)]
    return most if match.strength == "strong" else max(1, most - 1)


def _source(
    candidate: Candidate,
    label: str,
    match: _Match,
    pick: passages.Pick,
    most: int,
    typed: set[Path],
) -> Source:
    page = candidate.page
    evidence = page.evidence
    quote_of = passages.quoting(label, evidence)
    found = passages.found(page, quote_of, pick, most, page.path.parent in typed)
    said = {quote.source for quote in found}  # a row of results may hold values to copy
    values = [each for each in passages.parameters(page, quote_of) if each.source not in said]
    return Source(
        label=label,
        path=page.path,
        description=visible(page.description),
        evidence=evidence,
        date=visible(page.metadata.get("date", ""))[:10],
        confidence=match.confidence,
        strength=match.strength,
        matched=match.words,
        failed=pick(passages.failed(page, quote_of), most),
        findings=found,
        parameters=pick(values, 1),
        cautions=pick(passages.cautions(page, quote_of), 1),
        similar=candidate.similar,
        instead_of=candidate.instead_of,
    )


def _statements(
    together: Sequence[Known],
    bearing: Sequence[Bearing],
    near: Mapping[str, tuple[Known, str]],
    sources: Sequence[Source],
    pick: passages.Pick,
) -> tuple[Statement, ...]:
    """What typed findings say: conflicts, then what of the sources' tells most of the goal."""
    shown = {each.path.parent for each in sources}
    settled = [each.known for each in bearing if each.outcome is not None]
    of_spec = [each.known for each in bearing if each.outcome is None]
    of_spec += [each for each, _ in near.values()]
    about = [
        each
        for each in together
        if each not in settled
        and (each in of_spec or any(cited.folder in shown for cited in each.cited))
    ]
    based = list(zip(about, known.bases(about), strict=True))
    conflicts = [_statement(each, base) for each, base in based if each.conflict]
    others = {
        visible(f"{each.first.text} {known.told(each, base)}"): _statement(each, base)
        for each, base in based
        if not each.conflict
    }
    telling = [quote.text for quote in pick([Quote(text, "") for text in others], _STATEMENTS_MAX)]
    # A page that matched by its prose still says first what it measured.
    others_first = sorted(others, key=lambda text: text not in telling)
    most = max(len(telling), _STATEMENTS_MIN)
    return (*conflicts[:_STATEMENTS_MAX], *(others[text] for text in others_first[:most]))


def _statement(entry: Known, base: str = "") -> Statement:
    sources = tuple(f"{each.source}:{each.finding.hypothesis}" for each in entry.cited)
    grades = [each.finding.evidence for each in entry.cited]
    weakest = max(grades, key=GRADES.index)
    return Statement(
        visible(known.told(entry, base)),
        sources,
        weakest if entry.conflict else entry.evidence,
        bool(entry.conflict),
    )
