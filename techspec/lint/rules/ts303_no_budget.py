"""TS303: a spec that may spend anything."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class NoBudget(Rule):
    """A spec says in numbers what it may spend.

    ## Why
    The budget is the only thing that stops a campaign which asks for more seeds as long as a
    claim is open. It also decides what is worth asking: half of the questions, answered.

    ## When to break it
    Never: a large number is a budget too.

    ## Source
    The skill spec-driven-experimentation, Failed Attempts: "Unscoped parameter ranges".
    """

    code = "TS303"
    name = "no-budget"
    message = "{what}"
    fix = "{do} `- Max GPU hours: 24` and `- Max experiments: 50`, with your numbers."

    bad = """\
# TECHSPEC: Width of the addition model

## Budget Constraints <!-- TS303 -->
- Priority: d_model > depth
"""
    good = """\
# TECHSPEC: Width of the addition model

## Budget Constraints
- Max GPU hours: 24
- Priority: d_model > depth
"""

    def check(self, case: Case) -> Iterator[Finding]:
        budget = case.spec.budget
        limits = (
            (budget.device_hours, budget.experiments, budget.wall_clock_hours) if budget else ()
        )
        if any(limit is not None for limit in limits) or case.is_misspelt("budget"):
            return
        section = case.section("budget")
        if section is None:
            what = "There is no `## Budget Constraints`: nothing ends this campaign."
            yield self.finding(1, what=what, do="add it with")
        elif not case.has_problem_in(section):
            what = f"`## {section.title}` limits nothing: it holds no number of hours or runs."
            yield self.finding(section.line, what=what, do="write")
