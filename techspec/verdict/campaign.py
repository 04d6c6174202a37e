"""A campaign's folder in, its plan, what happened and its verdicts out.

And what the spec says now that the plan in force does not: verdicts are about the plan.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from techspec.ledger.folder import CampaignFolder, of_spec
from techspec.ledger.journal import is_held, read
from techspec.ledger.plan_file import load
from techspec.ledger.state import State, fold
from techspec.plan.model import Plan
from techspec.spec.model import Band, Spec
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


def state_of(spec: Path) -> State | None:
    """What has happened in the campaign of this spec; None if there is none.

    Raises:
        LedgerDamaged: as its text says.
    """
    ledger = of_spec(spec).ledger
    return fold(read(ledger)) if ledger.exists() else None


def edited(plan: Plan, spec: Spec) -> tuple[str, ...]:
    """What the spec says of its hypotheses and success criteria that the plan does not.

    In words, one entry a change; empty where both ask the same. The prose of a hypothesis may be
    reworded freely: its claim is the rule, not its text.
    """
    other = plan.metric != spec.run.metric
    metric = (f"the metric was {plan.metric} and is {spec.run.metric}",) if other else ()
    return (*metric, *_edited_hypotheses(plan, spec), *_edited_bands(plan.bands, spec.bands))


def _edited_hypotheses(plan: Plan, spec: Spec) -> Iterator[str]:
    asked = {question.id: question for question in plan.questions}
    written = {hypothesis.id: hypothesis for hypothesis in spec.hypotheses}
    for name, question in asked.items():
        if name not in written:
            yield f"{name} is gone"
            continue
        hypothesis = written[name]
        before, after = question.claim, hypothesis.claim.text if hypothesis.claim else None
        if _plain(before) != _plain(after):
            yield f"the claim of {name} was {_quoted(before)} and is {_quoted(after)}"
        if question.exploratory != hypothesis.exploratory:
            yield f"{name} is {'now' if hypothesis.exploratory else 'no longer'} exploratory"
    for name, hypothesis in written.items():
        if name not in asked:
            claim = f", with the claim {_quoted(hypothesis.claim.text)}" if hypothesis.claim else ""
            yield f"{name} is new{claim}"


def _edited_bands(before: Sequence[Band], after: Sequence[Band]) -> Iterator[str]:
    planned, written = ({(each.metric, each.name): each for each in bands}
                        for bands in (before, after))  # fmt: skip
    for key, band in planned.items():
        if key not in written:
            yield f"the success criterion {band.name} ({band.text}) is gone"
        elif (band.low, band.high) != (written[key].low, written[key].high):
            yield f"the success criterion {band.name} was {band.text} and is {written[key].text}"
    for key, band in written.items():
        if key not in planned:
            yield f"the success criterion {band.name} ({band.text}) is new"


def _plain(claim: str | None) -> str:
    return " ".join((claim or "").split())


def _quoted(claim: str | None) -> str:
    return f"`{_plain(claim)}`" if claim else "none"
