"""TS209: an arm of an ablation that changes more than one thing."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import joined
from techspec.lint.rule import Rule
from techspec.plan.ablate import same
from techspec.spec.model import NamedArm


class TwoChangesAtOnce(Rule):
    """A named arm differs from the baseline in one factor.

    ## Why
    When two factors move together, a difference in the metric cannot be given to either,
    and the skill distilled from it would advise both.

    ## When to break it
    Parameters that have no meaning apart are one factor: a warm-up length under another
    schedule, or width and depth where only the size is in question. Join them under
    `## Factors`, with the reason beside them. Arms in `## Parameter-Matched Pairs` are
    compared as wholes, at one size, and are not asked.
    """

    code = "TS209"
    name = "two-changes-at-once"
    message = "Against {baseline}, {arms} {verb} {count} factors at once: {factors}."
    fix = (
        "change one factor an arm, or join them: add `## Factors` with"
        " `- {together}: {factors} (why they move as one)`."
    )

    bad = """\
## Parameter Grid
| Name | d_model | learning_rate | Priority |
|------|---------|---------------|----------|
| Upper | 256 | 1e-4 | Baseline |
| Fast | 64 | 1e-3 | High | <!-- TS209 -->
"""
    good = """\
## Parameter Grid
| Name | d_model | learning_rate | Priority |
|------|---------|---------------|----------|
| Upper | 256 | 1e-4 | Baseline |
| Narrow | 64 | 1e-4 | High |
| Fast | 256 | 1e-3 | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        by_change: dict[tuple[str, ...], list[NamedArm]] = {}
        for arm in case.spec.arms:
            changed = self._changed(case, arm)
            if not arm.matched and len(changed) > 1:
                by_change.setdefault(changed, []).append(arm)
        row = case.baseline_arm
        for changed, arms in by_change.items():
            yield self.finding(
                arms[0].line,
                baseline=f"`{row.name}`" if row else "the baseline",
                arms=joined(f"`{arm.name}`" for arm in arms),
                verb="changes" if len(arms) == 1 else "change",
                count=len(changed),
                factors=", ".join(changed),
                together="size" if {"d_model", "depth"} & set(changed) else "recipe",
            )

    def _changed(self, case: Case, arm: NamedArm) -> tuple[str, ...]:
        """What sets the arm apart, a joined factor once; nothing where there is no baseline."""
        if arm is case.baseline_arm or not case.base:
            return ()
        factor_of = {key: f.name for f in case.spec.factors for key in f.parameters}
        changed = [
            factor_of.get(key, key)
            for key, value in arm.settings.items()
            if not same(value, case.base.get(key, case.default(key)))
        ]
        return tuple(dict.fromkeys(changed))
