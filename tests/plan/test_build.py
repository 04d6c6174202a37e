import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.plan.build import build
from techspec.plan.model import Plan
from techspec.plan.trainer import Cost, MetricInfo, ParameterInfo, TrainerFacts
from techspec.records import decode, encode
from techspec.spec.claims import (
    ArmRef,
    Chain,
    Claim,
    Difference,
    Form,
    Insensitive,
    Smallest,
    Trend,
)
from techspec.spec.claims import Threshold as Reaches
from techspec.spec.model import (
    Budget,
    Factor,
    Hypothesis,
    Matching,
    NamedArm,
    Parameter,
    Priority,
    Quantity,
    RunSettings,
    Spec,
)
from tests.plan.addition import Addition
from tests.plan.specs import ADDITION, PHASE_1, PHASE_2

ROOT = Path(__file__).parents[2]


class Program:
    """The bundled trainer itself, asked as the contract says."""

    def __init__(self, folder: Path) -> None:
        self.request = folder / "request.json"

    def facts(self) -> TrainerFacts:
        said = self._ask([])
        return TrainerFacts(
            name=said["trainer"]["name"],
            code=said["trainer"]["code"],
            parameters={
                key: ParameterInfo(told["type"], told["default"])
                for key, told in said["parameters"].items()
            },
            metrics={key: MetricInfo(told["better"]) for key, told in said["metrics"].items()},
            has_cost=True,
        )

    def costs(self, configs, calibrate=False) -> list[Cost]:
        keys = ("params", "flops", "seconds", "problem")
        return [Cost(**{key: cost[key] for key in keys}) for cost in self._ask(configs)["costs"]]

    def _ask(self, configs):
        asked = {"protocol": 1, "device": "auto", "calibrate": False, "configs": list(configs)}
        self.request.write_text(json.dumps(asked))
        command = [sys.executable, "-m", "trainer", "cost", str(self.request)]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
        return json.loads(said.stdout)


@pytest.fixture(params=["formula", "program"])
def trainer(request, tmp_path):
    return Addition() if request.param == "formula" else Program(tmp_path)


def test_the_seeds_first_block_fits_its_fifty_experiments_in_its_order(trainer):
    plan = build(ADDITION, trainer)

    assert len(plan.trials) == 50
    assert len(plan.dropped) == 4
    assert [stage.name for stage in plan.stages] == [
        "depth",
        "d_model",
        "params",
        "rope_theta",
        "batch_size",
    ]
    assert [trial.stage for trial in plan.trials] == sorted(t.stage for t in plan.trials)
    assert {drop.reason for drop in plan.dropped} == {"beyond 50 experiments"}
    assert {drop.trial.arm.split("=")[0] for drop in plan.dropped} == {"batch_size"}
    assert plan.seconds is not None
    assert plan.seconds <= 24 * 3600
    assert plan.nominal_device == "cuda"
    assert len(plan.questions) == 3
    assert all("has no claim" in (q.unanswerable or "") for q in plan.questions)
    assert plan.left_out == ()


def test_the_seeds_shapes_are_matched_by_d_ff_at_one_d_proj(trainer):
    plan = build(ADDITION, trainer)

    for arm in plan.arms:
        assert arm.match is not None
        assert (arm.match.width, arm.match.value) == ("d_ff", arm.config["d_ff"])
        assert abs(arm.match.residue) <= 0.01
        about_size = [c.value for c in arm.changes if c.parameter == "params"]
        assert arm.match.target == (about_size or [1_000_000])[0]
    assert len({arm.config["d_proj"] for arm in plan.arms}) == 1
    baseline = plan.arm("baseline")
    for arm in plan.arms:
        moved = {key for key in arm.config if arm.config[key] != baseline.config[key]} - {"d_ff"}
        assert moved == {c.parameter for c in arm.changes} - {"params"}


def test_phase_1_comes_to_the_seeds_four_counts(trainer):
    plan = build(PHASE_1, trainer)

    assert [arm.params for arm in plan.arms] == [3_175_424, 1_397_760, 252_800, 77_184]
    assert plan.arms[0].is_baseline
    assert all(arm.match is None for arm in plan.arms)
    assert plan.left_out == ()


def test_phase_2_is_three_matched_arms_and_a_chain(trainer):
    plan = build(PHASE_2, trainer)

    assert len(plan.arms) == 3
    for arm in plan.arms:
        assert arm.params is not None
        assert abs(arm.params / 1_000_000 - 1) <= 0.01
    (question,) = plan.questions
    assert question.arms == ("Wide-shallow", "Balanced", "Narrow-deep")
    assert (question.unanswerable, question.qualifiers, question.seeds) == (None, (), 5)
    assert len(plan.trials) == 15


def test_a_plan_is_the_same_whatever_order_python_hashes_in():
    code = (
        "from tests.plan.addition import Addition; from tests.plan.specs import *;"
        "from techspec.plan.build import build;"
        "print(*(build(s, Addition()).hash for s in (ADDITION, PHASE_1, PHASE_2)))"
    )

    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert said[0] == said[1]
    assert len(said[0].split()) == 3


KEYS = {
    "depth": [1, 2, 4, 6],
    "d_model": [7, 32, 64, 256, 512],
    "d_proj": [32, 64, 128],
    "params": [50_000, 500_000, 1_000_000, "few"],
    "rope_theta": [10, 100.0, 1000],
    "schedule": ["constant", "cosine"],
    "batch_size": [256, 512],
    "d_ff": [128, 512],
    "nonsense": [1, 2, True],
}
PRIORITIES = st.sampled_from([None, *Priority])
SETTINGS = st.lists(st.sampled_from(list(KEYS)), unique=True, max_size=3).flatmap(
    lambda keys: st.fixed_dictionaries({key: st.sampled_from(KEYS[key]) for key in keys})
)
NAMES = st.sampled_from(["Wide", "wide", "Deep", "baseline", "depth=2", "×"])
PARAMETERS = st.lists(st.sampled_from(list(KEYS)), unique=True, max_size=4).flatmap(
    lambda keys: st.tuples(
        *(
            st.builds(
                Parameter,
                st.just(key),
                st.just(key),
                st.just(1),
                st.just(""),
                values=st.lists(st.sampled_from(KEYS[key]), max_size=4).map(tuple),
                priority=PRIORITIES,
            )
            for key in keys
        )
    )
)
ROWS = st.lists(
    st.builds(
        NamedArm,
        NAMES,
        st.integers(1, 9),
        SETTINGS,
        priority=PRIORITIES,
        is_baseline=st.booleans(),
        matched=st.booleans(),
    ),
    max_size=3,
).map(tuple)
ARMS = st.one_of(
    st.builds(ArmRef, name=NAMES),
    SETTINGS.filter(bool).map(lambda found: ArmRef(settings=tuple(found.items()))),
)
KEY = st.sampled_from(list(KEYS))
METRIC = st.sampled_from(["exact_match", "accuracy"])
FORMS: st.SearchStrategy[Form] = st.one_of(
    st.builds(Difference, METRIC, ARMS, ARMS, st.just(">")),
    st.builds(Reaches, METRIC, ARMS, st.just(">="), st.just(0.9)),
    st.builds(Insensitive, METRIC, KEY, st.just(0.02)),
    st.builds(Trend, METRIC, KEY, st.just("increases")),
    st.builds(Smallest, KEY, METRIC, st.just(">="), st.just(0.7)),
    st.builds(Chain, st.tuples(ARMS, ARMS, ARMS)),
)
HYPOTHESES = st.lists(st.one_of(st.none(), FORMS), max_size=3).map(
    lambda forms: tuple(
        Hypothesis(f"H{n}", "text", n, claim=Claim("claim", form) if form else None)
        for n, form in enumerate(forms, start=1)
    )
)
BUDGETS = st.none() | st.builds(
    Budget,
    st.just(1),
    device_hours=st.none() | st.floats(0, 2),
    device=st.sampled_from(["gpu", "cpu", "any"]),
    experiments=st.none() | st.integers(0, 40),
    wall_clock_hours=st.none() | st.floats(0, 2),
    order=st.lists(st.sampled_from(["depth/width", "RoPE sweep", "size"]), max_size=2).map(tuple),
)
SPECS = st.builds(
    Spec,
    st.just(""),
    hypotheses=HYPOTHESES,
    parameters=PARAMETERS,
    arms=ROWS,
    matching=st.none() | st.just(Matching(1, Quantity(1_000_000, "1M"))),
    factors=st.just(()) | st.just((Factor("shape", ("depth", "d_model"), 1),)),
    budget=BUDGETS,
    baseline=SETTINGS,
    run=st.builds(
        RunSettings,
        seeds=st.none() | st.integers(1, 7),
        workers=st.none() | st.integers(1, 3),
    ),
)


@given(SPECS)
@settings(max_examples=250, deadline=None)
def test_any_spec_gives_a_plan_that_keeps_its_promises(given_spec):
    plan = build(given_spec, Addition(seconds_a_parameter=1e-3))

    _is_within_its_budget(plan, given_spec)
    _loses_no_trial_and_repeats_none(plan, given_spec)
    _names_only_what_it_has(plan)
    _says_why_a_question_has_no_answer(plan)
    _passes_on_only_what_the_trainer_knows(plan)
    again = build(given_spec, Addition(seconds_a_parameter=1e-3))
    assert plan == again
    assert plan.hash == again.hash


def _is_within_its_budget(plan, given_spec):
    allowed = plan.allowance
    if allowed.experiments is not None:
        assert len(plan.trials) <= allowed.experiments
    if allowed.device_seconds is not None:
        assert plan.seconds is not None
        assert plan.seconds <= allowed.device_seconds
    if allowed.wall_clock_seconds is not None:
        workers = given_spec.run.workers or {"cpu": 2, "cuda": 1}[plan.nominal_device]
        assert plan.seconds is not None
        assert plan.seconds / workers <= allowed.wall_clock_seconds


def _loses_no_trial_and_repeats_none(plan, given_spec):
    everything = [*plan.trials, *(drop.trial for drop in plan.dropped)]
    assert len({trial.id for trial in everything}) == len(everything)
    free = build(replace(given_spec, budget=None), Addition(seconds_a_parameter=1e-3))
    assert Counter((t.arm, t.seed) for t in everything) == Counter(
        (t.arm, t.seed) for t in free.trials
    )
    assert all(drop.reason for drop in plan.dropped)


def _names_only_what_it_has(plan):
    names = [arm.name for arm in plan.arms]
    assert len(set(names)) == len(names)
    assert sorted(name for stage in plan.stages for name in stage.arms) == sorted(names)
    configs = {json.dumps(dict(arm.config), sort_keys=True) for arm in plan.arms}
    assert len(configs) == len(names)
    assert not {left.arm for left in plan.left_out} & set(names)
    for question in plan.questions:
        assert set(question.arms) <= set(names)
        assert len(question.levels) in (0, len(question.arms))
    for trial in plan.trials:
        assert trial.arm in plan.stages[trial.stage].arms
        asked = tuple(q.id for q in plan.questions if trial.arm in q.arms)
        assert trial.serves == asked


def _says_why_a_question_has_no_answer(plan):
    for question in plan.questions:
        counts = [sum(t.arm == arm for t in plan.trials) for arm in question.arms]
        assert question.seeds == min(counts, default=0)
        assert (question.unanswerable is None) == (question.seeds >= 2)
        assert question.unanswerable != ""


def _passes_on_only_what_the_trainer_knows(plan):
    known = set(Addition().facts().parameters or {})
    for arm in plan.arms:
        assert set(arm.config) <= known
        assert arm.match is None or abs(arm.match.residue) <= 0.01


@given(SPECS)
@settings(max_examples=60, deadline=None)
def test_a_plan_survives_its_file(given_spec):
    plan = build(given_spec, Addition())

    read = decode(Plan, json.loads(json.dumps(encode(plan))))

    assert read == plan
    assert read.hash == plan.hash
