"""TS216: a level that a share cannot have."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule
from techspec.spec.claims import Smallest, Threshold


class ImpossibleLevel(Rule):
    """A level of a metric that is a share lies between 0% and 100%.

    ## Why
    No run is 950% correct: the claim is refuted, or the band stays empty, whatever is trained.
    Most such levels are a slip of the pen: `95` or `950%` where 95% was meant.

    ## When to break it
    A metric that may exceed 1 is no share: let the trainer report it with another unit. Of a
    trainer that does not say which of its metrics are shares, this rule is silent.
    """

    code = "TS216"
    name = "impossible-level"
    message = "`{text}` asks for {level}, and `{metric}` goes from 0% to 100%."
    fix = "write a level that it can have, such as {possible}."

    bad = """\
## Hypotheses
1. The large model is reliable
   `exact_match(Large) >= 950%` <!-- TS216 -->

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Large | 256 | 6 |
"""
    good = """\
## Hypotheses
1. The large model is reliable
   `exact_match(Large) >= 95%`

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Large | 256 | 6 |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for line, text, metric, level in _levels(case):
            if case.is_surely_share(metric) and not 0 <= level <= 1:
                yield self.finding(
                    line,
                    text=text,
                    level=f"{level * 100:g}%",
                    metric=metric,
                    possible=_possible(text, level),
                )


def _levels(case: Case) -> Iterator[tuple[int, str, str, float]]:
    for hypothesis in case.spec.hypotheses:
        if hypothesis.claim and isinstance(hypothesis.claim.form, (Threshold, Smallest)):
            form, line = hypothesis.claim.form, hypothesis.claim_line or hypothesis.line
            yield line, hypothesis.claim.text, form.metric, form.level
    for band in case.spec.bands:
        ends = [end for end in (band.low, band.high) if end is not None]
        # One finding a band: both of its ends are the same slip.
        if beyond := [end for end in ends if not 0 <= end <= 1]:
            yield band.line, band.text, band.metric, beyond[0]


def _possible(text: str, level: float) -> str:
    """What was most likely meant: 95% of a bare `95`."""
    return f"{level:g}%" if "%" not in text and 2 <= level <= 100 else "90%"
