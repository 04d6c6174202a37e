"""A skill's folder in, what its page claims and its own evidence does not give out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path

from techspec.render import cell
from techspec.skill import evidence, findings
from techspec.skill.distil import grade, verdict_row
from techspec.skill.markdown import split_cells
from techspec.skill.page import Row, Skill, read, visible
from techspec.skill.registry import file_text
from techspec.verdict.model import Verdict


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A place where page and evidence differ."""

    where: str
    said: str
    """What stands there; empty where nothing does."""
    found: str
    """What was recomputed instead; empty where the evidence gives nothing."""
    why: str = ""
    """Why nothing could be recomputed."""

    @property
    def sentence(self) -> str:
        """In words."""
        if self.why:
            return f"{self.where}: {self.why}"
        if not self.said:
            return f"{self.where} lacks {self.found!r}, which the evidence gives"
        if not self.found:
            return f"{self.where} says {self.said!r}, which the evidence does not give"
        return f"{self.where} says {self.said!r}; recomputed from the evidence: {self.found!r}"


def verify(skill_folder: Path) -> list[Mismatch]:
    """Recompute the page's two tables, grade and findings; empty when all agree.

    What a page says in words, its failed attempts among them, is not looked at.
    """
    if not any((skill_folder / file).exists() for file in findings.FILES):
        why = "there are no runs and no verdicts, so no number of this page can be recomputed"
        return [Mismatch("evidence", "", "", why)]
    try:
        return list(_mismatches(skill_folder))
    except OSError as error:
        file = Path(error.filename).name if error.filename else ""
        why = f"{file}: {error.strerror}" if file else str(error)
    except findings.UNREADABLE as error:
        why = str(error)
    return [Mismatch("evidence", "", "", f"it cannot be read: {why}")]


def _mismatches(skill_folder: Path) -> Iterator[Mismatch]:
    path = skill_folder / _PAGE
    skill = read(file_text(skill_folder, _PAGE), path, skill_folder.parent)
    beside = findings.load(skill_folder)
    metric, unit = str(beside.facts["metric"]), str(beside.facts["unit"])
    summaries = evidence.summaries(beside.rows, metric)
    yield from _verdicts_against_runs(beside.verdicts, beside.rows)
    yield from _findings_against_evidence(skill_folder, beside)
    arms = [evidence.table_row(summary, unit) for summary in summaries]
    yield from _table(skill, evidence.table_header(metric), arms)
    yield from _table(skill, VERDICT_HEADER, [verdict_row(verdict) for verdict in beside.verdicts])
    for key, said, found in (
        ("evidence", skill.evidence, grade(summaries)),
        ("techspec-campaign", skill.metadata.get("techspec-campaign"), beside.facts["campaign"]),
    ):
        if said != found:
            yield Mismatch(f"{_PAGE}: {key}", str(said), str(found))


_PAGE = "SKILL.md"

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
                where = f"evidence/verdicts.json: {verdict.hypothesis}, {said.trial}"
                run = known.get(said.trial)
                if run is None or run.arm != arm.arm or run.seed != said.seed:
                    ran = f"{run.arm}, seed {run.seed}" if run else ""
                    yield Mismatch(where, f"{arm.arm}, seed {said.seed}", ran)
                elif said.value is None and run.outcome != "diverged":
                    yield Mismatch(where, "diverged", run.outcome)
                elif said.value is not None and not any(
                    isclose(said.value, value, rel_tol=1e-12) for value in run.metrics.values()
                ):
                    ran = ", ".join(f"{name} {value}" for name, value in run.metrics.items())
                    yield Mismatch(where, str(said.value), ran)


def _findings_against_evidence(folder: Path, beside: findings.Evidence) -> Iterator[Mismatch]:
    """Each typed finding must be the one that runs and verdicts give."""
    file = findings.FILE
    try:
        said = {finding.hypothesis: finding for finding in findings.stated(folder)}
        given = findings.findings(beside.rows, beside.verdicts, beside.facts)
    except findings.UNREADABLE as error:
        yield Mismatch(file, "", "", f"it cannot be read: {error}")
        return
    for made in given:
        found = said.pop(made.hypothesis, None)
        if found is None:
            yield Mismatch(f"{file}: {made.hypothesis}", "", made.claim)
            continue
        for field, old, new in findings.differences(found, made):
            yield Mismatch(f"{file}: {made.hypothesis}, {field}", str(old), str(new))
    for extra in said.values():
        yield Mismatch(f"{file}: {extra.hypothesis}", extra.claim, "")


def _table(
    skill: Skill, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterator[Mismatch]:
    """The page's rows below this header must be these, in any order."""
    on_page = [row for row in skill.rows if row.header == tuple(header)]
    for row in rows:
        expected = tuple(split_cells("| " + " | ".join(cell(part) for part in row) + " |"))
        named = [each for each in on_page if each.cells[0] == expected[0]]
        if not named:
            yield Mismatch(f"{_PAGE}: {header[0]}", "", expected[0])
            continue
        found = min(named, key=lambda each: len(_differences(each, expected)))
        on_page.remove(found)
        for column in _differences(found, expected):
            where = f"{_PAGE}:{found.line}: {header[column]}"
            yield Mismatch(where, found.cells[column], expected[column])
    for extra in on_page:
        yield Mismatch(f"{_PAGE}:{extra.line}: {header[0]}", extra.cells[0], "")


def _differences(row: Row, expected: Sequence[str]) -> list[int]:
    """Columns in which a row of a page is not the expected one."""
    pairs = zip(row.cells, expected, strict=True)
    return [n for n, (said, made) in enumerate(pairs) if visible(said) != visible(made)]
