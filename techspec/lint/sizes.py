"""Parameter counts as people write them: how far one may be off, and how far several are apart."""

import re
from collections.abc import Sequence

from techspec.spec.model import Quantity

# Ours: `1M` may stand for 1.04M; that it may stand for 1.4M as well helps nobody.
_COARSEST = 0.05


def rounding(quantity: Quantity) -> float:
    """How far the number meant may lie from the number written: half of its last digit.

    >>> rounding(Quantity(3_180_000, "~3.18M")), rounding(Quantity(1_000_000, "1M"))
    (5000.0, 50000.0)
    """
    number = re.search(r"\d[\d,_]*(?:\.(\d+))?", quantity.text)
    if number is None:
        return 0.0
    decimals = len(number[1] or "")
    digits = float(re.sub("[,_]", "", number[0]))
    unit = abs(quantity.value / digits) if digits else 1.0
    return float(min(0.5 * unit / 10**decimals, _COARSEST * abs(quantity.value)))


def spread(counts: Sequence[float]) -> float:
    """How much more the largest has than the smallest, as a share of the smallest.

    >>> round(spread([1_050_000, 1_020_000, 1_310_000]), 3)
    0.284
    """
    return max(counts) / min(counts) - 1 if counts and min(counts) > 0 else 0.0
