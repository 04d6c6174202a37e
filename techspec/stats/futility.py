"""A p-value after some seeds in, the chance that more of them still settle it out."""

import math
from collections.abc import Sequence

from techspec.stats.checked import at_least


def chance_to_cross(p: float, n: int, later: Sequence[tuple[int, float]]) -> float:
    """Chance that a test with this p after n seeds falls below its level at a look to come.

    Averaged over all effects that the seeds so far leave possible, each equally likely before. Of
    several looks the likeliest alone counts, so it is a little too low. Works on any test whose
    evidence grows with the square root of the seeds, from its p-value alone.

    Args:
        p: one-sided, in [0, 1]; 1 where the test cannot come out this way, which gives 0.
        n: seeds an arm so far, >= 1.
        later: (seeds, level) of each look to come, seeds > n, level in (0, 1).

    Returns:
        In [0, 1]; 0 without a look to come.

    Raises:
        ValueError: a value is out of range.

    Source:
        Predictive power with a flat prior: Spiegelhalter, Freedman and Blackburn (1986),
        "Monitoring clinical trials: conditional or predictive power?", Controlled Clinical Trials
        7(1), 8-17.

    >>> round(chance_to_cross(0.2, 5, [(7, 0.02), (10, 0.03)]), 2)
    0.24
    >>> chance_to_cross(0.7, 7, [(10, 0.03)]) < 0.001
    True
    """
    from scipy import special

    at_least(n, 1, "n")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"a p-value lies in [0, 1]; got {p}")
    if p == 1.0:
        return 0.0
    if p == 0.0:
        return 1.0 if later else 0.0
    found = -float(special.ndtri(p)) / math.sqrt(n)  # estimate in standard deviations
    chances = []
    for seeds, level in later:
        if seeds <= n:
            raise ValueError(f"a look to come has more than {n} seeds; got {seeds}")
        needed = -float(special.ndtri(level)) / math.sqrt(seeds)
        chances.append(float(special.ndtr((found - needed) / math.sqrt(1.0 / n - 1.0 / seeds))))
    return max(chances, default=0.0)
