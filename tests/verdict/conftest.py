"""Campaigns made by hand: what each arm scored, and what is asked of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from techspec.ledger.events import Amended, Ended, Started
from techspec.ledger.state import State, TrialState
from techspec.plan.model import Allowance, Arm, LeftOut, Plan, Question, Trial
from techspec.spec.model import Band
from techspec.verdict.decide import decide
from techspec.verdict.model import Verdict

TIME = "2026-11-02T10:00:00.000Z"
BANDS = (
    Band("Best case", "exact_match", 1, ">95%", 0.95, None),
    Band("Minimum viable", "exact_match", 1, ">70%", 0.70, None),
    Band("Failure", "exact_match", 1, "<50%", None, 0.50),
)
Scores = Mapping[str, Sequence[float | str | None]]
"""By arm, one entry a seed: a value, None for diverged, or another outcome."""


class Campaign:
    """A plan and a state that tests may bend before they are judged."""

    def __init__(
        self,
        scores: Scores,
        *questions: Question,
        bands: Sequence[Band] = BANDS,
        metric: str = "exact_match",
        better: str = "higher",
        params: Mapping[str, int] | None = None,
        left_out: Sequence[LeftOut] = (),
        amendments: Sequence[Amended] = (),
    ) -> None:
        trials = [
            Trial(f"{arm}-s{seed}", arm, seed, stage=0)
            for arm, values in scores.items()
            for seed in range(len(values))
        ]
        self.plan = Plan(
            title="By hand",
            trainer=None,
            trainer_name="hand",
            trainer_code="c0de",
            metric=metric,
            better=better,
            device="auto",
            nominal_device="cpu",
            workers=None,
            arms=tuple(Arm(arm, {"width": 8}, params=(params or {}).get(arm)) for arm in scores),
            stages=(),
            trials=tuple(trials),
            dropped=(),
            left_out=tuple(left_out),
            questions=tuple(_with_looks(question, scores) for question in questions),
            bands=tuple(bands),
            allowance=Allowance(),
        )
        self.state = State(amendments=list(amendments))
        for trial in trials:
            score = scores[trial.arm][trial.seed]
            if score == "pending":
                continue
            outcome = "diverged" if score is None else "finished"
            metrics = {metric: score} if isinstance(score, float) else {}
            if isinstance(score, str):
                outcome = score
            self.state.trials[trial.id] = TrialState(
                started=Started(TIME, trial.id, {"width": 8}, None, "cpu", "c0de", "da7a", 0),
                ended=Ended(TIME, trial.id, outcome, 100, metrics, 10.0),  # type: ignore[arg-type]
            )

    def judge(self) -> tuple[Verdict, ...]:
        return decide(self.plan, self.state)


def _with_looks(question: Question, scores: Scores) -> Question:
    """The question with one look, when all seeds of its arms have ended, unless it has its own."""
    if question.looks:
        return question
    seeds = min((len(scores.get(arm, ())) for arm in question.arms), default=0)
    return replace(question, looks=(max(1, seeds),))


@pytest.fixture(scope="session")
def campaign() -> Callable[..., Campaign]:
    """The class above: campaign(scores, *questions, **options)."""
    return Campaign


@pytest.fixture(scope="session")
def judge() -> Callable[..., Verdict]:
    """judge(scores, claim, levels=..., looks=...): the verdict of a single claim about all arms.

    Arms are in the order of the scores; without looks there is one, when all seeds have ended.
    """

    def judged(
        scores: Scores,
        claim: str,
        levels: Sequence[object] = (),
        looks: Sequence[int] = (),
        **options: object,
    ) -> Verdict:
        metric = str(options.get("metric", "exact_match"))
        question = Question(
            "H1", "said so", claim, metric, tuple(scores), tuple(levels), looks=tuple(looks)
        )
        (verdict,) = Campaign(scores, question, **options).judge()  # type: ignore[arg-type]
        return verdict

    return judged
