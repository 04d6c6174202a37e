"""Content hashes: the same content gives the same name on every machine."""

import hashlib
import json
from collections.abc import Mapping


def digest(content: object) -> str:
    """SHA-256 of a JSON-able value, in hex; the order of keys does not matter.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return digest_text(canonical(content))


def digest_text(text: str) -> str:
    """SHA-256 of a text, in hex, 64 characters."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(content: object) -> str:
    """The one JSON text of a value: keys sorted, no spaces, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def trial_id(arm: str, seed: int, config: Mapping[str, object], trainer: str) -> str:
    """A name for one run: readable in front, and behind it what it is made of.

    Args:
        arm: the arm's name, for people.
        seed: the seed.
        config: every value that the spec sets, the seed left out.
        trainer: digest of the trainer's source and of what it was told to train on.

    >>> trial_id("Wide shallow", 0, {"d_model": 512}, "abc")
    'wide-shallow-s0-52440ec3'
    """
    content = digest({"config": dict(config), "seed": seed, "trainer": trainer})
    return f"{slug(arm)}-s{seed}-{content[:8]}"


def slug(text: str, longest: int = 48) -> str:
    """Letters, digits and single dashes, lower case: safe as a folder's name; never empty.

    >>> slug("RoPE theta: 10 -> 100")
    'rope-theta-10-100'
    """
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in text)
    return "-".join(words.lower().split())[:longest].strip("-") or "unnamed"


def name_of(title: str, longest: int = 48) -> str:
    """As `slug`, without the word that would be cut.

    >>> name_of("Does a perceptron need more data or cleaner data?", 24)
    'does-a-perceptron-need'
    """
    first, *words = slug(title, len(title) + 1).split("-")
    name = first[:longest]
    for word in words:
        if len(name) + 1 + len(word) > longest:
            break
        name += f"-{word}"
    return name
