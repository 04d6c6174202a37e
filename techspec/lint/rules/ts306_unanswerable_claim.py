"""TS306: a claim about something that no trial of the plan varies."""

from collections.abc import Iterator

from techspec.lint.case import Case, arms_of, parameter_of
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule
from techspec.plan.ablate import SIZE
from techspec.plan.model import Question
from techspec.spec.claims import Form


class UnanswerableClaim(Rule):
    """The plan has the arms that a claim is about.

    ## Why
    A claim that an outcome increases with the width needs two widths at least. Without them
    it stays open however much is spent, and that is known before the first run.

    ## When to break it
    Never: give it its levels, or leave the claim to a later spec.
    """

    code = "TS306"
    name = "unanswerable-claim"
    message = "{hypothesis} cannot be answered by any run of this spec: {reason}."
    fix = "{fix}."

    bad = """\
## Hypotheses
1. RoPE theta values matter less for short sequences
   `exact_match insensitive to rope_theta within 2pt` <!-- TS306 -->

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128] | High |
"""
    good = """\
## Hypotheses
1. RoPE theta values matter less for short sequences
   `exact_match insensitive to rope_theta within 2pt`

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| RoPE theta | [10, 100, 10000] | Medium |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        forms = {hypothesis: (line, form) for hypothesis, line, form in case.forms}
        for question in case.plan.questions:
            if question.id not in forms or not question.unanswerable:
                continue
            line, form = forms[question.id]
            if self._is_told(case, question, form):
                continue
            key = parameter_of(form)
            yield self.finding(
                line,
                hypothesis=question.id,
                reason=question.unanswerable.split(": ")[0],
                fix=(
                    f"add a row `| {key} | … | High |` with two values or more to"
                    " `## Parameter Ranges`"
                    if key
                    else "name two different arms"
                ),
            )

    def _is_told(self, case: Case, question: Question, form: Form) -> bool:
        """True where another rule says why: an unknown name, a refused arm, the budget, seeds."""
        if question.arms:  # It had its arms, and lost their seeds: TS304 or TS213.
            return True
        metrics, known = case.facts.metrics, case.parameters
        if metrics is not None and question.metric not in metrics:
            return True
        refs, key = arms_of(form), parameter_of(form)
        if any(ref.name and not case.knows_arm(ref.name) for ref in refs):
            return True
        if key and key != SIZE and known is not None and key not in known:
            return True
        left_out = {left.arm.casefold() for left in case.plan.left_out}
        wanted = {ref.label.casefold() for ref in refs}
        levels = any(arm.startswith((f"{key}=", f"({key}=")) for arm in left_out)
        return not left_out.isdisjoint(wanted) or (key is not None and levels)
