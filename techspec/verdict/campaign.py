"""A campaign's folder in, its plan, what happened and its verdicts out."""

from dataclasses import dataclass

from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import is_held, read
from techspec.ledger.state import State, fold
from techspec.plan.model import Plan
from techspec.run.plan_file import load
from techspec.verdict.decide import decide
from techspec.verdict.model import Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A campaign and what is to be said of it at this moment."""

    folder: CampaignFolder
    plan: Plan
    state: State
    verdicts: tuple[Verdict, ...]

    @property
    def is_running(self) -> bool:
        """Whether numbers are still coming in."""
        return is_held(self.folder.ledger)


def judged(folder: CampaignFolder) -> Judged:
    """Judge the campaign in this folder.

    Raises:
        PlanDamaged, LedgerDamaged: as their texts say.
    """
    plan, state = load(folder), fold(read(folder.ledger))
    return Judged(folder, plan, state, decide(plan, state))
