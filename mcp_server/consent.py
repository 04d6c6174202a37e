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
            f"The plan takes {takes:g} device hours by {by}; max_device_hours={named:g} is less.",
            f"show the plan to the user, then pass max_device_hours={takes:g} or more; or make "
            "the spec ask for less.",
        )


class MoreThanBudget(TechspecError):
    """The hours that were named are more than the spec allows."""

    def __init__(self, named: float, budget: float) -> None:
        super().__init__(
            f"max_device_hours={named:g} is more than the spec's budget of {budget:g} device "
            "hours.",
            f"pass at most {budget:g}, or ask the user to raise '## Budget Constraints'.",
        )


class CostUnknown(TechspecError):
    """Neither a forecast nor a budget in hours: nobody could say what is being started."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing says what this plan will cost: the trainer states no seconds, and the spec "
            "has no budget in device hours.",
            "write 'Max GPU hours' or 'Max CPU hours' under '## Budget Constraints', or "
            "'seconds_per_trial' under '## Run'.",
        )


def hours(seconds: float | None) -> float | None:
    """Seconds as hours, rounded up to thousandths so that what is shown is never too little.

    >>> hours(3600.0), hours(1.0), hours(None)
    (1.0, 0.001, None)
    """
    return None if seconds is None else math.ceil(seconds / 3.6) / 1000


def acknowledged(plan: "Plan", named: float) -> None:
    """Refuse hours below the plan's forecast, or above the spec's budget.

    Raises:
        CostNotSeen, MoreThanBudget, CostUnknown: as their texts say.
    """
    forecast, budget = hours(plan.seconds), hours(plan.allowance.device_seconds)
    takes = forecast if forecast is not None else budget
    if takes is None:
        raise CostUnknown
    if named < takes:
        raise CostNotSeen(named, takes, "the forecast" if forecast is not None else "its budget")
    if budget is not None and named > budget:
        raise MoreThanBudget(named, budget)
