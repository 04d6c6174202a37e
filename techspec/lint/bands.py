"""Success criteria as a ladder: where each band begins and ends once all of them are seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from techspec.spec.model import Band


@dataclass(frozen=True, slots=True)
class Rung:
    """A band with both ends; infinite where nothing is above or below it."""

    name: str
    line: int
    low: float
    high: float


def ladder(bands: Sequence[Band]) -> dict[str, list[Rung]]:
    """The bands of each metric, lowest first.

    `>70%` runs up to where the next higher band starts, `<50%` down to where the next lower ends.
    """
    bounded = [band for band in bands if band.low is not None or band.high is not None]
    metrics = dict.fromkeys(band.metric for band in bounded)
    return {metric: _rungs([b for b in bounded if b.metric == metric]) for metric in metrics}


def _rungs(bands: list[Band]) -> list[Rung]:
    rungs = [Rung(band.name, band.line, *_ends(band, bands)) for band in bands]
    return sorted(rungs, key=lambda rung: (rung.low, rung.high))


def _ends(band: Band, bands: list[Band]) -> tuple[float, float]:
    low, high = band.low, band.high
    if low is not None and high is not None:
        return min(low, high), max(low, high)
    if low is not None:
        starts = [b.low for b in bands if b.low is not None and b.low > low]
        return low, min(starts, default=math.inf)
    assert high is not None, "a band without ends is no rung"
    ends = [b.high for b in bands if b.high is not None and b.high < high]
    return max(ends, default=-math.inf), high


def said(value: float, share: bool) -> str:
    """A band's edge as a spec writes it.

    >>> said(0.7, share=True), said(2.5, share=False)
    ('70%', '2.5')
    """
    if math.isinf(value):
        return "the top" if value > 0 else "the bottom"
    return f"{value * 100:.6g}%" if share else f"{value:.6g}"
