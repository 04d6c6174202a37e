"""How often words stand on which pages in, vectors of words and pages out: near if alike in use.

Latent semantic analysis: words that stand on the same pages point the same way, so that a page
is near a question in other words than its own. Learned from the registry itself; what is learned
places later pages without being learned anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DIMENSIONS = 200
"""Of a vector. From 128 to 256 the ranking of real requests hardly changes."""

PAGES_MIN = 400
"""Pages from which there is something to learn; another process does it, as it takes seconds."""

_PAGES_OF_TERM_MIN = 4
_SHARE_OF_PAGES_MAX = 0.5
"""Terms on fewer pages tell too little, those on more too much alike of every page."""

_SATURATION = 8.0
"""How fast more of the same word stops to matter, as `search.K1` for the words themselves."""

_POWER_STEPS, _OVERSAMPLING, _SEED = 2, 20, 0
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Meanings:
    """What was learned: by term, its row of `vectors`, shape (terms, DIMENSIONS)."""

    rows: Mapping[str, int]
    vectors: NDArray[np.float16]

    def of_question(self, terms: Sequence[str]) -> Floats:
        """The direction of a question, shape (DIMENSIONS,); zeros where no term is known."""
        known = sorted({self.rows[term] for term in terms if term in self.rows})
        return _unit(self.vectors[known].astype(np.float32).sum(axis=0))

    def of_page(self, counts: Mapping[str, float]) -> Floats:
        """The direction of a page by its terms' weighted counts, shape (DIMENSIONS,)."""
        known = [term for term in counts if term in self.rows]
        weights = _saturated(np.array([counts[term] for term in known], np.float32))
        return _unit(weights @ self.vectors[[self.rows[term] for term in known]].astype(np.float32))


def learn(
    terms: Sequence[str],
    columns: NDArray[np.int64],
    pages: NDArray[np.int64],
    counts: Floats,
    page_count: int,
    power: float,
) -> tuple[Meanings, Floats]:
    """Learn from all pages.

    Args:
        terms: every term.
        columns: of each entry its term, as a place in `terms`, shape (entries,).
        pages: of each entry its page, from 0, shape (entries,).
        counts: of each entry how often the term is on the page, weighted, shape (entries,); a
            term and a page may have several.
        page_count: how many pages there are.
        power: of a term's inverse document frequency in its weight.

    Returns:
        The meanings, and the direction of each page, shape (pages, DIMENSIONS).

    Source:
        Deerwester et al. (1990), "Indexing by latent semantic analysis", JASIS 41(6), 391-407;
        Halko, Martinsson, Tropp (2011), "Finding structure with randomness", SIAM Review 53(2),
        217-288.
    """
    from scipy import sparse  # slow to import, and seldom needed

    shape = (page_count, len(terms))
    counted: Any = sparse.csr_array((counts, (pages, columns)), shape=shape)
    counted.data = _saturated(counted.data)
    found = np.bincount(counted.indices, minlength=len(terms))
    telling = (found >= _PAGES_OF_TERM_MIN) & (found <= _SHARE_OF_PAGES_MAX * page_count)
    kept = np.flatnonzero(telling)
    counted = counted[:, kept]
    rarity = np.log(1.0 + (page_count - found[kept] + 0.5) / (found[kept] + 0.5)) ** power
    table = counted @ sparse.diags_array(rarity.astype(np.float32))
    lengths = np.sqrt(table.multiply(table).sum(axis=1))
    table = (sparse.diags_array(1.0 / np.maximum(lengths, _TINY)) @ table).astype(np.float32)
    vectors = (_directions(table.tocsr()) * rarity[:, None]).astype(np.float16)
    rows = {terms[column]: row for row, column in enumerate(kept.tolist())}
    return Meanings(rows, vectors), _unit(counted @ vectors.astype(np.float32))


def _directions(table: Any) -> Floats:
    """The first right singular vectors of a sparse table, shape (terms, DIMENSIONS)."""
    chance = np.random.default_rng(_SEED)
    width = min(DIMENSIONS + _OVERSAMPLING, *table.shape)
    turned = table.T.tocsr()
    basis = turned @ chance.standard_normal((table.shape[0], width), np.float32)
    for _ in range(_POWER_STEPS):
        basis = np.linalg.qr(turned @ np.linalg.qr(table @ basis)[0])[0]
    _, _, right = np.linalg.svd(table @ basis, full_matrices=False)
    found: Floats = np.zeros((table.shape[1], DIMENSIONS), np.float32)
    first = (basis @ right.T)[:, :DIMENSIONS]
    found[:, : first.shape[1]] = first
    return found


def _saturated(counts: Floats) -> Floats:
    return counts / (np.float32(_SATURATION) + counts)


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = vectors / np.maximum(lengths, np.float32(_TINY))
    return unit
