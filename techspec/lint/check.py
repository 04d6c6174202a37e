"""Spec in, findings out: all of them at once, each with the line it is about."""

from techspec.errors import TechspecError
from techspec.lint.case import Case, Known, nothing_known
from techspec.lint.finding import Finding
from techspec.lint.rules import RULES
from techspec.plan.trainer import Trainer
from techspec.spec.model import Spec


def check(
    spec: Spec,
    trainer: Trainer,
    trainer_problem: TechspecError | None = None,
    known: Known = nothing_known,
) -> list[Finding]:
    """Everything to say of `spec`, by line, then by code; without a problem it may be planned.

    Args:
        spec: as read; it may be empty, odd or wrong.
        trainer: asked for its facts and, in one question, for the cost of every config in the
            spec. Of a `NoTrainer`, the rules that need an answer stay silent.
        trainer_problem: why the spec's own trainer could not be asked, and a `NoTrainer` stands
            for it; one finding, TS307.
        known: tells of a plan which hypotheses earlier findings decided; each is a note, TS308.
    """
    case = Case(spec, trainer, trainer_problem, known)
    findings = [finding for rule in RULES for finding in rule.check(case)]
    return sorted(findings, key=lambda finding: (finding.line, finding.code, finding.column or 0))
