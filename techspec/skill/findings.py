"""A campaign's evidence in, its claims as values out: what was found, and for which settings.

They are made from the files beside a page and nothing else, so that anybody can make them again.
Files of a registry are other people's: what its own evidence does not give is not believed.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from techspec.identity import slug
from techspec.records import NotThatRecord, decode, encode
from techspec.skill.evidence import Run, from_csv
from techspec.skill.registry import file_text
from techspec.spec import claims
from techspec.spec.names import KeyOf, key_of, own_key_of
from techspec.spec.units import value
from techspec.stats.difference import welch_error
from techspec.stats.modes import two_modes
from techspec.verdict.findings import MODES_GAP, MODES_GAP_OF_RANGE, SPREAD_FLOOR
from techspec.verdict.model import Estimate, Outcome, Verdict

FILE = "evidence/findings.json"
"""Beside a page."""

FILES = (FILE, "evidence/runs.csv", "evidence/verdicts.json", "evidence/plan.json")
"""What findings are read from: their own file, and those that must give them."""


UNREADABLE = (OSError, ValueError, KeyError, TypeError, ArithmeticError, RuntimeError)
"""What reading and judging other people's evidence may raise; a circle of links a RuntimeError."""


@dataclass(frozen=True, slots=True)
class Side:
    """One arm of a claim, with the runs that count."""

    arm: str
    settings: Mapping[str, str]
    """In which it differs from the claim's other arms; of a single arm, from the plan's others."""
    seeds: tuple[int, ...] = ()
    diverged: int = 0
    mean: float | None = None
    """Of the runs that did not diverge."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far the first side lies above the second, by the plain means of their runs."""

    difference: float
    standard_error: float
    degrees_of_freedom: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one claim, and what it holds for."""

    hypothesis: str
    text: str
    claim: str
    """Canonical: arms by their settings, numbers in base units, `>` and never `<` between arms."""
    metric: str
    outcome: Outcome
    sides: tuple[Side, ...]
    """In the order of the claim."""
    holds_for: Mapping[str, str]
    """The values that all sides shared, as the trainer resolved them."""
    given: tuple[str, ...]
    """Which settings and values the spec set; the others are the trainer's defaults."""
    trainer: str
    trainer_code: str
    data: str
    """Digest of the evaluation data, where the trainer tells it."""
    estimate: Estimate | None = None
    """The verdict's own."""
    gap: Gap | None = None
    """For a claim about two arms, where averages say what happened: no run diverged, and neither
    arm's seeds fall into two groups."""
    caveats: tuple[str, ...] = ()
    spec_sha256: str = ""
    plan: str = ""
    techspec: str = ""
    """Version that made it."""

    @property
    def form(self) -> claims.Form:
        """The claim, parsed; it was written so that it parses."""
        return claims.parse(self.claim, key_of=own_key_of).form

    @property
    def seeds_min(self) -> int:
        """Runs of the side that has fewest, of those that ran; a search leaves levels out."""
        return min((len(side.seeds) for side in self.sides if side.seeds), default=0)

    @property
    def configs(self) -> tuple[dict[str, str], ...]:
        """Each side's whole configuration."""
        return tuple({**self.holds_for, **side.settings} for side in self.sides)

    @property
    def evidence(self) -> str:
        """Its grade: one study alone is never `replicated`."""
        return "measured over seeds" if self.seeds_min > 1 else "one run"

    @property
    def is_as_planned(self) -> bool:
        """Judged by a rule fixed before the first launch, within the primary family."""
        return not any(c.startswith(("DEVIATED", "exploratory")) for c in self.caveats)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The files beside a page, read."""

    rows: tuple[Run, ...]
    verdicts: tuple[Verdict, ...]
    facts: Mapping[str, Any]
    """Of plan.json: metric, unit, trainer, hashes."""


def findings(
    rows: Sequence[Run], verdicts: Sequence[Verdict], facts: Mapping[str, Any]
) -> tuple[Finding, ...]:
    """One finding a verdict whose claim reads, if it has runs and all are among the rows."""
    found = (_finding(rows, verdict, facts) for verdict in verdicts)
    return tuple(finding for finding in found if finding is not None)


def written(found: Sequence[Finding]) -> str:
    """The findings as their file holds them."""
    return json.dumps(encode(tuple(found)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def load(folder: Path) -> Evidence:
    """The evidence of a skill's folder.

    Raises:
        UNREADABLE: it has none that can be read.
    """
    facts = json.loads(file_text(folder, "evidence/plan.json"))
    if not isinstance(facts, dict):
        raise ValueError("plan.json holds no object")
    listed = json.loads(file_text(folder, "evidence/verdicts.json"))
    rows = from_csv(file_text(folder, "evidence/runs.csv"))
    return Evidence(rows, tuple(decode(Verdict, entry) for entry in listed), facts)


def stated(folder: Path) -> tuple[Finding, ...]:
    """What findings.json says, entries that are none left out.

    Raises:
        OSError, ValueError: there is no such file, or it holds no list.
    """
    listed = json.loads(file_text(folder, FILE))
    if not isinstance(listed, list):
        raise ValueError("findings.json holds no list")
    return tuple(_readable(listed))


def read(folder: Path) -> tuple[Finding, ...]:
    """The findings of a skill's folder that its own evidence gives; none where it has no evidence.

    Never raises on what the files say.
    """
    try:
        said = stated(folder)
        if not said:
            return ()
        evidence = load(folder)
        made = findings(evidence.rows, evidence.verdicts, evidence.facts)
    except UNREADABLE:
        return ()
    known = {finding.hypothesis: finding for finding in made}
    return tuple(
        known[each.hypothesis]
        for each in said
        if each.hypothesis in known and not differences(each, known[each.hypothesis])
    )


def differences(said: Finding, made: Finding) -> list[tuple[str, object, object]]:
    """Where two findings differ: the field, and both values. Floats differ from the 9th digit."""
    old, new = encode(said), encode(made)
    return [(name, old[name], new[name]) for name in old if not _alike(old[name], new[name])]


def spelled(value: str) -> str:
    """A value in one spelling: `1e-3`, `0.001` and `0.0010` are one.

    >>> spelled("1e-3"), spelled("512.0"), spelled("true"), spelled("msd"), spelled("nan")
    ('0.001', '512', 'true', 'msd', 'nan')
    """
    try:
        number = float(value)
    except ValueError:
        return value
    return f"{number:.12g}" if math.isfinite(number) else value


def _readable(listed: Sequence[object]) -> Iterator[Finding]:
    for entry in listed:
        try:
            yield decode(Finding, entry)
        except (NotThatRecord, RecursionError):
            continue


def _finding(rows: Sequence[Run], verdict: Verdict, facts: Mapping[str, Any]) -> Finding | None:
    names = list(dict.fromkeys(row.arm for row in rows if row.arm))
    counted = _counted(rows, verdict)
    given = {key for row in rows if row.arm for key in row.config}
    try:
        form = claims.parse(verdict.claim or "", names, _spelling(given)).form
    except claims.ClaimUnreadable:
        return None
    if not any(counted):
        return None
    metric = form.metric or str(facts["metric"])
    configs = [
        _config(runs, rows, arm.arm) for runs, arm in zip(counted, verdict.arms, strict=True)
    ]
    shared, own = _split(configs, [_config([], rows, name) for name in names], given)
    order = _order(verdict, form)
    sides = tuple(_side(verdict.arms[n].arm, own[n], counted[n], metric) for n in order)
    claim = _canonical(form, metric, sides)
    if claim is None:
        return None
    gap = None
    if isinstance(form, claims.Difference):
        is_share = _is_share(verdict, metric, facts)
        gap = _gap(counted[order[0]], counted[order[1]], metric, is_share)
    return Finding(
        hypothesis=verdict.hypothesis,
        text=verdict.text,
        claim=claim,
        metric=metric,
        outcome=verdict.outcome,
        sides=sides,
        holds_for=shared,
        given=tuple(sorted(given)),
        trainer=str(facts.get("trainer", "")),
        trainer_code=str(facts.get("trainer_code", "")),
        data=str(facts.get("data", "")),
        estimate=verdict.estimate,
        gap=gap,
        caveats=verdict.caveats,
        spec_sha256=str(facts.get("spec_sha256", "")),
        plan=str(facts.get("plan", "")),
        techspec=str(facts.get("techspec", "")),
    )


def _spelling(keys: Collection[str]) -> KeyOf:
    """By the names that the trainer has itself; `width` is another key where it has none."""
    return lambda name: own if (own := own_key_of(name)) in keys else key_of(name)


def _counted(rows: Sequence[Run], verdict: Verdict) -> list[list[Run]]:
    """The rows of each of the verdict's arms; empty where one is missing, or it has no arm."""
    by_trial = {row.trial: row for row in rows}
    looked = [arm.runs[: verdict.look] for arm in verdict.arms]  # None takes them all
    if any(run.trial not in by_trial for runs in looked for run in runs):
        return []
    return [[by_trial[run.trial] for run in runs] for runs in looked]


def _order(verdict: Verdict, form: claims.Form) -> list[int]:
    """The verdict's arms in the order of the canonical claim, which has `<` turned round."""
    order = list(range(len(verdict.arms)))
    return order[::-1] if isinstance(form, claims.Difference) and form.relation == "<" else order


def _config(counted: Sequence[Run], rows: Sequence[Run], arm: str) -> dict[str, str]:
    """What an arm was trained with: resolved values on which its runs agree, else the planned.

    Numbers are in one spelling.
    """
    runs = list(counted) or [row for row in rows if row.arm == arm]
    resolved = [run.resolved for run in runs if run.resolved]
    agreed = {
        key: value
        for key, value in (resolved[0] if resolved else {}).items()
        if all(other.get(key) == value for other in resolved)
    }
    config = {**(runs[0].config if runs else {}), **agreed}
    return {key: spelled(text) for key, text in config.items()}


def _split(
    configs: Sequence[Mapping[str, str]],
    others: Sequence[Mapping[str, str]],
    given: Collection[str],
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The values that all configs share, and what each has of its own.

    A single one shares what it has in common with the others of its plan. An arm that never ran
    told no value that the spec does not set, and then has the trainer's default as the others do.
    """
    beside = others if len(configs) == 1 else configs
    shared = {
        key: value
        for key, value in configs[0].items()
        if all(other.get(key, None if key in given else value) == value for other in beside)
    }
    own = [{k: v for k, v in config.items() if k not in shared} for config in configs]
    return shared, own


def _canonical(form: claims.Form, metric: str, sides: Sequence[Side]) -> str | None:
    """The claim by the settings of its arms; None where that is no claim."""
    arms = tuple(_ref(side) for side in sides)
    whole: claims.Form
    match form:
        case claims.Difference() if len(arms) == 2:
            whole = claims.Difference(metric, arms[0], arms[1], ">", form.margin)
        case claims.Threshold() if len(arms) == 1:
            whole = claims.Threshold(metric, arms[0], form.relation, form.level)
        case claims.Chain() if len(arms) == len(form.arms):
            whole = claims.Chain(arms, metric, form.margin)
        case claims.Insensitive() | claims.Trend() | claims.Smallest():
            whole = form
        case _:
            return None
    text = claims.write(whole)
    try:
        return text if type(claims.parse(text, key_of=own_key_of).form) is type(form) else None
    except claims.ClaimUnreadable:
        return None


def _ref(side: Side) -> claims.ArmRef:
    if not side.settings:
        return claims.ArmRef(slug(side.arm))
    settings = tuple((key, value(text)) for key, text in sorted(side.settings.items()))
    return claims.ArmRef("", settings)


def _side(arm: str, settings: Mapping[str, str], runs: Sequence[Run], metric: str) -> Side:
    values = [run.metrics[metric] for run in runs if metric in run.metrics]
    return Side(
        arm,
        settings,
        seeds=tuple(run.seed for run in runs if run.seed is not None),
        diverged=sum(run.outcome == "diverged" for run in runs),
        mean=math.fsum(values) / len(values) if values else None,
    )


def _gap(first: Sequence[Run], second: Sequence[Run], metric: str, is_share: bool) -> Gap | None:
    values = [[run.metrics[metric] for run in of_arm if metric in run.metrics]
              for of_arm in (first, second)]  # fmt: skip
    if any(len(of_arm) < 2 for of_arm in values) or len(values[0]) + len(values[1]) < len(
        first
    ) + len(second):
        return None
    seen = values[0] + values[1]
    narrowest = MODES_GAP if is_share else MODES_GAP_OF_RANGE * (max(seen) - min(seen))
    if narrowest > 0.0 and any(two_modes(of_arm, narrowest) for of_arm in values):
        return None
    floor = SPREAD_FLOOR if is_share else 0.0
    difference, squared_error, degrees = welch_error(values[0], values[1], floor)
    return Gap(difference, math.sqrt(squared_error), degrees) if squared_error else None


def _is_share(verdict: Verdict, metric: str, facts: Mapping[str, Any]) -> bool:
    if verdict.estimate is not None and verdict.estimate.unit in ("%", "pt"):
        return True
    return metric == facts.get("metric") and facts.get("unit") == "%"


def _alike(old: object, new: object) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_alike(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_alike, old, new))
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12)
    return old == new
