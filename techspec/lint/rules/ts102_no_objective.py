"""TS102: a spec that does not say what it wants to learn."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class NoObjective(Rule):
    """A spec says in one question what it wants to learn.

    ## Why
    The objective is what a reader compares the answer with, and what the search through
    earlier skills starts from. Without it, any result looks like the one that was wanted.

    ## When to break it
    An excerpt that is only shown, never run, can do without.
    """

    code = "TS102"
    name = "no-objective"
    message = "{what}"
    fix = "{do} the one question that this spec is to answer, in a sentence."

    bad = """\
# TECHSPEC: Width of the addition model <!-- TS102 -->

## Hypotheses
1. Wider models learn faster
"""
    good = """\
# TECHSPEC: Width of the addition model

## Objective
How narrow may a model be that still adds three-digit numbers?
"""

    def check(self, case: Case) -> Iterator[Finding]:
        if case.spec.objective.strip() or case.is_misspelt("objective"):
            return
        if section := case.section("objective"):
            yield self.finding(section.line, what="The objective is empty.", do="write below it")
        else:
            yield self.finding(1, what="There is no `## Objective`.", do="add `## Objective` with")
