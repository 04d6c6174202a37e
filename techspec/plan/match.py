"""Parameter matching: a free width solved so that a config has a given number of parameters.

Counts come from a cost function that is passed in; no formula of any model is known here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from techspec.plan.ablate import FREE_WIDTH, size_shown
from techspec.plan.model import SizeMatch
from techspec.plan.trainer import Config, Cost

Costs = Callable[[Sequence[Config]], list[Cost]]

TOLERANCE = 0.01
"""Matched means within 1 % of the target; ours: far below any gap between compared sizes."""
LEAST_WIDTH = 8
"""A narrower MLP is no MLP; ours."""
MULTIPLE = 4
"""Widths in fours where the tolerance allows: a GPU's matrix products read four numbers at once."""
NO_COST = Cost()
PROBES = (64, 128)
"""Two widths at which the count is asked; any two would do, as the count is affine in d_ff."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A config and the number of parameters that it is to have."""

    config: Config
    size: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A config that was solved, or the sentence that says why it was not."""

    config: Config
    cost: Cost = NO_COST
    match: SizeMatch | None = None
    refusal: str | None = None
    too_large: bool = False
    """Refused because all but the free width already has the size: less attention may help."""
    uncounted: bool = False
    """Refused because the trainer counts no parameters."""


def solve(wanted: Sequence[Wanted], costs: Costs) -> list[Fit]:
    """Solve the free width of each config; two questions to the trainer, however many configs.

    Returns:
        A fit each, in the order given: within TOLERANCE of its size, or refused.
    """
    if not wanted:
        return []
    low, high = PROBES
    probes = [{**want.config, FREE_WIDTH: width} for want in wanted for width in PROBES]
    answers = costs(probes)
    fits = []
    for number, want in enumerate(wanted):
        at_low, at_high = answers[2 * number : 2 * number + 2]
        fits.append(_width(want, at_low, at_high, high - low))
    solved = [fit for fit in fits if fit.refusal is None]
    checked = iter(costs([fit.config for fit in solved]) if solved else ())
    return [
        fit if fit.refusal else _checked(fit, next(checked), want.size)
        for fit, want in zip(fits, wanted, strict=True)
    ]


def _width(want: Wanted, at_low: Cost, at_high: Cost, apart: int) -> Fit:
    """Find the width on the line through two counts, its own count still to be checked."""
    if problem := at_low.problem or at_high.problem:
        return Fit(want.config, refusal=problem)
    if at_low.params is None or at_high.params is None:
        why = f"the trainer counts no parameters by {FREE_WIDTH}, so no size can be solved"
        return Fit(want.config, refusal=why, uncounted=True)
    rise = at_high.params - at_low.params
    if rise <= 0:
        why = f"{FREE_WIDTH} does not change its number of parameters, so no size can be solved"
        return Fit(want.config, refusal=why)
    exact = PROBES[0] + (want.size - at_low.params) * apart / rise
    value = MULTIPLE * round(exact / MULTIPLE)
    if abs(value - exact) * rise / apart > TOLERANCE * want.size:
        value = round(exact)
    if value < LEAST_WIDTH:
        least = at_low.params - (PROBES[0] - LEAST_WIDTH) * rise / apart
        why = (
            f"it cannot have {size_shown(want.size)} parameters: with {FREE_WIDTH}={LEAST_WIDTH} "
            f"it has {size_shown(least)} already; lower d_proj, or raise the size to that"
        )
        return Fit(want.config, refusal=why, too_large=True)
    return Fit({**want.config, FREE_WIDTH: value})


def _checked(fit: Fit, cost: Cost, size: int) -> Fit:
    if cost.problem or cost.params is None:
        return replace(fit, refusal=cost.problem or "the trainer does not count its parameters")
    value = fit.config[FREE_WIDTH]
    assert isinstance(value, int), "the solved width is a whole number"
    match = SizeMatch(target=size, params=cost.params, width=FREE_WIDTH, value=value)
    if abs(match.residue) > TOLERANCE:
        why = (
            f"it cannot have {size_shown(size)} parameters within {TOLERANCE:.0%}: the nearest is "
            f"{cost.params:,} at {FREE_WIDTH}={value}; choose another size, or another shape"
        )
        return replace(fit, refusal=why)
    return replace(fit, cost=cost, match=match)
