"""Spec, plan, state and verdicts in, the Results section of the spec out, as markdown."""

import re
from collections.abc import Sequence

from techspec.ledger.state import State
from techspec.plan.model import Plan
from techspec.render import cell, render
from techspec.report.tables import arm_rows, spent_rows, warnings_of
from techspec.spec.model import Spec
from techspec.verdict.model import Verdict


def results_markdown(spec: Spec, plan: Plan, state: State, verdicts: Sequence[Verdict]) -> str:
    """The Results section, without its heading: verdicts, arms, what was spent, and from where.

    The user's text comes out as text: no pipe breaks a table and no `<!--` opens a comment.
    """
    return render(
        "results.md.j2",
        text=_text,
        warnings=warnings_of(spec, plan, state, verdicts),
        verdicts=verdicts,
        arms=arm_rows(plan, state),
        metric=plan.metric,
        has_bands=bool(plan.bands),
        spent=spent_rows(plan, state),
        amendments=state.amendments,
        campaign=state.spec or spec.title or plan.title,
        plan_hash=plan.hash,
        last=state.last,
    )


def _text(value: object) -> str:
    """One cell, in which nothing opens a tag; `a < b` and `<50%` stay as they are."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", cell(value))
