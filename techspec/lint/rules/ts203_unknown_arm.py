"""TS203: a claim about an arm that the spec does not have."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import meant
from techspec.lint.rule import Rule


class UnknownArm(Rule):
    """A claim names arms that exist.

    ## Why
    A claim about an arm that is never run is never settled.

    ## When to break it
    Never. An arm without a row is written by its values: `exact_match(d_model=512, depth=2)`.
    """

    code = "TS203"
    name = "unknown-arm"
    message = "The claim names the arm `{arm}`, which is no row of this spec."
    fix = "{fix}, or write the arm by its values, such as `(d_model=512, depth=2)`."

    bad = """\
## Hypotheses
1. Wide beats deep
   `Wide > Deap by 2pt` <!-- TS203 -->

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| Deep | 128 | 8 |
"""
    good = """\
## Hypotheses
1. Wide beats deep
   `Wide > Deep by 2pt`

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| Deep | 128 | 8 |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        names = [arm.name for arm in case.spec.arms]
        told = set()
        for line, ref in case.claimed_arms():
            if ref.name and not case.knows_arm(ref.name) and (line, ref.name) not in told:
                told.add((line, ref.name))
                yield self.finding(line, arm=ref.name, fix=meant(ref.name, names, "arm"))
