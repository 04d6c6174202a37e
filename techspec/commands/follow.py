"""A campaign on the screen while it runs: a line a trial that ended, and below it where we are."""

import json
import time
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from techspec.commands.show import duration, metric, plain
from techspec.ledger.events import FINAL, Ended
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import read
from techspec.ledger.plan_file import load
from techspec.ledger.state import fold
from techspec.plan.model import Allowance, Plan
from techspec.plan.trainer import TrainerFacts
from techspec.records import encode
from techspec.run.progress import Progress, progress
from techspec.verdict.gather import is_written_as_share

_LOOK_EVERY_SECONDS = 0.5


def follow(folder: CampaignFolder, facts: TrainerFacts, as_json: bool = False) -> Progress:
    """Show what happens until the runner has put the campaign down; returns where it stands."""
    plan, console = load(folder), Console(highlight=False, soft_wrap=True, markup=False)
    known = fold(read(folder.ledger))
    done = sum(known.trial(trial.id).is_final for trial in plan.every_trial)
    seen = len(_endings(folder))
    with console.status("starting") as line:
        while True:
            now = progress(folder)
            for ended in _endings(folder)[seen:]:
                seen, done = seen + 1, done + (ended.outcome in FINAL)
                if as_json:
                    print(json.dumps(encode(ended)), flush=True)
                else:
                    console.print(f"  {done:>3}/{now.trials}  {_ending(ended, plan, facts, now)}")
            if now.condition != "running":
                return now
            line.update(Text(where(now)))
            time.sleep(_LOOK_EVERY_SECONDS)


def where(now: Progress) -> str:
    """One line: how far, when it will end, what is left of the budget, which trials are at work.

    The trials come last: a narrow window cuts the line off.
    """
    parts = [f"{now.done}/{now.trials} done", time_left(now), budget_left(now)]
    for trial in now.running:
        share = f" {100 * trial.step // trial.of_steps} %" if trial.of_steps else ""
        parts.append(f"{trial.trial}{share}")
    return " · ".join(part for part in parts if part)


def time_left(now: Progress) -> str:
    """When it will end, by the pace so far."""
    return f"about {duration(now.seconds_left)} to go" if now.seconds_left is not None else ""


def budget_left(now: Progress) -> str:
    """What is left of the limit that will be reached first."""
    shares = spent_shares(now.allowance, now)
    if not shares:
        return ""
    match max(shares, key=lambda name: shares[name]):
        case "experiments":
            left = f"{(now.allowance.experiments or 0) - now.experiments} experiments"
        case "wall-clock":
            limit = now.allowance.wall_clock_seconds or 0.0
            left = f"{duration(max(0.0, limit - now.wall_clock_seconds))} of wall-clock"
        case _:
            limit = now.allowance.device_seconds or 0.0
            left = f"{duration(max(0.0, limit - now.device_seconds))} of device time"
    return f"{left} left"


def spent_shares(allowance: Allowance, now: Progress) -> Mapping[str, float]:
    """For each limit of the budget, the share of it that is spent."""
    pairs = {
        "device time": (now.device_seconds, allowance.device_seconds),
        "experiments": (now.experiments, allowance.experiments),
        "wall-clock": (now.wall_clock_seconds, allowance.wall_clock_seconds),
    }
    return {name: spent / limit for name, (spent, limit) in pairs.items() if limit}


def _endings(folder: CampaignFolder) -> list[Ended]:
    return [event for event in read(folder.ledger) if isinstance(event, Ended)]


def _ending(ended: Ended, plan: Plan, facts: TrainerFacts, now: Progress) -> str:
    info = (facts.metrics or {}).get(plan.metric)
    unit = info.unit if info else ""
    value = ended.metrics.get(plan.metric)
    if value is not None and 0.0 <= value <= 1.0 and is_written_as_share(plan, plan.metric):
        unit = "share"  # as the verdicts will say it
    said = (
        f"{plan.metric} {metric(value, unit)}"
        if value is not None
        else plain(f"{ended.outcome}: {ended.reason.partition(chr(10))[0]}").rstrip(": ")
    )
    widest = max(len(trial.id) for trial in plan.every_trial)
    rest = " · ".join(part for part in (budget_left(now), time_left(now)) if part)
    return f"{ended.trial:<{widest}}  {said:<20}  {rest}".rstrip()
