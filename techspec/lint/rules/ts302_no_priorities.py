"""TS302: parameters of which none comes first."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import joined
from techspec.lint.rule import Rule


class NoPriorities(Rule):
    """Parameters have an order in which they are run.

    ## Why
    A budget ends where it ends. Without an order, what is left undone is whatever came last
    in the table, and compute went into the low end of the list first.

    ## When to break it
    Where there is one parameter there is no order; this rule does not ask for one.

    ## Source
    The skill spec-driven-experimentation, Failed Attempts: "Running all params at once".
    """

    code = "TS302"
    name = "no-priorities"
    message = (
        "None of {names} comes first: no row has a priority, and there is no `Priority:` line."
    )
    fix = (
        "add a column `Priority` with High, Medium or Low, or `- Priority: {first} > {second}`"
        " under `## Budget Constraints`."
    )

    bad = """\
## Parameter Ranges <!-- TS302 -->
| Parameter | Values |
|-----------|--------|
| d_model | [64, 128] |
| depth | [2, 4] |
"""
    good = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128] | High |
| depth | [2, 4] | Low |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        parameters = case.spec.parameters
        ordered = case.spec.budget is not None and case.spec.budget.order
        if len(parameters) < 2 or ordered or any(p.priority for p in parameters):
            return
        yield self.finding(
            case.heading_of(parameters[0].line),
            names=joined(f"`{parameter.name}`" for parameter in parameters),
            first=parameters[0].name,
            second=parameters[1].name,
        )
