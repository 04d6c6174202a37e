"""A trainer's lines in, ledger events out. Lines that are no events are passed over.

The other half of docs/trainer-contract.md: what a request holds, and what its lines may say.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from techspec.ledger.events import Ended, Measured, Outcome, Started, TrainerEvent
from techspec.spec.model import Value

PROTOCOL = 1
_OUTCOMES = ("finished", "early_stopped", "diverged", "interrupted", "refused")


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """One trial of a request."""

    trial: str
    folder: Path
    seed: int
    config: Mapping[str, Value]


def request_text(trials: Sequence[TrialRequest], device: str) -> str:
    """The request file for these trials, as JSON."""
    listed = [
        {
            "trial": trial.trial,
            "folder": str(trial.folder),
            "seed": trial.seed,
            "config": dict(trial.config),
        }
        for trial in trials
    ]
    return json.dumps({"protocol": PROTOCOL, "device": device, "trials": listed}, indent=2) + "\n"


def trial_of(line: bytes, trials: Sequence[str]) -> str:
    """Which of these trials a line is about, whatever it says; "" where it is none of them."""
    return _named(_said(line), trials)


def event_of(line: bytes, trials: Sequence[str], metric: str, time: str) -> TrainerEvent | None:
    """The ledger event that a trainer's line means, or None if it means none.

    Args:
        line: one line of its output.
        trials: the trials of its request; a line about any other is passed over.
        metric: the metric that the plan judges by; a run where it is NaN has diverged.
        time: the moment at which the line was read.
    """
    said = _said(line)
    trial = _named(said, trials)
    if not trial:
        return None
    match said.get("event"):
        case "started":
            return _started(said, trial, time)
        case "eval":
            metrics = _numbers(said.get("metrics"))
            if not metrics:
                return None
            return Measured(time, trial, _count(said), metrics, _seconds(said))
        case "ended":
            return _ended(said, trial, metric, time)
        case _:
            return None


def _said(line: bytes) -> dict[str, Any]:
    """The object on a line; empty where there is none."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _named(said: Mapping[str, Any], trials: Sequence[str]) -> str:
    trial = said.get("trial", trials[0] if len(trials) == 1 else "")
    return trial if isinstance(trial, str) and trial in trials else ""


def _started(said: Mapping[str, Any], trial: str, time: str) -> Started:
    config, params = said.get("config"), said.get("params")
    return Started(
        time=time,
        trial=trial,
        # Values that JSON has no word for, such as Infinity, are kept as text.
        config=json.loads(json.dumps(config), parse_constant=str)
        if isinstance(config, dict)
        else {},
        params=params if isinstance(params, int) else None,
        device=str(said.get("device", "")),
        code=str(said.get("code", "")),
        data=str(said.get("data", "")),
        resumed_step=_count(said, "resumed_step"),
    )


def _ended(said: Mapping[str, Any], trial: str, metric: str, time: str) -> Ended:
    outcome: Outcome
    given, metrics = said.get("outcome"), _numbers(said.get("metrics"))
    reason = str(said.get("reason") or "")
    if given not in _OUTCOMES:
        return Ended(
            time, trial, "refused", _count(said), {}, _seconds(said),
            f"its trainer ended it with the unknown outcome {given!r}",
        )  # fmt: skip
    outcome = given
    raw = said.get("metrics")
    if outcome in ("finished", "early_stopped") and isinstance(raw, dict):
        value = raw.get(metric)
        if isinstance(value, float) and not math.isfinite(value):
            outcome, reason = "diverged", f"{metric} was {value}"
    if outcome not in ("finished", "early_stopped"):
        metrics = {}  # a run that has no result must never be read as one
    return Ended(time, trial, outcome, _count(said), metrics, _seconds(said), reason)


def _numbers(metrics: object) -> dict[str, float]:
    if not isinstance(metrics, dict):
        return {}
    return {
        name: number for name, value in metrics.items() if (number := _finite(value)) is not None
    }


def _count(said: Mapping[str, Any], name: str = "step") -> int:
    value = said.get(name)
    return value if isinstance(value, int) else 0


def _seconds(said: Mapping[str, Any]) -> float:
    return _finite(said.get("seconds")) or 0.0


def _finite(value: object) -> float | None:
    """A number that can be stored and compared, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
