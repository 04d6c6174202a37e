"""A plan and what the ledger says in, what is worth running next out: nothing no verdict asks for.

Pure, so that a campaign may ask after every run, and a simulation as often as it likes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from techspec.ledger.state import State
from techspec.plan.model import Plan, Trial
from techspec.verdict.decide import decide
from techspec.verdict.model import Verdict


@dataclass(frozen=True, slots=True)
class Agenda:
    """What a campaign has to do.

    Attributes:
        trials: to be run now, in the order of the plan; empty once every question is settled,
            given up, or at its last look.
        spared: trials that nothing asks for at present, in the order of the plan.
    """

    trials: tuple[Trial, ...]
    spared: tuple[Trial, ...]


def agenda(plan: Plan, state: State) -> Agenda:
    """What to run next, by the verdicts as they stand.

    Args:
        plan: which trials there are, and their order.
        state: what has happened.
    """
    return agenda_of(plan, state, decide(plan, state))


def agenda_of(plan: Plan, state: State, verdicts: Sequence[Verdict]) -> Agenda:
    """As `agenda`, with the verdicts that `decide` gave for this plan and state."""
    wanted = _seeds_asked(plan, verdicts)
    due: list[Trial] = []
    spared: list[Trial] = []
    for trial in plan.every_trial:
        known = state.trial(trial.id)
        if not known.is_final:
            # A run that was voided is repeated whoever asks, or meddling would drop it.
            is_due = trial.seed < wanted[trial.arm] or known.voided
            (due if is_due else spared).append(trial)
    return Agenda(tuple(due), tuple(spared))


def _seeds_asked(plan: Plan, verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Seeds of every arm that are asked for; all that are planned where no question names it.

    Rounded up to whole rounds: a verdict is the same whether it was asked between them or not.
    """
    served = {arm for q in plan.questions if q.unanswerable is None for arm in q.arms}
    asked = {arm.name: 0 for arm in plan.arms}
    for trial in plan.trials:
        if trial.arm not in served:
            asked[trial.arm] = max(asked[trial.arm], trial.seed + 1)
    for verdict in verdicts:
        for wanted in verdict.asks:
            asked[wanted.arm] = max(asked[wanted.arm], wanted.seeds)
    at_once = plan.seeds_at_once or 1
    return {arm: -(-seeds // at_once) * at_once for arm, seeds in asked.items()}
