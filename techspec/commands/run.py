"""techspec run: carry the plan out in the background, and show how it goes."""

import argparse
import json
import sys
from pathlib import Path

from techspec.commands.follow import follow
from techspec.commands.show import as_json, count, duration
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import is_held, read
from techspec.ledger.state import fold
from techspec.plan.build import build
from techspec.plan.model import Plan
from techspec.run.opening import freeze, start
from techspec.run.progress import Progress, progress
from techspec.run.trainer_call import trainer_of
from techspec.spec.reader import read_file

EXAMPLE = "techspec run TECHSPEC.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, whether to stay and watch, and why an edited plan may go on."""
    parser.add_argument("spec", type=Path, nargs="?", default=Path("TECHSPEC.md"))
    parser.add_argument("--detach", action="store_true", help="return at once; it goes on")
    parser.add_argument(
        "--amend", metavar="WHY", help="go on with an edited plan; the verdicts say DEVIATED"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if trials of the plan are still without a result."""
    spec = read_file(args.spec)
    trainer = trainer_of(spec, args.spec.resolve().parent)
    plan = build(spec, trainer)
    folder = freeze(args.spec, plan, args.amend)
    if not args.json:
        for line in _greeting(folder, plan):
            print(line, flush=True)
    if _is_done(folder, plan):
        end = progress(folder)
        print(json.dumps(as_json(progress=end)) if args.json else _farewell(end, args.spec))
        return 0
    pid = start(folder)
    if args.detach:
        if args.json:
            print(json.dumps({"campaign": folder.name, "folder": str(folder.path), "pid": pid}))
        else:
            print(f"It runs in the background; 'techspec status {args.spec}' says how far it is.")
        return 0
    try:
        end = follow(folder, trainer.facts(), args.json)
    except KeyboardInterrupt:
        print(
            f"\nThe campaign goes on in the background: 'techspec status --follow {args.spec}' "
            f"watches it, 'techspec stop {args.spec}' ends it.",
            file=sys.stderr,
        )
        return 130
    if args.json:
        print(json.dumps(as_json(progress=end)))
    else:
        print(_farewell(end, args.spec))
    return 0 if end.done == end.trials else 1


def _done(folder: CampaignFolder, plan: Plan) -> int:
    state = fold(read(folder.ledger))
    return sum(state.trial(trial.id).is_final for trial in plan.trials)


def _is_done(folder: CampaignFolder, plan: Plan) -> bool:
    """Whether a runner would find nothing to do, or one is still about to say that it is done."""
    return _done(folder, plan) == len(plan.trials) and not is_held(folder.ledger)


def _greeting(folder: CampaignFolder, plan: Plan) -> list[str]:
    done = _done(folder, plan)
    lines = [
        f"Campaign {folder.name!r}: {count(len(plan.trials), 'trial')}, ledger {_near(folder)}"
    ]
    if done:
        lines.append(
            f"{done} of them are in the ledger already and are reused, not run again."
            if done < len(plan.trials)
            else "All of them are in the ledger already: they are reused, nothing is run again."
        )
    return lines


def _farewell(end: Progress, spec: Path) -> str:
    spent = f"{duration(end.device_seconds)} of device time, {duration(end.wall_clock_seconds)}"
    if end.condition == "complete":
        return (
            f"Done: {end.done} of {end.trials} trials, {spent} in all.\nnext: techspec judge {spec}"
        )
    why = {
        "budget": f"The budget ended it: {end.note}.",
        "stopped": "It was stopped.",
        "failed": f"It failed: {end.note}",
        "abandoned": "Its runner died.",
    }.get(end.condition, end.condition)
    return f"{why} {end.done} of {end.trials} trials are done; 'techspec run {spec}' goes on."


def _near(folder: CampaignFolder) -> Path:
    try:
        return folder.ledger.relative_to(Path.cwd())
    except ValueError:
        return folder.ledger
