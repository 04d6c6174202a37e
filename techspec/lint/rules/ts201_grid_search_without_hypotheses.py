"""TS201: something to sweep and nothing to learn from it."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import joined
from techspec.lint.rule import Rule


class GridSearchWithoutHypotheses(Rule):
    """A sweep is there to answer something.

    ## Why
    A grid search ends in a best configuration and no insight: which parameter did it, and
    would it again? A prediction that was written before can be wrong, and that teaches. One
    arm alone settles nothing either while nothing is predicted of it.

    ## When to break it
    A first look at something wholly unknown. Then say so as an `(exploratory)` hypothesis:
    it is judged, and counted apart.

    ## Source
    The skill spec-driven-experimentation, Failed Attempts: "No hypothesis".
    """

    code = "TS201"
    name = "grid-search-without-hypotheses"
    message = "{what}"
    fix = "add `## Hypotheses` with `1. …` for each thing that you expect, and why."

    bad = """\
## Parameter Ranges <!-- TS201 -->
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128] | High |
| depth | [2, 4] | Low |
"""
    good = """\
## Hypotheses
1. Wider models learn faster

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128] | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        spec = case.spec
        if spec.hypotheses or case.is_misspelt("hypotheses", "predictions"):
            return
        names = [parameter.name for parameter in spec.parameters] + [a.name for a in spec.arms]
        if names:
            first = min([p.line for p in spec.parameters] + [arm.line for arm in spec.arms])
            swept = joined(f"`{name}`" for name in names)
            what = f"Nothing is predicted of {swept}: this is a grid search."
            yield self.finding(case.heading_of(first), what=what)
        elif case.section("hypotheses") is None:
            yield self.finding(1, what="There is no `## Hypotheses`: nothing would be settled.")
