"""How people spell parameters and metrics in, how programs spell them out."""

import re
from collections.abc import Callable, Mapping

KeyOf = Callable[[str], str]
"""`key_of`, or `own_key_of` where a spec names a trainer of its own."""

_SIZE = {"parameter_count": "params", "parameters": "params"}
_SPELLINGS = {
    **_SIZE,
    "batch": "batch_size",
    "layers": "depth",
    "lr": "learning_rate",
    "n_layer": "depth",
    "n_layers": "depth",
    "num_layers": "depth",
    "size": "params",
    "width": "d_model",
}
"""Keys that mean another key. The right side is what the bundled trainer calls it."""


def key_of(name: str) -> str:
    """The trainer's key for a parameter as a spec writes it; empty without a letter or digit.

    >>> key_of("RoPE theta"), key_of("Width"), key_of("learning rate")
    ('rope_theta', 'd_model', 'learning_rate')
    """
    return _key(name, _SPELLINGS)


def own_key_of(name: str) -> str:
    """As `key_of` for a trainer whose names we do not know: a word is its own key.

    >>> own_key_of("lr"), own_key_of("Width"), own_key_of("Parameters")
    ('lr', 'width', 'params')
    """
    return _key(name, _SIZE)


def _key(name: str, spellings: Mapping[str, str]) -> str:
    key = re.sub(r"[\W_]+", "_", name.lower()).strip("_")
    return spellings.get(key, key)


def metric_of(name: str) -> str:
    """The trainer's name for a metric. One word is a name already; several are joined.

    >>> metric_of("Exact Match"), metric_of("val/loss")
    ('exact_match', 'val/loss')
    """
    words = name.split()
    return words[0] if len(words) == 1 else "_".join(words).lower()
