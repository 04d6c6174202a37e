"""Documents and a question in, ranked hits out, each with how sure we are. Knows no files.

BM25F: each term's counts are added over weighted fields before they saturate. Two neighbouring
words of a name, description or tags are a term of their own. To that is added how near question
and document are in meaning, where meanings were learned, and by a sentence model, where there is
one.
"""

import math
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from techspec.skill.embedding import Encode
from techspec.skill.glossary import english
from techspec.skill.meaning import DIMENSIONS, Floats, Meanings
from techspec.skill.page import Skill
from techspec.skill.words import of_word, pairs, terms, words

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]

WEIGHTS: Mapping[str, float] = {
    "name": 8.0,
    "description": 10.0,
    "tags": 4.0,
    "headings": 3.0,
    "failed": 3.0,
    "opening": 3.0,
    "prose": 1.0,
    "code": 1.0,
}
"""Found by search over 160 hand-written requests and 1,855 real pages, as LENGTH_SHARE; that of the
opening over 53 requests and 130 others, on which from 2 to 4 little changes."""

LENGTH_SHARE: Mapping[str, float] = {
    "name": 0.3,
    "description": 0.6,
    "tags": 0.5,
    "headings": 0.8,
    "failed": 0.8,
    "opening": 0.8,
    "prose": 0.95,
    "code": 0.95,
}
"""b of BM25, a field: 0 ignores a field's length, 1 divides by it."""

FIELD_WEIGHTS: Scores = np.array(list(WEIGHTS.values()))
_LENGTH_SHARES: Scores = np.array([LENGTH_SHARE[name] for name in WEIGHTS])

OPENING_WORDS = 200
"""Words of a page's text that count more, as its `opening`: a page begins with what it is for. From
120 to 500 little changes."""

K1 = 12.0
"""Saturation: high, because a term in name or description alone already counts 8 to 10. From 10 to
14 little changes, as with RARITY from .6 to .7."""

RARITY = 0.6
"""Power of the inverse document frequency: below 1, so that one rare word of a request, which is
often a word of its story and not of its problem, outweighs the others less."""

PAIRS_SHARE = 0.4
"""Weight of neighbouring words beside that of single words, 1. From .3 to .5 little changes."""

_TITLED = ("name", "description", "tags")
"""The fields that say what a page is about; the first of WEIGHTS."""

KEYWORDS_SHARE, KEYWORDS_TRUST = 0.75, 3.0
"""Weight of keywords beside that of the goal, 1: for the ranking, and for the confidence. Scored
apart, a long list of keywords does not drown the goal; but who names the right technical terms
and meets none of them in a page is told little by the words of the goal that it has."""

TITLED_SHARE = 0.2
"""Weight of what a page's name, description and tags meet, a word counting as rare as it is there:
one that all prose has may be rare in them, and then tells what a page is about. From .1 to .25 it
gains, on 53 requests and on 182 others. It moves the ranking alone."""

MEANING_SHARE = 0.35
"""Weight of nearness in meaning, a cosine, beside the share of the best possible score by terms.
From .3 to .4 little changes. It moves the ranking alone: how sure we are is told by terms."""

EMBEDDING_SHARE = 0.35
"""The same for nearness by a sentence model. From .3 to .45 little changes."""


class Limits(NamedTuple):
    """Confidence from which a hit is possible, and strong; below it is none."""

    possible: float
    strong: float

    def strength(self, confidence: float) -> str:
        """`none`, `possible` or `strong`."""
        if confidence < self.possible:
            return "none"
        return "strong" if confidence >= self.strong else "possible"


LIMITS = Limits(possible=0.095, strong=0.21)
FOREIGN = 0.2
FAMILIAR, FAMILIAR_BY_LENGTH = 5.4, 0.5
"""Limits of confidence, and by how much they rise for each point by which the mean weight of the
request's words is above FAMILIAR less FAMILIAR_BY_LENGTH times the logarithm of the mean length
of a page: where a registry hardly knows the words, it speaks of other things, and a page meets a
few of them by chance. How they rise was set on 182 requests that something answers and 138 that
nothing does, `possible` on 183 and 127 others, of which it keeps 175 and declines 106."""

LIMITS_WITH_KEYWORDS = Limits(possible=0.19, strong=0.25)
"""Right keywords meet more of a right page; limits that rise tell no better then. On the same 183
and 127, with keywords by two writers, it keeps 181 and declines 126."""

_DOCUMENTS_MIN = 100
"""Documents assumed at least: in a registry of three, being in one says nothing of how rare a
term is, and a question with one unknown word would count as unanswered. Ours, not tuned."""

_PARTS_MAX = 1_000
"""Terms whose part of the score is kept for the next question; the commonest takes 32 bytes a
document."""


_COUNTED_AT_ONCE = 500_000
"""Terms counted together, at most about; a million takes 100 MB for a moment."""

_NONE: Rows = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Document:
    """What can be found: text by field, the fields being those of WEIGHTS."""

    key: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that shares terms with the question.

    `score` ranks it; `confidence` is its share of the best possible score, from 0 to 1, where
    keywords count more than the goal. `strength` is `none`, `possible` or `strong`.
    """

    key: str
    score: float
    confidence: float
    strength: str
    terms: tuple[str, ...]
    """The question's terms that it has, rarest first."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, best first, and the limits of this question."""

    hits: tuple[Hit, ...]
    limits: Limits

    @property
    def confidence(self) -> float:
        """Of the best hit; 0 without one."""
        return self.hits[0].confidence if self.hits else 0.0

    @property
    def strength(self) -> str:
        """Of the best hit; `none` without one."""
        return self.hits[0].strength if self.hits else "none"


class Stored(Protocol):
    """Documents that were counted before, each in a row, from 0."""

    @property
    def keys(self) -> Sequence[str]:
        """Each document's key, by row."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Each document's terms a field, shape (documents, fields), in the order of WEIGHTS."""

    @property
    def vectors(self) -> Floats | None:
        """Each document's direction, shape (documents, DIMENSIONS), where meanings were learned."""

    @property
    def embeddings(self) -> Floats | None:
        """Each document's vector by a sentence model, shape (documents, width); NaN where none."""

    def entries(self, terms: Sequence[str]) -> "Entries":
        """Where terms stand, each being known by its place in `terms`.

        A row may come several times for a term, in the order of WEIGHTS, of which there are no
        more than 8.
        """


class Entries(NamedTuple):
    """Where terms stand, one term behind the other."""

    codes: Rows
    """Of each entry its term, by a number, ascending."""
    rows: Rows
    """Of each entry its document, ascending for a term."""
    numbers: Rows
    """Of each entry `count << 3 | field`."""


def unpacked(numbers: Rows) -> tuple[Rows, Rows]:
    """Fields and counts, of what `Entries` has in one number."""
    return numbers & 7, numbers >> 3


class _Vocabulary(dict[str, tuple[int, ...]]):
    """By word the numbers of its terms, which are given as words are met."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[str, int] = {}

    def __missing__(self, word: str) -> tuple[int, ...]:
        numbers = self.numbers
        # Of a list, not of a generator: most words have one term, and a registry 100,000 words.
        self[word] = found = tuple([numbers.setdefault(t, len(numbers)) for t in of_word(word)])
        return found


class Counts:
    """Counted documents, in memory, in the rows in which they were added.

    They are counted together, by arrays, which takes a third of the time.
    """

    embeddings: Floats | None = None

    def __init__(self, meanings: Meanings | None = None) -> None:
        self.keys: list[str] = []
        self._vocabulary = _Vocabulary()
        self._lengths: list[int] = []
        self._waiting = array("I")
        """The terms of documents that were not counted yet."""
        self._counted = 0
        self._entries = [Entries(_NONE, _NONE, _NONE)]
        """By the numbers of words' terms, and `_paired` of two."""
        self._meanings = meanings
        self._vectors: list[Floats] = []

    @property
    def lengths(self) -> NDArray[np.int64]:
        """As `Stored.lengths`."""
        return np.array(self._lengths, np.int64).reshape(-1, len(WEIGHTS))

    @property
    def vectors(self) -> Floats | None:
        """As `Stored.vectors`."""
        if self._meanings is None:
            return None
        self._count()
        return np.array(self._vectors, np.float32).reshape(-1, DIMENSIONS)

    def add(self, document: Document) -> None:
        """Take a document into the next row."""
        for name in WEIGHTS:
            before = len(self._waiting)
            if text := document.fields.get(name):
                found = map(self._vocabulary.__getitem__, words(text))
                self._waiting.extend(chain.from_iterable(found))
            self._lengths.append(len(self._waiting) - before)
        self.keys.append(document.key)
        if len(self._waiting) >= _COUNTED_AT_ONCE:
            self._count()

    def entries(self, terms: Sequence[str]) -> Entries:
        """As `Stored.entries`."""
        codes = np.array([self._code(term) for term in terms], np.int64)
        known, rows, counts = self._all_entries()
        begins = known.searchsorted(codes)
        lengths = known.searchsorted(codes + 1) - begins
        # Of each entry its place in its term, then in all.
        within = np.arange(lengths.sum()) - (lengths.cumsum() - lengths).repeat(lengths)
        places = begins.repeat(lengths) + within
        return Entries(np.arange(len(terms)).repeat(lengths), rows[places], counts[places])

    def _code(self, term: str) -> int:
        """Of a term that no document has a code that no entry has."""
        numbers = [self._vocabulary.numbers.get(part, -1) for part in term.split(" ")]
        if -1 in numbers:
            return -1
        code: int = _paired(*numbers) if len(numbers) > 1 else numbers[0]
        return code

    def packed(self, numbers: NDArray[np.uint32]) -> list[tuple[str, bytes]]:
        """Every term, ascending, and its entries, with documents by their numbers: for a file."""
        codes, rows, counts = self._all_entries()
        raw = np.stack([numbers[rows], counts.astype(np.uint32)], axis=1).tobytes()
        begins = np.flatnonzero(np.diff(codes, prepend=-1))
        ends = [*begins[1:].tolist(), len(codes)]
        names = list(self._vocabulary.numbers)
        found = []
        for code, begin, end in zip(codes[begins].tolist(), begins.tolist(), ends, strict=False):
            first, last = divmod(code, _PAIRED)
            name = f"{names[first - 1]} {names[last]}" if first else names[last]
            found.append((name, raw[8 * begin : 8 * end]))
        return sorted(found)

    def _all_entries(self) -> Entries:
        self._count()
        if len(self._entries) > 1:
            joined = Entries(*map(np.concatenate, zip(*self._entries, strict=True)))
            order = joined.codes.argsort(kind="stable")
            self._entries = [Entries(*(each[order] for each in joined))]
        return self._entries[0]

    def _count(self) -> None:
        """Count what waits for it."""
        first, self._counted = self._counted, len(self.keys)
        if first == self._counted:
            return
        terms = np.array(self._waiting, np.int64)
        self._waiting = array("I")
        places = np.arange(first * len(WEIGHTS), len(self._lengths))
        places = places.repeat(self._lengths[first * len(WEIGHTS) :])
        if self._meanings:
            self._place(terms, places, self._meanings)
        is_pair = (places[1:] == places[:-1]) & (places[1:] % len(WEIGHTS) < len(_TITLED))
        pairs = _paired(terms[:-1][is_pair], terms[1:][is_pair])
        codes = np.concatenate([terms, pairs])
        places = np.concatenate([places, places[1:][is_pair]])
        order = codes.argsort(kind="stable")
        codes, places = codes[order], places[order]
        is_new = np.diff(codes, prepend=-1).astype(bool) | np.diff(places, prepend=-1).astype(bool)
        begins = np.flatnonzero(is_new)
        counts = np.diff(begins, append=len(codes))
        rows, fields = np.divmod(places[begins], len(WEIGHTS))
        self._entries.append(Entries(codes[begins], rows, counts << 3 | fields))

    def _place(self, terms: Rows, places: Rows, meanings: Meanings) -> None:
        """Find the direction of each document by its terms, in the order in which it has them."""
        names = list(self._vocabulary.numbers)
        rows, fields = np.divmod(places, len(WEIGHTS))
        weights = FIELD_WEIGHTS[fields]
        for row in range(len(self._vectors), len(self.keys)):
            begin, end = rows.searchsorted([row, row + 1])
            own, first, which = np.unique(terms[begin:end], return_index=True, return_inverse=True)
            summed = np.bincount(which, weights[begin:end], len(own))
            order = first.argsort()
            named = [names[number] for number in own[order].tolist()]
            weighted = dict(zip(named, summed[order].tolist(), strict=True))
            self._vectors.append(meanings.of_page(weighted))


_PAIRED = 1 << 32
"""More than there are terms."""


def _paired(first: Any, second: Any) -> Any:
    """The code of two neighbours, by the numbers of their terms."""
    return (first + 1) * _PAIRED + second


class _Part(NamedTuple):
    """The documents that have a term, ascending, and what it adds to the score of each.

    Wherever it stands, and in their names, descriptions and tags alone.
    """

    rows: Rows
    scores: Scores
    weight: float
    titled_rows: Rows
    titled_scores: Scores
    titled_weight: float


class Index:
    """Documents ready to be searched: some in memory, beside some that were stored."""

    def __init__(
        self,
        documents: Iterable[Document] = (),
        stored: Stored | None = None,
        meanings: Meanings | None = None,
        encode: Encode | None = None,
    ) -> None:
        beside = Counts(meanings)
        for document in documents:
            beside.add(document)
        self._stores: list[Stored] = [stored] if stored else []
        if beside.keys or not stored:
            self._stores.insert(0, beside)
        self._first = np.cumsum([0, *(len(store.keys) for store in self._stores)]).tolist()
        self._keys = [key for store in self._stores for key in store.keys]
        lengths = np.concatenate([store.lengths for store in self._stores])
        mean = np.maximum(lengths.sum(axis=0), 1) / max(1, len(lengths))
        self._familiar = FAMILIAR - FAMILIAR_BY_LENGTH * math.log(mean.sum())
        # A count in a field adds count / its divisor to what then saturates.
        by_length = _LENGTH_SHARES * lengths / mean
        self._divisors: Scores = (1.0 - _LENGTH_SHARES + by_length) / FIELD_WEIGHTS
        self._meanings = meanings
        vectors = [store.vectors for store in self._stores]
        known = [each for each in vectors if each is not None]
        self._vectors = np.concatenate(known) if meanings and len(known) == len(vectors) else None
        self._encode = encode
        self._embeddings = stored.embeddings if stored else None
        self._parts: dict[str, _Part] = {}

    def weights(self, terms: Collection[str]) -> dict[str, float]:
        """How telling terms are: the rarer, the more."""
        self._score(terms)
        return {term: self._parts[term].weight for term in terms}

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
        goal = f"{goal} {english(goal)}"
        of_goal, *of_keywords = found = [terms(text) for text in (goal, *keywords)]
        self._score(term for of_text in found for term in (*of_text, *pairs(of_text)))
        by_goal, titled_goal = self._scores([of_goal])
        by_keywords, titled_keywords = self._scores(of_keywords)
        scores = by_goal + KEYWORDS_SHARE * by_keywords
        matching = np.flatnonzero(scores)
        scores += TITLED_SHARE * (titled_goal + KEYWORDS_SHARE * titled_keywords)
        scores += MEANING_SHARE * self._nearness([of_goal])
        scores += MEANING_SHARE * KEYWORDS_SHARE * self._nearness(of_keywords)
        scores += EMBEDDING_SHARE * self._likeness(goal, keywords)
        confidence = by_goal
        if keywords:
            confidence = (by_goal + KEYWORDS_TRUST * by_keywords) / (1.0 + KEYWORDS_TRUST)
        # Sorted are only those that can be among the first: a common term is in every document.
        if len(matching) > most:
            least = np.partition(scores[matching], -most)[-most]
            matching = matching[scores[matching] >= least]
        best = sorted((-scores[row], self._keys[row], row) for row in matching.tolist())[:most]
        asked = {term: self._parts[term].weight for of_text in found for term in of_text}
        rarest_first = sorted(asked, key=lambda term: (-asked[term], term))
        limits = LIMITS_WITH_KEYWORDS if keywords else self._limits(set(of_goal))
        rows = np.array([row for *_, row in best], np.int64)
        met = [(term, self._is_in(term, rows)) for term in rarest_first]
        hits = tuple(
            Hit(
                key,
                float(-negative),
                sure := float(confidence[row]),
                limits.strength(sure),
                tuple(term for term, is_in in met if is_in[place]),
            )
            for place, (negative, key, row) in enumerate(best)
        )
        return Found(hits, limits)

    def _limits(self, asked: Collection[str]) -> Limits:
        """Limits without keywords: the more foreign the words of a request, the higher."""
        counts = [len(self._parts[term].rows) for term in self._meetable(asked)]
        weights = [_weight(count, len(self._keys)) for count in counts]
        higher = FOREIGN * max(0.0, sum(weights) / max(1, len(weights)) - self._familiar)
        return Limits(LIMITS.possible + higher, LIMITS.strong + higher)

    def _meetable(self, asked: Collection[str]) -> list[str]:
        """Without two letters across the end of a word, or a language nobody writes here.

        Sorted, as sums of the same numbers in another order may differ.
        """
        return [term for term in sorted(asked) if term.isascii() or len(self._parts[term].rows)]

    def _is_in(self, term: str, rows: Rows) -> NDArray[np.bool_]:
        """Of each document in some rows, whether it has a term."""
        having = self._parts[term].rows
        if not len(having):
            return np.zeros(len(rows), bool)
        is_in: NDArray[np.bool_] = having.take(having.searchsorted(rows), mode="clip") == rows
        return is_in

    def _scores(self, found: Sequence[Sequence[str]]) -> tuple[Scores, Scores]:
        """Of each document, its share of the best possible score by texts' terms, from 0 to 1.

        Of all its fields, and by single terms of its name, description and tags alone.
        """
        single, titled = self._shares({term for of_text in found for term in of_text})
        paired, _ = self._shares({pair for of_text in found for pair in pairs(of_text)})
        return (single + PAIRS_SHARE * paired) / (1.0 + PAIRS_SHARE), titled

    def _shares(self, asked: Collection[str]) -> tuple[Scores, Scores]:
        best = best_titled = 0.0
        sums: Scores = np.zeros(len(self._keys))
        titled: Scores = np.zeros(len(self._keys))
        for term in self._meetable(asked):
            part = self._parts[term]
            best += part.weight
            sums[part.rows] += part.scores
            best_titled += part.titled_weight
            titled[part.titled_rows] += part.titled_scores
        return sums / (best or 1.0), titled / (best_titled or 1.0)

    def _nearness(self, found: Sequence[Sequence[str]]) -> Scores | float:
        """Of each document, the cosine of its direction and that of texts' terms, 0 at least."""
        if self._meanings is None or self._vectors is None or not found:
            return 0.0
        asked = self._meanings.of_question([term for of_text in found for term in of_text])
        # Not by `@`: for so little, waking the threads of a BLAS takes longer than the sum.
        nearness: Floats = np.einsum("ij,j->i", self._vectors, asked)
        return np.maximum(nearness, 0.0).astype(np.float64)

    def _likeness(self, goal: str, keywords: Sequence[str]) -> Scores | float:
        """Of each document, the cosines with goal and keywords by the sentence model, weighted.

        A document that was not encoded yet, or never is, gets the mean of the others.
        """
        if self._encode is None or self._embeddings is None:
            return 0.0
        asked = self._encode([goal, ", ".join(keywords)] if keywords else [goal])
        shares = np.array([1.0, KEYWORDS_SHARE][: len(asked)])
        cosines = np.maximum(np.einsum("ij,kj->ik", self._embeddings, asked), 0.0) @ shares
        is_known = ~np.isnan(cosines)
        if not is_known.any():
            return 0.0
        likeness = np.full(len(self._keys), cosines[is_known].mean())
        likeness[len(self._keys) - len(cosines) :][is_known] = cosines[is_known]
        return likeness

    def _weight(self, found: int) -> float:
        return _weight(found, max(len(self._keys), _DOCUMENTS_MIN))

    def _score(self, asked: Iterable[str]) -> None:
        """Have the parts of all these terms; those that are new are found together."""
        asked = dict.fromkeys(asked)
        if len(self._parts) + len(asked) > _PARTS_MAX:
            self._parts.clear()
        new = [term for term in asked if term not in self._parts]
        if not new:
            return
        stored = zip((store.entries(new) for store in self._stores), self._first, strict=False)
        moved = [(codes, rows + first, numbers) for (codes, rows, numbers), first in stored]
        codes, rows, numbers = map(np.concatenate, zip(*moved, strict=True))
        if len(moved) > 1:
            order = codes.argsort(kind="stable")
            codes, rows, numbers = codes[order], rows[order], numbers[order]
        fields, counts = unpacked(numbers)
        added = counts / self._divisors[rows, fields]
        titled = fields < len(_TITLED)
        every = self._saturated(len(new), codes, rows, added)
        of_titled = self._saturated(len(new), codes[titled], rows[titled], added[titled])
        for term, anywhere, in_title in zip(new, every, of_titled, strict=True):
            self._parts[term] = _Part(*anywhere, *in_title)

    def _saturated(
        self, terms: int, codes: Rows, rows: Rows, added: Scores
    ) -> Iterator[tuple[Rows, Scores, float]]:
        """By term, its documents, each once, what it adds to each, and its weight."""
        is_new = np.ones(len(rows), bool)
        is_new[1:] = (codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])
        summed = np.bincount(is_new.cumsum() - 1, added)
        rows = rows[is_new]
        ends = codes[is_new].searchsorted(np.arange(terms), "right")
        found = np.diff(ends, prepend=0)
        weights = [self._weight(count) for count in found.tolist()]
        scores = np.repeat(weights, found) * summed / (K1 + summed)
        begin = 0
        for end, weight in zip(ends.tolist(), weights, strict=True):
            yield rows[begin:end], scores[begin:end], weight
            begin = end


def _weight(found: int, count: int) -> float:
    """How telling a term is that `found` of `count` documents have."""
    return math.pow(math.log(1.0 + (count - found + 0.5) / (found + 0.5)), RARITY)


def document(skill: Skill, key: str) -> Document:
    """A skill's text by field."""
    text = "\n".join(section.text for section in skill.sections)
    failed = [f"{a.attempt} {a.why} {a.lesson}" for a in skill.attempts]
    return Document(
        key,
        {
            "name": skill.name,
            "description": skill.description,
            "tags": " ".join(skill.tags),
            "headings": " ".join(section.title for section in skill.sections),
            "failed": "\n".join(failed),
            "opening": " ".join(text.split(maxsplit=OPENING_WORDS)[:OPENING_WORDS]),
            "prose": f"{skill.title}\n{text}",
            "code": "\n".join(block.text for block in skill.blocks),
        },
    )


def attempt_document(skill: Skill, row: int, key: str) -> Document:
    """What a failed attempt can be found by."""
    attempt = skill.attempts[row]
    fields = {
        "description": attempt.attempt,
        "failed": f"{attempt.why} {attempt.lesson}",
        "prose": f"{skill.name} {' '.join(skill.tags)}",
    }
    return Document(key, fields)
