"""A spec under check, with what its trainer and its plan say of it; each asked once, if at all."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from techspec.errors import TechspecError
from techspec.lint.finding import Settled
from techspec.lint.names import nearest
from techspec.plan.ablate import BASELINE, SIZE
from techspec.plan.build import build
from techspec.plan.model import Plan
from techspec.plan.trainer import Config, Cost, ParameterInfo, Trainer, TrainerFacts
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
from techspec.spec.model import NamedArm, Parameter, Section, Spec, Value
from techspec.spec.sections import KINDS, kind_of

SEED_NAMES = frozenset({"seed", "seeds", "random_seed", "n_seeds", "num_seeds"})
"""What people call a seed in a table; TS208 reports it, so other rules pass it over."""

TITLES = {
    "objective": "Objective",
    "hypotheses": "Hypotheses",
    "predictions": "Prediction",
    "ranges": "Parameter Ranges",
    "grid": "Parameter Grid",
    "matched": "Parameter-Matched Pairs",
    "criteria": "Success Criteria",
    "budget": "Budget Constraints",
    "factors": "Factors",
    "baseline": "Baseline",
    "run": "Run",
    "context": "Context for Claude",
    "results": "Results",
}
"""What a section of each kind is best called; the reader takes a few more titles."""

# Ours: `Hypothesys` and `Sucess Criteria` are nearer than this, `Contents` is not near Context.
_MISSPELT = 0.82


Known = Callable[[Plan], Sequence[Settled]]
"""Which hypotheses of a plan are settled already; who asks passes in what is known."""


def nothing_known(plan: Plan) -> Sequence[Settled]:
    """For a spec that is read without a registry."""
    return ()


class Case:
    """What a rule receives. It answers questions that several rules have; it judges nothing."""

    def __init__(
        self,
        spec: Spec,
        trainer: Trainer,
        trainer_problem: TechspecError | None = None,
        known: Known = nothing_known,
    ) -> None:
        self.spec = spec
        self.trainer_problem = trainer_problem
        self._known = known
        self._trainer = _Asked(trainer)

    # --- what the trainer says ---

    @cached_property
    def facts(self) -> TrainerFacts:
        """The trainer's names and metrics."""
        return self._trainer.facts()

    @property
    def parameters(self) -> Mapping[str, ParameterInfo] | None:
        """What the trainer can be told; None where it does not say."""
        return self.facts.parameters

    def default(self, key: str) -> Value | None:
        """The trainer's default of a parameter; None where it has none or does not say."""
        info = (self.parameters or {}).get(key)
        return info.default if info else None

    def higher_is_better(self, metric: str) -> bool:
        """False for losses: as the trainer says, else by the name."""
        info = (self.facts.metrics or {}).get(metric)
        return info.better != "lower" if info else not re.search("loss|perplex|error", metric)

    def is_share(self, metric: str) -> bool:
        """True where the metric goes from 0 to 1, so that it is written in % and pt."""
        info = (self.facts.metrics or {}).get(metric)
        return info.unit == "share" if info else not re.search("loss|perplex", metric)

    def is_surely_share(self, metric: str) -> bool:
        """True where the trainer says itself that the metric goes from 0 to 1."""
        info = (self.facts.metrics or {}).get(metric)
        return info is not None and info.unit == "share"

    def cost(self, arm: NamedArm) -> Cost:
        """What the trainer says of a named arm as it is written; empty where it says nothing."""
        # All arms in one question: another rule, or the plan, will want the others.
        rows = [self.full(row.settings) for row in self.spec.arms]
        return self._trainer.costs([self.full(arm.settings), *rows])[0]

    def full(self, settings: Mapping[str, Value]) -> dict[str, Value]:
        """`settings` over the baseline, without what no trainer takes: a size and the seed."""
        config = {**self.base, **settings}
        return {k: v for k, v in config.items() if k != SIZE and k not in SEED_NAMES}

    # --- what the plan says ---

    @cached_property
    def plan(self) -> Plan:
        """The plan as `techspec plan` would make it."""
        return build(self.spec, self._trainer)

    @cached_property
    def settled(self) -> Sequence[Settled]:
        """The hypotheses of the plan that earlier findings have decided."""
        return self._known(self.plan)

    # --- what the spec says ---

    @cached_property
    def baseline_arm(self) -> NamedArm | None:
        """The row marked as the baseline."""
        rows = self.spec.arms
        return next((arm for arm in rows if arm.is_baseline or self._is(arm, BASELINE)), None)

    @cached_property
    def base(self) -> dict[str, Value]:
        """The values that an arm has where it says nothing else."""
        row = self.baseline_arm.settings if self.baseline_arm else {}
        return {**self.spec.baseline, **row}

    def arm(self, name: str) -> NamedArm | None:
        """The row called `name`, whatever its case."""
        return next((arm for arm in self.spec.arms if self._is(arm, name)), None)

    @staticmethod
    def _is(arm: NamedArm, name: str) -> bool:
        return arm.name.casefold() == name.casefold()

    def knows_arm(self, name: str) -> bool:
        """True where a claim may name it: a row, or the baseline, which every plan has."""
        return name.casefold() == BASELINE or self.arm(name) is not None

    @property
    def forms(self) -> Iterator[tuple[str, int, Form]]:
        """Each claim that could be read: its hypothesis, its line, its form."""
        for hypothesis in self.spec.hypotheses:
            if hypothesis.claim:
                line = hypothesis.claim_line or hypothesis.line
                yield hypothesis.id, line, hypothesis.claim.form

    def claimed_arms(self) -> Iterator[tuple[int, ArmRef]]:
        """Each arm in a claim, with the line of the claim."""
        for _, line, form in self.forms:
            for ref in arms_of(form):
                yield line, ref

    def section(self, kind: str) -> Section | None:
        """The first section of a kind, one of TITLES."""
        return next((s for s in self.spec.sections if kind_of(s.title) == kind), None)

    @cached_property
    def misspelt(self) -> dict[str, Section]:
        """By kind, sections whose title is nearly one of a kind that the spec lacks."""
        found: dict[str, Section] = {}
        for section in self.spec.sections:
            if section.level == 2 and not kind_of(section.title):
                titles = [title for titles in KINDS.values() for title in titles]
                kind = kind_of(nearest(section.title, titles, _MISSPELT) or "")
                if kind and self.section(kind) is None:
                    found.setdefault(kind, section)
        return found

    def is_misspelt(self, *kinds: str) -> bool:
        """True where one of these is there under a title that the reader does not know."""
        return any(kind in self.misspelt for kind in kinds)

    def heading_of(self, line: int) -> int:
        """The line of the heading that line `line` is below; itself where there is none."""
        above = [section.line for section in self.spec.sections if section.line <= line]
        return max(above, default=line)

    def run_line(self, key: str) -> int:
        """The line of `## Run` that sets `key`; the section's where it cannot be found."""
        start = self.spec.run.line or 1
        lines = self.spec.text.splitlines()
        for number, text in enumerate(lines[start - 1 : start + 30], start=start):
            if re.match(rf"\W*{key}\b", text, re.IGNORECASE):
                return number
        return start

    # --- what a claim of this spec looks like ---

    def margin(self, metric: str) -> str:
        """A smallest difference worth having, as a suggestion."""
        return "2pt" if self.is_share(metric) else "0.05"

    def level(self, metric: str) -> str:
        """A level worth reaching: the least that the spec calls viable, else the best it names."""
        named = [(band.name.lower(), band.low) for band in self.spec.bands if band.metric == metric]
        lows = [low for _, low in named if low is not None]
        viable = [low for name, low in named if low is not None and "viable" in name]
        if not self.is_share(metric):
            return f"{max(lows):g}" if lows else "1.0"
        return f"{(viable or [max(lows, default=0.9)])[0] * 100:g}%"

    def claim_about(self, parameter: Parameter) -> str:
        """A claim that would use a parameter which no hypothesis uses."""
        metric = self.spec.run.metric
        reaches = ">=" if self.higher_is_better(metric) else "<="
        if parameter.key == SIZE:
            return f"smallest {SIZE} with {metric} {reaches} {self.level(metric)}"
        return f"{metric} insensitive to {parameter.key} within {self.margin(metric)}"

    def text_line(self, line: int) -> str:
        """Line `line` of the spec, counting from 1; empty where there is none."""
        lines = self.spec.text.splitlines()
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def has_problem_in(self, section: Section) -> bool:
        """True where something in the section could not be read, which TS101 reports."""
        later = [s.line for s in self.spec.sections if s.line > section.line]
        end = min(later, default=section.line + self.spec.text.count("\n") + 1)
        return any(section.line <= problem.line < end for problem in self.spec.problems)


class _Asked:
    """A trainer that is asked for each config once, however often the answer is needed."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._known: dict[object, Cost] = {}

    def facts(self) -> TrainerFacts:
        return self._facts

    @cached_property
    def _facts(self) -> TrainerFacts:
        return self._trainer.facts()

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        new = {_identity(c): c for c in configs if _identity(c) not in self._known}
        if new:
            answers = self._trainer.costs(list(new.values()), calibrate)
            self._known.update(zip(new, answers, strict=True))
        return [self._known[_identity(config)] for config in configs]


def arms_of(form: Form) -> tuple[ArmRef, ...]:
    """The arms that a claim is about; empty where it is about the levels of a parameter."""
    match form:
        case Difference():
            return (form.left, form.right)
        case Threshold():
            return (form.arm,)
        case Chain():
            return form.arms
        case _:
            return ()


def parameter_of(form: Form) -> str | None:
    """The parameter whose levels a claim is about."""
    match form:
        case Insensitive() | Trend() | Smallest():
            return form.parameter
        case _:
            return None


def _identity(config: Config) -> object:
    # True == 1 == 1.0, and a trainer may take one and refuse the other.
    return tuple(sorted((key, type(value).__name__, value) for key, value in config.items()))
