"""TS217: a margin that is as wide as the whole scale of a share."""

import re
from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule
from techspec.spec.claims import Chain, Difference, Insensitive


class ImpossibleMargin(Rule):
    """A margin on a metric that is a share is smaller than 100 points.

    ## Why
    Shares go from 0 to 1, so a bare 2 is 200 points: nothing can differ by so much, and
    everything is alike within it. Two points are written `2pt`, or 0.02.

    ## When to break it
    A metric that may exceed 1 is no share: let the trainer report it with another unit. Of a
    trainer that does not say which of its metrics are shares, this rule is silent.
    """

    code = "TS217"
    name = "impossible-margin"
    message = "The margin of `{claim}` is {points} points, and `{metric}` has 100 in all."
    fix = "write {margin}, or the difference that you would act on."

    bad = """\
## Hypotheses
1. Wide beats deep
   `exact_match(Wide) > exact_match(Deep) by 2` <!-- TS217 -->

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| Deep | 128 | 8 |
"""
    good = """\
## Hypotheses
1. Wide beats deep
   `exact_match(Wide) > exact_match(Deep) by 2pt`

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| Deep | 128 | 8 |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for hypothesis in case.spec.hypotheses:
            claim = hypothesis.claim
            if claim is None or not isinstance(claim.form, (Difference, Chain, Insensitive)):
                continue
            metric, margin = claim.form.metric or case.spec.run.metric, claim.form.margin
            if margin is not None and margin >= 1 and case.is_surely_share(metric):
                is_bare = re.search(r"[0-9]\s*$", claim.text) is not None
                yield self.finding(
                    hypothesis.claim_line or hypothesis.line,
                    claim=claim.text,
                    points=f"{margin * 100:g}",
                    metric=metric,
                    margin=f"{margin:g}pt" if is_bare and margin < 100 else case.margin(metric),
                )
