"""techspec plan: show the experiments that settle a spec, their cost, and what is left out."""

import argparse
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from techspec.commands.calibrate import chances, spread_of
from techspec.commands.shared_arguments import add_spec
from techspec.commands.show import as_json, columns, count, duration, plain
from techspec.ledger.state import State
from techspec.plan.build import build
from techspec.plan.model import Arm, Plan, Question
from techspec.plan.trainer import Trainer
from techspec.run.trainer_call import trainer_of
from techspec.spec.model import Spec
from techspec.spec.reader import read_file
from techspec.verdict.campaign import state_of
from techspec.verdict.prospects import Outlook, outlooks

EXAMPLE = "techspec plan TECHSPEC.md"
_DRAWS = 40
"""Rehearsals a world: enough for tenths, in a few seconds; 'calibrate' takes more."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, and the form of the answer."""
    add_spec(parser)
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="also measure how fast this machine is (some seconds)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="without rehearsing what would be settled (some seconds)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if no trial is left to run."""
    spec = read_file(args.spec)
    trainer = trainer_of(spec, args.spec.resolve().parent)
    plan = build(spec, trainer)
    here = _seconds_here(plan, trainer) if args.calibrate else None
    if args.json:
        total = sum(here) if here else None
        print(json.dumps({**as_json(plan=plan), "hash": plan.hash, "seconds_here": total}))
        return 0 if plan.trials else 1
    ahead = {} if args.quick else rehearsed(plan, spec, args.spec)
    for line in lines(plan, ahead):
        print(plain(line))
    if here:
        print(f"\n{_here(plan, here)}")
    if plan.trials:
        print(f"\nnext: techspec {_next(plan)} {shlex.quote(str(args.spec))}")
    return 0 if plan.trials else 1


def _next(plan: Plan) -> str:
    """Running comes after at least one hypothesis could be answered."""
    return "run" if any(not q.unanswerable for q in plan.questions) else "lint"


def _seconds_here(plan: Plan, trainer: Trainer) -> list[float] | None:
    """Of each trial on this machine, by a calibration; None if there is none, or no answer."""
    costs = trainer.costs([plan.arm(t.arm).config for t in plan.trials], calibrate=True)
    known = [cost.measured_seconds for cost in costs if cost.measured_seconds is not None]
    return known if known and len(known) == len(costs) else None


def _here(plan: Plan, seconds: Sequence[float]) -> str:
    """What the trials take on this machine, and how far the budget goes there."""
    allowed = plan.allowance.device_seconds
    total = f"{count(len(seconds), 'trial')} take about {duration(sum(seconds))} of device time"
    if allowed is None or sum(seconds) <= allowed:
        return f"On this machine the {total}."
    fit = sum(spent <= allowed for spent in accumulate(seconds))
    return (
        f"On this machine the {total}, more than the budget of {duration(allowed)}: "
        f"that ends after about {fit} of them."
    )


def rehearsed(plan: Plan, spec: Spec, path: Path) -> dict[str, Outlook]:
    """What would come of each hypothesis, by its id; takes some seconds."""
    state = state_of(path) or State()
    return {each.hypothesis: each for each in outlooks(plan, state, spec.run.seed_sd, _DRAWS)}


def lines(plan: Plan, ahead: Mapping[str, Outlook] | None = None) -> Iterator[str]:
    """The plan in words, a line at a time.

    Args:
        plan: what would be run.
        ahead: by hypothesis, what would come of it; left out where it was not rehearsed.
    """
    yield f"Plan {plan.hash[:12]} for: {plan.title or '(no title)'}"
    more = f" (and up to {len(plan.further)} where claims stay open)" if plan.further else ""
    yield f"{count(len(plan.trials), 'trial')}{more}, {_cost(plan)}."
    for number, stage in enumerate(plan.stages):
        trials = [trial for trial in plan.trials if trial.stage == number]
        yield f"\nStage {number + 1}: {stage.name} ({stage.priority.name.lower()} priority)"
        rows = []
        for name in stage.arms:
            arm = plan.arm(name)
            seeds = sum(trial.arm == name for trial in trials)
            serves = sorted({id for t in trials if t.arm == name for id in t.serves})
            rows.append(
                [
                    name,
                    _size(arm),
                    count(seeds, "seed"),
                    _changes(arm),
                    "for " + ", ".join(serves) if serves else "",
                ]
            )
        yield columns(rows)
    yield "\nHypotheses"
    if not plan.questions:
        yield "  none, so nothing would be settled: write '## Hypotheses', each with a claim"
    for question in plan.questions:
        yield f"  {question.id}: {question.claim or question.text}"
        if question.unanswerable:
            yield f"      cannot be answered: {question.unanswerable}"
        else:
            yield f"      {_looks(question)}"
            if question.seeds < question.seeds_wanted:
                yield (
                    f"      the budget has room for {count(question.seeds, 'seed')} an arm of the "
                    f"{question.seeds_wanted} that settle it either way"
                )
        if each := (ahead or {}).get(question.id):
            yield f"      {chances(each)}, {spread_of(each)}"
            if each.advice:
                yield f"      {each.advice}"
        for qualifier in question.qualifiers:
            yield f"      {qualifier}"
    if plan.left_out:
        yield "\nLeft out"
        yield from (f"  {left.arm}: {left.reason}" for left in plan.left_out)
    if plan.dropped:
        yield f"\nDropped: {count(len(plan.dropped), 'trial')}"
        for reason in dict.fromkeys(dropped.reason for dropped in plan.dropped):
            ids = [dropped.trial.id for dropped in plan.dropped if dropped.reason == reason]
            arms = dict.fromkeys(d.trial.arm for d in plan.dropped if d.reason == reason)
            yield f"  {reason}: {count(len(ids), 'trial')} of {', '.join(arms)}"
    if plan.notes:
        yield "\nDecided by the planner"
        yield from (f"  {note}" for note in plan.notes)


def _looks(question: Question) -> str:
    """When it is looked at; where that is after every seed, only how far."""
    *first, last = question.looks
    if len(first) > 2 and question.looks == tuple(range(1, last + 1)):
        return f"decided seed by seed, up to {last} an arm"
    at = f"{', '.join(map(str, first))} and {last}" if first else str(last)
    return f"looked at with {at} seeds an arm"


def _cost(plan: Plan) -> str:
    allowed = plan.allowance
    parts = []
    if plan.seconds is not None:
        part = (
            f"about {duration(plan.seconds)} of {plan.nominal_device} time by the nominal forecast"
        )
        if allowed.device_seconds is not None:
            part += f" (budget {duration(allowed.device_seconds)})"
        parts.append(part)
    else:
        parts.append("without a forecast")
    if allowed.experiments is not None:
        parts.append(f"{len(plan.trials)} of {allowed.experiments} experiments")
    if allowed.wall_clock_seconds is not None:
        parts.append(f"at most {duration(allowed.wall_clock_seconds)} of wall-clock")
    return "; ".join(parts)


def _size(arm: Arm) -> str:
    if arm.params is None:
        return ""
    text = f"{arm.params:,} parameters"
    if arm.match is not None:
        text += f" ({arm.match.width}={arm.match.value}, {100 * arm.match.residue:+.1f} %)"
    return text


def _changes(arm: Arm) -> str:
    if not arm.changes:
        return "baseline" if arm.is_baseline else ""
    return ", ".join(f"{change.parameter}={change.value}" for change in arm.changes)
