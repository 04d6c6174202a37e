"""A goal and a spec in, what the team already knows out: quotes with their sources, no more.

Nothing is concluded here that no source says; what no source covers is named as such.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from techspec.skill.index import Library, ask
from techspec.skill.page import Skill, read, visible
from techspec.skill.registry import Registry
from techspec.skill.search import Index, document, strength, terms
from techspec.spec.model import Parameter, Spec


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage as its page has it, in one line; `source` is `name:line`."""

    text: str
    source: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A page that bears on the goal or the spec."""

    label: str
    """Its name, made unique within this advice."""
    path: Path
    description: str
    evidence: str
    date: str
    confidence: float
    strength: str
    """`strong` or `possible`."""
    matched: tuple[str, ...]
    """What it matched by: words of the goal, or of the spec."""
    failed: tuple[Quote, ...] = ()
    findings: tuple[Quote, ...] = ()
    parameters: tuple[Quote, ...] = ()
    cautions: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """A parameter or hypothesis of the spec that a source speaks of."""

    what: str
    """`RoPE theta`, or `H2`."""
    line: int
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """A sweep of the spec that a source says can wait, in its words."""

    parameter: str
    quote: Quote
    start_with: str = ""
    """The value that the quote names, such as `theta=100`."""
    leaves_open: tuple[str, ...] = ()
    """Hypotheses about this parameter, which skipping leaves untested."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is known. Without sources there is nothing relevant, and every other part is empty."""

    goal: str
    sources: tuple[Source, ...] = ()
    skips: tuple[Skip, ...] = ()
    starts: tuple[Quote, ...] = ()
    """What to run first: the spec's own order, and sources that say so."""
    covered: tuple[Covered, ...] = ()
    not_covered: tuple[str, ...] = ()


_ROWS_BY_RANK = (3, 2, 1)
"""Rows a kind from the first, second and every further source."""

_TRUST = {"replicated": 1.15, "measured over seeds": 1.1, "anecdote": 0.9}
"""Evidence moves near-ties only."""

_SKIP = re.compile(
    r"\b(sweep|search|tuning|grid|ablation|it)\b.{0,40}\b(skipped|not needed|needless|can wait)\b"
    r"|\bskip(ping)?\b.{0,40}\b(sweep|search|tuning|grid|ablation|at first|initially)\b"
    r"|\binsensitive\b|\bmakes? no difference\b|\b(do|does|did)(n.t| not) matter\b"
    r"|\bno (measurable )?effect\b",
    re.I,
)
_NOT_SKIP = re.compile(
    r"\b(not|never|cannot|can.t|don.t|no longer)\s+(be\s+|safe to\s+)?(skip|insensitive)"
    r"|\b(REFUTED|INCONCLUSIVE|VOID|DEVIATED)\b",
    re.I,
)
_OUTCOME = re.compile(r"\W*(outcome|key finding|key result)s?\b", re.I)
_START = re.compile(r"\b(start|begin) with\b", re.I)
_ABOUT_RUNNING = re.compile(r"\b(TECHSPEC(\.md)?|experiments?|runs?|running|task)\b", re.I)
"""With a spec at hand these words tell no spec from another."""

_IDENTIFIER = re.compile(r"[A-Za-z]\w*_\w+")
_COVERS = 0.35
"""Share of a hypothesis' terms that a row must have to speak of it; chosen by hand."""


def advise(
    goal: str,
    keywords: Sequence[str] = (),
    spec: Spec | None = None,
    registry: Registry | None = None,
    specs: Sequence[tuple[Path, Spec]] = (),
    most: int = 5,
) -> Advice:
    """Find the passages that matter for a goal, and hold them against a spec.

    Args:
        goal: what somebody is about to do, in words.
        keywords: 5 to 10 technical terms beside it.
        spec: the spec they work from, if they have one.
        registry: the pages to search.
        specs: the project's other spec files, searched too.
        most: sources, at most.
    """
    others = {
        f"spec {number}": _as_page(path, other)
        for number, (path, other) in enumerate(specs)
        if spec is None or other.text != spec.text
    }

    def from_library(library: Library) -> Advice:
        return _advice(goal, keywords, spec, library, others, most)

    return ask(registry or Registry([]), from_library)


def _advice(
    goal: str,
    keywords: Sequence[str],
    spec: Spec | None,
    library: Library,
    others: Mapping[str, Skill],
    most: int,
) -> Advice:
    index = library.index([document(page, key) for key, page in others.items()])
    best = _best(index, goal, keywords, spec, most)

    def merit(key: str) -> float:
        evidence = others[key].evidence if key in others else library.evidence(key)
        return best[key].total * _TRUST.get(evidence, 1.0)

    ranked = sorted(best, key=merit, reverse=True)[:most]
    if not ranked:
        return Advice(goal)
    pages = [others[key] if key in others else library.page(key) for key in ranked]
    labels = _labels(pages)
    wanted = _wanted(goal, keywords, spec)
    sources = tuple(
        _source(page, label, best[key], index, wanted, _ROWS_BY_RANK[min(rank, 2)])
        for rank, (key, page, label) in enumerate(zip(ranked, pages, labels, strict=True))
    )
    if spec is None:
        return Advice(goal, sources)
    quotes = [
        quote
        for page, label in zip(pages, labels, strict=True)
        for quote in _all_quotes(page, label)
    ]
    covered = _covered(spec, quotes)
    names = {entry.what for entry in covered}
    return Advice(
        goal,
        sources,
        tuple(_skips(spec, quotes)),
        tuple(_starts(spec, quotes)),
        covered,
        tuple(name for name in _parts(spec) if name not in names),
    )


@dataclass(frozen=True, slots=True)
class _Match:
    total: float
    """Confidence over all questions that it answers: who answers more of them comes first."""
    confidence: float
    strength: str
    terms: tuple[str, ...]


def _best(
    index: Index, goal: str, keywords: Sequence[str], spec: Spec | None, most: int
) -> dict[str, _Match]:
    """By page, its best match among the questions that goal and spec ask."""
    questions: list[tuple[str, Sequence[str]]] = [(goal, keywords)]
    if spec is not None:
        about = _ABOUT_RUNNING.sub(" ", goal)
        # A single word that is left would match every page that has it, so the spec joins in.
        first = spec.title or spec.objective or next((h.text for h in spec.hypotheses), "")
        questions = [(f"{about} {first}", keywords), (spec.objective, ())]
        questions += [(hypothesis.text, ()) for hypothesis in spec.hypotheses]
        questions.append((" ".join(parameter.name for parameter in spec.parameters), ()))
    best: dict[str, _Match] = {}
    for question, beside in questions:
        for hit in index.search(question, beside, most).hits:
            degree = strength(hit.confidence, bool(beside))
            if degree == "none":
                continue
            known = best.get(hit.key, _Match(0.0, 0.0, "", ()))
            total = known.total + hit.confidence
            if hit.confidence > known.confidence:
                known = _Match(total, hit.confidence, degree, _words(question, beside, hit.terms))
            best[hit.key] = replace(known, total=total)
    if any(match.strength == "strong" for match in best.values()):
        return {key: match for key, match in best.items() if match.strength == "strong"}
    return best


def _words(question: str, keywords: Sequence[str], matched: Sequence[str]) -> tuple[str, ...]:
    """The question's own words behind matched terms, which are cut to their stems."""
    asked = " ".join([question, *keywords]).lower().split()
    words = (word.strip(".,;:!?()[]\"'`") for word in asked)
    return tuple(dict.fromkeys(word for word in words if set(terms(word)) & set(matched)))


def _as_page(path: Path, spec: Spec) -> Skill:
    page = read(spec.text, path)
    return replace(
        page, name=spec.title or path.stem, description=spec.objective or page.description
    )


def _labels(pages: Iterable[Skill]) -> list[str]:
    labels: list[str] = []
    for page in pages:
        name = visible(page.name)[:64] or "unnamed"
        label, number = name, 1
        while label in labels:
            number += 1
            label = f"{name}#{number}"
        labels.append(label)
    return labels


def _wanted(goal: str, keywords: Sequence[str], spec: Spec | None) -> set[str]:
    """The terms by which rows are picked."""
    text = [goal, *keywords]
    if spec is not None:
        text += [spec.title, spec.objective, *(h.text for h in spec.hypotheses)]
        text += [parameter.name for parameter in spec.parameters]
    return set(terms(" ".join(text)))


def _source(
    page: Skill, label: str, match: _Match, index: Index, wanted: set[str], most: int
) -> Source:
    def telling(quote: Quote) -> float:
        return sum(index.weight(term) for term in wanted & set(terms(quote.text)))

    def pick(quotes: Sequence[Quote], at_most: int) -> tuple[Quote, ...]:
        worth = [telling(quote) for quote in quotes]
        ranked = sorted(range(len(quotes)), key=lambda number: (-worth[number], number))
        return tuple(quotes[number] for number in ranked[:at_most] if worth[number] > 0)

    quote_of = _quoting(page, label)
    findings = page.findings
    is_outcome = [_OUTCOME.match(row.cells[0]) is not None for row in findings]
    found = [quote_of(row.text, row.line) for row in findings]
    outcome = [quote for quote, first in zip(found, is_outcome, strict=True) if first]
    results = [quote for quote, first in zip(found, is_outcome, strict=True) if not first]
    return Source(
        label=label,
        path=page.path,
        description=visible(page.description),
        evidence=page.evidence,
        date=visible(page.metadata.get("date", ""))[:10],
        confidence=match.confidence,
        strength=match.strength,
        matched=match.terms,
        failed=pick(_failed(page, label), most),
        findings=tuple(outcome[:1]) + pick(results, most - len(outcome[:1])),
        parameters=pick(_parameters(page, label), 1),
        cautions=pick([quote_of(row.text, row.line) for row in page.cautions], 1),
    )


def _quoting(page: Skill, label: str) -> Callable[[str, int], Quote]:
    evidence = page.evidence  # looks at every row of the page: once, not once a quote
    return lambda text, line: Quote(visible(text), f"{label}:{line}", evidence)


def _failed(page: Skill, label: str) -> list[Quote]:
    quote_of = _quoting(page, label)
    quotes = []
    for row in page.attempts:
        parts = [row.attempt, f"failed: {row.why}" if row.why else ""]
        parts.append(f"lesson: {row.lesson}" if row.lesson else "")
        quotes.append(quote_of("; ".join(part for part in parts if part), row.line))
    return quotes


def _parameters(page: Skill, label: str) -> list[Quote]:
    """Blocks to copy from, each in one line behind the heading it stands under."""
    quote_of = _quoting(page, label)
    quotes = []
    for block in page.parameters:
        lines = " | ".join(line.strip() for line in block.text.splitlines() if line.strip())
        quotes.append(quote_of(f"{block.section}: {lines}", block.line))
    return quotes


def _all_quotes(page: Skill, label: str) -> list[Quote]:
    quote_of = _quoting(page, label)
    rows = [quote_of(row.text, row.line) for row in page.rows]
    return _failed(page, label) + rows + _parameters(page, label)


def _mentions(name: str) -> Callable[[str], bool]:
    """A test for texts that name a parameter, as `rope_theta`, `RoPE theta` or `rope-theta`."""
    words = [re.escape(word) for word in re.split(r"[\s_-]+", name.strip()) if word]
    pattern = re.compile(r"(?<![A-Za-z0-9_])" + r"[\s_-]?".join(words) + r"(?![A-Za-z0-9])", re.I)
    return lambda text: bool(words) and pattern.search(text) is not None


def _is_about(parameter: Parameter, text: str) -> bool:
    return _mentions(parameter.name)(text) or _mentions(parameter.key)(text)


def _parts(spec: Spec) -> list[str]:
    return [p.name for p in spec.parameters] + [h.id for h in spec.hypotheses]


def _covered(spec: Spec, quotes: Sequence[Quote]) -> tuple[Covered, ...]:
    found = []
    for parameter in spec.parameters:
        about = [quote for quote in quotes if _is_about(parameter, quote.text)]
        if about:
            about.sort(key=lambda quote: not any(letter.isdigit() for letter in quote.text))
            found.append(Covered(parameter.name, parameter.line, tuple(about[:2])))
    for hypothesis in spec.hypotheses:
        asked = set(terms(hypothesis.text))
        named = [_mentions(name) for name in _IDENTIFIER.findall(hypothesis.text)]
        scored: list[tuple[float, int, Quote]] = []
        for quote in quotes:
            shared = len(asked & set(terms(quote.text)))
            same_parameter = shared > 1 and any(is_named(quote.text) for is_named in named)
            if same_parameter or (shared > 2 and shared >= _COVERS * len(asked)):
                scored.append((-shared / len(asked), len(scored), quote))
        if scored:
            best = tuple(quote for *_, quote in sorted(scored, key=lambda entry: entry[:2])[:2])
            found.append(Covered(hypothesis.id, hypothesis.line, best))
    return tuple(found)


def _skips(spec: Spec, quotes: Sequence[Quote]) -> Iterable[Skip]:
    for parameter in spec.parameters:
        for quote in quotes:
            if not _is_about(parameter, quote.text):
                continue
            if _SKIP.search(quote.text) and not _NOT_SKIP.search(quote.text):
                last = re.split(r"[\s_-]+", parameter.name)[-1]
                value = re.search(rf"\b{re.escape(last)}\s?=\s?[\w.]+\b", quote.text, re.I)
                asked = [h.id for h in spec.hypotheses if _is_about(parameter, h.text)]
                yield Skip(parameter.name, quote, value[0] if value else "", tuple(asked))
                break


def _starts(spec: Spec, quotes: Sequence[Quote]) -> Iterable[Quote]:
    if spec.budget and spec.budget.order:
        line = spec.budget.order_line or spec.budget.line
        order = " > ".join(visible(item) for item in spec.budget.order)
        yield Quote(f"the spec's own order: {order}", f"your spec:{line}")
    for quote in quotes:
        named = sum(_mentions(p.name)(quote.text) for p in spec.parameters)
        if named and _START.search(quote.text):
            yield quote
