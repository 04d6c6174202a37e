"""TS206: a result that would be two things at once."""

from collections.abc import Iterator
from itertools import combinations

from techspec.lint.bands import ladder, said
from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class BandsOverlap(Rule):
    """A result falls into one band of the success criteria at most.

    ## Why
    A result in two bands is a success to the one reader and a failure to the other, which is
    the quarrel that criteria are written to prevent.

    A band with one end is a rung of a ladder: `>70%` below `85-95%` runs from 70% to 85%.

    ## When to break it
    Never: move the edge of one band to the edge of the other.
    """

    code = "TS206"
    name = "bands-overlap"
    message = "`{upper}` and `{lower}` overlap from {low} to {high} of {metric}."
    fix = "end `{lower}` at {high_start} or start `{upper}` at {low_end}."

    bad = """\
## Success Criteria
- Best case: 90-100% exact match
- Realistic: 70-95% exact match <!-- TS206 -->
- Failure: <70% exact match
"""
    good = """\
## Success Criteria
- Best case: >90% exact match
- Realistic: 70-90% exact match
- Failure: <70% exact match
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for metric, rungs in ladder(case.spec.bands).items():
            for lower, upper in combinations(rungs, 2):
                low, high = max(lower.low, upper.low), min(lower.high, upper.high)
                if high - low <= 1e-9:
                    continue
                share = case.is_share(metric)
                yield self.finding(
                    max(lower.line, upper.line),
                    upper=upper.name,
                    lower=lower.name,
                    low=said(low, share),
                    high=said(high, share),
                    high_start=said(upper.low, share),
                    low_end=said(lower.high, share),
                    metric=metric,
                )
