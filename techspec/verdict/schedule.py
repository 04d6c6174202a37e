"""A claim's form and its registered looks in, how strict each look has to be out."""

from collections.abc import Sequence
from dataclasses import dataclass

from techspec.spec import claims
from techspec.stats.futility import chance_to_cross
from techspec.stats.sequential import Kind, boundaries, sequential_p
from techspec.verdict.findings import (
    ALPHA,
    CONFIRM_SEEDS_MIN,
    REFUTE_SEEDS_MIN,
    TREND_SEEDS_MIN,
    Look,
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The looks of one claim; confirming and refuting each have the whole error to spend."""

    looks: tuple[Look, ...]
    kind: Kind

    def confirm(self, p_values: Sequence[float]) -> float:
        """One p for all looks so far; `p_values` are those of each look alone, the first first."""
        return self._together(p_values, [look.confirm > 0.0 for look in self.looks])

    def refute(self, p_values: Sequence[float]) -> float:
        """As `confirm`, for the p-values of the claim."""
        return self._together(p_values, [look.refute > 0.0 for look in self.looks])

    def outlook(
        self, look: Look, p_confirm: float, p_refutes: Sequence[float], p_short: float = 0.0
    ) -> float:
        """Chance that a look after this one confirms or refutes, from what this one found alone.

        Args:
            look: the one so far.
            p_confirm: as in `Weighed`, or its `p_chance`.
            p_refutes: of all tests among which the least, adjusted, refutes; at least one.
            p_short: as in `Weighed`.
        """
        later = [each for each in self.looks if each.seeds > look.seeds]
        confirming = [(each.seeds, each.confirm) for each in later if each.confirm > 0.0]
        refuting = [
            (each.seeds, each.refute / len(p_refutes)) for each in later if each.refute > 0.0
        ]
        reaching = [(seeds, 0.5) for seeds, _ in confirming]
        return min(
            chance_to_cross(p_confirm, look.seeds, confirming),
            chance_to_cross(p_short, look.seeds, reaching),
        ) + chance_to_cross(min(p_refutes), look.seeds, refuting)

    def _together(self, p_values: Sequence[float], may: Sequence[bool]) -> float:
        seeds = tuple(look.seeds for look, can in zip(self.looks, may, strict=True) if can)
        known = [p for p, can in zip(p_values, may, strict=False) if can]
        return sequential_p(known, seeds, self.kind) if known else 1.0


def schedule_of(form: claims.Form, looks: tuple[int, ...]) -> Schedule:
    """The looks at a claim of this form, each with its share of the error.

    Args:
        form: says from how many seeds on it may be confirmed, and refuted.
        looks: seeds an arm, ascending.
    """
    is_trend = isinstance(form, claims.Trend)
    is_exact = is_trend or (isinstance(form, claims.Difference) and form.paired)
    kind: Kind = "one-sample" if is_exact else "two-sample"
    confirm = _levels(looks, TREND_SEEDS_MIN if is_trend else CONFIRM_SEEDS_MIN, kind)
    refute = _levels(looks, REFUTE_SEEDS_MIN, kind)
    return Schedule(
        tuple(
            Look(seeds, number, looks, confirm.get(seeds, 0.0), refute.get(seeds, 0.0))
            for number, seeds in enumerate(looks, start=1)
        ),
        kind,
    )


def _levels(looks: tuple[int, ...], seeds_min: int, kind: Kind) -> dict[int, float]:
    able = tuple(seeds for seeds in looks if seeds >= seeds_min)
    return dict(zip(able, boundaries(able, ALPHA, kind), strict=True)) if able else {}
