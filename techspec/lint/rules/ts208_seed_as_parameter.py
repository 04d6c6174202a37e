"""TS208: a seed among the parameters."""

from collections.abc import Iterator

from techspec.lint.case import SEED_NAMES, Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule


class SeedAsParameter(Rule):
    """A seed is a repetition of an arm, never a parameter of it.

    ## Why
    Seeds are what a difference is measured against. Swept as a parameter, each seed becomes
    an arm of its own with one run, and the best of them is taken for a finding.

    ## When to break it
    Never. How many seeds an arm gets is said under `## Run`, or left to the claims.
    """

    code = "TS208"
    name = "seed-as-parameter"
    message = "`{name}` is {what}, but seeds repeat an arm: they are no factor."
    fix = "take `{name}` out and write `seeds: {count}` under `## Run`."

    bad = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128] | High |
| seed | [0, 1, 2, 3, 4] | High | <!-- TS208 -->
"""
    good = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128] | High |

## Run
```yaml
seeds: 5
```
"""

    def check(self, case: Case) -> Iterator[Finding]:
        spec = case.spec
        for parameter in spec.parameters:
            if parameter.key.lower() in SEED_NAMES:
                count = max(5, len(parameter.values))
                yield self.finding(
                    parameter.line, name=parameter.name, what="swept as a parameter", count=count
                )
        for key in spec.baseline:
            if key.lower() in SEED_NAMES:
                line = spec.baseline_lines.get(key, 1)
                yield self.finding(line, name=key, what="fixed in the baseline", count=5)
        for key in {key: None for arm in spec.arms for key in arm.settings}:
            if key.lower() in SEED_NAMES:
                with_it = [arm for arm in spec.arms if key in arm.settings]
                yield self.finding(with_it[0].line, name=key, what="a column of the arms", count=5)
