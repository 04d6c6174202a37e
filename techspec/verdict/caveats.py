"""What weakens an answer, in words: from the plan, from amendments, from the runs themselves."""

from collections.abc import Iterator

from techspec.ledger.state import State, TrialState
from techspec.plan.model import Plan, Question
from techspec.verdict.gather import has_result, trials_of
from techspec.verdict.model import ArmResult, Wanted
from techspec.verdict.void import changed


def caveats_of(
    plan: Plan,
    state: State,
    question: Question,
    metric: str,
    arms: tuple[ArmResult, ...],
    asks: tuple[Wanted, ...],
) -> tuple[str, ...]:
    """Everything a reader must know beside the outcome, most general first.

    Args:
        plan: what was fixed beforehand.
        state: what happened.
        question: the hypothesis.
        metric: the name of what is compared.
        arms: its results.
        asks: arms that it still wants seeds of.
    """
    found = list(question.qualifiers)
    if question.exploratory:
        found.append("exploratory")
    found += [f"DEVIATED: {amendment.reason}" for amendment in state.amendments]
    if 0 < question.seeds < question.seeds_wanted:
        found.append(
            f"to settle it either way takes {question.seeds_wanted} seeds an arm,"
            f" the budget has room for {question.seeds}"
        )
    if mixed := _mixed_devices(state, arms):
        found.append(mixed)
    wanted = {each.arm: each.seeds for each in asks}
    for arm in arms:
        found += _of_arm(plan, state, metric, arm, wanted.get(arm.arm, 0))
    return tuple(dict.fromkeys(found))


def _mixed_devices(state: State, arms: tuple[ArmResult, ...]) -> str:
    """`mixed devices: a on cuda, b on cpu and cuda`; empty where all that is known is of a kind."""
    kinds = {
        arm.arm: sorted(
            {
                _kind(started.device)
                for run in arm.runs
                if (started := state.trial(run.trial).started) is not None and started.device
            }
        )
        for arm in arms
    }
    if len({kind for each in kinds.values() for kind in each}) < 2:
        return ""
    told = [f"{name} on {' and '.join(each)}" for name, each in kinds.items() if each]
    return f"mixed devices: {', '.join(told)}"


def _kind(device: str) -> str:
    """What stands before the colon of `cuda:1` or `cpu: 4 thread(s)`; GPUs are all of a kind."""
    return device.partition(":")[0].strip().casefold()


def _of_arm(plan: Plan, state: State, metric: str, arm: ArmResult, asked: int) -> Iterator[str]:
    for left_out in plan.left_out:
        if left_out.arm == arm.arm:
            yield f"{arm.arm} was left out: {left_out.reason}"
    trials = trials_of(plan, arm.arm)
    ended = {trial.id: state.trial(trial.id).ended for trial in trials}
    refused = [end for end in ended.values() if end is not None and end.outcome == "refused"]
    if refused:
        reason = refused[0].reason or "it gave no reason"
        yield f"the trainer refused {arm.arm}: {reason}"
    if arm.diverged:
        yield f"{arm.diverged} of {len(arm.runs)} seeds of {arm.arm} diverged"
    mute = [
        trial
        for trial in trials
        if state.trial(trial.id).is_final
        and not has_result(state, trial, metric)
        and ended[trial.id] not in refused
    ]
    for trial in mute:
        yield f"seed {trial.seed} of {arm.arm} ended without reporting {metric}"
    wanted = [trial for trial in trials if trial.seed < asked]
    final = sum(state.trial(trial.id).is_final for trial in wanted)
    if final < asked:
        yield f"{final} of the {asked} seeds of {arm.arm} that it asks for have ended"
    if lost := asked - len(wanted):
        yield f"the plan has no room for {lost} of them"
    for trial in trials:
        known = state.trial(trial.id)
        yield from _of_void_runs(known, trial.seed, metric, arm.arm)
        if known.crashes and known.is_final:
            yield f"seed {trial.seed} of {arm.arm} crashed {_times(known.crashes)} and was retried"
        elif known.crashes:
            yield f"seed {trial.seed} of {arm.arm} crashed {_times(known.crashes)}, no result yet"


def _of_void_runs(known: TrialState, seed: int, metric: str, arm: str) -> Iterator[str]:
    """What was thrown away, with its number, so that nobody throws away in silence."""
    if not known.voided or not known.is_final:
        return
    ends = [end for end in known.void_ends if metric in end.metrics]
    numbers = f" ({metric} {', '.join(f'{end.metrics[metric]:.4g}' for end in ends)})"
    yield (
        f"seed {seed} of {arm} was run again, as its first run"
        f"{numbers if ends else ''} is void: {changed(known.voided[0])}"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
