"""TS215: two arms with one name."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class SameName(Rule):
    """Each arm has a name of its own.

    ## Why
    A claim names its arms. Of two rows with one name it can only mean the first, so the other
    is trained for nothing, or the verdict is about a model that its author did not have in mind.

    Upper and lower case are one: `Wide` and `wide` are the same name, in claims too.

    ## When to break it
    Never: a second name costs nothing.
    """

    code = "TS215"
    name = "same-name"
    message = "`{arm}` is the name of the arm in line {first} already: a claim means that one."
    fix = "give this row a name of its own, such as `{other}`, or take it out."

    bad = """\
## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| wide | 384 | 2 | <!-- TS215 -->
"""
    good = """\
## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| Wide-384 | 384 | 2 |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        lines: dict[str, int] = {}
        taken = {arm.name.casefold() for arm in case.spec.arms}
        for arm in case.spec.arms:
            first = lines.setdefault(arm.name.casefold(), arm.line)
            if first != arm.line:
                other = _free(arm.name, taken)
                taken.add(other.casefold())
                yield self.finding(arm.line, arm=arm.name, first=first, other=other)


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}-{number}".casefold() in taken:
        number += 1
    return f"{name}-{number}"
