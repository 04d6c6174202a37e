"""TS212: a parameter that is swept for no hypothesis."""

from collections.abc import Iterator

from techspec.lint.case import SEED_NAMES, Case, arms_of, parameter_of
from techspec.lint.finding import Finding
from techspec.lint.names import named_in
from techspec.lint.rule import Rule
from techspec.plan.ablate import levels_of
from techspec.spec.model import Hypothesis, Parameter


class UnusedParameter(Rule):
    """A parameter that is swept is one that a hypothesis is about.

    ## Why
    Its runs are paid for and settle nothing: they are the part of a sweep that ran out of
    budget last time. A parameter that matters enough to be swept matters enough for a guess.

    A hypothesis uses a parameter if its claim names it, or names an arm that sets it. One
    without a claim uses the parameters that its words name.

    ## When to break it
    A sweep for its own sake is an `(exploratory)` hypothesis: write it down.
    """

    code = "TS212"
    name = "unused-parameter"
    message = "`{name}` is swept over {count} values, and no hypothesis is about it."
    fix = "predict something of it, such as `{claim}`, or take the row out."

    bad = """\
## Hypotheses
1. Wider models learn more
   `exact_match increases with d_model`

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128, 256] | High |
| batch_size | [512, 1024, 2048] | Low | <!-- TS212 -->
"""
    good = """\
## Hypotheses
1. Wider models learn more
   `exact_match increases with d_model`

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128, 256] | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        if not case.spec.hypotheses:
            return
        used = {key for hypothesis in case.spec.hypotheses for key in _used(case, hypothesis)}
        for factor in case.spec.factors:
            if factor.name in used or not used.isdisjoint(factor.parameters):
                used |= {factor.name, *factor.parameters}
        for parameter in case.spec.parameters:
            levels = levels_of(parameter)
            if parameter.key in used or parameter.key in SEED_NAMES or len(levels) < 2:
                continue
            claim = case.claim_about(parameter)
            yield self.finding(parameter.line, name=parameter.name, count=len(levels), claim=claim)


def _used(case: Case, hypothesis: Hypothesis) -> Iterator[str]:
    if hypothesis.claim is None:
        yield from named_in(hypothesis.text, _names(case.spec.parameters))
        return
    form = hypothesis.claim.form
    if key := parameter_of(form):
        yield key
    for ref in arms_of(form):
        yield from (key for key, _ in ref.settings)
        if row := case.arm(ref.name):
            yield from row.settings


def _names(parameters: tuple[Parameter, ...]) -> dict[str, str]:
    return {parameter.key: parameter.name for parameter in parameters}
