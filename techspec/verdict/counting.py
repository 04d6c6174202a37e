"""Arms in, success counts out: when means would mislead, and which level then counts as success."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from techspec.spec.claims import Relation
from techspec.stats.modes import two_modes
from techspec.stats.reliability import clopper_pearson, sprt
from techspec.verdict.findings import (
    ALPHA,
    MODES_GAP,
    MODES_GAP_OF_RANGE,
    Case,
    Level,
    Reliability,
    Split,
)
from techspec.verdict.model import ArmResult


def split_of(case: Case, arms: Sequence[ArmResult]) -> Split | None:
    """The arm whose seeds fall into two groups, the one with the widest gap; None if none does."""
    gap = MODES_GAP if case.is_share else _share_of_range(arms)
    splits = [split for arm in arms if gap > 0.0 and (split := _split(arm, gap))]
    # By value, not by position: swapping two arms must not change what is counted.
    return max(splits, key=lambda split: (split.gap, split.cut), default=None)


def level_of(case: Case, split: Split | None) -> Level:
    """What counts as a success, fixed by the success criteria wherever they can fix it.

    With a split, the loosest band whose edge lies in the gap, else the middle of the gap; reaching
    a band called `Fail` is no success. Without one only divergence made us count, so to succeed is
    to have ended: a band's edge would make much of the smallest difference that lies across it.
    """
    relation: Relation = ">=" if case.higher_is_better else "<="
    if split is None:
        return Level(None, relation)
    reach = split.gap / 2.0
    edges = [
        (edge, band.name)
        for band in case.bands
        if (edge := band.low if case.higher_is_better else band.high) is not None
        and abs(edge - split.cut) < reach
        and "fail" not in band.name.casefold()
    ]
    if edges:
        loosest = min if case.higher_is_better else max
        edge, name = loosest(edges)
        return Level(edge, relation, name)
    return Level(split.cut, relation)


def reliability(
    case: Case, arm: ArmResult, level: Level, alpha: float = ALPHA, beta: float = ALPHA
) -> Reliability:
    """How often seeds of the arm reach the level, and what the sequential test says of it.

    The test is asked after every seed and obeyed the first time it decides: later runs, which
    another question may have wanted, are not counted. Where the level lies on the bad side, as
    `<= 10%` does where more is better, a diverged run is no evidence of having missed it, nor of
    having reached it: only runs that ended count.

    Args:
        case: says whether more is better.
        arm: with its runs in the order of their seeds.
        level: what counts as a success.
        alpha: of the test, as in `sprt`.
        beta: the same.
    """
    counting = arm.runs
    if case.higher_is_better == (level.relation in ("<", "<=")):
        counting = tuple(run for run in arm.runs if run.value is not None)
    for seeds in range(len(counting) + 1):
        counted = replace(arm, runs=counting[:seeds])
        found = sprt(level.successes(counted), seeds, alpha=alpha, beta=beta)
        if found.decision != "undecided":
            break
    successes = level.successes(counted)
    low, high = clopper_pearson(successes, seeds)
    decided = found.decision != "undecided"
    seen = arm.runs.index(counted.runs[-1]) + 1 if decided else len(arm.runs)
    return Reliability(counted, level, successes, found, low, high, len(counting), seen)


def _split(arm: ArmResult, gap: float) -> Split | None:
    if len(arm.values) < 2 or (modes := two_modes(arm.values, gap)) is None:
        return None
    return Split(
        arm=arm.arm,
        cut=modes.cut,
        gap=modes.gap,
        below=modes.below,
        above=modes.above,
        low_typical=median(value for value in arm.values if value < modes.cut),
        high_typical=median(value for value in arm.values if value > modes.cut),
    )


def _share_of_range(arms: Sequence[ArmResult]) -> float:
    values = sorted(value for arm in arms for value in arm.values)
    return MODES_GAP_OF_RANGE * sum(high - low for low, high in pairwise(values))
