"""Drafts and a trainer in, arms out: sized, priced, and equal ones made one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from techspec.plan.ablate import FREE_WIDTH, SIZE, Design, Draft
from techspec.plan.match import Costs, Fit, Wanted, solve
from techspec.plan.model import Arm, LeftOut
from techspec.plan.trainer import Config, Cost, Trainer, TrainerFacts
from techspec.spec.model import Value

PROJECTION = "d_proj"
"""The width of the attention, which all arms may share so that their sizes can be matched."""
PROJECTIONS = (256, 128, 64, 32)
"""Tried in this order, after the trainer's default, which is as wide as the model."""

Key = tuple[tuple[str, bool, Value], ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """The arms that can be run, and what became of the others."""

    arms: tuple[Arm, ...]
    left_out: tuple[LeftOut, ...]
    called: Mapping[str, str]
    """The arm that stands for each draft that can be run, by the draft's name."""
    notes: tuple[str, ...] = ()


def settle(design: Design, trainer: Trainer, seconds: Callable[[Cost], float | None]) -> Settled:
    """Size and price every draft, and make equal ones one arm.

    Args:
        design: what the spec asks for.
        trainer: is asked for facts once, and for costs a few times, many configs each.
        seconds: the forecast of one trial from its cost.
    """
    facts = trainer.facts()
    runnable = [draft for draft in design.drafts if draft.problem is None]
    fits, notes = _fits(runnable, facts, lambda configs: trainer.costs(configs))
    arms: dict[Key, Arm] = {}
    called: dict[str, str] = {}
    reasons = {draft.name: draft.problem for draft in design.drafts if draft.problem}
    for draft, fit in zip(runnable, fits, strict=True):
        if fit.refusal:
            reasons[draft.name] = fit.refusal
            continue
        arm = arms.setdefault(_key(fit.config), _arm(draft, fit, seconds))
        called[draft.name] = arm.name
        if arm.name != draft.name and not draft.name.startswith("("):
            notes.append(f"{draft.name!r} is the same configuration as {arm.name!r}: one arm.")
    left_out = [
        LeftOut(draft.name, reasons[draft.name]) for draft in design.drafts if draft.name in reasons
    ]
    return Settled(tuple(arms.values()), tuple(left_out), called, tuple(notes))


def _arm(draft: Draft, fit: Fit, seconds: Callable[[Cost], float | None]) -> Arm:
    return Arm(
        name=draft.name,
        config=fit.config,
        changes=draft.changes,
        is_baseline=draft.is_baseline,
        params=fit.cost.params,
        flops=fit.cost.flops,
        seconds=seconds(fit.cost),
        match=fit.match,
    )


def _fits(
    drafts: Sequence[Draft], facts: TrainerFacts, costs: Costs
) -> tuple[list[Fit], list[str]]:
    """Fit each; with one d_proj for all of them where only that lets their sizes be matched."""
    solvable = facts.parameters is None or FREE_WIDTH in facts.parameters
    fits = _attempt(drafts, costs, solvable)
    if not any(fit.too_large for fit in fits) or not _may_share(drafts, facts):
        return fits, _unmatched(drafts, fits)
    attempts = {0: fits}
    every = [_projected(draft, width) for width in PROJECTIONS for draft in drafts]
    tried = _attempt(every, costs, solvable)
    for number, width in enumerate(PROJECTIONS):
        attempts[width] = tried[number * len(drafts) : (number + 1) * len(drafts)]
    # Widest first: of two that keep equally many arms apart, the wider attention is taken.
    width = max(attempts, key=lambda width: _distinct(attempts[width]))
    fits = attempts[width]
    if not width:
        return fits, []
    wider = list(attempts)[list(attempts).index(width) - 1]
    lost = [d.name for d, fit in zip(drafts, attempts[wider], strict=True) if fit.too_large]
    first = f"{PROJECTION}={wider}" if wider else f"{PROJECTION} as wide as the model"
    note = (
        f"{PROJECTION}={width} in every matched arm that sets none, so that sizes can be matched: "
        f"with {first}, attention alone is too large for {', '.join(lost)}."
    )
    return fits, [note]


def _attempt(drafts: Sequence[Draft], costs: Costs, solvable: bool) -> list[Fit]:
    """Solve the drafts that have a size, and price the rest as they are.

    Where no size can be solved, a draft that is about its size is refused, and others stay loose.
    """
    sizes: dict[int, int] = {n: draft.size for n, draft in enumerate(drafts) if draft.size}
    plain = [n for n in range(len(drafts)) if not drafts[n].size and not drafts[n].size_of]
    priced = dict(zip(plain, _asked(costs, [drafts[n] for n in plain]), strict=True))
    fits = {n: Fit(drafts[n].config, c, refusal=c.problem) for n, c in priced.items()}
    for number, draft in enumerate(drafts):
        if draft.size_of and not draft.size:
            model = _model(draft, drafts, priced)
            if model.params is not None:
                sizes[number] = model.params
                continue
            why = f"it is to have the size of {draft.size_of!r}, whose count is not known"
            if model.problem:
                why += f": {model.problem}"
            fits[number] = Fit(draft.config, refusal=why, uncounted=not model.problem)
    wanted = [Wanted(drafts[number].config, size) for number, size in sizes.items()]
    fits.update(zip(sizes, solve(wanted, costs if solvable else _uncounted), strict=True))
    uncounted = [n for n, fit in fits.items() if fit.uncounted and not _is_sized_by_name(drafts[n])]
    prices = _asked(costs, [drafts[n] for n in uncounted])
    for number, cost in zip(uncounted, prices, strict=True):
        fits[number] = Fit(drafts[number].config, cost, refusal=cost.problem, uncounted=True)
    return [fits[number] for number in range(len(drafts))]


def _asked(costs: Costs, drafts: Sequence[Draft]) -> list[Cost]:
    return costs([draft.config for draft in drafts]) if drafts else []


def _uncounted(configs: Sequence[Config]) -> list[Cost]:
    return [Cost() for _ in configs]


def _model(draft: Draft, drafts: Sequence[Draft], priced: Mapping[int, Cost]) -> Cost:
    """Find the cost of the draft whose size this one is to have, at the same d_proj."""
    same = [n for n in priced if drafts[n].name == draft.size_of]
    fitting = [n for n in same if drafts[n].config.get(PROJECTION) == draft.config.get(PROJECTION)]
    unknown = Cost(problem="it is left out")
    return priced[(fitting or same)[0]] if same else unknown


def _is_sized_by_name(draft: Draft) -> bool:
    """Whether its size is what it is about: without it, it would be the baseline again."""
    return any(change.parameter == SIZE for change in draft.changes)


def _unmatched(drafts: Sequence[Draft], fits: Sequence[Fit]) -> list[str]:
    loose = [d.name for d, f in zip(drafts, fits, strict=True) if f.uncounted and not f.refusal]
    if not loose:
        return []
    why = f"as the trainer counts no parameters by {FREE_WIDTH}"
    return [f"Sizes are not matched, {why}: {', '.join(loose)}."]


def _may_share(drafts: Sequence[Draft], facts: TrainerFacts) -> bool:
    written = {draft.name for draft in drafts if draft.as_written}
    return (
        PROJECTION in (facts.parameters or {})
        and not all(PROJECTION in draft.config for draft in drafts)
        and not any(draft.size_of in written for draft in drafts)
    )


def _projected(draft: Draft, width: int) -> Draft:
    if draft.as_written or PROJECTION in draft.config:
        return draft
    return replace(draft, config={**draft.config, PROJECTION: width})


def _distinct(fits: Sequence[Fit]) -> int:
    return len({_key(fit.config) for fit in fits if fit.refusal is None})


def _key(config: Config) -> Key:
    return tuple(sorted((key, isinstance(value, bool), value) for key, value in config.items()))
