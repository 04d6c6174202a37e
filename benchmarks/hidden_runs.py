"""Scores that runs would have and a claim in, the engine's verdict and the runs it asked for out.

A score is shown to the engine only once a verdict asks for that seed: the loop of a campaign,
without trainer, ledger file or clock. Every decision is `techspec.verdict.decide`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from techspec.ledger.events import Ended, Started
from techspec.ledger.state import State, TrialState
from techspec.plan.looks import looks
from techspec.plan.model import Allowance, Arm, Plan, Question, Trial
from techspec.spec.claims import parse
from techspec.spec.model import Value
from techspec.verdict.decide import decide
from techspec.verdict.model import Outcome, Verdict

METRIC = "score"
_TIME = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Settled:
    """How a claim ended, and what it cost."""

    outcome: Outcome
    runs: int
    verdict: Verdict


def settle(
    claim: str,
    scores: Mapping[str, Sequence[float]],
    levels: Sequence[Value] = (),
    cap: int | None = None,
) -> Settled:
    """Run what the verdict asks for, until it asks for nothing.

    Args:
        claim: about METRIC and the arms of `scores`, in their order.
        scores: by arm, one a seed, at least as many as the engine may ask for.
        levels: of the parameter that the claim is about, one an arm, rising.
        cap: seeds an arm at most; None takes the engine's own.
    """
    plan = _plan(claim, tuple(scores), tuple(levels), cap)
    shown = dict.fromkeys(scores, 0)
    state = State()
    while True:
        (verdict,) = decide(plan, state)
        wanted = [(each.arm, each.seeds) for each in verdict.asks if each.seeds > shown[each.arm]]
        if not wanted:
            return Settled(verdict.outcome, sum(shown.values()), verdict)
        for arm, seeds in wanted:
            for seed in range(shown[arm], seeds):
                state.trials[f"{arm}-{seed}"] = _ended(f"{arm}-{seed}", scores[arm][seed])
            shown[arm] = seeds


def _ended(trial: str, score: float) -> TrialState:
    return TrialState(
        started=Started(_TIME, trial, {}, None, "cpu", "", "", 0),
        ended=Ended(_TIME, trial, "finished", 1, {METRIC: score}, 1.0),
    )


@lru_cache(maxsize=64)
def _plan(claim: str, arms: tuple[str, ...], levels: tuple[Value, ...], cap: int | None) -> Plan:
    registered = looks(type(parse(claim, arms).form), cap)
    trials = [
        Trial(f"{arm}-{seed}", arm, seed, stage=0) for arm in arms for seed in range(registered[-1])
    ]
    question = Question(
        id="H1",
        text=claim,
        claim=claim,
        metric=METRIC,
        arms=arms,
        levels=levels,
        looks=registered,
        seeds=registered[-1],
        seeds_wanted=registered[-1],
    )
    return Plan(
        title="hidden runs",
        trainer="none",
        trainer_name="none",
        trainer_code="",
        metric=METRIC,
        better="higher",
        device="cpu",
        nominal_device="cpu",
        workers=None,
        arms=tuple(Arm(arm, {}) for arm in arms),
        stages=(),
        trials=tuple(trials),
        dropped=(),
        left_out=(),
        questions=(question,),
        bands=(),
        allowance=Allowance(),
    )
