"""A campaign in, the files beside its page out; and back, so that a page can be checked.

Every number of a distilled page is made from these rows by the functions below.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from techspec.identity import digest
from techspec.ledger.state import State
from techspec.plan.model import Plan
from techspec.stats.mean import interval_mean
from techspec.verdict.findings import SPREAD_FLOOR
from techspec.verdict.words.numbers import number, size

NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Run:
    """One trial of the plan, run or not. An arm of "" is one that an amendment took out."""

    trial: str
    arm: str
    seed: int | None
    outcome: str
    params: int | None = None
    seconds: float | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    """What the spec set."""
    resolved: Mapping[str, str] = field(default_factory=dict)
    """What the trainer said that it trained with, defaults filled in; see `_told`."""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """What the runs of one arm came to. `values` are in the order of the seeds."""

    arm: str
    params: int | None
    seeds: tuple[int, ...]
    """Of the runs that count, diverged ones included."""
    values: tuple[float, ...]
    diverged: int

    @property
    def mean(self) -> float | None:
        """Over the runs that did not diverge."""
        return sum(self.values) / len(self.values) if self.values else None


def runs(plan: Plan, state: State) -> tuple[Run, ...]:
    """One row a trial, in the order of the plan, then those that an amendment took out."""
    rows = []
    asked = [trial for trial in plan.further if trial.id in state.trials]
    for trial in (*plan.trials, *asked):
        arm = plan.arm(trial.arm)
        config = {key: _plain(value) for key, value in arm.config.items()}
        rows.append(_run(state, trial.id, trial.arm, trial.seed, config, arm.params))
    planned = {trial.id for trial in plan.every_trial}
    rows += [
        _run(state, trial, "", None, {}, None) for trial in state.trials if trial not in planned
    ]
    return tuple(rows)


def _run(
    state: State,
    trial: str,
    arm: str,
    seed: int | None,
    config: Mapping[str, str],
    params: int | None,
) -> Run:
    known = state.trial(trial)
    started, ended = known.started, known.ended
    if started is not None and started.params:
        params = started.params
    resolved = _told(started.config) if started is not None else {}
    if ended is None:
        outcome = NOT_RUN if started is None else "not ended"
        return Run(trial, arm, seed, outcome, params, None, config, resolved)
    metrics = dict(ended.metrics) if known.is_final and ended.outcome != "diverged" else {}
    return Run(trial, arm, seed, ended.outcome, params, ended.seconds, config, resolved, metrics)


_WORD = re.compile(r"[A-Za-z][A-Za-z_+-]{0,23}\d{0,3}\Z")
"""One word, as `cosine`; digits only at its end, as in `float32`, so that no key or hash is one."""


def _told(config: Mapping[str, object]) -> dict[str, str]:
    """A resolved config as others may see it: numbers, truth values and single words as they are.

    Any other value is told by its digest, so that equal ones stay equal; places on a machine are
    left out, and so is the seed.
    """
    told = {}
    for key, value in config.items():
        if (
            key == "seed"
            or value is None
            or (isinstance(value, str) and re.search(r"[/\\]", value))
        ):
            continue
        if isinstance(value, bool | int | float) or (isinstance(value, str) and _WORD.match(value)):
            told[key] = _plain(value)
        else:
            told[key] = f"digest-{digest(value)[:8]}"
    return told


def to_csv(rows: Sequence[Run]) -> str:
    """The rows as CSV; numbers are written so that reading gives the same ones."""
    parts: list[tuple[str, list[Mapping[str, object]]]] = [
        ("config", [row.config for row in rows]),
        ("resolved", [row.resolved for row in rows]),
        ("metric", [row.metrics for row in rows]),
    ]
    columns = [(part, key, of_row) for part, of_row in parts for key in _keys(of_row)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["trial", "arm", "seed", "outcome", "params", "seconds"]
    writer.writerow([*head, *(f"{part}.{key}" for part, key, _ in columns)])
    for place, row in enumerate(rows):
        fixed = [row.trial, row.arm, row.seed, row.outcome, row.params, row.seconds]
        values = [of_row[place].get(key) for _, key, of_row in columns]
        writer.writerow(["" if value is None else str(value) for value in [*fixed, *values]])
    return out.getvalue()


def from_csv(text: str) -> tuple[Run, ...]:
    """The rows that `to_csv` wrote.

    Raises:
        ValueError, KeyError: the text is not such a CSV.
    """
    rows = []
    for line in _lines(text):
        rows.append(
            Run(
                trial=line["trial"],
                arm=line["arm"],
                seed=int(line["seed"]) if line["seed"] else None,
                outcome=line["outcome"],
                params=int(line["params"]) if line["params"] else None,
                seconds=float(line["seconds"]) if line["seconds"] else None,
                config=_part(line, "config."),
                resolved=_part(line, "resolved."),
                metrics={key: float(value) for key, value in _part(line, "metric.").items()},
            )
        )
    return tuple(rows)


def _lines(text: str) -> Iterator[dict[str, str]]:
    try:
        yield from csv.DictReader(io.StringIO(text))
    except csv.Error as error:  # a field is longer than the module takes
        raise ValueError(f"no CSV: {error}") from error


def summaries(rows: Sequence[Run], metric: str) -> tuple[ArmSummary, ...]:
    """One summary an arm, in the order of the rows; an arm without a result has no values."""
    arms: dict[str, list[Run]] = {}
    for row in rows:
        if row.arm:
            arms.setdefault(row.arm, []).append(row)
    found = []
    for arm, of_arm in arms.items():
        of_arm = sorted(of_arm, key=lambda row: row.seed or 0)
        counted = [row for row in of_arm if row.outcome == "diverged" or metric in row.metrics]
        found.append(
            ArmSummary(
                arm=arm,
                params=next((row.params for row in of_arm if row.params), None),
                seeds=tuple(row.seed for row in counted if row.seed is not None),
                values=tuple(row.metrics[metric] for row in counted if metric in row.metrics),
                diverged=sum(row.outcome == "diverged" for row in counted),
            )
        )
    return tuple(found)


def table_header(metric: str) -> tuple[str, ...]:
    """The columns of the page's table of arms."""
    mean, interval = f"Mean {metric}", "95 % interval"
    return ("Arm", "Parameters", "Runs", mean, interval, "Lowest to highest", "Diverged", "Seeds")


def table_row(summary: ArmSummary, unit: str) -> tuple[str, ...]:
    """An arm as the page says it; a single run has no interval, and says so."""
    mean = summary.mean
    floor = SPREAD_FLOOR if unit == "%" else 0.0
    interval = interval_mean(summary.values, spread_floor=floor) if summary.values else None
    if interval and unit == "%":  # Student's interval does not know that a share ends at 0 and 1
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    several = len(summary.values) > 1
    ends = (min(summary.values), max(summary.values)) if several else None
    return (
        summary.arm,
        size(summary.params) if summary.params else "unknown",
        str(len(summary.seeds)),
        number(mean, unit) if mean is not None else "no result",
        _between(interval, unit) or ("one run" if len(summary.values) == 1 else "none"),
        _between(ends, unit) or "none",
        str(summary.diverged),
        ", ".join(str(seed) for seed in summary.seeds) or "none",
    )


def _between(ends: tuple[float, float] | None, unit: str) -> str:
    return f"{number(ends[0], unit)} to {number(ends[1], unit)}" if ends else ""


def _keys(mappings: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _part(line: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        key.removeprefix(prefix): value
        for key, value in line.items()
        if key and key.startswith(prefix) and value
    }


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
