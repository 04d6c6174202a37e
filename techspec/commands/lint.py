"""techspec lint: say what is wrong with a spec before any compute is spent."""

import argparse
import json
from pathlib import Path

from techspec.commands.show import count, plain
from techspec.lint.check import check
from techspec.lint.finding import Finding
from techspec.plan.trainer import NoTrainer
from techspec.run.locked import LockedFileMissing
from techspec.run.trainer_call import TrainerAnswer, TrainerNotFound, trainer_of
from techspec.spec.model import Spec
from techspec.spec.reader import read_file

EXAMPLE = "techspec lint TECHSPEC.md --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, and the form of the answer."""
    parser.add_argument("spec", type=Path, nargs="?", default=Path("TECHSPEC.md"))
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if anything was found."""
    findings = findings_of(read_file(args.spec), args.spec.resolve().parent)
    if args.json:
        listed = [
            {"code": each.code, "line": each.line, "message": each.message, "fix": each.fix}
            for each in findings
        ]
        print(json.dumps({"findings": listed}))
        return 1 if findings else 0
    for each in findings:
        print(plain(f"{args.spec}:{each.line}: {each.code} {each.message}\n  fix: {each.fix}"))
    if findings:
        print(f"{count(len(findings), 'finding')}; 'techspec explain CODE' says why it matters.")
    else:
        print(f"{args.spec}: nothing to complain about.")
    return 1 if findings else 0


def findings_of(spec: Spec, place: Path) -> list[Finding]:
    """All that is wrong with a spec, also where its trainer cannot be asked."""
    try:
        trainer = trainer_of(spec, place)
        trainer.facts()
    except (TrainerNotFound, TrainerAnswer, LockedFileMissing) as error:
        return check(spec, NoTrainer(), error)
    return check(spec, trainer)
