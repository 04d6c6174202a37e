"""The runs that a verdict rests on in; what makes them useless out, in words, or nothing."""

from collections.abc import Callable, Mapping
from typing import TypeGuard

from techspec.ledger.events import Started, Voided
from techspec.ledger.state import State
from techspec.plan.model import Plan
from techspec.spec.model import Value
from techspec.verdict.gather import is_written_as_share, no_share, trials_of
from techspec.verdict.model import ArmResult

# Enough of a digest to tell two apart, as git shows them.
_SHOWN = 8


def disagreement(plan: Plan, state: State, arms: tuple[ArmResult, ...]) -> str | None:
    """Why these runs must not be compared; None where they may.

    An own trainer may leave digests and the resolved config out: what nobody said cannot disagree.
    Nor can a size or count planned as 0 that the trainer resolved to a whole number above 0: that
    is how a spec asks for the trainer's derived value.
    """
    return (
        _differ(state, arms, "were scored on different evaluation data", "on", lambda run: run.data)
        or _differ(state, arms, "were trained by different code", "by", lambda run: run.code)
        or _code_unplanned(plan, state, arms)
        or _contradiction(plan, state, arms)
    )


def without_valid_run(plan: Plan, state: State, arms: tuple[ArmResult, ...]) -> str | None:
    """Which runs were voided and not run again since; None where there is none.

    The others are not judged without them: who can void a run could so drop it.
    """
    for arm in arms:
        for trial in trials_of(plan, arm.arm):
            known = state.trial(trial.id)
            if known.voided and not known.is_final:
                return (
                    f"Seed {trial.seed} of {arm.arm} is void: {changed(known.voided[-1])}. Nothing"
                    " is concluded without that run; `techspec run` runs it again, with the same"
                    " seed, once the file is as it was."
                )
    return None


def changed(event: Voided) -> str:
    """What happened to a locked file, in words."""
    if event.found == event.locked:
        return f"{event.path} was touched while it ran, though it reads as before"
    what = f"was {event.found[:_SHOWN]}" if event.found else "could not be read"
    return f"when it ended, {event.path} {what}, where the plan has {event.locked[:_SHOWN]}"


def unit_mistaken(plan: Plan, state: State, metric: str) -> str | None:
    """Why values of the metric mean something else than the spec takes them for; None if not.

    All planned trials are looked at, also those that are not compared: one trainer has one unit,
    and an arm that scores 0.6 % gives itself away only through one that scores 96 %.
    """
    if not is_written_as_share(plan, metric) or (found := no_share(plan, state, metric)) is None:
        return None
    trial, value = found
    unlike = (
        f"{metric} is written with % or pt in the claims or the success criteria, so it is a share"
        f" and goes from 0 to 1, but trial {trial.id} reported {value:g}."
    )
    otherwise = (
        f"if {metric} is no share, write claims and criteria without % and pt, and record the"
        " change with `techspec run --amend 'WHY'`."
    )
    if 0.0 < value <= 100.0:
        return (
            f"{unlike} If that means {value:g} %, let the trainer report {value / 100:g}, and run"
            f" it again; {otherwise}"
        )
    return (
        f"{unlike} Let the trainer report shares, such as 0.965 for 96.5 %, and run it again;"
        f" {otherwise}"
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


def _code_unplanned(plan: Plan, state: State, arms: tuple[ArmResult, ...]) -> str | None:
    """A trainer that was edited after the plan was frozen, where the two digests are of one kind.

    They are for the bundled trainer, and for one of whose runs any stated the planned digest. For
    any other the plan may hold a digest that techspec made, which a trainer's own never equals.
    """
    starts = [state.trial(trial.id).started for trial in plan.every_trial]
    stated = {started.code for started in starts if started is not None}
    if not plan.trainer_code or (plan.trainer is not None and plan.trainer_code not in stated):
        return None
    for arm in arms:
        for run in arm.runs:
            started = state.trial(run.trial).started
            if started is not None and started.code and started.code != plan.trainer_code:
                return (
                    f"Seed {run.seed} of {arm.arm} was trained by code {started.code[:_SHOWN]},"
                    f" where the plan has {plan.trainer_code[:_SHOWN]}: the trainer was changed"
                    " after the plan was made."
                )
    return None


def _contradiction(plan: Plan, state: State, arms: tuple[ArmResult, ...]) -> str | None:
    planned: dict[str, Mapping[str, Value]] = {arm.name: arm.config for arm in plan.arms}
    for arm in arms:
        for run in arm.runs:
            started = state.trial(run.trial).started
            if started is None:
                continue
            for key, value in planned.get(arm.arm, {}).items():
                if key not in started.config or _is_derived(value, started.config[key]):
                    continue
                if not _same(value, started.config[key]):
                    return (
                        f"Seed {run.seed} of {arm.arm} was trained with {key} ="
                        f" {started.config[key]}, where the plan has {key} = {value}."
                    )
    return None


def _is_derived(planned: object, resolved: object) -> bool:
    """Whether 0 was planned and a whole number above 0 resolved, as where `0 takes d_model`.

    Sizes and counts only, so a planned rate of 0, such as dropout, that became 0.1 contradicts.
    """
    return _is_whole(planned) and planned == 0 and _is_whole(resolved) and resolved > 0


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _same(planned: object, resolved: object) -> bool:
    if isinstance(planned, bool) or isinstance(resolved, bool):
        return planned is resolved
    if isinstance(planned, (int, float)) and isinstance(resolved, (int, float)):
        return abs(planned - resolved) <= 1e-9 * max(abs(planned), abs(resolved))
    return str(planned) == str(resolved)


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
