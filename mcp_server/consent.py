"""That an agent knows what a campaign will cost before it starts one."""

import math
from typing import TYPE_CHECKING

from techspec.errors import TechspecError

if TYPE_CHECKING:
    from techspec.plan.model import Plan


class CostNotSeen(TechspecError):
    """The hours that were named are fewer than the plan takes."""

    def __init__(self, named: float, takes: float, by: str) -> None:
        super().__init__(
            f"The plan takes {_told(takes)} device hours by {by}; "
            f"max_device_hours={_told(named)} is less.",
            f"show the plan to the user, then pass max_device_hours={_told(takes)} or more; or "
            "make the spec ask for less.",
        )


class MoreThanBudget(TechspecError):
    """The hours that were named are more than the spec allows."""

    def __init__(self, named: float, budget: float) -> None:
        super().__init__(
            f"max_device_hours={_told(named)} is more than the spec's budget of {_told(budget)} "
            "device hours.",
            f"pass at most {_told(budget)}, or ask the user to raise '## Budget Constraints'.",
        )


class NoHardStop(TechspecError):
    """The spec has no budget in hours, so nothing would hold the campaign to what was agreed."""

    def __init__(self) -> None:
        super().__init__(
            "The spec has no budget in device hours: nothing would end the campaign at the hours "
            "that were agreed.",
            "write 'Max GPU hours: N' or 'Max CPU hours: N' under '## Budget Constraints'.",
        )


def hours(seconds: float | None) -> float | None:
    """Seconds as hours, rounded up to thousandths so that what is shown is never too little.

    >>> hours(3600.0), hours(1.0), hours(None)
    (1.0, 0.001, None)
    """
    return None if seconds is None else math.ceil(seconds / 3.6) / 1000


def _told(hours: float) -> str:
    """Every digit that was named, or two figures that differ would read alike."""
    return f"{hours:.12g}"


def acknowledged(plan: "Plan", named: float) -> None:
    """Refuse hours below the plan's forecast, or above the spec's budget.

    Raises:
        CostNotSeen, MoreThanBudget, NoHardStop: as their texts say.
    """
    forecast, budget = hours(plan.seconds), hours(plan.allowance.device_seconds)
    if budget is None:
        raise NoHardStop
    takes = forecast if forecast is not None else budget
    if named < takes:
        raise CostNotSeen(named, takes, "the forecast" if forecast is not None else "its budget")
    if named > budget:
        raise MoreThanBudget(named, budget)
