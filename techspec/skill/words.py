"""A text in, its terms out: what pages and questions are compared by. It knows no page."""

import functools
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

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
_CJK = "぀-ヿ㐀-䶿一-鿿\uf900-\ufaff가-힣"
_WORD = re.compile(rf"[A-Za-z0-9]+|[{_CJK}]+")
_COMMA = re.compile(r"[,;](?!\d)")
_WIDE_SIGNS = "、。「」・！（），：；？"
_SHOWN = re.compile(rf"[{_CJK}]+|[^\s{_CJK}{_WIDE_SIGNS}]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[A-Z]")


def terms(text: str) -> list[str]:
    """The terms of a text, in order, repeated as in the text.

    >>> terms("The thetas of LayerNorm")
    ['theta', 'layernorm', 'layer', 'norm']
    >>> terms("강화학습")
    ['강화', '화학', '학습']
    """
    return [term for word in words(text) for term in of_word(word)]


def words(text: str) -> list[str]:
    """The words of a text as they stand there, in order; those of Chinese and the like unparted."""
    return _WORD.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))


def shown(text: str) -> list[str]:
    """The words of a text in small letters as people know them, each once, in order.

    >>> shown("10,000 weights in infrastructure-as-code; 显存不够,ZeRO")
    ['10,000', 'weights', 'in', 'infrastructure-as-code', '显存不够', 'zero']
    """
    found = _SHOWN.findall(_COMMA.sub(" ", text.lower()))
    found = [word.strip(".:!?()[]\"'`") for word in found]
    return [word for word in dict.fromkeys(found) if word]


@functools.lru_cache(maxsize=100_000)
def of_word(word: str) -> tuple[str, ...]:
    """The terms of one of `words`; kept, because a registry has few words, each many times."""
    if word.islower():
        return () if word in _STOP else (stem(word),)
    if not word.isascii():
        return tuple(word[n : n + 2] for n in range(max(1, len(word) - 1)))
    found = []
    lower = word.lower()
    if lower not in _STOP:
        found.append(stem(lower))
    if not (word.isupper() or word.isdigit()):
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


_ENDINGS = {"g": ("ing",), "d": ("ed",), "s": ("es", "s"), "e": ("e",)}
"""By their last letter, which most words do not have."""


def stem(word: str) -> str:
    """A word without its commonest endings, so that `matched` meets `matching`.

    >>> [stem(word) for word in ("matched", "matching", "studies", "loss", "512")]
    ['match', 'match', 'study', 'loss', '512']
    """
    endings = _ENDINGS.get(word[-1:])
    if endings is None:
        return word
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in endings:
        root = word[: -len(ending)]
        if len(root) >= 3 and word.endswith(ending) and not word.endswith(("ss", "us", "is")):
            doubled = ending in ("ing", "ed") and root[-1] == root[-2] and root[-1] not in "lsz"
            return root[:-1] if doubled else root
    return word
