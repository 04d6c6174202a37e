"""TS207: a result that would be nothing at all."""

from collections.abc import Iterator
from itertools import pairwise

from techspec.lint.bands import ladder, said
from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class BandsLeaveAGap(Rule):
    """A result between the lowest and the highest band falls into one.

    ## Why
    The result that nobody named is the one that is argued about: 60%, with `Minimum viable`
    from 70% and `Failure` below 50%, is neither to be kept nor to be dropped.

    A band with one end is a rung of a ladder: `>70%` below `85-95%` runs from 70% to 85%.

    ## When to break it
    Never: if the gap is meant, it is a band too, called `Undecided`.
    """

    code = "TS207"
    name = "bands-leave-a-gap"
    message = "A result from {low} to {high} of {metric} is neither `{upper}` nor `{lower}`."
    fix = "name it with a band `{low_plain}-{high}`, or let `{lower}` end at {high}."

    bad = """\
## Success Criteria
- Best case: >95% exact match
- Minimum viable: >70% exact match
- Failure: <50% exact match <!-- TS207 -->
"""
    good = """\
## Success Criteria
- Best case: >95% exact match
- Minimum viable: >70% exact match
- Failure: <70% exact match
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for metric, rungs in ladder(case.spec.bands).items():
            share = case.is_share(metric)
            reached = rungs[0]
            for lower, upper in pairwise(rungs):
                reached = max(reached, lower, key=lambda rung: rung.high)
                if upper.low - reached.high > 1e-9:
                    low = said(reached.high, share)
                    yield self.finding(
                        reached.line,
                        low=low,
                        low_plain=low.rstrip("%"),
                        high=said(upper.low, share),
                        metric=metric,
                        upper=upper.name,
                        lower=reached.name,
                    )
