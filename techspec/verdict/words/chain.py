"""The links of a chain in, a paragraph on the one that decides out."""

from collections.abc import Sequence

from techspec.verdict.findings import CONFIRM_SEEDS_MIN, Case, Comparison
from techspec.verdict.model import Outcome
from techspec.verdict.words import difference
from techspec.verdict.words.numbers import listed
from techspec.verdict.words.phrases import nothing_yet, score, takes_at_least


def sentence(
    case: Case, links: Sequence[Comparison], weakest: Comparison, outcome: Outcome, held_back: int
) -> str:
    """For `a > b > c`."""
    if len(links) == 1:
        return difference.sentence(case, weakest, outcome, held_back)
    order = " > ".join(arm.arm for arm in case.arms)
    if outcome is Outcome.INCONCLUSIVE and (nothing := nothing_yet(case)):
        return nothing
    singles = all(len(arm.runs) == 1 for arm in case.arms)
    values = listed([f"{arm.arm} {score(case, arm)}" for arm in case.arms])
    if singles:
        return (
            f"{values} {case.metric}, one run each: seed noise cannot be told from an effect."
            f" {takes_at_least(CONFIRM_SEEDS_MIN - 1)}"
        )
    told = f"The claim is {order}; average {case.metric} was {values}."
    link = difference.sentence(case, weakest, outcome, held_back)
    if outcome is Outcome.CONFIRMED:
        lead = "Every link holds; the weakest is"
    elif outcome is Outcome.REFUTED:
        lead = "One broken link breaks the chain:"
    else:
        held = sum(each.p_confirm <= (case.confirm_level or case.alpha) for each in links)
        lead = f"{held} of {len(links)} links hold at this look; the weakest is"
    return f"{told} {lead} {weakest.left.arm} over {weakest.right.arm}. {link}"
