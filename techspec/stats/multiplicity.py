"""p-values in, p-values that may be compared side by side out."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that comparing all of them to alpha keeps the family-wise error at alpha.

    Args:
        p_values: one per comparison, shape (comparisons,), each in [0, 1], any order.

    Returns:
        Adjusted p-values, shape (comparisons,), in the order given, each in [0, 1].

    Raises:
        ValueError: a value lies outside [0, 1].

    Source:
        Holm (1979), "A simple sequentially rejective multiple test procedure",
        Scandinavian Journal of Statistics 6(2), 65-70.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    if bad := [p for p in p_values if not 0.0 <= p <= 1.0]:
        raise ValueError(f"a p-value lies in [0, 1]; got {bad[0]}")
    smallest_first = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(smallest_first):
        # Never below an earlier one: a larger raw p must not come out as stronger evidence.
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted
