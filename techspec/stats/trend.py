"""Samples ordered by level in; whether the values rise, or fall, with the level out."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from techspec.stats.checked import at_least, inside_unit, sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.int64]

Direction = Literal["increases", "decreases"]

# Where values are tied. 4 levels of 3 runs have 369,600 arrangements, 3 levels of 4 have 34,650:
# counting all takes below half a second up to here, and more would not change a decision that
# 20,000 draws make.
ARRANGEMENTS_MAX = 50_000
DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class Trend:
    """How well the order of the values follows the order of the levels.

    Attributes:
        direction: the one that was asked about.
        statistic: Jonckheere's J: pairs of values from two levels ordered as `direction` says,
            ties counting half.
        effect: J scaled to [-1, 1]: 1 where every pair is ordered so, 0 where half are, -1 none.
        p: of H0: levels are exchangeable; small where values follow `direction`.
        p_opposite: the same, small where they follow the other direction.
        exact: p counts every arrangement; otherwise it comes from seeded random ones.
    """

    direction: Direction
    statistic: float
    effect: float
    p: float
    p_opposite: float
    exact: bool


def jonckheere(
    groups: Sequence[Sequence[float]],
    direction: Direction = "increases",
    draws: int = DRAWS,
    seed: int = 0,
) -> Trend:
    """Test whether values rise (or fall) with the level, assuming nothing about their shape.

    Args:
        groups: one sample a level, lowest level first, shape (levels >= 2, n >= 1), n may differ.
        direction: "increases" or "decreases".
        draws: random arrangements where values are tied and there are more arrangements than
            ARRANGEMENTS_MAX, >= 1.
        seed: of those draws, >= 0, so that the same samples always give the same p.

    Raises:
        ValueError: fewer than 2 groups, an empty one, a value that is not finite, an unknown
            direction, or draws or seed out of range.

    Source:
        Jonckheere (1954), "A distribution-free k-sample test against ordered alternatives",
        Biometrika 41(1/2), 133-145. Phipson and Smyth (2010), "Permutation p-values should never
        be zero", Statistical Applications in Genetics and Molecular Biology 9(1), article 39, for
        (1 + count) / (1 + draws).

    >>> rising = jonckheere([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> rising.effect, round(rising.p * 90, 6), rising.exact
    (1.0, 1.0, True)
    """
    if len(groups) < 2:
        raise ValueError(f"a trend needs at least 2 levels; got {len(groups)}")
    if direction not in ("increases", "decreases"):
        raise ValueError(f"direction is 'increases' or 'decreases'; got {direction!r}")
    at_least(draws, 1, "draws")
    at_least(seed, 0, "seed")
    sizes = [sample(group, f"level {level}").n for level, group in enumerate(groups)]

    pooled = [float(value) for group in groups for value in group]
    pairs = (len(pooled) ** 2 - sum(n * n for n in sizes)) // 2
    # Kept doubled, thus whole: a tie counts half, and halves must compare exactly.
    if len(set(pooled)) == len(pooled):
        observed = 2 * _rising_pairs(groups if direction == "increases" else groups[::-1])
        at_most = _chances_without_ties(tuple(sorted(sizes)))
        p, opposite, exact = at_most[pairs - observed // 2], at_most[observed // 2], True
    else:
        observed, p, opposite, exact = _with_ties(groups, sizes, direction, draws, seed)
    return Trend(
        direction=direction,
        statistic=observed / 2.0,
        effect=(observed - pairs) / pairs,
        p=p,
        p_opposite=opposite,
        exact=exact,
    )


def runs_needed(effect: float, sizes: Sequence[int], alpha: float, most: int) -> int | None:
    """Further runs a level with which a trend as strong as this one is shown; None if `most` fail.

    By the normal limit of J, without ties: for planning only.

    Args:
        effect: as in `Trend`, of either sign, in [-1, 1].
        sizes: runs of each level so far, shape (levels >= 2,).
        alpha: what its p has to come down to, in (0, 1).
        most: further runs a level to try, >= 0.

    Source:
        Mean and variance of J as in `jonckheere`'s.

    >>> runs_needed(0.5, [3, 3, 3, 3], 0.05, most=10), runs_needed(0.0, [3, 3], 0.05, most=10)
    (1, None)
    """
    needed = NormalDist().inv_cdf(1.0 - inside_unit(alpha, "alpha"))
    for further in range(1, most + 1):
        grown = [n + further for n in sizes]
        total = sum(grown)
        pairs = (total**2 - sum(n * n for n in grown)) / 2.0
        squares = total**2 * (2 * total + 3) - sum(n * n * (2 * n + 3) for n in grown)
        beyond = abs(effect) * pairs / 2.0 - 0.5  # J less its mean, less half a step
        if beyond >= needed * math.sqrt(squares / 72.0):
            return further
    return None


def _rising_pairs(groups: Sequence[Sequence[float]]) -> int:
    """Jonckheere's J, of values without ties."""
    rising = 0
    lower: list[float] = []
    for group in groups:
        rising += sum(x < y for y in group for x in lower)
        lower += group
    return rising


@lru_cache(maxsize=128)
def _chances_without_ties(sizes: tuple[int, ...]) -> tuple[float, ...]:
    """Chance of J <= 0, 1, … if levels are exchangeable; the order of the sizes does not matter.

    The arrangements with each J are the coefficients of the q-multinomial of the sizes: MacMahon
    (1916), "Combinatory Analysis", volume 2.
    """
    ways, seen = [1], 0
    for size in sizes:
        for k in range(1, size + 1):  # times (1 - q^(seen + k)) / (1 - q^k)
            product = ways + [0] * (seen + k)
            for power, count in enumerate(ways):
                product[power + seen + k] -= count
            for power in range(k, len(product)):
                product[power] += product[power - k]
            ways = product[: len(ways) + seen]
        seen += size
    total = sum(ways)
    return tuple(count / total for count in accumulate(ways))


def _with_ties(
    groups: Sequence[Sequence[float]], sizes: Sequence[int], direction: Direction, draws: int,
    seed: int,
) -> tuple[int, float, float, bool]:  # fmt: skip
    """Twice J, p as asked, p of the opposite, and whether they count every arrangement."""
    import numpy as np

    values = np.concatenate([np.asarray(group, dtype=np.float64) for group in groups])
    labels = np.repeat(np.arange(len(groups)), sizes)
    if direction == "decreases":
        labels = len(groups) - 1 - labels
    order = np.argsort(values)
    _, ties = np.unique(values[order], return_counts=True)  # sizes of blocks of equal values
    observed = int(_twice_j(labels[order][None, :], ties, len(groups))[0])
    exact = _arrangement_count(sizes) <= ARRANGEMENTS_MAX
    if exact:
        shuffled = np.array(list(_arrangements(tuple(np.bincount(labels).tolist()))))
    else:
        rng = np.random.default_rng(seed)
        shuffled = rng.permuted(np.tile(labels, (draws, 1)), axis=1)
    null = _twice_j(shuffled, ties, len(groups))
    unseen = 0 if exact else 1  # the observed arrangement is itself one of the exact ones
    total = len(null) + unseen
    as_asked = int((null >= observed).sum()) + unseen
    opposite = int((null <= observed).sum()) + unseen
    return observed, as_asked / total, opposite / total, exact


def _twice_j(labels: "Labels", ties: "Labels", levels: int) -> "Labels":
    """Twice Jonckheere's J of each arrangement.

    Args:
        labels: (arrangements, values), level of each value, smallest value first.
        ties: (blocks,), how many values are equal, block after block, summing to values.
        levels: how many levels there are.

    Returns:
        (arrangements,), whole numbers.
    """
    import numpy as np

    twice = np.zeros(len(labels), dtype=np.int64)
    smaller = np.zeros((len(labels), levels), dtype=np.int64)  # values seen so far, by level
    start = 0
    for size in ties.tolist():
        block = labels[:, start : start + size]  # (arrangements, size)
        inside = np.stack([(block == level).sum(1) for level in range(levels)], axis=1)
        from_lower_levels = np.cumsum(smaller, axis=1) - smaller
        twice += 2 * (inside * from_lower_levels).sum(1)
        twice += (size * size - (inside * inside).sum(1)) // 2  # tied pairs of two levels
        smaller += inside
        start += size
    return twice


def _arrangement_count(sizes: Sequence[int]) -> int:
    count = math.factorial(sum(sizes))
    for size in sizes:
        count //= math.factorial(size)
    return count


def _arrangements(counts: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield every order of labels in which label i occurs counts[i] times."""
    if not any(counts):
        yield ()
    for label, count in enumerate(counts):
        if count:
            rest = (*counts[:label], count - 1, *counts[label + 1 :])
            for order in _arrangements(rest):
                yield (label, *order)
