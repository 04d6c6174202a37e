"""TS101: text that the reader met and could not read."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class UnreadableText(Rule):
    """Everything in a known section can be read.

    ## Why
    What cannot be read is left out of the plan. A level that silently goes missing from a
    sweep looks, a week later, like a level that made no difference.

    ## When to break it
    Never. Prose that is meant for people goes below its own heading: the reader passes over
    every section that it does not know.
    """

    code = "TS101"
    name = "unreadable-text"
    message = "{what}"
    fix = "{fix}"

    bad = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| depth | [2, 4, 6] | Urgent | <!-- TS101 -->
"""
    good = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| depth | [2, 4, 6] | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for problem in case.spec.problems:
            yield self.finding(problem.line, what=problem.what, fix=problem.fix)
