"""techspec lint: say what is wrong with a spec before any compute is spent."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from techspec.commands.shared_arguments import add_registry, add_spec, registry_asked
from techspec.commands.show import count, plain
from techspec.lint.check import check
from techspec.lint.finding import Finding, Settled
from techspec.plan.model import Plan
from techspec.plan.trainer import NoTrainer
from techspec.run.locked import LockedFileMissing
from techspec.run.trainer_call import TrainerAnswer, TrainerNotFound, trainer_of
from techspec.skill.known import bearing, cited, of_registry, together
from techspec.skill.page import visible
from techspec.skill.registry import Registry
from techspec.spec.model import Spec
from techspec.spec.reader import read_file

EXAMPLE = "techspec lint TECHSPEC.md --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, where to look for what settles it already, and the form of the answer."""
    add_spec(parser)
    add_registry(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if a problem was found; notes are no problems."""
    spec, place = read_file(args.spec), args.spec.resolve().parent
    found = findings_of(spec, place, registry_asked(place, args.registry))
    problems = [each for each in found if each.level == "problem"]
    if args.json:
        notes = [each for each in found if each.level == "note"]
        print(json.dumps({"findings": _listed(problems), "notes": _listed(notes)}))
        return 1 if problems else 0
    for each in found:
        what = f"{each.code} {'note: ' if each.level == 'note' else ''}{each.message}"
        print(plain(f"{args.spec}:{each.line}: {what}\n  fix: {each.fix}"))
    if problems:
        print(f"{count(len(problems), 'finding')}; 'techspec explain CODE' says why it matters.")
    else:
        print(f"{args.spec}: nothing to complain about.")
    return 1 if problems else 0


def _listed(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {"code": each.code, "line": each.line, "message": each.message, "fix": each.fix}
        for each in findings
    ]


def findings_of(spec: Spec, place: Path, registry: Registry) -> list[Finding]:
    """All to say of a spec, also where its trainer cannot be asked.

    Args:
        spec: as read.
        place: its folder; the trainer is looked for from there.
        registry: whose findings may have settled hypotheses of the spec.
    """
    try:
        trainer = trainer_of(spec, place)
        facts = trainer.facts()
    except (TrainerNotFound, TrainerAnswer, LockedFileMissing) as error:
        return check(spec, NoTrainer(), error)

    def settled(plan: Plan) -> list[Settled]:
        if not any(question.claim for question in plan.questions):
            return []
        known = together(of_registry(registry))
        return [
            Settled(each.hypothesis, str(each.outcome), visible(cited(each.known)))
            for each in bearing(plan, facts, known)
            if each.outcome is not None
        ]

    return check(spec, trainer, known=settled)
