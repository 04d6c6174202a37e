"""TS308: a hypothesis that earlier findings have decided."""

import re
from collections.abc import Iterator, Sequence

from techspec.lint.case import Case
from techspec.lint.finding import Finding, Settled
from techspec.lint.names import joined
from techspec.lint.rule import Rule
from techspec.plan.budget import hours
from techspec.plan.model import Plan
from techspec.plan.savings import Saving, without_hypotheses


class SettledAlready(Rule):
    """No hypothesis asks what the registry's findings have decided.

    ## Why
    Compute that answers an open question is worth more. A finding counts here if it was judged
    over seeds by a rule fixed beforehand, on the same claim, trainer and settings, and no other
    finding contradicts it. This is a note: it changes no exit code.

    ## When to break it
    To replicate: another team, with other seeds or another trainer, is how a finding comes to be
    believed. Then say so under Context for Claude, and name the hypothesis there.
    """

    code = "TS308"
    name = "settled-already"
    message = "{hypothesis} is settled already: {said}. Without it the plan has {saving}."
    fix = "leave {hypothesis} out, or say under Context for Claude why {hypothesis} is asked again."
    level = "note"

    bad = """\
## Hypotheses
1. Wide beats deep
   `exact_match(wide) > exact_match(deep) by 2pt` <!-- TS308 -->

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| wide | 512 | 2 |
| deep | 128 | 8 |
"""
    good = """\
## Hypotheses
1. Wide beats deep at other widths too
   `exact_match(wide) > exact_match(deep) by 2pt`

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| wide | 256 | 2 |
| deep | 64 | 8 |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        lines = {h.id: h.claim_line or h.line for h in case.spec.hypotheses}
        named = set(re.findall(r"\w+", case.spec.context))
        settled = [each for each in case.settled if each.hypothesis in lines.keys() - named]
        for each in settled:
            yield self.finding(
                lines[each.hypothesis],
                hypothesis=each.hypothesis,
                said=each.said,
                saving=_saving(case.plan, each, settled),
            )


def _saving(plan: Plan, one: Settled, settled: Sequence[Settled]) -> str:
    alone = without_hypotheses(plan, {one.hypothesis})
    every = without_hypotheses(plan, {each.hypothesis for each in settled})
    told = _told(alone) if alone.trials else "no fewer trials, as others need its arms"
    if every.trials > alone.trials:
        others = [each.hypothesis for each in settled if each != one]
        told += f"; without {joined(others)} too, {_told(every)}"
    return told


def _told(saving: Saving) -> str:
    time = f" ({hours(saving.seconds)} device hours)" if saving.seconds is not None else ""
    return f"{saving.trials} trials{time} fewer"
