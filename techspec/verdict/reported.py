"""A spec and a file of reported numbers in, verdicts by the usual rules out, marked as reported.

Nothing is written: reported numbers reach no ledger, no page and no skill, and count for nothing
that techspec measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from techspec.errors import TechspecError
from techspec.identity import canonical
from techspec.ledger.events import Ended, Started
from techspec.ledger.state import State, TrialState
from techspec.plan.ablate import SIZE, same
from techspec.plan.build import build
from techspec.plan.model import Arm, Plan, Question, Trial
from techspec.plan.trainer import Config, Cost, MetricInfo, Trainer, TrainerFacts
from techspec.spec.model import Spec, Value
from techspec.verdict.caveats import caveats_of
from techspec.verdict.decide import decide
from techspec.verdict.gather import is_written_as_share
from techspec.verdict.model import Verdict
from techspec.verdict.oddities import Model, is_copy, oddities, same_values
from techspec.verdict.reported_rows import Run, read_runs

_UNMATCHED = "unmatched: "


class SeedReportedTwice(TechspecError):
    """Two rows that claim to be the same run."""

    def __init__(self, path: Path, arm: str, seed: int, lines: Sequence[int]) -> None:
        super().__init__(
            f"{path}:{lines[1]}: seed {seed} of {arm} stands on line {lines[0]} already.",
            "keep the row that is right, or correct the seed of one of them.",
        )


@dataclass(frozen=True, slots=True)
class ReportedStudy:
    """What can be said of numbers that somebody else measured."""

    file: str
    verdicts: tuple[Verdict, ...]
    runs: int
    """Rows that were read, those of models that the spec does not name included."""
    strangers: tuple[str, ...]
    """Models that are no arm of the spec, with their lines."""
    oddities: tuple[str, ...]
    """What a reader of the table should know before believing it, in words."""
    passed_over: tuple[str, ...]
    """Titles of columns that mean nothing here."""


def judge_reported(spec: Spec, trainer: Trainer, path: Path) -> ReportedStudy:
    """Judge every hypothesis of the spec by the numbers in this file alone.

    The arms are taken as the spec writes them: no width is solved, since what was reported was
    run already. The budget and the seeds that the spec asks for play no part either.

    Raises:
        ReportedNotReadable, NoReportedNumbers, ReportedCellsUnreadable, SeedReportedTwice: as
            their texts say.
    """
    written = replace(
        spec,
        arms=tuple(replace(arm, matched=False) for arm in spec.arms),
        matching=None,
        budget=None,
        run=replace(spec.run, seeds=None),
    )
    metrics, facts = _metrics(spec), trainer.facts()
    counted = build(written, _Counting(trainer, metrics))
    shares = {metric for metric in metrics if is_written_as_share(counted, metric)}
    runs = read_runs(path, metrics, _parameters(spec, facts), shares)
    defaults = {key: info.default for key, info in (facts.parameters or {}).items()}
    placed = [(_arm_of(run, counted, defaults), run) for run in runs]
    models = _models(placed, counted, trainer, spec)
    sizes = {
        canonical(dict(counted.arm(model.name).config)): round(model.reported.value)
        for model in models
        if model.in_spec and model.reported is not None
    }
    reported = build(written, _Counting(trainer, metrics, sizes))
    plan, state = _as_campaign(reported, counted, models, path)
    return ReportedStudy(
        file=path.name,
        verdicts=tuple(
            _marked(
                replace(
                    verdict,
                    asks=(),  # nobody is going to run what it would want next
                    caveats=caveats_of(plan, state, question, verdict.metric, verdict.arms, ()),
                ),
                models,
                path,
            )
            for verdict, question in zip(decide(plan, state), plan.questions, strict=True)
        ),
        runs=len(runs),
        strangers=tuple(model.place for model in models if not model.in_spec),
        oddities=oddities(models, spec),
        passed_over=tuple(dict.fromkeys(title for run in runs for title in run.remarks)),
    )


@dataclass(frozen=True, slots=True)
class _Counting:
    """The trainer as one that refuses nothing, and counts as the table does where that counts.

    Whether a config could be trained here is of no account: somebody has trained it.
    """

    trainer: Trainer
    metrics: Sequence[str]
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Reported parameter counts, by the canonical text of a config."""

    def facts(self) -> TrainerFacts:
        """The trainer's, with the metrics that the spec asks about among its own."""
        facts = self.trainer.facts()
        if facts.metrics is None:
            return facts
        return replace(
            facts, metrics={**dict.fromkeys(self.metrics, MetricInfo()), **facts.metrics}
        )

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        """The trainer's, without its refusals."""
        return [
            replace(cost, params=self.sizes.get(canonical(dict(config)), cost.params), problem=None)
            for config, cost in zip(configs, self.trainer.costs(configs, calibrate), strict=True)
        ]


def _metrics(spec: Spec) -> list[str]:
    claimed = [each.claim.form.metric for each in spec.hypotheses if each.claim]
    judged = [band.metric for band in spec.bands]
    return list(dict.fromkeys(name for name in (spec.run.metric, *claimed, *judged) if name))


def _parameters(spec: Spec, facts: TrainerFacts) -> set[str]:
    swept = {parameter.key for parameter in spec.parameters}
    named = {key for arm in spec.arms for key in arm.settings}
    return {*(facts.parameters or {}), *swept, *named, *spec.baseline} - {SIZE}


def _arm_of(run: Run, plan: Plan, defaults: Mapping[str, Value | None]) -> str | None:
    """The arm that the row is a run of: by its name, else the one that its settings describe."""
    by_name = {arm.name.casefold(): arm.name for arm in plan.arms}
    if run.name.casefold() in by_name:
        return by_name[run.name.casefold()]
    varied = {change.parameter for arm in plan.arms for change in arm.changes}
    if run.name and not varied <= {*run.settings, SIZE}:
        return None  # another name, and not enough beside it to say that the model is the same
    return next((arm.name for arm in plan.arms if _describes(run, arm, defaults)), None)


def _describes(run: Run, arm: Arm, defaults: Mapping[str, Value | None]) -> bool:
    """Whether the row sets all in which the arm differs from the baseline, and nothing else."""
    stated: dict[str, Value] = dict(run.settings)
    if run.params is not None and any(change.parameter == SIZE for change in arm.changes):
        stated[SIZE] = run.params.value
    own = {**defaults, **arm.config, **{each.parameter: each.value for each in arm.changes}}
    told = all(change.parameter in stated for change in arm.changes)
    return bool(stated) and told and all(same(own.get(key), stated[key]) for key in stated)


def _models(
    placed: Sequence[tuple[str | None, Run]], plan: Plan, trainer: Trainer, spec: Spec
) -> list[Model]:
    """The rows by model, in the order of the file; without an arm, by name and settings."""
    rows: dict[tuple[str, str], list[Run]] = {}
    for arm, run in placed:
        key = (arm, "") if arm else (run.label, canonical(dict(run.settings)))
        rows.setdefault(key, []).append(run)
    in_spec = {arm for arm, _ in placed if arm}
    claimed = {arm.name: arm.claimed_params for arm in spec.arms}
    configs = [
        dict(plan.arm(name).config) if name in in_spec else {**spec.baseline, **runs[0].settings}
        for (name, _), runs in rows.items()
    ]
    return [
        Model(
            name=name,
            runs=tuple(runs),
            in_spec=name in in_spec,
            reported=next((run.params for run in runs if run.params), claimed.get(name)),
            counted=cost.params if runs[0].settings or name in in_spec else None,
        )
        for ((name, _), runs), cost in zip(rows.items(), trainer.costs(configs), strict=True)
    ]


def _as_campaign(
    reported: Plan, counted: Plan, models: Sequence[Model], path: Path
) -> tuple[Plan, State]:
    """The rows as trials that ended, so that the one judge there is can judge them."""
    state, trials = State(), []
    by_arm = {model.name: model for model in models if model.in_spec}
    runs = {name: _seeds(model, path) for name, model in by_arm.items()}
    for arm, by_seed in runs.items():
        for seed, run in by_seed.items():
            trial = Trial(f"{path.name}:{run.line}", arm, seed, stage=0)
            trials.append(trial)
            state.trials[trial.id] = _ended(trial, run, by_arm[arm])
    counts = {arm: len(by_seed) for arm, by_seed in runs.items()}
    known = {arm for arm, model in by_arm.items() if model.reported is not None}
    questions = tuple(
        _question(question, other, counts, known)
        for question, other in zip(reported.questions, counted.questions, strict=True)
    )
    plan = replace(reported, trials=tuple(trials), further=(), dropped=(), questions=questions)
    return plan, state


def _seeds(model: Model, path: Path) -> dict[int, Run]:
    """The runs of a model by seed; those without one are counted from the first free number."""
    found: dict[int, Run] = {}
    for run in model.runs:
        if run.seed is not None:
            if run.seed in found:
                raise SeedReportedTwice(
                    path, model.name, run.seed, (found[run.seed].line, run.line)
                )
            found[run.seed] = run
    for run in model.runs:
        # Without a seed nobody can tell a second run from the same one told twice.
        if run.seed is None and not any(is_copy(run, other) for other in found.values()):
            found[next(n for n in range(len(found) + 1) if n not in found)] = run
    return found


def _ended(trial: Trial, run: Run, model: Model) -> TrialState:
    metrics = {name: said.value for name, said in run.metrics.items() if said.value is not None}
    params = round(model.reported.value) if model.reported else model.counted
    return TrialState(
        started=Started("", trial.id, dict(run.settings), params, "", "", ""),
        ended=Ended("", trial.id, "finished" if metrics else "diverged", 0, metrics, 0.0),
    )


def _question(
    question: Question, counted: Question, counts: Mapping[str, int], known: set[str]
) -> Question:
    """The question with what the table leaves of it: its runs, and its sizes by both counts."""
    fewest = min((counts.get(arm, 0) for arm in question.arms), default=0)
    both = [(question, "as reported")] if set(question.arms) <= known else []
    both.append((counted, "as the trainer counts these settings"))
    qualifiers = [
        f"{qualifier}, {by}" if qualifier.startswith(_UNMATCHED) else qualifier
        for each, by in both
        for qualifier in each.qualifiers
    ]
    return replace(
        question,
        seeds=fewest,
        seeds_wanted=fewest,
        qualifiers=tuple(dict.fromkeys(qualifiers)),
    )


def _marked(verdict: Verdict, models: Sequence[Model], path: Path) -> Verdict:
    """The verdict with what tells it from one about measured numbers, first of all."""
    caveats = [f"reported in {path.name}, not measured by techspec"]
    counts = [len(arm.runs) for arm in verdict.arms]
    if counts and max(counts) == 1:
        caveats.append("one run an arm: no number of arms makes up for that")
    elif counts and max(counts) > 1:
        caveats.append("which runs were left out of the report, nobody here can know")
    missing = [arm.arm for arm in verdict.arms if not arm.runs]
    if missing:
        caveats.append(f"{path.name} reports no run of {', '.join(missing)}")
    caveats += verdict.caveats
    caveats += same_values(models, {arm.arm for arm in verdict.arms})
    return replace(verdict, caveats=tuple(dict.fromkeys(caveats)))
