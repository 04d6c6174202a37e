"""techspec judge: say what became of each hypothesis, from the frozen plan and the ledger alone."""

import argparse
import json
import shlex
import textwrap
from pathlib import Path

from techspec.commands.show import as_json, plain
from techspec.ledger.folder import started
from techspec.spec.reader import read_file
from techspec.verdict.campaign import edited, judged
from techspec.verdict.model import Outcome, Verdict

EXAMPLE = "techspec judge TECHSPEC.md"
_WIDTH = 96


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec whose campaign to judge."""
    parser.add_argument("spec", type=Path, nargs="?", default=Path("TECHSPEC.md"))
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if a hypothesis is still open."""
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
    decided = {Outcome.CONFIRMED, Outcome.REFUTED}
    return 0 if all(verdict.outcome in decided for verdict in verdicts) else 1


def paragraph(verdict: Verdict) -> str:
    """A verdict as a person reads it in a shell."""
    said = [f"{verdict.hypothesis} {verdict.outcome}: {verdict.text}"]
    if verdict.claim:
        said.append(f"   claim: {verdict.claim}")
    said.append(textwrap.fill(verdict.sentence, _WIDTH, initial_indent="   ",
                              subsequent_indent="   "))  # fmt: skip
    said += [f"   note: {caveat}" for caveat in verdict.caveats]
    return "\n".join(said)
