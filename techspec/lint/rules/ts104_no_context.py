"""TS104: an orphaned experiment, of which nobody knows why it is run."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class NoContext(Rule):
    """A spec says why it is run and what is known already.

    ## Why
    The agent that runs it, and the person who reads the skill next month, cannot tell what
    matters about a result if they do not know what it was for. Such an experiment is an
    orphan: nobody follows it up.

    ## When to break it
    Never: two sentences do. "Nothing is known" is a finding too.

    ## Source
    The skill spec-driven-experimentation, Failed Attempts: "Missing context for Claude".
    """

    code = "TS104"
    name = "no-context"
    message = "{what}"
    fix = "{do} why this matters and what earlier runs found, with their numbers."

    bad = """\
# TECHSPEC: Width of the addition model <!-- TS104 -->

## Objective
How narrow may a model be that still adds three-digit numbers?
"""
    good = """\
# TECHSPEC: Width of the addition model

## Context for Claude
This continues the baseline work: 3.18M parameters reached 91.5%.
"""

    def check(self, case: Case) -> Iterator[Finding]:
        if case.spec.context.strip() or case.is_misspelt("context"):
            return
        if section := case.section("context"):
            yield self.finding(section.line, what=f"`## {section.title}` is empty.", do="write")
        else:
            what = "There is no `## Context for Claude`: nobody will know why this was run."
            yield self.finding(1, what=what, do="add it and write")
