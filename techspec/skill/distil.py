"""A judged campaign in, a draft page with its evidence out.

Numbers come from the ledger and the verdicts. Prose comes from notes, and is marked as theirs;
without notes the page says less and invents nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from techspec import __version__
from techspec.identity import digest, digest_text, name_of
from techspec.ledger.events import FINAL
from techspec.ledger.state import State
from techspec.plan.model import Arm, Plan
from techspec.records import encode
from techspec.render import render
from techspec.skill import evidence, findings
from techspec.skill.evidence import ArmSummary
from techspec.skill.page import Attempt
from techspec.skill.writing import name_value
from techspec.spec.model import Band, Spec
from techspec.spec.results import replace
from techspec.verdict.gather import unit_of
from techspec.verdict.model import Outcome, Verdict
from techspec.verdict.words.numbers import interval, number

LONGEST_DESCRIPTION = 1024
"""Characters; the limit of the Agent Skills form."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What a person or an agent adds in words; every part may be empty."""

    name: str = ""
    description: str = ""
    when_to_use: tuple[str, ...] = ()
    workflow: tuple[str, ...] = ()
    """Steps that worked."""
    attempts: tuple[Attempt, ...] = ()
    """What failed, why, and what to do instead."""
    findings: tuple[str, ...] = ()
    """What was learned, one a line."""
    tags: tuple[str, ...] = ()
    author: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A page and the files beside it, ready for `Registry.save`."""

    name: str
    page: str
    files: Mapping[str, str]


def distil(
    spec: Spec,
    plan: Plan,
    state: State,
    verdicts: Sequence[Verdict],
    notes: Notes | None = None,
    campaign: str = "",
) -> Draft:
    """The page that this campaign taught.

    Args:
        spec: as it stands now.
        plan: the plan in force.
        state: the ledger, folded.
        verdicts: of `verdict.decide` on these two.
        notes: prose to add.
        campaign: the name of its folder; with the time it was opened, its identity.
    """
    notes = notes or Notes()
    rows = evidence.runs(plan, state)
    unit = unit_of(plan, state, plan.metric)
    arms = evidence.summaries(rows, plan.metric)
    title = plan.title or spec.title or "Untitled study"
    name = notes.name or name_of(title)
    study = identity(campaign, state.opened)
    page = render(
        "SKILL.md.j2",
        name=name_value(name),
        title=title,
        description=_description(notes, spec, title, plan, verdicts),
        date=state.last[:10],
        author=notes.author,
        tags=", ".join(dict.fromkeys([*notes.tags, *_varied(plan), plan.metric])),
        evidence=grade(arms),
        campaign=study,
        objective=spec.objective,
        outcome=_outcome(verdicts),
        plan=plan,
        plan_hash=plan.hash,
        spec_name=state.spec or "TECHSPEC.md",
        trials=sum(row.outcome in FINAL for row in rows),
        amendments=[amended.reason for amended in state.amendments],
        when_to_use=notes.when_to_use or _when(spec, plan),
        workflow=notes.workflow,
        attempts=_attempts(plan, state, arms, verdicts, unit),
        noted=notes.attempts,
        learned=notes.findings,
        header=evidence.table_header(plan.metric),
        table=[evidence.table_row(arm, unit) for arm in arms],
        shared=_shared(plan),
        changes=[(arm.name, _own(arm, plan)) for arm in plan.arms],
        verdicts=[verdict_row(verdict) for verdict in verdicts],
        references=notes.references,
    )
    facts = {
        "plan": plan.hash,
        "spec": state.spec,
        "spec_sha256": digest_text(without_results(spec.text)),
        "trainer": plan.trainer_name,
        "trainer_code": plan.trainer_code,
        "data": _data(plan, state),
        "metric": plan.metric,
        "unit": unit,
        "campaign": study,
        "techspec": __version__,
    }
    files = {
        "evidence/runs.csv": evidence.to_csv(rows),
        "evidence/verdicts.json": _json(encode(tuple(verdicts))),
        "evidence/plan.json": _json(facts),
        "evidence/notes.json": _json(encode(notes)),
        findings.FILE: findings.written(findings.findings(rows, verdicts, facts)),
    }
    return Draft(name, page, files)


def identity(campaign: str, opened: str) -> str:
    """A campaign's name on its page: that of its folder, and when it was opened."""
    return f"{campaign} {digest([campaign, opened])[:12]}".strip()


def without_results(text: str) -> str:
    """A spec as its author wrote it, without what techspec wrote into it."""
    return replace(text, "")


def verdict_row(verdict: Verdict) -> tuple[str, str, str, str]:
    """A verdict as the page says it: hypothesis, outcome, estimate, evidence."""
    caveats = f" Caveats: {'; '.join(verdict.caveats)}." if verdict.caveats else ""
    counts = ", ".join(f"{arm.arm} n={len(arm.runs)}" for arm in verdict.arms)
    seeds = f" Runs: {counts}." if counts else ""
    estimate = verdict.estimate
    effect = f"{estimate.what}: {interval(estimate)}" if estimate else "none"
    said = f"{verdict.hypothesis}: {verdict.text}"
    return said, str(verdict.outcome), effect, f"{verdict.sentence}{seeds}{caveats}"


def grade(arms: Sequence[ArmSummary]) -> str:
    """`measured over seeds` only if every arm that ran did so with several."""
    counts = [len(arm.seeds) for arm in arms if arm.seeds]
    return "measured over seeds" if counts and min(counts) > 1 else "one run"


def _description(
    notes: Notes, spec: Spec, title: str, plan: Plan, verdicts: Sequence[Verdict]
) -> str:
    text = notes.description
    if not text:
        objective = f" ({spec.objective})" if spec.objective else ""
        varied = ", ".join(_varied(plan)) or "its arms"
        tested = "; ".join(f"{verdict.text}: {verdict.outcome}" for verdict in verdicts)
        text = (
            f"Use when working on {title}{objective}, or choosing {varied}. "
            f"Holds {plan.metric} measured for {len(plan.arms)} arms, and what became of: {tested}"
        )
    text = " ".join(text.replace("<", "below ").split())
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    return text[: LONGEST_DESCRIPTION - 2].rsplit(" ", 1)[0] + " …"


def _varied(plan: Plan) -> list[str]:
    return list(dict.fromkeys(change.parameter for arm in plan.arms for change in arm.changes))


def _when(spec: Spec, plan: Plan) -> tuple[str, ...]:
    lines = [f"The question is: {spec.objective}"] if spec.objective else []
    for parameter in _varied(plan):
        values = dict.fromkeys(str(arm.config.get(parameter, "default")) for arm in plan.arms)
        lines.append(f"Choosing {parameter}; tried here: {', '.join(values)}")
    return tuple(lines or [f"Working on {plan.title or 'the same question'}"])


def _outcome(verdicts: Sequence[Verdict]) -> str:
    said = [
        f"{', '.join(named)} {outcome}"
        for outcome in Outcome
        if (named := [verdict.hypothesis for verdict in verdicts if verdict.outcome == outcome])
    ]
    return "; ".join(said) or "no hypothesis was judged"


def _attempts(
    plan: Plan,
    state: State,
    arms: Sequence[ArmSummary],
    verdicts: Sequence[Verdict],
    unit: str,
) -> list[Attempt]:
    """What the numbers say failed: bands missed, runs diverged or refused, hypotheses refuted."""
    rows = []
    for summary in arms:
        what = f"{summary.arm}: {_own(plan.arm(summary.arm), plan) or 'the baseline'}"
        runs = _runs(len(summary.seeds))
        for band in plan.bands:
            if summary.mean is not None and _is_failure(band, plan.metric, summary.mean):
                mean = f"{number(summary.mean, unit)} over {_runs(len(summary.values))}"
                why = f"mean {plan.metric} {mean}, in the band {band.name} ({band.text})"
                rows.append(Attempt(what, why, ""))
        if summary.diverged:
            rows.append(Attempt(what, f"{summary.diverged} of {runs} diverged", ""))
    for trial in plan.every_trial:
        ended = state.trial(trial.id).ended
        if ended is not None and ended.outcome == "refused":
            rows.append(Attempt(f"{trial.arm}, seed {trial.seed}", f"refused: {ended.reason}", ""))
    for left in plan.left_out:
        rows.append(Attempt(left.arm, f"could not be run: {left.reason}", ""))
    for verdict in verdicts:
        if verdict.outcome == Outcome.REFUTED:
            rows.append(Attempt(f"{verdict.hypothesis}: {verdict.text}", verdict.sentence, ""))
    return rows


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"


def _is_failure(band: Band, metric: str, value: float) -> bool:
    if "fail" not in band.name.lower() or band.metric not in ("", metric):
        return False
    return (band.low is None or value >= band.low) and (band.high is None or value < band.high)


def _shared(plan: Plan) -> list[tuple[str, str]]:
    if not plan.arms:
        return []
    first = plan.arms[0].config
    return [
        (key, _yaml(value))
        for key, value in first.items()
        if all(key in arm.config and arm.config[key] == value for arm in plan.arms)
    ]


def _own(arm: Arm, plan: Plan) -> str:
    """The values in which an arm differs from what all share."""
    shared = {key for key, _ in _shared(plan)}
    return ", ".join(f"{k}={_yaml(v)}" for k, v in arm.config.items() if k not in shared)


def _data(plan: Plan, state: State) -> str:
    """Digest of the evaluation data that all runs of the plan were scored on; empty without one."""
    started = [state.trial(trial.id).started for trial in plan.trials]
    digests = {each.data for each in started if each is not None}
    return digests.pop() if len(digests) == 1 else ""


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _yaml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
