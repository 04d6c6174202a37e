"""How people spell parameters and metrics in, how programs spell them out."""

import re

SPELLINGS = {
    "batch": "batch_size",
    "layers": "depth",
    "lr": "learning_rate",
    "n_layer": "depth",
    "n_layers": "depth",
    "num_layers": "depth",
    "parameter_count": "params",
    "parameters": "params",
    "size": "params",
    "width": "d_model",
}
"""Keys that mean another key. The right side is what the bundled trainer calls it."""


def key_of(name: str) -> str:
    """The trainer's key for a parameter as a spec writes it; empty without a letter or digit.

    >>> key_of("RoPE theta"), key_of("Width"), key_of("learning rate")
    ('rope_theta', 'd_model', 'learning_rate')
    """
    key = re.sub(r"[\W_]+", "_", name.lower()).strip("_")
    return SPELLINGS.get(key, key)


def metric_of(name: str) -> str:
    """The trainer's name for a metric. One word is a name already; several are joined.

    >>> metric_of("Exact Match"), metric_of("val/loss")
    ('exact_match', 'val/loss')
    """
    words = name.split()
    return words[0] if len(words) == 1 else "_".join(words).lower()
