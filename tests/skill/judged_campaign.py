"""A small finished campaign, made by hand: wide and deep by three seeds, and an arm that fails."""

from techspec.ledger.events import Ended, Opened, Started
from techspec.ledger.state import State, fold
from techspec.plan.model import Allowance, Arm, Change, Plan, Question, Stage, Trial
from techspec.spec.model import Band, Priority, Spec

SCORES = {"wide": (0.91, 0.93, 0.92), "deep": (0.71, 0.70, 0.73), "tiny": (0.01, None, 0.02)}
SHARED = {"learning_rate": 0.003, "max_steps": 1500}
SHAPES = {"wide": (512, 2), "deep": (128, 8), "tiny": (32, 2)}
CLAIM = "exact_match(wide) > exact_match(deep) by 2pt"
REVERSED = "exact_match(deep) > exact_match(wide) by 2pt"

SPEC = Spec(
    text="# TECHSPEC: Addition width or depth\n",
    title="Addition width or depth",
    objective="Does width help addition more than depth at a fixed size?",
)


def plan() -> Plan:
    arms = tuple(
        Arm(
            name,
            {"d_model": width, "depth": depth, **SHARED},
            (Change("d_model", width), Change("depth", depth)),
            params=1_050_000,
        )
        for name, (width, depth) in SHAPES.items()
    )
    trials = tuple(
        Trial(f"{arm}-s{seed}", arm, seed, 0, ("H1",))
        for arm, scores in SCORES.items()
        for seed in range(len(scores))
    )
    return Plan(
        title=SPEC.title,
        trainer=None,
        trainer_name="addition",
        trainer_code="abc",
        metric="exact_match",
        better="higher",
        device="auto",
        nominal_device="cpu",
        workers=None,
        arms=arms,
        stages=(Stage("all", Priority.HIGH, tuple(SCORES)),),
        trials=trials,
        dropped=(),
        left_out=(),
        questions=(
            Question(
                "H1", "Wider beats deeper", CLAIM, "exact_match", ("wide", "deep"), looks=(3, 5)
            ),
            Question("H2", "Deeper wins", REVERSED, "exact_match", ("deep", "wide"), looks=(3, 5)),
        ),
        bands=(Band("Failure", "exact_match", 9, "<50%", high=0.5),),
        allowance=Allowance(),
    )


def state(scores: dict[str, tuple[float | None, ...]] = SCORES) -> State:
    time = "2026-11-02T10:15:30.120Z"
    events: list[object] = [Opened(time, plan().hash, "TECHSPEC.md")]
    for arm, values in scores.items():
        for seed, value in enumerate(values):
            trial = f"{arm}-s{seed}"
            config = {"data": "/home/someone/data"}
            events.append(Started(time, trial, config, 1_048_576, "cpu", "abc", "d", 0))
            outcome = "diverged" if value is None else "finished"
            metrics = {} if value is None else {"exact_match": value}
            events.append(Ended(time, trial, outcome, 1500, metrics, 12.5))
    return fold(events)
