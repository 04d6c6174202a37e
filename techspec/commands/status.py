"""techspec status: how far a campaign is, or all campaigns below this folder."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from techspec.commands.follow import follow, spent_shares, time_left
from techspec.commands.show import as_json, count, duration, plain
from techspec.errors import TechspecError
from techspec.ledger.folder import CampaignFolder, find, started
from techspec.ledger.plan_file import load
from techspec.run.progress import Progress, progress
from techspec.run.trainer_call import program

EXAMPLE = "techspec status TECHSPEC.md --follow"

_WORDS = {
    "running": "running",
    "complete": "complete",
    "stopped": "stopped; 'techspec run' goes on",
    "budget": "ended by its budget",
    "failed": "failed",
    "abandoned": "interrupted: its runner died; 'techspec run' goes on",
    "waiting": "opened, not started",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, or none for all campaigns found here."""
    parser.add_argument("spec", type=Path, nargs="?", help="default: every campaign found here")
    parser.add_argument("--follow", action="store_true", help="stay and watch until it ends")
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if there is no campaign to speak of."""
    folders = [started(args.spec)] if args.spec else list(find(Path.cwd()))
    if args.follow and len(folders) == 1:
        facts = program(load(folders[0]).trainer, folders[0].project).facts()
        follow(folders[0], facts, args.json)
    found, damaged = [], []
    for folder in folders:
        try:
            found.append((folder, progress(folder)))
        except TechspecError as error:
            if args.spec:
                raise
            damaged.append(error)  # it must not hide the others
    if args.json:
        told = as_json(campaigns=[now for _, now in found])
        print(json.dumps({**told, "damaged": [each.what for each in damaged]}))
        return 0 if found else 1
    for folder, now in found:
        for line in _lines(folder, now):
            print(plain(line))
    for each in damaged:
        print(plain(str(each)))
    if not folders:
        print("No campaign was started in this folder; 'techspec run' starts one.")
    return 0 if found else 1


def _lines(folder: CampaignFolder, now: Progress) -> Iterator[str]:
    yield f"{now.campaign}: {_WORDS[now.condition]}  ({folder.path})"
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(now.outcomes.items()))
    yield f"  trials     {now.done} of {now.trials} done" + (f" ({outcomes})" if outcomes else "")
    if now.spared:
        yield f"  registered {now.spared} more, run only where a hypothesis stays open"
    for trial in now.running:
        of = f" of {trial.of_steps}" if trial.of_steps else ""
        yield f"  running    {trial.trial}, step {trial.step}{of}, {duration(trial.seconds)}"
    spent = [
        f"{duration(now.device_seconds)} of device time",
        f"{duration(now.wall_clock_seconds)} of wall-clock",
        count(now.experiments, "experiment"),
    ]
    yield "  spent      " + ", ".join(spent)
    for name, share in spent_shares(now.allowance, now).items():
        yield f"  budget     {100 * share:.0f} % of the {name} is spent"
    if left := time_left(now):
        yield f"  to go      {left.removesuffix(' to go')}"
    if now.note:
        yield f"  note       {now.note}"
