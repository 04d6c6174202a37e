"""TS211: arms that are called parameter-matched and are not."""

from collections.abc import Iterator, Sequence

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import joined, listed, written
from techspec.lint.rule import Rule
from techspec.lint.sizes import rounding, spread
from techspec.plan.ablate import FREE_WIDTH, size_shown
from techspec.plan.match import TOLERANCE
from techspec.spec.model import NamedArm, Quantity


class UnmatchedPairs(Rule):
    """Arms that are called parameter-matched have the same number of parameters, within 1%.

    ## Why
    A model with 28% more parameters may win for being larger, and the comparison was to be
    of shapes. "At identical parameter counts" is then a sentence in the skill that nobody
    can repeat.

    ## When to break it
    Never: call them `## Parameter Grid`, and the verdict will say that they are unmatched.
    """

    code = "TS211"
    name = "unmatched-pairs"
    message = "These arms are not parameter-matched{target}: {found}."
    fix = "{fix}"

    bad = """\
## Parameter-Matched Pairs
Target: ~1.2M params each <!-- TS211 -->
| Config | d_model | depth | Params |
|--------|---------|-------|--------|
| Balanced | 256 | 4 | ~1.31M |
| Narrow-deep | 128 | 8 | ~1.02M |
"""
    good = """\
## Parameter-Matched Pairs
Target: ~1.2M params each
| Config | d_model | depth |
|--------|---------|-------|
| Balanced | 256 | 4 |
| Narrow-deep | 128 | 8 |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        arms = [arm for arm in case.spec.arms if arm.matched]
        matching = case.spec.matching
        target = matching.target if matching else None
        wrong = []
        if _claims_differ(arms, target):
            wrong.append("counts")
        if _fixed_differ(case, arms, target):
            wrong.append(f"column `{FREE_WIDTH}`")
        if len(arms) < 2 or not wrong:
            return
        claimed = {arm.name: arm.claimed_params for arm in arms if arm.claimed_params}
        computed = {arm.name: case.cost(arm).params for arm in arms}
        known = {name: count for name, count in computed.items() if count}
        found = []
        if claimed:
            counts = [f"{name} {quantity.text}" for name, quantity in claimed.items()]
            apart = spread([quantity.value for quantity in claimed.values()])
            found.append(f"they claim {listed(counts)}, a spread of {apart:.0%}")
        if known:
            counts = [f"{name} has {size_shown(count)}" for name, count in known.items()]
            found.append(
                f"as written, with the trainer's defaults, {listed(counts)},"
                f" a spread of {spread(list(known.values())):.0%}"
            )
        yield self.finding(
            matching.line if matching else case.heading_of(arms[0].line),
            target=f" at {target.text}" if target else "",
            found="; ".join(found),
            fix=self._fix(case, arms, wrong),
        )

    def _fix(self, case: Case, arms: Sequence[NamedArm], wrong: Sequence[str]) -> str:
        """What to take out, and the widths that the planner then solves."""
        planned = {arm.name: arm for arm in case.plan.arms if arm.match}
        refused = {left.arm for left in case.plan.left_out}
        solved, unsolved = [], []
        for arm in arms:
            if done := planned.get(arm.name):
                own = case.full(arm.settings)
                widths = {key: done.config[key] for key in done.config if key not in own}
                words = " ".join(f"{key}={written(value)}" for key, value in widths.items())
                assert done.match is not None, "only arms with a match are among the planned"
                solved.append(f"{arm.name} {words} ({done.match.params:,})")
            elif arm.name in refused:
                unsolved.append(arm.name)
        fix = f"take the {joined(wrong)} out of the table and let techspec solve `{FREE_WIDTH}`"
        if solved:
            fix += f", as `techspec plan` does: {listed(solved)}"
        if unsolved:
            fix += f"; of {listed(unsolved)}, TS305 says why it cannot be solved"
        return fix + "."


def _claims_differ(arms: Sequence[NamedArm], target: Quantity | None) -> bool:
    claimed = [arm.claimed_params for arm in arms if arm.claimed_params]
    if not claimed:
        return False
    most, least = max(claimed, key=_value), min(claimed, key=_value)
    surely = spread([least.value + rounding(least), most.value - rounding(most)])
    apart = most.value - rounding(most) > least.value + rounding(least) and surely > TOLERANCE
    return apart or any(_misses(q.value, target, rounding(q)) for q in claimed)


def _fixed_differ(case: Case, arms: Sequence[NamedArm], target: Quantity | None) -> bool:
    """Rows that set the free width themselves are run as they are written."""
    fixed = [arm for arm in arms if FREE_WIDTH in arm.settings]
    counts = [count for arm in fixed if (count := case.cost(arm).params)]
    return spread(counts) > TOLERANCE or any(_misses(count, target) for count in counts)


def _misses(count: float, target: Quantity | None, slack: float = 0.0) -> bool:
    if target is None or not target.value:
        return False
    allowed = max(TOLERANCE * target.value, rounding(target)) + slack
    return abs(count - target.value) > allowed


def _value(quantity: Quantity) -> float:
    return float(quantity.value)
