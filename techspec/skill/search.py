"""Documents and a question in, ranked hits out, each with how sure we are. Knows no files.

BM25F: each term's counts are added over weighted fields before they saturate.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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

K1 = 8.0
"""Saturation: high, because a term in name or description alone already counts 8 to 10."""

POSSIBLE, STRONG, STRONG_WITH_KEYWORDS = 0.18, 0.28, 0.25
"""Confidence from which a hit is possible, and strong; 0.25 keeps 95 % of answerable requests
with keywords and rejects 85 % of those that nothing answers."""


_DOCUMENTS_MIN = 100
"""Documents assumed at least: in a registry of three, being in one says nothing of how rare a
term is, and a question with one unknown word would count as unanswered. Ours, not tuned."""


@dataclass(frozen=True, slots=True)
class Document:
    """What can be found: text by field, the fields being those of WEIGHTS."""

    key: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that shares terms with the question.

    `confidence` is the share of the best possible score of the question, from 0 to 1.
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


class Index:
    """Documents ready to be searched, in memory."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._keys: list[str] = []
        self._postings: dict[str, list[tuple[int, float]]] = {}
        counted = []
        lengths = dict.fromkeys(WEIGHTS, 0)
        for document in documents:
            self._keys.append(document.key)
            fields = {name: Counter(terms(document.fields.get(name, ""))) for name in WEIGHTS}
            counted.append(fields)
            for name, counts in fields.items():
                lengths[name] += counts.total()
        mean = {name: (total / len(counted) if total else 1.0) for name, total in lengths.items()}
        for number, fields in enumerate(counted):
            weighted: Counter[str] = Counter()
            for name, counts in fields.items():
                b = LENGTH_SHARE[name]
                scale = WEIGHTS[name] / (1.0 - b + b * counts.total() / mean[name])
                for term, count in counts.items():
                    weighted[term] += count * scale  # type: ignore[assignment]
            for term, weight in weighted.items():
                self._postings.setdefault(term, []).append((number, weight))

    def weight(self, term: str) -> float:
        """How telling a term is: the rarer, the more (inverse document frequency)."""
        found = len(self._postings.get(term, ()))
        count = max(len(self._keys), _DOCUMENTS_MIN)
        return math.log(1.0 + (count - found + 0.5) / (found + 0.5))

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
        asked = dict.fromkeys(terms(" ".join([goal, *keywords])))
        scores: dict[int, float] = {}
        has: dict[int, list[str]] = {}
        best = 0.0
        for term in sorted(asked, key=lambda term: (-self.weight(term), term)):
            weight = self.weight(term)
            best += weight
            for number, count in self._postings.get(term, ()):
                scores[number] = scores.get(number, 0.0) + weight * count / (K1 + count)
                has.setdefault(number, []).append(term)
        ranked = sorted(scores, key=lambda number: (-scores[number], self._keys[number]))[:most]
        hits = tuple(
            Hit(self._keys[n], scores[n], scores[n] / best if best else 0.0, tuple(has[n]))
            for n in ranked
        )
        return Found(hits, strength(hits[0].confidence if hits else 0.0, bool(keywords)))


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
    found: list[str] = []
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text)):
        word = match[0]
        if not word.isascii():
            found += [word[n : n + 2] for n in range(max(1, len(word) - 1))]
            continue
        lower = word.lower()
        if lower not in _STOP:
            found.append(stem(lower))
        if not (word.islower() or word.isupper() or word.isdigit()):
            parts = [part.lower() for part in _CAMEL.findall(word)]
            if len(parts) > 1:  # RoPE also as `ro` and `pe`: odd, and just so it tells it from rope
                found += [stem(part) for part in parts if len(part) > 1 and part not in _STOP]
    return found


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
