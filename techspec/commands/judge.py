"""techspec judge: say what became of each hypothesis, from the frozen plan and the ledger alone.

Or, with --reported, from a file of numbers that somebody else measured; those are kept nowhere.
"""

import argparse
import json
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from techspec.commands.shared_arguments import add_spec
from techspec.commands.show import as_json, count, plain
from techspec.errors import TechspecError
from techspec.ledger.folder import started
from techspec.plan.trainer import NoTrainer, Trainer
from techspec.run.trainer_call import trainer_of
from techspec.spec.model import Spec
from techspec.spec.reader import read_file
from techspec.verdict.campaign import edited, judged
from techspec.verdict.model import Outcome, Verdict
from techspec.verdict.reported import ReportedStudy, judge_reported

EXAMPLE = "techspec judge TECHSPEC.md"
_WIDTH = 96


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec whose campaign to judge, or the file of reported numbers to judge instead."""
    add_spec(parser)
    parser.add_argument(
        "--reported",
        metavar="FILE",
        type=Path,
        help="judge the numbers in a markdown or CSV table instead; nothing of them is kept",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if a hypothesis is still open."""
    if args.reported is not None:
        return _run_reported(args)
    campaign = judged(started(args.spec))
    verdicts = campaign.verdicts
    changes = edited(campaign.plan, read_file(args.spec))
    if args.json:
        print(json.dumps(as_json(verdicts=verdicts, edited=changes)))
    else:
        if changes:
            print(plain(f"The spec was edited after its plan was fixed: {'; '.join(changes)}."))
            print("These verdicts are about the plan; 'techspec run --amend WHY' changes it.\n")
        print(plain("\n\n".join(paragraph(verdict) for verdict in verdicts)))
        print(f"\nnext: techspec report {shlex.quote(str(args.spec))}")
    return _exit_code(verdicts)


def _run_reported(args: argparse.Namespace) -> int:
    spec = read_file(args.spec)
    trainer, silent = _counting(spec, args.spec)
    study = judge_reported(spec, trainer, args.reported)
    if args.json:
        fields = as_json(reported=study)["reported"]
        print(json.dumps({"verdicts": fields.pop("verdicts"), "reported": fields}))
        return _exit_code(study.verdicts)
    for line in _about(study):
        print(plain(_filled(line, "")))
    if silent:
        print(plain(f"Parameters are not counted: {silent}"))
    print("\n" + plain("\n\n".join(paragraph(each, ", as reported") for each in study.verdicts)))
    if study.oddities:
        print(plain(f"\nWhat is odd in {study.file}"))
        print(plain("\n".join(_filled(f"- {each}.", "    ", "  ") for each in study.oddities)))
    print(f"\nnext: techspec plan {shlex.quote(str(args.spec))}")
    return _exit_code(study.verdicts)


def _counting(spec: Spec, path: Path) -> tuple[Trainer, str]:
    """The spec's trainer, to count parameters; one that says nothing, and why, if there is none."""
    try:
        trainer = trainer_of(spec, path.resolve().parent)
        trainer.facts()
    except TechspecError as error:
        return NoTrainer(), error.what
    return trainer, ""


def _about(study: ReportedStudy) -> Iterator[str]:
    yield (
        f"{study.file} reports {count(study.runs, 'run')}. techspec measured none of them; no"
        " ledger and no skill takes them up."
    )
    if study.strangers:
        yield f"No arm of this spec, so not judged: {', '.join(study.strangers)}."
    if study.passed_over:
        yield f"Columns passed over: {', '.join(study.passed_over)}."


def _exit_code(verdicts: Sequence[Verdict]) -> int:
    decided = {Outcome.CONFIRMED, Outcome.REFUTED}
    return 0 if all(verdict.outcome in decided for verdict in verdicts) else 1


def paragraph(verdict: Verdict, mark: str = "") -> str:
    """A verdict as a person reads it in a shell; the mark goes with its outcome."""
    said = [f"{verdict.hypothesis} {verdict.outcome}{mark}: {verdict.text}"]
    if verdict.claim:
        said.append(f"   claim: {verdict.claim}")
    said.append(_filled(verdict.sentence, "   ", "   "))
    said += [f"   note: {caveat}" for caveat in verdict.caveats]
    return "\n".join(said)


def _filled(text: str, indent: str, first: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=indent)
