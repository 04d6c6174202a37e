"""Documents and a question in, ranked hits out, each with how sure we are. Knows no files.

BM25F: each term's counts are added over weighted fields before they saturate. Two neighbouring
words of a name, description or tags are a term of their own.
"""

import functools
import heapq
import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from techspec.skill.page import Skill

WEIGHTS: Mapping[str, float] = {
    "name": 8.0,
    "description": 10.0,
    "tags": 4.0,
    "headings": 3.0,
    "failed": 3.0,
    "prose": 1.0,
    "code": 1.0,
}
"""Found by search over 160 hand-written requests and 1,855 real pages, as K1 and LENGTH_SHARE."""

LENGTH_SHARE: Mapping[str, float] = {
    "name": 0.3,
    "description": 0.6,
    "tags": 0.5,
    "headings": 0.8,
    "failed": 0.8,
    "prose": 0.95,
    "code": 0.95,
}
"""b of BM25, a field: 0 ignores a field's length, 1 divides by it."""

_WEIGHT_AND_B = tuple((WEIGHTS[name], LENGTH_SHARE[name]) for name in WEIGHTS)

K1 = 8.0
"""Saturation: high, because a term in name or description alone already counts 8 to 10."""

RARITY = 0.7
"""Power of the inverse document frequency: below 1, so that one rare word of a request, which is
often a word of its story and not of its problem, outweighs the others less."""

PAIRS_SHARE = 0.4
"""Weight of neighbouring words beside that of single words, 1. From .3 to .5 little changes."""

_PAIRED = ("name", "description", "tags")

KEYWORDS_SHARE, KEYWORDS_TRUST = 0.75, 3.0
"""Weight of keywords beside that of the goal, 1: for the ranking, and for the confidence. Scored
apart, a long list of keywords does not drown the goal; but who names the right technical terms
and meets none of them in a page is told little by the words of the goal that it has."""

POSSIBLE, STRONG, STRONG_WITH_KEYWORDS = 0.13, 0.21, 0.25
"""Confidence from which a hit is possible, and strong. With keywords 0.13 declined 5 of 7 requests
that nothing answers and kept 52 of 53 others; without, 3 of 7 and 52 of 53."""


_DOCUMENTS_MIN = 100
"""Documents assumed at least: in a registry of three, being in one says nothing of how rare a
term is, and a question with one unknown word would count as unanswered. Ours, not tuned."""

_PARTS_MAX = 5_000
"""Terms whose part of the score is kept for the next question; a rare term takes 300 bytes."""


@dataclass(frozen=True, slots=True)
class Document:
    """What can be found: text by field, the fields being those of WEIGHTS."""

    key: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that shares terms with the question.

    `score` ranks it; `confidence` is its share of the best possible score, from 0 to 1, where
    keywords count more than the goal.
    """

    key: str
    score: float
    confidence: float
    terms: tuple[str, ...]
    """The question's terms that it has, rarest first."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, best first. `strength` is `none`, `possible` or `strong`."""

    hits: tuple[Hit, ...]
    strength: str

    @property
    def confidence(self) -> float:
        """Of the best hit; 0 without one."""
        return self.hits[0].confidence if self.hits else 0.0


class Stored(Protocol):
    """Documents that were counted before, by a number above 0."""

    @property
    def keys(self) -> Mapping[int, str]:
        """Each document's key by its number."""

    @property
    def lengths(self) -> Mapping[int, Sequence[int]]:
        """Each document's terms a field, shape (fields,), in the order of WEIGHTS."""

    @property
    def totals(self) -> Sequence[int]:
        """The lengths added up, shape (fields,)."""

    def entries(self, term: str) -> Sequence[int]:
        """Where a term stands: pairs of a number and `packed(field, count)`, one after the other.

        A document's pairs follow each other in the order of WEIGHTS; pairs of numbers that
        `lengths` lacks belong to documents that are gone.
        """


def packed(field: int, count: int) -> int:
    """Field and count in one number; there are no more than 8 fields."""
    return count << 3 | field


class Counts:
    """Counted documents, in memory."""

    def __init__(self) -> None:
        self.keys: dict[int, str] = {}
        self.lengths: dict[int, tuple[int, ...]] = {}
        self.totals = [0] * len(WEIGHTS)
        self.terms: dict[str, array[int]] = {}

    def add(self, number: int, document: Document) -> None:
        """Count a document under a number that is free."""
        self.keys[number] = document.key
        lengths = []
        for field, name in enumerate(WEIGHTS):
            text = document.fields.get(name, "")
            counts = _counted(text)
            lengths.append(sum(counts.values()))
            self.totals[field] += lengths[field]
            self._enter(number, field, counts)
            if name in _PAIRED:
                self._enter(number, field, Counter(pairs(terms(text))))
        self.lengths[number] = tuple(lengths)

    def _enter(self, number: int, field: int, counts: Mapping[str, int]) -> None:
        for term, count in counts.items():
            entries = self.terms.get(term)
            if entries is None:
                entries = self.terms[term] = array("q")
            entries.append(number)
            entries.append(packed(field, count))

    def entries(self, term: str) -> Sequence[int]:
        """As `Stored.entries`."""
        return self.terms.get(term, ())


class Index:
    """Documents ready to be searched: some in memory, beside some that were stored."""

    def __init__(self, documents: Iterable[Document] = (), stored: Stored | None = None) -> None:
        beside = Counts()
        for number, document in enumerate(documents, start=1):
            beside.add(-number, document)
        self._stores: list[Stored] = [beside, *([stored] if stored else [])]
        self._count = sum(len(store.keys) for store in self._stores)
        totals = [sum(of_field) for of_field in zip(*(s.totals for s in self._stores), strict=True)]
        mean = [total / self._count if total else 1.0 for total in totals]
        # A count in a field adds count / (fixed + by_length * length) to what then saturates.
        self._fixed = [(1.0 - b) / weight for weight, b in _WEIGHT_AND_B]
        self._by_length = [b / (w * m) for (w, b), m in zip(_WEIGHT_AND_B, mean, strict=True)]
        self._parts: dict[str, dict[int, float]] = {}

    def weight(self, term: str) -> float:
        """How telling a term is: the rarer, the more."""
        return self._weight(len(self._scored(term)))

    def search(self, goal: str, keywords: Sequence[str] = (), most: int = 10) -> Found:
        """Rank the documents for a question.

        Args:
            goal: what somebody wants to do, in words.
            keywords: 5 to 10 technical terms beside it: methods, libraries, error text, synonyms.
            most: hits wanted, at most.

        Source:
            Robertson, Zaragoza, Taylor (2004), "Simple BM25 extension to multiple weighted
            fields", CIKM, 42-49.
        """
        about_goal, about_keywords = self._scores([goal]), self._scores(keywords)
        scores = about_goal.copy()
        for number, score in about_keywords.items():
            scores[number] = scores.get(number, 0.0) + KEYWORDS_SHARE * score
        # Sorted are only those that can be among the first: a common term is in every document.
        least = min(heapq.nlargest(most, scores.values()), default=0.0)
        likely = [(-score, self._key(n), n) for n, score in scores.items() if score >= least]
        asked = {term: self.weight(term) for term in terms(" ".join([goal, *keywords]))}
        rarest_first = sorted(asked, key=lambda term: (-asked[term], term))
        hits = []
        for negative, key, number in sorted(likely)[:most]:
            confidence = about_goal.get(number, 0.0)
            if keywords:
                confidence += KEYWORDS_TRUST * about_keywords.get(number, 0.0)
                confidence /= 1.0 + KEYWORDS_TRUST
            has = tuple(term for term in rarest_first if number in self._scored(term))
            hits.append(Hit(key, -negative, confidence, has))
        return Found(tuple(hits), strength(hits[0].confidence if hits else 0.0, bool(keywords)))

    def _scores(self, texts: Sequence[str]) -> dict[int, float]:
        """By number, shares of the best possible score, from 0 to 1, of documents with a term."""
        found = [terms(text) for text in texts]
        single = self._shares({term for of_text in found for term in of_text})
        paired = self._shares({pair for of_text in found for pair in pairs(of_text)})
        scores = {number: share / (1.0 + PAIRS_SHARE) for number, share in single.items()}
        for number, share in paired.items():  # who has a pair has its terms
            scores[number] += share * PAIRS_SHARE / (1.0 + PAIRS_SHARE)
        return scores

    def _shares(self, asked: Collection[str]) -> dict[int, float]:
        best = 0.0
        sums: dict[int, float] = {}
        for term in sorted(asked):  # sums of the same numbers in another order may differ
            parts = self._scored(term)
            if not parts and not term.isascii():
                continue  # two letters across the end of a word, or a language nobody writes here
            best += self._weight(len(parts))
            for number, part in parts.items():
                sums[number] = sums.get(number, 0.0) + part
        return {number: part / best for number, part in sums.items()}

    def _key(self, number: int) -> str:
        return next(store.keys[number] for store in self._stores if number in store.keys)

    def _weight(self, found: int) -> float:
        count = max(self._count, _DOCUMENTS_MIN)
        return math.pow(math.log(1.0 + (count - found + 0.5) / (found + 0.5)), RARITY)

    def _scored(self, term: str) -> dict[int, float]:
        """What a term adds to the score of each document that has it; counted once a term."""
        if term not in self._parts:
            if len(self._parts) >= _PARTS_MAX:
                self._parts.clear()
            weighted: dict[int, float] = {}
            for store in self._stores:
                self._add_weighted(weighted, store, term)
            weight = self._weight(len(weighted))
            self._parts[term] = {n: weight * w / (K1 + w) for n, w in weighted.items()}
        return self._parts[term]

    def _add_weighted(self, weighted: dict[int, float], store: Stored, term: str) -> None:
        lengths, fixed, by_length = store.lengths, self._fixed, self._by_length
        entries = store.entries(term)
        for number, entry in zip(entries[::2], entries[1::2], strict=True):
            if number in lengths:
                field = entry & 7
                part = (entry >> 3) / (fixed[field] + by_length[field] * lengths[number][field])
                weighted[number] = weighted.get(number, 0.0) + part


def strength(confidence: float, with_keywords: bool) -> str:
    """`none`, `possible` or `strong`, by the measured thresholds."""
    if confidence < POSSIBLE:
        return "none"
    limit = STRONG_WITH_KEYWORDS if with_keywords else STRONG
    return "strong" if confidence >= limit else "possible"


def document(skill: Skill, key: str) -> Document:
    """A skill's text by field."""
    prose = [skill.title] + [section.text for section in skill.sections]
    failed = [f"{a.attempt} {a.why} {a.lesson}" for a in skill.attempts]
    return Document(
        key,
        {
            "name": skill.name,
            "description": skill.description,
            "tags": " ".join(skill.tags),
            "headings": " ".join(section.title for section in skill.sections),
            "failed": "\n".join(failed),
            "prose": "\n".join(prose),
            "code": "\n".join(block.text for block in skill.blocks),
        },
    )


# fmt: off
_STOP = frozenset((
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "but", "by", "can", "could", "did", "do", "does", "doing",
    "don", "done", "each", "else", "for", "from", "get", "got", "had", "has", "have", "how",
    "i", "if", "in", "instead", "into", "is", "it", "its", "just", "let", "like", "ll", "may",
    "me", "might", "more", "most", "much", "must", "my", "no", "not", "now", "of", "off", "on",
    "one", "only", "or", "our", "out", "over", "own", "per", "re", "same", "shall", "she",
    "should", "so", "some", "such", "t", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "to", "too", "up", "us", "use", "used", "using",
    "ve", "very", "via", "want", "was", "we", "were", "what", "when", "where", "which", "while",
    "who", "why", "will", "with", "would", "you", "your", "s", "d", "m",
))
# fmt: on
_CJK = "぀-ヿ㐀-䶿一-鿿豈-﫿가-힣"
_WORD = re.compile(rf"[A-Za-z0-9]+|[{_CJK}]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[A-Z]")


def terms(text: str) -> list[str]:
    """The terms of a text, in order, repeated as in the text.

    >>> terms("The thetas of LayerNorm")
    ['theta', 'layernorm', 'layer', 'norm']
    >>> terms("강화학습")
    ['강화', '화학', '학습']
    """
    return [term for word in _words(text) for term in _terms_of(word)]


def _counted(text: str) -> dict[str, int]:
    """How often each term stands in a text; a word is cut once, however often it stands there."""
    counts: dict[str, int] = {}
    for word, count in Counter(_words(text)).items():
        for term in _terms_of(word):
            counts[term] = counts.get(term, 0) + count
    return counts


def _words(text: str) -> list[str]:
    return _WORD.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))


@functools.lru_cache(maxsize=100_000)
def _terms_of(word: str) -> tuple[str, ...]:
    """The terms of a word; kept, because a registry has few words, each many times."""
    if not word.isascii():
        return tuple(word[n : n + 2] for n in range(max(1, len(word) - 1)))
    found = []
    lower = word.lower()
    if lower not in _STOP:
        found.append(stem(lower))
    if not (word.islower() or word.isupper() or word.isdigit()):
        parts = [part.lower() for part in _CAMEL.findall(word)]
        if len(parts) > 1:  # RoPE also as `ro` and `pe`: odd, and just so it tells it from rope
            found += [stem(part) for part in parts if len(part) > 1 and part not in _STOP]
    return tuple(found)


def pairs(found: Sequence[str]) -> list[str]:
    """Neighbours among the terms of a text, each two as one term.

    >>> pairs(terms("the gradient of a loss"))
    ['gradient loss']
    """
    return [f"{first} {second}" for first, second in pairwise(found)]


def stem(word: str) -> str:
    """A word without its commonest endings, so that `matched` meets `matching`.

    >>> [stem(word) for word in ("matched", "matching", "studies", "loss", "512")]
    ['match', 'match', 'study', 'loss', '512']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s", "e"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and not word.endswith(("ss", "us", "is")):
            doubled = ending in ("ing", "ed") and root[-1] == root[-2] and root[-1] not in "lsz"
            return root[:-1] if doubled else root
    return word
