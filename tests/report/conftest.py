"""One campaign made by hand, with a bit of everything that a page has to show."""

import math
from dataclasses import dataclass

import pytest

from techspec.ledger.events import Amended, Ended, Measured, Started
from techspec.ledger.state import State, TrialState
from techspec.plan.model import (
    Allowance,
    Arm,
    DroppedTrial,
    LeftOut,
    Plan,
    Question,
    Trial,
)
from techspec.report import build, results_markdown
from techspec.spec.claims import parse
from techspec.spec.model import Band, Hypothesis, Spec
from techspec.verdict.decide import decide

TIME = "2026-11-02T10:00:00.000Z"
NASTY = "Nasty <b>$x_1$</b> & \"co\" | `--> <!-- <script>alert('1')</script>"
SCORES = {
    "Upper": [0.954, 0.961, 0.97, 0.958, 0.966, 0.955],
    "Middle": [0.79, 0.81, 0.42, 0.80, 0.78, None],
    "Lower": [0.376, 0.41, 0.39, 0.35, 0.40, 0.385],
    NASTY: [0.001, 0.0, 0.002],
}
PARAMS = {"Upper": 3_175_424, "Middle": 1_397_760, "Lower": 252_800, NASTY: 77_184}


@dataclass(frozen=True)
class Campaign:
    """What a report is made of."""

    spec: Spec
    plan: Plan
    state: State

    @property
    def verdicts(self):
        return decide(self.plan, self.state)

    def page(self) -> str:
        return build(self.spec, self.plan, self.state, self.verdicts)

    def results(self) -> str:
        return results_markdown(self.spec, self.plan, self.state, self.verdicts)


@pytest.fixture(scope="session")
def campaign() -> Campaign:
    trials, states = [], {}
    for arm, scores in SCORES.items():
        for seed, score in enumerate(scores):
            trial = Trial(f"{PARAMS[arm]}-s{seed}", arm, seed, stage=0, seconds=60.0)
            trials.append(trial)
            states[trial.id] = _ran(trial, score)
    trials.append(Trial("upper-s6", "Upper", 6, stage=0, seconds=60.0))
    plan = Plan(
        title="Addition",
        trainer=None,
        trainer_name="addition",
        trainer_code="c0dec0de",
        metric="exact_match",
        better="higher",
        device="auto",
        nominal_device="cuda",
        workers=None,
        arms=tuple(Arm(arm, {"d_model": 64}, params=PARAMS[arm]) for arm in SCORES),
        stages=(),
        trials=tuple(trials),
        dropped=(DroppedTrial(Trial("x", "Lower", 7, 0), "over the 50 experiments"),),
        left_out=(LeftOut("d_model=7", "7 is odd"),),
        questions=(
            Question(
                "H1",
                "It learns",
                "exact_match(Upper) >= 95%",
                "exact_match",
                ("Upper",),
                looks=tuple(range(1, 11)),
            ),
            Question(
                "H2",
                NASTY,
                "exact_match(Lower) > exact_match(Upper) by 5pt",
                "exact_match",
                ("Lower", "Upper"),
                looks=(3, 5),
                qualifiers=("unmatched: 253K against 3.2M parameters",),
            ),
            Question("H3", "No claim", None),
        ),
        bands=(
            Band("Best case", "exact_match", 1, ">95%", 0.95, None),
            Band("Minimum viable", "exact_match", 1, ">70%", 0.70, None),
            Band("Failure", "exact_match", 1, "<50%", None, 0.50),
        ),
        allowance=Allowance(device_seconds=7200.0, experiments=50),
        notes=("Lower was taken as the baseline.",),
    )
    state = State(
        plan=plan.hash,
        spec="TECHSPEC.md",
        trials=states,
        amendments=[Amended(TIME, "hash", "the set was too small", ("bands",))],
        device_seconds=3_720.0,
        wall_clock_seconds=200.0,
        launched_trials=set(states),
        opened=TIME,
        last=TIME,
    )
    spec = Spec(
        "",
        title="Addition",
        objective="How small?",
        hypotheses=tuple(
            Hypothesis(
                each.id, each.text, 1, parse(each.claim, list(SCORES)) if each.claim else None
            )
            for each in plan.questions
        ),
        bands=plan.bands,
    )
    return Campaign(spec, plan, state)


@pytest.fixture(scope="session")
def page(campaign) -> str:
    return campaign.page()


def _ran(trial: Trial, score: float | None) -> TrialState:
    steps = range(1000, 5001, 1000)
    curve = {
        step: (0.3 if score is None else score) * (1 - math.exp(-step / 1000)) for step in steps
    }
    return TrialState(
        started=Started(
            TIME, trial.id, {"d_model": 64}, PARAMS[trial.arm], "cuda", "c0dec0de", "da7ada7a", 0
        ),
        ended=Ended(
            TIME,
            trial.id,
            "diverged" if score is None else "finished",
            5000,
            {} if score is None else {"exact_match": score},
            61.5,
            "the loss was nan at step 5100" if score is None else "",
        ),
        measured={
            step: Measured(TIME, trial.id, step, {"exact_match": value}, step / 100)
            for step, value in curve.items()
        },
    )
