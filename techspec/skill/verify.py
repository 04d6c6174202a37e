"""A skill's folder in, every number of its page that its own evidence does not give out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path

from techspec.render import cell
from techspec.skill import evidence, findings
from techspec.skill.distil import verdict_row
from techspec.skill.markdown import split_cells
from techspec.skill.page import Row, Skill, read_file, visible
from techspec.verdict.model import Verdict


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A place where page and evidence differ."""

    where: str
    said: str
    found: str


def verify(skill_folder: Path) -> list[Mismatch]:
    """Recompute the page's tables and findings from its evidence; empty when all agree."""
    skill = read_file(skill_folder / "SKILL.md", skill_folder.parent)
    try:
        beside = findings.load(skill_folder)
        facts, runs, verdicts = beside.facts, beside.rows, beside.verdicts
        metric, unit, campaign = str(facts["metric"]), str(facts["unit"]), facts["campaign"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        where = str(skill_folder / "evidence")
        return [Mismatch(where, "evidence for this page", f"none to be read: {error}")]
    found = list(_verdicts_against_runs(verdicts, runs))
    found += _findings_against_evidence(skill_folder, beside)
    summaries = evidence.summaries(runs, metric)
    arms = [evidence.table_row(summary, unit) for summary in summaries]
    found += _table(skill, evidence.table_header(metric), arms)
    found += _table(skill, VERDICT_HEADER, [verdict_row(verdict) for verdict in verdicts])
    stated = skill.metadata.get("techspec-campaign")
    if stated != campaign:
        found.append(Mismatch("SKILL.md: techspec-campaign", str(stated), str(campaign)))
    return found


VERDICT_HEADER = ("Hypothesis", "Confirmed?", "Estimate", "Evidence")
"""The columns of Results vs TECHSPEC Predictions."""


def _verdicts_against_runs(
    verdicts: Sequence[Verdict], runs: Sequence[evidence.Run]
) -> Iterator[Mismatch]:
    """Each run that a verdict counted must be in runs.csv, with one of its metrics or diverged."""
    known = {run.trial: run for run in runs}
    for verdict in verdicts:
        for arm in verdict.arms:
            for said in arm.runs:
                where = f"verdicts.json: {verdict.hypothesis}, {said.trial}"
                run = known.get(said.trial)
                if run is None or run.arm != arm.arm or run.seed != said.seed:
                    yield Mismatch(where, f"{arm.arm}, seed {said.seed}", str(run))
                elif said.value is None and run.outcome != "diverged":
                    yield Mismatch(where, "diverged", run.outcome)
                elif said.value is not None and not any(
                    isclose(said.value, value, rel_tol=1e-12) for value in run.metrics.values()
                ):
                    yield Mismatch(where, str(said.value), str(dict(run.metrics)))


def _findings_against_evidence(folder: Path, beside: findings.Evidence) -> Iterator[Mismatch]:
    """Each typed finding must be the one that runs and verdicts give."""
    file = Path(findings.FILE).name
    try:
        said = {finding.hypothesis: finding for finding in findings.stated(folder)}
        given = findings.findings(beside.rows, beside.verdicts, beside.facts)
    except (OSError, ValueError, ArithmeticError) as error:
        yield Mismatch(file, "findings of this campaign", f"none to be read: {error}")
        return
    for made in given:
        found = said.pop(made.hypothesis, None)
        if found is None:
            yield Mismatch(f"{file}: {made.hypothesis}", "no finding", made.claim)
            continue
        for field, old, new in findings.differences(found, made):
            yield Mismatch(f"{file}: {made.hypothesis}, {field}", str(old), str(new))
    for extra in said.values():
        yield Mismatch(f"{file}: {extra.hypothesis}", extra.claim, "not in the evidence")


def _table(
    skill: Skill, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterator[Mismatch]:
    """The page's rows below this header must be these, in any order."""
    on_page = {row.cells[0]: row for row in skill.rows if row.header == tuple(header)}
    for row in rows:
        expected = tuple(split_cells("| " + " | ".join(cell(part) for part in row) + " |"))
        found: Row | None = on_page.pop(expected[0], None)
        if found is None:
            yield Mismatch(f"SKILL.md: {header[0]}", "no such row", expected[0])
            continue
        for head, said, computed in zip(header, found.cells, expected, strict=True):
            if visible(said) != visible(computed):
                yield Mismatch(f"SKILL.md:{found.line}: {head}", said, computed)
    for name, extra in on_page.items():
        yield Mismatch(f"SKILL.md:{extra.line}: {header[0]}", name, "not in the evidence")
