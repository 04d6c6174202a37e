"""TS210: a row that says it has so many parameters, and has not."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule
from techspec.lint.sizes import rounding
from techspec.plan.ablate import size_shown


class WrongParameterCount(Rule):
    """The parameter count in a row is the count of the model that the row describes.

    ## Why
    Counts are what sizes are compared by, and they are quoted long after the table is gone.
    One that is wrong belongs to another model: a width, a tied embedding or a bias differs
    from what its author had in mind.

    The count may be off by 1%, or by the rounding of how it is written: 3.18M is ±5K.

    ## When to break it
    Where a source is quoted that counts differently (without embeddings, say), put its count
    into a column of another name.
    """

    code = "TS210"
    name = "wrong-parameter-count"
    message = "`{arm}` claims {claimed} parameters; {config} has {computed} ({off:+.1%})."
    fix = "write {computed}, or set what differs from the trainer's defaults (`d_ff`, `d_proj`)."

    bad = """\
## Parameter Grid
| Name | d_model | depth | params | Priority |
|------|---------|-------|--------|----------|
| Upper | 256 | 6 | 3.18M | Baseline |
| Lower | 64 | 6 | 253K | High | <!-- TS210 -->
"""
    good = """\
## Parameter Grid
| Name | d_model | depth | params | Priority |
|------|---------|-------|--------|----------|
| Upper | 256 | 6 | 3.18M | Baseline |
| Lower | 64 | 3 | 253K | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for arm in case.spec.arms:
            if arm.matched or arm.claimed_params is None:
                continue
            config = case.full(arm.settings)
            computed = case.cost(arm).params
            claimed = arm.claimed_params
            if not computed or abs(computed - claimed.value) <= max(
                0.01 * computed, rounding(claimed)
            ):
                continue
            yield self.finding(
                arm.line,
                arm=arm.name,
                claimed=claimed.text,
                config=", ".join(f"{key}={value}" for key, value in config.items()) or "it",
                computed=size_shown(computed),
                off=claimed.value / computed - 1,
            )
