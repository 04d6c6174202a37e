"""TS305: an arm that cannot be run, in the words of the trainer or of the planner."""

import re
from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import listed
from techspec.lint.rule import Rule
from techspec.plan.ablate import SIZE
from techspec.spec.model import NamedArm


class RefusedByTheTrainer(Rule):
    """Every arm is one that the trainer can train.

    ## Why
    A refused arm is left out of the plan, and with it goes every hypothesis that needs it.
    Some cannot exist at all: attention alone may have more parameters than the size that an
    arm is to be matched to.

    ## When to break it
    An arm that is there to show a limit can be left out knowingly: the plan says so each time.
    """

    code = "TS305"
    name = "refused-by-the-trainer"
    message = "{arms} cannot be run: {reason}"
    fix = "change what it names, or take {it} out."

    bad = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [7, 64, 128] | High | <!-- TS305 -->
"""
    good = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [32, 64, 128] | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        by_reason: dict[str, list[str]] = {}
        for left in case.plan.left_out:
            if not self._is_told(case, left.arm):
                by_reason.setdefault(left.reason, []).append(left.arm)
        for reason, arms in by_reason.items():
            yield self.finding(
                _line(case, arms[0], reason),
                arms=listed(f"`{arm}`" for arm in arms),
                reason=reason.rstrip(".") + ".",
                it="it" if len(arms) == 1 else "them",
            )

    def _is_told(self, case: Case, arm: str) -> bool:
        """True where the arm sets a parameter that TS204 or TS208 reports."""
        row = _row(case, arm)
        keys = [*case.base, *(row.settings if row else _keys(arm))]
        known = case.parameters
        return known is not None and any(key not in known and key != SIZE for key in keys)


def _line(case: Case, arm: str, reason: str) -> int:
    """Where the value that is refused is written."""
    for key, line in case.spec.baseline_lines.items():
        if re.search(rf"\b{re.escape(key)}=", reason) and f"{key}=" not in arm:
            return line
    if row := _row(case, arm):
        return row.line
    for line, ref in case.claimed_arms():
        if ref.label == arm:
            return line
    lines = {parameter.key: parameter.line for parameter in case.spec.parameters}
    return next((lines[key] for key in _keys(arm) if key in lines), 1)


def _row(case: Case, arm: str) -> NamedArm | None:
    # The planner adds its line to the name of a row that has the name of another.
    if numbered := re.search(r" \(line (\d+)\)$", arm):
        return next((row for row in case.spec.arms if row.line == int(numbered[1])), None)
    return case.arm(arm)


def _keys(arm: str) -> list[str]:
    """The parameters in the name of a level, such as `depth=2` or `(d_model=512, depth=2)`."""
    return re.findall(r"([^\s(,=]+)=", arm)
