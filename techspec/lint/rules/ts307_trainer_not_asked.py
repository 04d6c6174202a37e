"""TS307: a trainer that cannot be asked anything."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class TrainerNotAsked(Rule):
    """The trainer of a spec can be started, and answers what it is asked.

    ## Why
    The trainer knows its parameters, its metrics and what an arm costs. Where it cannot be
    asked, the rules that need an answer stay silent, so a spec without other findings is not
    known to be sound; and no trial of it would run.

    ## When to break it
    On a machine that the campaign does not run on: read the other findings, and lint again
    where the trainer is.
    """

    code = "TS307"
    name = "trainer-not-asked"
    message = "The trainer cannot be asked: {what}"
    fix = "{fix}"

    bad = """\
## Run <!-- TS307 -->
```yaml
trainer: no-such-program train.py
metric: accuracy
```
"""
    good = """\
## Run
```yaml
trainer: python train.py
metric: accuracy
```
"""

    def check(self, case: Case) -> Iterator[Finding]:
        problem = case.trainer_problem
        if problem is not None:
            yield self.finding(case.spec.run.line or 1, what=problem.what, fix=problem.fix)
