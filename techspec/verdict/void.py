"""The runs that a verdict compares in; what makes them incomparable out, in words, or nothing."""

from collections.abc import Callable, Mapping

from techspec.ledger.events import Started
from techspec.ledger.state import State
from techspec.plan.model import Plan
from techspec.spec.model import Value
from techspec.verdict.model import ArmResult

# Enough of a digest to tell two apart, as git shows them.
_SHOWN = 8


def disagreement(plan: Plan, state: State, arms: tuple[ArmResult, ...]) -> str | None:
    """Why these runs must not be compared; None where they may.

    An own trainer may leave digests and the resolved config out: what nobody said cannot disagree.
    """
    return (
        _differ(state, arms, "were scored on different evaluation data", "on", lambda run: run.data)
        or _differ(state, arms, "were trained by different code", "by", lambda run: run.code)
        or _contradiction(plan, state, arms)
    )


def _differ(
    state: State,
    arms: tuple[ArmResult, ...],
    what: str,
    by: str,
    digest_of: Callable[[Started], str],
) -> str | None:
    holders: dict[str, list[str]] = {}
    for arm in arms:
        seeds: dict[str, list[int]] = {}
        for run in arm.runs:
            started = state.trial(run.trial).started
            if started is not None and (digest := digest_of(started)):
                seeds.setdefault(digest, []).append(run.seed)
        for digest, numbers in seeds.items():
            whole = len(numbers) == len(arm.runs)
            which = arm.arm if whole else f"{arm.arm} (seed {_list(numbers)})"
            holders.setdefault(digest, []).append(which)
    if len(holders) < 2:
        return None
    groups = [f"{', '.join(names)} {by} {digest[:_SHOWN]}" for digest, names in holders.items()]
    return f"The runs {what}: {'; '.join(groups)}."


def _contradiction(plan: Plan, state: State, arms: tuple[ArmResult, ...]) -> str | None:
    planned: dict[str, Mapping[str, Value]] = {arm.name: arm.config for arm in plan.arms}
    for arm in arms:
        for run in arm.runs:
            started = state.trial(run.trial).started
            if started is None:
                continue
            for key, value in planned.get(arm.arm, {}).items():
                if key in started.config and not _same(value, started.config[key]):
                    return (
                        f"Seed {run.seed} of {arm.arm} was trained with {key} ="
                        f" {started.config[key]}, where the plan has {key} = {value}."
                    )
    return None


def _same(planned: object, resolved: object) -> bool:
    if isinstance(planned, bool) or isinstance(resolved, bool):
        return planned is resolved
    if isinstance(planned, (int, float)) and isinstance(resolved, (int, float)):
        return abs(planned - resolved) <= 1e-9 * max(abs(planned), abs(resolved))
    return str(planned) == str(resolved)


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
