"""Spec, plan, state and verdicts in, one HTML page out that needs nothing beside it.

Every number on it comes from the ledger or the plan; the page decides nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

import techspec
from techspec.ledger.state import State
from techspec.plan.model import Plan
from techspec.render import render
from techspec.report import charts
from techspec.report.tables import (
    arm_rows,
    bands_of_metric,
    duration,
    results_of,
    run_rows,
    settings_of,
    shared_settings,
    spent_rows,
    warnings_of,
)
from techspec.spec.model import Spec
from techspec.verdict.agenda import agenda_of
from techspec.verdict.gather import unit_of
from techspec.verdict.model import Outcome, Verdict

MARKS = {
    Outcome.CONFIRMED: "✓",
    Outcome.REFUTED: "✗",
    Outcome.INCONCLUSIVE: "?",
    Outcome.VOID: "∅",
}
"""Beside the word, so that an outcome is never told by colour alone."""


@dataclass(frozen=True, slots=True)
class Card:
    """One hypothesis on the page."""

    verdict: Verdict
    mark: str
    sentence: Markup
    drawing: Markup | None
    estimate: Markup
    rule: Markup


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with what it shows."""

    title: str
    note: str
    drawing: Markup


def build(spec: Spec, plan: Plan, state: State, verdicts: Sequence[Verdict]) -> str:
    """The report of a campaign as one page of HTML.

    Args:
        spec: for its title and its objective.
        plan: what was to be run.
        state: what was run.
        verdicts: as `decide` made them from this plan and state.

    Raises:
        NoMatplotlib: what draws the charts is not installed.
    """
    charts.require()
    return render(
        "report.html.j2",
        title=spec.title or plan.title or "Untitled campaign",
        objective=spec.objective,
        summary=_summary(verdicts),
        warnings=[_with_code(warning) for warning in warnings_of(spec, plan, state, verdicts)],
        ended=sum(state.trial(trial.id).is_final for trial in plan.every_trial),
        spared=len(agenda_of(plan, state, verdicts).spared),
        plan=plan,
        state=state,
        cards=[_card(verdict, place) for place, verdict in enumerate(verdicts)],
        charts=list(_charts(plan, state, verdicts)),
        arms=arm_rows(plan, state),
        shared=settings_of(shared_settings(plan)),
        baseline=next((arm.name for arm in plan.arms if arm.is_baseline), None),
        runs=run_rows(plan, state),
        spent=spent_rows(plan, state),
        forecast=duration(plan.seconds) if plan.seconds is not None else None,
        dropped=_dropped(plan),
        facts=_facts(plan, state),
    )


def _summary(verdicts: Sequence[Verdict]) -> list[tuple[str, str, int]]:
    """(mark, outcome, how many) for each outcome that occurs."""
    counts = {outcome: sum(v.outcome is outcome for v in verdicts) for outcome in Outcome}
    return [(MARKS[each], each.value, count) for each, count in counts.items() if count]


def _card(verdict: Verdict, place: int) -> Card:
    estimate = verdict.estimate
    drawn = estimate is not None and estimate.low is not None and estimate.high is not None
    drawn = drawn and verdict.outcome is not Outcome.VOID
    return Card(
        verdict=verdict,
        mark=MARKS[verdict.outcome],
        sentence=_with_code(verdict.sentence),
        drawing=charts.interval(estimate, f"interval-{place}") if estimate and drawn else None,
        estimate=_with_code(_caption(verdict)) if drawn else Markup(""),
        rule=_with_code(verdict.rule),
    )


def _with_code(sentence: str) -> Markup:
    """A sentence with what stands in backticks as code, and with no number torn from its unit."""
    sentence = re.sub(r"(?<=\d) (?=%|pt\b)|(?<=≤) (?=\d)", "\N{NO-BREAK SPACE}", sentence)
    parts = sentence.split("`")
    if len(parts) % 2 == 0:
        return escape(sentence)
    wrapped = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    ]
    return Markup("").join(wrapped)


def _caption(verdict: Verdict) -> str:
    assert verdict.estimate is not None, "called with an estimate"
    what = verdict.estimate.what
    return (
        f"{what[0].upper()}{what[1:]}, with its {100 * verdict.estimate.confidence:.0f} % interval"
    )


def _charts(plan: Plan, state: State, verdicts: Sequence[Verdict]) -> Iterator[Chart]:
    asked = [verdict.metric for verdict in verdicts if verdict.metric]
    for place, metric in enumerate(dict.fromkeys([plan.metric, *asked])):
        arms = results_of(plan, state, metric)
        if not any(arm.runs for arm in arms):
            continue
        scale = _scale(plan, state, metric)
        yield Chart(
            f"Every seed: {metric}",
            "A dot is one run; the line is the median of its arm."
            + (" × marks a run that diverged." if any(arm.diverged for arm in arms) else "")
            + _shading(scale),
            charts.seeds(arms, scale, f"seeds-{place}"),
        )
    scale = _scale(plan, state, plan.metric)
    lines = {arm.name: _lines(plan, state, arm.name) for arm in plan.arms}
    lines = {name: found for name, found in lines.items() if found}
    if lines:
        note = f"{plan.metric} along the way; a line is one run, its dot the last evaluation."
        yield Chart("Learning curves", note, charts.curves(lines, scale, "curves"))
    arms = [arm for arm in results_of(plan, state, plan.metric) if arm.runs and arm.params]
    if len({arm.params for arm in arms}) > 1:
        note = f"A mark is one run; arms of one size stand side by side.{_shading(scale)}"
        drawing = charts.by_params(arms, scale, "params")
        yield Chart(f"{plan.metric} against parameters", note, drawing)


def _shading(scale: charts.Scale) -> str:
    named = "; ".join(f"{band.name} {band.text}" for band in scale.bands)
    return f" Shaded, the better the darker: {named}." if named else ""


def _lines(plan: Plan, state: State, arm: str) -> list[list[tuple[int, float]]]:
    lines = []
    for trial in plan.every_trial:
        if trial.arm != arm:
            continue
        measured = sorted(state.trial(trial.id).measured.items())
        line = [
            (step, each.metrics[plan.metric])
            for step, each in measured
            if plan.metric in each.metrics
        ]
        if line:
            lines.append(line)
    return lines


def _scale(plan: Plan, state: State, metric: str) -> charts.Scale:
    higher = plan.better != "lower" if metric == plan.metric else True
    return charts.Scale(metric, unit_of(plan, state, metric), higher, bands_of_metric(plan, metric))


def _dropped(plan: Plan) -> list[tuple[str, str]]:
    """(what, why) for every run and arm that was not to be had."""
    runs: dict[tuple[str, str], list[int]] = {}
    for drop in plan.dropped:
        runs.setdefault((drop.trial.arm, drop.reason), []).append(drop.trial.seed)
    rows = [(f"{left_out.arm} (arm)", left_out.reason) for left_out in plan.left_out]
    for (arm, reason), numbers in runs.items():
        which = ", ".join(map(str, sorted(numbers)))
        rows.append((f"{arm}, seed{'' if len(numbers) == 1 else 's'} {which}", reason))
    return rows


def _facts(plan: Plan, state: State) -> list[tuple[str, str]]:
    """What the numbers rest on, for whoever wants to check them."""
    begun = (state.trial(trial.id).started for trial in plan.every_trial)
    starts = [each for each in begun if each is not None]
    facts = [
        ("techspec", techspec.__version__),
        ("plan", plan.hash),
        ("spec", state.spec),
        ("trainer", f"{plan.trainer_name} {plan.trainer_code}".strip()),
        ("code of the runs", ", ".join(sorted({each.code for each in starts if each.code}))),
        ("evaluation data", ", ".join(sorted({each.data for each in starts if each.data}))),
        ("device", ", ".join(sorted({each.device for each in starts if each.device}))),
        ("first event", state.opened),
        ("last event", state.last),
    ]
    return [(name, value) for name, value in facts if value]
