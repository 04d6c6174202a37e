"""TS103: a spec that does not say which result would be good."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class NoSuccessCriteria(Rule):
    """A spec says before the first run which result is good and which is a failure.

    ## Why
    Without thresholds nobody can tell whether 75% is good or bad, and the bar is drawn
    wherever the arrow landed.

    ## When to break it
    A spec whose hypotheses all compare arms can be judged without. Its report then has no
    word for how good the best arm is.

    ## Source
    The skill spec-driven-experimentation, Failed Attempts: "No upfront success criteria".
    """

    code = "TS103"
    name = "no-success-criteria"
    message = "{what}"
    fix = (
        "{do} such as `- Best case: >95% {words}`, `- Minimum viable: 50-95% {words}` and"
        " `- Failure: <50% {words}`."
    )

    bad = """\
# TECHSPEC: Width of the addition model <!-- TS103 -->

## Objective
How narrow may a model be that still adds three-digit numbers?
"""
    good = """\
# TECHSPEC: Width of the addition model

## Success Criteria
- Best case: >95% exact match
- Minimum viable: 50-95% exact match
- Failure: <50% exact match
"""

    def check(self, case: Case) -> Iterator[Finding]:
        if case.spec.bands or case.is_misspelt("criteria"):
            return
        section = case.section("criteria")
        words = case.spec.run.metric.replace("_", " ")
        if section is None:
            what = "There is no `## Success Criteria`: no result would be good or bad."
            yield self.finding(1, what=what, do="add `## Success Criteria` with bands", words=words)
        elif not case.has_problem_in(section):
            what = f"`## {section.title}` holds no band of a metric."
            yield self.finding(section.line, what=what, do="write bands below it", words=words)
