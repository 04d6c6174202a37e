"""Simulated rounds in, counts of what came of them out, chunk by chunk; shares with intervals."""

import json
import math
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from techspec.stats.reliability import clopper_pearson

ROUNDS = 50
"""In a chunk, which has random numbers of its own, seeded by its row and its number."""

Counts = Counter[str]
Rng = np.random.Generator


class Chunks:
    """Counts that are kept in a file, if there is one, so that a run that was cut off goes on.

    A file belongs to one version of the engine and of the benchmark: start a new one after a
    change.
    """

    def __init__(self, keep: Path | None) -> None:
        self._keep = keep
        self._known: dict[tuple[str, int], Mapping[str, float]] = {}
        if keep is not None and keep.exists():
            for line in keep.read_text().splitlines():
                each = json.loads(line)
                self._known[each["row"], each["chunk"]] = each["counts"]

    def sum(self, row: str, rounds: float, count: Callable[[Rng], Mapping[str, float]]) -> Counts:
        """Add up `count` over so many rounds, in whole chunks; `rounds` says how many."""
        total: Counts = Counter()
        for chunk in range(math.ceil(rounds / ROUNDS)):
            if (row, chunk) not in self._known:
                rng = np.random.default_rng([zlib.crc32(row.encode()), chunk])
                found: Counts = Counter()
                for _ in range(ROUNDS):
                    found.update(count(rng))
                self._known[row, chunk] = found
                if self._keep is not None:
                    with self._keep.open("a") as file:
                        print(json.dumps({"row": row, "chunk": chunk, "counts": found}), file=file)
            total.update(self._known[row, chunk])
            total["rounds"] += ROUNDS
        return total


def share(count: float, total: float) -> str:
    """A share with its 95 % interval, in per cent."""
    low, high = clopper_pearson(int(count), int(total))
    return f"{100 * count / max(1, total):.1f} ({100 * low:.1f} to {100 * high:.1f})"


def surely_above(count: float, total: float, most: float) -> bool:
    """Whether chance alone does not explain a share above `most`, at one in a thousand."""
    return clopper_pearson(int(count), int(total), 0.998)[0] > most
