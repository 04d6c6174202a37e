"""Hypotheses in, questions out: the arms each needs, its seeds, or why it has no answer."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from techspec.plan.ablate import BASELINE, SIZE, Design, Group, is_size, shown, size_shown
from techspec.plan.arms import Settled
from techspec.plan.looks import looks
from techspec.plan.match import TOLERANCE
from techspec.plan.model import Arm, DroppedTrial, Question, Trial
from techspec.plan.order import mentioned
from techspec.plan.trainer import TrainerFacts
from techspec.spec.claims import (
    ArmRef,
    Chain,
    Difference,
    Form,
    Insensitive,
    Smallest,
    Threshold,
    Trend,
)
from techspec.spec.model import Hypothesis, Spec, Value

SEEDS = {Difference: 5, Chain: 5, Insensitive: 5, Trend: 5, Threshold: 6, Smallest: 6}
"""Seeds an arm with which a claim of this form can be settled either way. Source:
docs/statistics.md.

No difference and no trend is refuted before 5 seeds; SPRT .9 against .5 confirms after 6 straight
successes, not before; after 7 where a search shares its error among more than 3 levels.
"""
SEEDS_WITHOUT_CLAIM = 3
"""For an arm that serves no claim: enough to see a spread, and the first look of a comparison."""
FEWEST_SEEDS = 2
"""One seed cannot tell an effect from chance."""
_INDIFFERENCE = {"insensitive", "matter", "matters", "robust", "same", "irrelevant", "unaffected"}
"""Words of a hypothesis that predicts no effect."""
_SMALLEST = {"minimum", "minimal", "smallest", "least"}
"""Words of a hypothesis about a boundary."""


class _NoAnswer(Exception):
    """Why a claim has no answer in this plan; never leaves this module."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The arms of a claim, in its order."""

    arms: tuple[str, ...]
    levels: tuple[Value, ...] = ()
    qualifiers: tuple[str, ...] = ()


def ask(spec: Spec, design: Design, settled: Settled, facts: TrainerFacts) -> tuple[Question, ...]:
    """One question a hypothesis, in the order of the file; its seeds are not counted yet."""
    asking = _Asking(spec, design, settled, facts)
    return tuple(asking.question(hypothesis) for hypothesis in spec.hypotheses)


@dataclass(frozen=True, slots=True)
class Seeds:
    """Of one arm: the seeds that are planned, and the most that may be asked for."""

    planned: int
    most: int


def seeds_of_arms(
    arms: Iterable[Arm], questions: Sequence[Question], seeds: int | None
) -> dict[str, Seeds]:
    """Seeds for each arm, by its most demanding question; without one, what the spec says."""
    found = {}
    for arm in arms:
        asking = [q for q in questions if arm.name in q.arms and q.unanswerable is None]
        alone = SEEDS_WITHOUT_CLAIM if seeds is None else seeds
        found[arm.name] = Seeds(
            planned=max((question.seeds_wanted for question in asking), default=alone),
            most=max((question.looks[-1] for question in asking), default=alone),
        )
    return found


def after_budget(
    spec: Spec,
    questions: Sequence[Question],
    kept: Sequence[Trial],
    further: Sequence[Trial],
    dropped: Sequence[DroppedTrial],
) -> tuple[Question, ...]:
    """Count the seeds that are left to each question; those that lost their answer say to what."""
    forms = {each.id: each.claim.form for each in spec.hypotheses if each.claim}
    return tuple(
        _within(_counted(question, kept, dropped), forms.get(question.id), [*kept, *further])
        for question in questions
    )


def notes_on_seeds(spec: Spec, questions: Sequence[Question]) -> list[str]:
    """Questions that can come out one way only with the seeds that they have."""
    forms = {hypothesis.id: hypothesis.claim for hypothesis in spec.hypotheses}
    notes = []
    for question in questions:
        claim, seeds = forms[question.id], question.seeds
        if claim is None or question.unanswerable:
            continue
        if isinstance(claim.form, Threshold) and seeds < SEEDS[Threshold]:
            way, other, needs = "refuted", "confirmed", SEEDS[Threshold]
        elif isinstance(claim.form, (Difference, Chain)) and 3 <= seeds < SEEDS[Difference]:
            way, other, needs = "confirmed", "refuted", SEEDS[Difference]
        else:
            continue
        notes.append(
            f"{question.id} can be {way} with {seeds} seeds but not {other}: it needs {needs}."
        )
    return notes


class _Asking:
    """Looks up what claims name among the drafts and arms of one spec."""

    def __init__(self, spec: Spec, design: Design, settled: Settled, facts: TrainerFacts) -> None:
        self.spec, self.design, self.settled, self.facts = spec, design, settled, facts
        self.seeds = spec.run.seeds
        self.arms = {arm.name: arm for arm in settled.arms}
        self.drafts = {draft.name.casefold(): draft.name for draft in design.drafts}
        baseline = next((draft.name for draft in design.drafts if draft.is_baseline), None)
        if baseline:
            self.drafts.setdefault(BASELINE, baseline)
        self.reasons = {left.arm: left.reason for left in settled.left_out}

    def question(self, hypothesis: Hypothesis) -> Question:
        claim = hypothesis.claim
        question = Question(
            id=hypothesis.id,
            text=hypothesis.text,
            claim=claim.text if claim else None,
            metric=self.spec.run.metric,
            exploratory=hypothesis.exploratory,
        )
        if claim is None:
            return replace(question, unanswerable=self._no_claim(hypothesis))
        registered = looks(type(claim.form), self.seeds)
        question = replace(
            question,
            metric=claim.form.metric or self.spec.run.metric,
            looks=registered,
            seeds_wanted=min(SEEDS[type(claim.form)], registered[-1]),
        )
        try:
            self._check_metric(question.metric)
            found = self._found(claim.form)
        except _NoAnswer as reason:
            return replace(question, unanswerable=str(reason))
        return replace(question, arms=found.arms, levels=found.levels, qualifiers=found.qualifiers)

    def _found(self, form: Form) -> _Found:
        match form:
            case Difference(left=left, right=right):
                return self._compared((left, right))
            case Chain(arms=refs):
                return self._compared(refs)
            case Threshold(arm=ref):
                return _Found((self._arm(ref),))
            case Insensitive(parameter=parameter):
                return self._and_unmatched(parameter, ordered=False)
            case Trend(parameter=parameter):
                return self._and_unmatched(parameter, ordered=True)
            case Smallest(parameter=parameter):
                return self._levels(parameter, ordered=True)

    def _compared(self, refs: Sequence[ArmRef]) -> _Found:
        arms = tuple(self._arm(ref) for ref in refs)
        if len(set(arms)) < len(arms):
            raise _NoAnswer(f"it compares {arms[0]!r} with itself: name two different arms")
        return _Found(arms, qualifiers=self._unmatched([self.arms[name] for name in arms]))

    def _arm(self, ref: ArmRef) -> str:
        draft = self.drafts.get(ref.label.casefold())
        if draft is None:
            known = ", ".join(draft.name for draft in self.design.drafts)
            raise _NoAnswer(f"there is no arm {ref.label!r}: the arms are {known or 'none'}")
        return self._runnable(draft)

    def _runnable(self, draft: str) -> str:
        if draft in self.reasons:
            raise _NoAnswer(f"its arm {draft!r} is left out: {self.reasons[draft]}")
        return self.settled.called[draft]

    def _levels(self, parameter: str, ordered: bool) -> _Found:
        wanted = parameter.casefold()
        named = {p.name.casefold(): p.key for p in self.spec.parameters}
        key = named.get(wanted, wanted)
        group = next((g for g in self.design.groups if g.levels and _varies(g, key)), None)
        if group:
            found = self._swept(group, key)
        elif is_size(key, self.facts):
            found = self._sizes()
        else:
            found = self._rows(key)
        return _ascending(found, key, ordered)

    def _swept(self, group: Group, key: str) -> _Found:
        place = group.keys.index(key) if key in group.keys else 0
        pairs = [(level[place], a) for level, a in zip(group.levels, group.arms, strict=True)]
        gone = [arm for _, arm in pairs if arm in self.reasons]
        # Two sizes so near that one width serves both are one arm, and one level.
        runnable: dict[str, Value] = {}
        for level, arm in pairs:
            if arm not in self.reasons:
                runnable.setdefault(self.settled.called[arm], level)
        if len(runnable) < 2:
            reason = f": {self.reasons[gone[0]]}" if gone else ""
            raise _NoAnswer(f"fewer than two levels of {key} can be run{reason}")
        lost = (f"without {', '.join(gone)}: left out of the plan",) if gone else ()
        return _Found(tuple(runnable), tuple(runnable.values()), lost)

    def _sizes(self) -> _Found:
        """Order the rows by what they come to, where the size itself is not swept."""
        pairs = self._row_sizes()
        if not pairs:
            raise _NoAnswer(
                f"no two arms differ in {SIZE}: list sizes under Parameter Ranges, or name arms "
                "of several"
            )
        return _Found(tuple(arm for arm, _ in pairs), tuple(count for _, count in pairs))

    def _row_sizes(self) -> list[tuple[str, int]]:
        """Pair the rows with what they come to; empty where they are all of one size."""
        pairs = [(arm.name, arm.params) for arm in self._named_arms() if arm.params is not None]
        counts = [count for _, count in pairs]
        if len(counts) < 2 or max(counts) <= min(counts) * (1 + TOLERANCE):
            return []
        return pairs

    def _rows(self, key: str) -> _Found:
        by_level: dict[Value, Arm] = {}
        others = set()
        for arm in self._named_arms():
            if key in arm.config:
                by_level.setdefault(arm.config[key], arm)
        if len(by_level) < 2:
            raise _NoAnswer(f"nothing varies {key}: list its values under Parameter Ranges")
        for other in {name for arm in by_level.values() for name in arm.config} - {key}:
            if len({arm.config.get(other) for arm in by_level.values()}) > 1:
                others.add(other)
        moved = (f"confounded: {', '.join(sorted(others))} changes with {key}",) if others else ()
        return _Found(tuple(arm.name for arm in by_level.values()), tuple(by_level), moved)

    def _named_arms(self) -> list[Arm]:
        names = [self.settled.called[n] for n in self.design.named if n in self.settled.called]
        return [self.arms[name] for name in dict.fromkeys(names)]

    def _unmatched(self, arms: Sequence[Arm]) -> tuple[str, ...]:
        counts = [arm.params for arm in arms if arm.params is not None]
        about_size = any(change.parameter == SIZE for arm in arms for change in arm.changes)
        if not counts and any(self._is_sized(arm) for arm in arms):
            return ("unmatched: the trainer counts no parameters",)
        if about_size or not counts or max(counts) <= min(counts) * (1 + TOLERANCE):
            return ()
        ends = counts if len(counts) == 2 else [max(counts), min(counts)]
        return (f"unmatched: {' against '.join(map(size_shown, ends))} parameters",)

    def _and_unmatched(self, parameter: str, ordered: bool) -> _Found:
        found = self._levels(parameter, ordered)
        if parameter.casefold() == SIZE:
            return found  # the sizes are what it is about
        unmatched = self._unmatched([self.arms[name] for name in found.arms])
        return replace(found, qualifiers=(*found.qualifiers, *unmatched))

    def _is_sized(self, arm: Arm) -> bool:
        drafts = (draft for draft in self.design.drafts if draft.name == arm.name)
        return any(draft.size or draft.size_of for draft in drafts)

    def _check_metric(self, metric: str) -> None:
        if self.facts.metrics is not None and metric not in self.facts.metrics:
            known = ", ".join(self.facts.metrics)
            raise _NoAnswer(f"the trainer reports no {metric!r}: it reports {known or 'nothing'}")

    def _no_claim(self, hypothesis: Hypothesis) -> str:
        if hypothesis.problem:
            return f"its claim cannot be read: {hypothesis.problem.what}"
        return f"has no claim: write one, such as `{self._example(hypothesis.text)}`"

    def _example(self, text: str) -> str:
        """Write a claim that this spec's arms could answer, as near to the hypothesis as may be."""
        metric, rows = self.spec.run.metric, self.design.named
        for key, value in re.findall(r"(\w+)\s*=\s*([\w.]+)", text):
            if key in (self.facts.parameters or {}):
                return f"{metric}({BASELINE}) > {metric}({key}={value}) by 2pt"
        varied = {p.key: p.name for p in self.spec.parameters if self._is_swept(p.key)}
        if self._row_sizes():
            varied.setdefault(SIZE, "")
        told = [k for word in text.split() for k in varied if mentioned(word, k, varied[k])]
        words = set(re.findall(r"\w+", text.lower()))
        if told and words & _SMALLEST:
            return f"smallest {told[0]} with {metric} >= {self._level():.0%}"
        if told and words & _INDIFFERENCE:
            return f"{metric} insensitive to {told[0]} within 2pt"
        if told or (varied and len(rows) < 2):
            return f"{metric} increases with {(told or list(varied))[0]}"
        if len(rows) > 1:
            return f"{metric}({rows[0]}) > {metric}({rows[1]}) by 2pt"
        return f"{metric}({BASELINE}) >= {self._level():.0%}"

    def _level(self) -> float:
        """Choose the lowest level that the spec calls enough, to have a number of its own."""
        ends = [band.low for band in self.spec.bands if band.low is not None and band.low <= 1]
        return min(ends, default=0.9)

    def _is_swept(self, key: str) -> bool:
        return any(group.levels and _varies(group, key) for group in self.design.groups)


def _varies(group: Group, key: str) -> bool:
    return key in group.keys or group.name.casefold() == key


def _ascending(found: _Found, key: str, ordered: bool) -> _Found:
    """Smallest level first; words keep the order of the spec, and have no trend."""
    levels = [level for level in found.levels if isinstance(level, (int, float))]
    if len(levels) < len(found.levels):
        if ordered:
            words = ", ".join(shown(level) for level in found.levels)
            raise _NoAnswer(f"the values of {key} are words, which have no order: {words}")
        return found
    pairs = sorted(zip(levels, found.arms, strict=True), key=lambda pair: pair[0])
    return _Found(
        tuple(arm for _, arm in pairs), tuple(level for level, _ in pairs), found.qualifiers
    )


def _within(question: Question, form: Form | None, trials: Sequence[Trial]) -> Question:
    """The question with looks no later than its trials reach."""
    if form is None or question.unanswerable or not question.arms:
        return question
    most = min(sum(trial.arm == arm for trial in trials) for arm in question.arms)
    return (
        question if most >= question.looks[-1] else replace(question, looks=looks(type(form), most))
    )


def _counted(
    question: Question, kept: Sequence[Trial], dropped: Sequence[DroppedTrial]
) -> Question:
    if question.unanswerable or not question.arms:
        return question
    counts: Mapping[str, int] = {
        arm: sum(trial.arm == arm for trial in kept) for arm in question.arms
    }
    fewest = min(counts, key=lambda arm: counts[arm])
    seeds = counts[fewest]
    if seeds >= FEWEST_SEEDS:
        return replace(question, seeds=seeds)
    reasons = [drop.reason for drop in dropped if drop.trial.arm == fewest]
    reason = f"{fewest!r} has {seeds} of {seeds + len(reasons)} seeds"
    if reasons:
        reason += f": the others are {reasons[0]}"
    else:
        reason += f", and {seeds} cannot tell an effect from chance: set seeds to 2 or more"
    return replace(question, seeds=seeds, unanswerable=reason)
