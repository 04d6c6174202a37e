"""TS106: a section that holds nothing, or whose title is nearly one that is read."""

from collections.abc import Iterator

from techspec.lint.case import TITLES, Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class EmptyOrMisspeltSection(Rule):
    """A section is called by its name and holds what its name says.

    ## Why
    The reader passes over titles that it does not know, so that a spec can hold any prose.
    The price is that `## Hypothesys` is prose too: all that is below it would be ignored.

    ## When to break it
    A section of your own with a title near a known one: give it another title.
    """

    code = "TS106"
    name = "empty-or-misspelt-section"
    message = "{what}"
    fix = "{fix}"

    bad = """\
## Hypothesys <!-- TS106 -->
1. Wider models learn faster

## Parameter Ranges <!-- TS106 -->
To be done.
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
        for kind, section in case.misspelt.items():
            what = f"`## {section.title}` is no section that is read: all below it is ignored."
            yield self.finding(section.line, what=what, fix=f"write `## {TITLES[kind]}`.")
        yield from self._empty(case)

    def _empty(self, case: Case) -> Iterator[Finding]:
        spec = case.spec
        # Objective, criteria, budget and context have rules of their own for being empty;
        # hypotheses have one for being absent beside something to sweep.
        swept = spec.parameters or spec.arms
        matched = any(arm.matched for arm in spec.arms)
        unmatched = any(not arm.matched for arm in spec.arms)
        holds = {
            "hypotheses": (spec.hypotheses or swept, "number its predictions: `1. …`"),
            "ranges": (spec.parameters, "write `| Parameter | Values | Priority |`"),
            "grid": (unmatched, "write `| Name | … |`, a row an arm"),
            "matched": (matched, "write `| Config | … |`, a row an arm"),
            "baseline": (spec.baseline, "write `- name: value`, a line a parameter"),
            "factors": (spec.factors, "write `- size: d_model, depth (why they move as one)`"),
        }
        for kind, (held, form) in holds.items():
            section = case.section(kind)
            if section and not held and not case.has_problem_in(section):
                what = f"`## {section.title}` holds nothing that can be read."
                yield self.finding(
                    section.line, what=what, fix=f"{form} below it, or take the section out."
                )
