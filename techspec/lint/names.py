"""Names in a spec: what a phrase of prose means by one, and what a misspelt one was meant to be."""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from techspec.spec.model import Value

# Ours: what people write about models when they mean a parameter by one of these names. Other
# names of the same parameters are the reader's work.
_MEANINGS: Mapping[str, frozenset[str]] = {
    "d_model": frozenset({"wide", "wider", "widest", "width", "widths", "narrow", "narrower"}),
    "depth": frozenset({"deep", "deeper", "deepest", "shallow", "shallower", "layer", "layers"}),
    "params": frozenset(
        {"params", "param", "small", "smaller", "smallest", "large", "larger", "bigger"}
    ),
    "learning_rate": frozenset({"lr"}),
}

# Ours: words of parameter names that say nothing alone (`size` of `batch_size`).
_GENERIC = frozenset(
    {"d", "n", "num", "max", "min", "model", "size", "rate", "steps", "step", "every", "on"}
    | {"number", "count", "value", "type", "of", "the", "loss", "eval", "train", "learning"}
    | {"gradient", "early", "order", "answer"}
)


def words(text: str) -> list[str]:
    """The words of a text in lower case; `d_model` is one word."""
    return re.findall(r"[a-z0-9_]+", text.lower())


def named_in(text: str, names: Mapping[str, str]) -> list[str]:
    """Which parameters a phrase is about, in the order given.

    Args:
        text: prose.
        names: by trainer key, the name that the spec writes, such as `RoPE theta`.
    """
    said = words(text)
    return [key for key, name in names.items() if _is_named(said, key, name)]


def _is_named(said: list[str], key: str, name: str) -> bool:
    if key.lower() in said:
        return True
    parts = [part for part in words(name.replace("_", " ")) if part]
    spaced = f" {' '.join(said).replace('_', ' ')} "
    if parts and f" {' '.join(parts)} " in spaced:
        return True
    if any(part in said for part in parts if part not in _GENERIC and len(part) > 1):
        return True
    return not _MEANINGS.get(key, frozenset()).isdisjoint(said)


def nearest(name: str, known: Iterable[str], cutoff: float = 0.7) -> str | None:
    """The known name that a person who wrote `name` most likely meant; None if none is near.

    >>> nearest("d_modle", ["depth", "d_model"])
    'd_model'
    """
    by_folded = {_folded(each): each for each in known}
    near = get_close_matches(_folded(name), by_folded, n=1, cutoff=cutoff)
    return by_folded[near[0]] if near else None


def meant(name: str, known: Collection[str], what: str) -> str:
    """A fix for an unknown name: the near one, or all of them.

    >>> meant("wide", ["deep", "tall"], "arm")
    'take a known arm: `deep`, `tall`'
    """
    if near := nearest(name, known):
        return f"write `{near}`"
    if not known:
        return f"declare the {what} first"
    return f"take a known {what}: {listed(f'`{each}`' for each in known)}"


def listed(items: Iterable[str], most: int = 8) -> str:
    """Items with commas; past `most` their number alone."""
    items = list(items)
    if len(items) <= most:
        return ", ".join(items)
    return ", ".join(items[:most]) + f" and {len(items) - most} more"


def joined(items: Iterable[str]) -> str:
    """Items as a sentence has them.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    items = list(items)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def written(value: Value) -> str:
    """A value as a spec has it.

    >>> [written(value) for value in (True, 0.5, 10000, "cosine")]
    ['true', '0.5', '10000', 'cosine']
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
