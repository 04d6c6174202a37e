"""TS214: a comparison that does not say which difference would be worth having."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule
from techspec.spec.claims import Chain, Difference


class NoMargin(Rule):
    """A comparison names the smallest difference worth having.

    ## Why
    With enough seeds, any difference but none can be confirmed, 0.05 points too. And without
    a margin there is no result that refutes the claim short of the opposite: "a little
    better, perhaps" stays open for ever. With `by 2pt` both ends are tests.

    ## When to break it
    Where any improvement is worth having, however small, and it does not matter that the
    claim can hardly be refuted.
    """

    code = "TS214"
    name = "no-margin"
    message = "{hypothesis} does not say which difference is worth having: `{claim}`."
    fix = "write `{claim} by {margin}`, with the difference that you would act on."

    bad = """\
## Hypotheses
1. Wide beats deep
   `exact_match(Wide) > exact_match(Deep)` <!-- TS214 -->

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
            if claim is None or not isinstance(claim.form, (Difference, Chain)):
                continue
            if claim.form.margin is None:
                yield self.finding(
                    hypothesis.claim_line or hypothesis.line,
                    hypothesis=hypothesis.id,
                    claim=claim.text,
                    margin=case.margin(claim.form.metric or case.spec.run.metric),
                )
