"""TS105: text in the place of a claim that is not one."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class UnreadableClaim(Rule):
    """A claim in backticks can be read to its end.

    ## Why
    A claim is the line of the spec that becomes a statistical test. One that is read in part
    would test something else than what was meant, so it is not tested at all.

    ## When to break it
    Code that is no claim can stand in a hypothesis as long as it does not look like one.
    """

    code = "TS105"
    name = "unreadable-claim"
    message = "{hypothesis}: the claim `{claim}` cannot be read at {word}: {what}"
    fix = "{fix}"

    bad = """\
## Hypotheses
1. Depth matters less than width
   `exact_match insensitive of depth within 2pt` <!-- TS105 -->
"""
    good = """\
## Hypotheses
1. Depth matters less than width
   `exact_match insensitive to depth within 2pt`
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for hypothesis in case.spec.hypotheses:
            if not (problem := hypothesis.problem):
                continue
            line = hypothesis.claim_line or hypothesis.line
            word = problem.text[problem.start : problem.end]
            at = case.text_line(line).find(problem.text)
            yield self.finding(
                line,
                column=at + problem.start + 1 if at >= 0 else None,
                end=at + problem.end + 1 if at >= 0 else None,
                hypothesis=hypothesis.id,
                claim=problem.text,
                word=f"`{word}`, character {problem.start + 1}" if word else "its end",
                what=problem.what,
                fix=problem.fix,
            )
