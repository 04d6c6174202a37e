"""techspec run: carry the plan out in the background, and show how it goes."""

import argparse
import json
import shlex
import sys
from pathlib import Path

from techspec.commands.follow import follow
from techspec.commands.shared_arguments import add_spec
from techspec.commands.show import as_json, count, duration
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import is_held, read
from techspec.ledger.state import State, fold
from techspec.plan.build import build
from techspec.plan.model import Plan
from techspec.run.opening import freeze, start
from techspec.run.pool_local import has_gpu
from techspec.run.progress import Progress, progress
from techspec.run.trainer_call import trainer_of
from techspec.spec.reader import read_file
from techspec.verdict.agenda import agenda

_ODD = ("diverged", "refused", "crashed")
EXAMPLE = "techspec run TECHSPEC.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, whether to stay and watch, and why an edited plan may go on."""
    add_spec(parser)
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
    state = fold(read(folder.ledger))
    if not args.json:
        for line in _greeting(folder, plan, state):
            print(line, flush=True)
    if _is_complete(folder, plan, state):
        end = progress(folder)
        print(json.dumps(as_json(progress=end)) if args.json else _farewell(end, args.spec))
        return 0
    quoted = shlex.quote(str(args.spec))
    pid = start(folder)
    if args.detach:
        if args.json:
            print(json.dumps({"campaign": folder.name, "folder": str(folder.path), "pid": pid}))
        else:
            print(f"It runs in the background; 'techspec status {quoted}' says how far it is.")
        return 0
    if not args.json and agenda(plan, state).spared:
        print("The number behind the slash counts what open hypotheses ask for so far.", flush=True)
    try:
        end = follow(folder, trainer.facts(), args.json)
    except KeyboardInterrupt:
        print(
            f"\nThe campaign goes on in the background: 'techspec status --follow {quoted}' "
            f"watches it, 'techspec stop {quoted}' ends it.",
            file=sys.stderr,
        )
        return 130
    if args.json:
        print(json.dumps(as_json(progress=end)))
    else:
        print(_farewell(end, args.spec))
    return 0 if end.done == end.trials else 1


def _is_complete(folder: CampaignFolder, plan: Plan, state: State) -> bool:
    """Whether a runner would find nothing to do and nothing to put in order."""
    ended = state.stopped is not None and not state.open_requests and not is_held(folder.ledger)
    return ended and not agenda(plan, state).trials


def _done(state: State, plan: Plan) -> int:
    return sum(state.trial(trial.id).is_final for trial in plan.every_trial)


def _greeting(folder: CampaignFolder, plan: Plan, state: State) -> list[str]:
    done = _done(state, plan)
    more = f" and up to {len(plan.further)} more where claims stay open" if plan.further else ""
    lines = [
        f"Campaign {folder.name!r}: {count(len(plan.trials), 'trial')}{more}, "
        f"ledger {_near(folder)}"
    ]
    if done:
        lines.append(
            f"{count(done, 'trial')} in the ledger already: reused, not run again."
            if agenda(plan, state).trials
            else f"All that is asked for, {count(done, 'trial')}, is in the ledger already: "
            "reused, nothing is run again."
        )
    if plan.nominal_device == "cuda" and not has_gpu():
        lines.append(
            "The forecast is for a GPU, and this machine shows none: it will take much longer, "
            "and its time counts against the budget all the same."
        )
    return lines


def _farewell(end: Progress, spec: Path) -> str:
    again = f"techspec run {shlex.quote(str(spec))}"
    done = f"{end.done} of {end.trials} trials are done"
    note = end.note.strip().rstrip(".")
    match end.condition:
        case "complete":
            others = [f"{n} {outcome}" for outcome, n in end.outcomes.items() if outcome in _ODD]
            rest = f" ({', '.join(others)})" if others else ""
            spent = f"{duration(end.device_seconds)} of device time"
            spared = f" {end.spared} more were registered and not asked for." if end.spared else ""
            return (
                f"Done: {end.done} of {end.trials} trials{rest}, {spent}, "
                f"{duration(end.wall_clock_seconds)} in all.{spared}\n"
                f"next: techspec judge {shlex.quote(str(spec))}"
            )
        case "budget":
            return (
                f"The budget ended it: {note}. {done}. Judge what there is, or raise the budget "
                f"and go on with {again} --amend WHY."
            )
        case "failed":
            return f"It failed: {note}.\n{done}; once that is mended, {again} goes on."
        case "stopped":
            return f"It was stopped. {done}; {again} goes on."
        case _:
            return f"Its runner died: see runner.log. {done}; {again} goes on."


def _near(folder: CampaignFolder) -> Path:
    try:
        return folder.ledger.relative_to(Path.cwd())
    except ValueError:
        return folder.ledger
