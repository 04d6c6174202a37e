"""Small plans for the steady trainer, and what tests ask of a campaign."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from techspec.identity import trial_id
from techspec.ledger.folder import CampaignFolder
from techspec.plan.model import Allowance, Arm, Plan, Question, Stage, Trial
from techspec.spec.model import Priority

STEADY = Path(__file__).parent / "trainers" / "steady.py"


def plan_of(
    arms: Mapping[str, Mapping[str, object]],
    seeds: int = 2,
    seconds: float | None = 0.4,
    workers: int = 2,
    trainer: str = f"{sys.executable} {STEADY}",
    metric: str = "score",
    **allowance: float,
) -> Plan:
    trials = tuple(
        Trial(trial_id(name, seed, config, "c"), name, seed, stage=0, seconds=seconds)
        for seed in range(seeds)
        for name, config in arms.items()
    )
    return Plan(
        title="a test", trainer=trainer, trainer_name="steady", trainer_code="c", metric=metric,
        better="higher", device="cpu", nominal_device="cpu", workers=workers,
        arms=tuple(Arm(name, dict(config)) for name, config in arms.items()),
        stages=(Stage("all", Priority.HIGH, tuple(arms)),),
        trials=trials, dropped=(), left_out=(), questions=(), bands=(),
        allowance=Allowance(**allowance),
    )  # fmt: skip


def wait_for(what: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def starts(folder: CampaignFolder, trials: Sequence[Trial]) -> list[int]:
    """How often each trial was started."""
    files = [folder.run(trial.id) / "starts" for trial in trials]
    return [len(file.read_text()) if file.exists() else 0 for file in files]


def compared(plan: Plan, claim: str, *arms: str, looks: tuple[int, ...] = (3, 5)) -> Plan:
    """The plan with one hypothesis about some of its arms."""
    asked = Question("H1", "said so", claim, plan.metric, arms, looks=looks, seeds=looks[-1])
    return replace(plan, questions=(asked,))
