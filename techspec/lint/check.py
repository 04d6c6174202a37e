"""Spec in, findings out: all of them at once, each with the line it is about."""

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.rules import RULES
from techspec.plan.trainer import Trainer
from techspec.spec.model import Spec


def check(spec: Spec, trainer: Trainer) -> list[Finding]:
    """Everything that is wrong with `spec`, by line, then by code; empty means it may be planned.

    Args:
        spec: as read; it may be empty, odd or wrong.
        trainer: asked for its facts and, in one question, for the cost of every config in the
            spec. Of a `NoTrainer`, the rules that need an answer stay silent.
    """
    case = Case(spec, trainer)
    findings = [finding for rule in RULES for finding in rule.check(case)]
    return sorted(findings, key=lambda finding: (finding.line, finding.code, finding.column or 0))
