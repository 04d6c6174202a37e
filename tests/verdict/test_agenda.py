"""What is run next, and in invented worlds: what a campaign comes to."""

import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.ledger.events import Voided
from techspec.plan.model import Allowance, Arm, Plan, Question, Trial
from techspec.stats.bisection import level_errors
from techspec.stats.reliability import sprt
from techspec.verdict.agenda import agenda
from techspec.verdict.model import Outcome
from techspec.verdict.rehearsal import rehearse

LOOKS = (3, 5, 7, 10)
LEADS = "exact_match(a) > exact_match(b) by 2pt"
LEAST = "smallest width with exact_match >= 70%"


def ask(number, claim, arms, looks=LOOKS, levels=(), **more):
    return Question(
        f"H{number}", "said so", claim, "exact_match", tuple(arms), tuple(levels), looks, **more
    )


def plan_of(arms, *questions, seeds=10, planned=5, seconds=None, **allowance) -> Plan:
    trials = [
        Trial(f"{arm}-s{seed}", arm, seed, stage=0, seconds=seconds)
        for seed in range(seeds)
        for arm in arms
    ]
    cut = planned * len(arms)
    return Plan(
        title="By hand", trainer=None, trainer_name="hand", trainer_code="c0de",
        metric="exact_match", better="higher", device="auto", nominal_device="cpu", workers=None,
        arms=tuple(Arm(arm, {}) for arm in arms), stages=(), trials=tuple(trials[:cut]),
        further=tuple(trials[cut:]), dropped=(), left_out=(), questions=questions, bands=(),
        allowance=Allowance(**allowance),
    )  # fmt: skip


def due(plan, state):
    return Counter(trial.arm for trial in agenda(plan, state).trials)


def world(sd=0.01, **means):
    def scores(arm, seed):
        return {"exact_match": random.Random(f"{arm}/{seed}").gauss(means[arm], sd)}

    return scores


@pytest.fixture
def empty(campaign):
    return campaign({}).state


@pytest.fixture
def after(campaign):
    """after(scores): the state of a campaign in which these runs have ended."""
    return lambda **scores: campaign(scores).state


# What is due


def test_at_first_every_arm_of_a_question_is_due_up_to_its_first_look(empty):
    assert due(plan_of("ab", ask(1, LEADS, "ab")), empty) == {"a": 3, "b": 3}


def test_where_seeds_run_together_an_arm_that_is_asked_for_any_gets_whole_rounds(empty, after):
    plan = replace(plan_of("ab", ask(1, LEADS, "ab")), seeds_at_once=4)
    open_yet = after(a=[0.82, 0.80, 0.815, 0.81], b=[0.8, 0.81, 0.805, 0.8])

    assert due(plan, empty) == {"a": 4, "b": 4}, "where the first look wants 3"
    assert due(plan, open_yet) == {"a": 4, "b": 4}, "where the second look wants 5"


def test_an_arm_that_several_questions_share_is_run_once(empty):
    plan = plan_of("abc", ask(1, LEADS, "ab"), ask(2, "c > b", "cb", looks=(2, 4)))

    assert due(plan, empty) == {"a": 3, "b": 3, "c": 2}


def test_what_has_ended_is_not_due_again_and_further_seeds_only_where_it_is_open(after):
    clear = after(a=[0.9, 0.91, 0.905], b=[0.8, 0.81, 0.805])
    open_yet = after(a=[0.82, 0.80, 0.815], b=[0.8, 0.81, 0.805])
    plan = plan_of("ab", ask(1, LEADS, "ab"))

    assert due(plan, clear) == {}
    assert due(plan, open_yet) == {"a": 2, "b": 2}


def test_a_settled_claim_spares_the_rest_of_its_seeds_but_none_that_another_asks_for(after):
    state = after(a=[0.9, 0.91, 0.905], b=[0.8, 0.81, 0.805], c=[])
    plan = plan_of("abc", ask(1, LEADS, "ab"), ask(2, "c > b", "cb"))

    to_do = agenda(plan, state)

    assert due(plan, state) == {"c": 3}
    assert Counter(trial.arm for trial in to_do.spared) == {"a": 7, "b": 7, "c": 7}


def test_arms_without_a_claim_are_due_as_planned_and_no_further(empty):
    plan = plan_of("abc", ask(1, LEADS, "ab"), planned=4)

    assert due(plan, empty) == {"a": 3, "b": 3, "c": 4}


def test_arms_of_a_question_that_cannot_be_answered_are_due_as_planned(empty):
    plan = plan_of("ab", ask(1, LEADS, "ab", unanswerable="it cannot"), planned=4)

    assert due(plan, empty) == {"a": 4, "b": 4}


def test_a_claim_that_is_given_up_asks_for_no_further_seed(after):
    state = after(
        a=[0.845, 0.775, 0.807, 0.829, 0.787, 0.809, 0.776],
        b=[0.800, 0.833, 0.772, 0.785, 0.839, 0.764, 0.807],
    )
    plan = plan_of("ab", ask(1, LEADS.replace("2pt", "1pt"), "ab"))

    assert due(plan, state) == {}


def test_a_voided_run_is_due_though_its_question_is_settled(after):
    state = after(a=[0.9, 0.91, 0.905, 0.9], b=[0.8, 0.81, 0.805])
    plan = plan_of("ab", ask(1, LEADS, "ab"))
    fourth = state.trials["a-s3"]
    fourth.voided.append(Voided("", "a-s3", ("a-s3",), "eval.py", "as it was", "edited"))
    fourth.ended = None

    assert [trial.id for trial in agenda(plan, state).trials] == ["a-s3"]


scores = st.lists(
    st.one_of(st.integers(480, 520).map(lambda mille: mille / 1000), st.none()), max_size=8
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(scores, scores, scores)
def test_nothing_is_due_that_no_open_question_asks_for_and_no_trial_is_lost(campaign, a, b, c):
    plan = plan_of("abc", ask(1, LEADS, "ab"), ask(2, "c > b", "cb", looks=(2, 4)))
    made = campaign({"a": a, "b": b, "c": c})
    made.plan = plan
    asked: Counter[str] = Counter()
    for verdict in made.judge():
        assert not verdict.asks or verdict.outcome is Outcome.INCONCLUSIVE
        for wanted in verdict.asks:
            asked[wanted.arm] = max(asked[wanted.arm], wanted.seeds)

    to_do = agenda(plan, made.state)

    assert all(trial.seed < asked[trial.arm] for trial in to_do.trials)
    ended = {id for id, known in made.state.trials.items() if known.is_final}
    left = [trial for trial in plan.every_trial if trial.id not in ended]
    assert {trial.id for trial in left} == {t.id for t in (*to_do.trials, *to_do.spared)}
    assert list(to_do.trials) == [trial for trial in left if trial in to_do.trials]


# Campaigns rehearsed to their end


def test_a_rehearsal_runs_what_the_agenda_asks_for_and_ends_settled():
    plan = plan_of("ab", ask(1, LEADS, "ab"))

    clear = rehearse(plan, world(a=0.9, b=0.8))
    close = rehearse(plan, world(a=0.815, b=0.8))

    assert clear.runs == {"a": 3, "b": 3}
    assert clear.verdicts[0].outcome is Outcome.CONFIRMED
    assert clear.is_complete
    assert sum(close.runs.values()) > 6


def test_the_same_world_gives_the_same_rehearsal():
    plan = plan_of("ab", ask(1, LEADS, "ab"))

    assert rehearse(plan, world(a=0.81, b=0.8)) == rehearse(plan, world(a=0.81, b=0.8))


@pytest.mark.parametrize(
    ("allowance", "most"), [({"experiments": 7}, 7), ({"device_seconds": 89.0}, 8)]
)
def test_a_rehearsal_ends_where_the_budget_does(allowance, most):
    plan = plan_of("ab", ask(1, LEADS, "ab"), seconds=10.0, **allowance)

    went = rehearse(plan, world(a=0.81, b=0.8, sd=0.02))

    assert sum(went.runs.values()) == most
    assert went.seconds == 10.0 * most
    assert not went.is_complete


def test_only_the_named_hypotheses_ask_for_runs_where_some_are_named():
    plan = plan_of("abcd", ask(1, LEADS, "ab"), ask(2, "c > b", "cb"))

    went = rehearse(plan, world(a=0.9, b=0.8, c=0.9, d=0.5), only={"H1"})

    assert set(went.runs) == {"a", "b"}


def test_a_diverged_run_of_a_world_is_a_failure_and_no_number():
    went = rehearse(
        plan_of("a", ask(1, "exact_match(a) >= 50%", "a", tuple(range(1, 11)))), lambda *_: None
    )

    assert went.verdicts[0].outcome is Outcome.REFUTED
    assert went.verdicts[0].arms[0].diverged == went.runs["a"] == 2


# Bisection


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(2, 33), st.data())
def test_bisection_finds_the_boundary_of_a_monotone_world_in_about_log2_of_its_levels(levels, data):
    boundary = data.draw(st.integers(1, levels - 1))
    arms = [f"width={place}" for place in range(levels)]
    question = ask(1, LEAST, arms, tuple(range(1, 11)), tuple(range(levels)))

    went = rehearse(
        plan_of(arms, question),
        lambda arm, _: {"exact_match": 0.9 if arms.index(arm) >= boundary else 0.2},
    )

    (verdict,) = went.verdicts
    assert verdict.outcome is Outcome.CONFIRMED
    assert verdict.estimate.value == boundary
    assert len(went.runs) <= math.ceil(math.log2(levels + 1)) + 1
    # The more levels, the more successes or failures in a row a level takes.
    alpha, beta = level_errors(levels, 10)
    needed = sprt(0, 0, alpha=alpha, beta=beta)
    assert went.runs[arms[boundary]] == needed.successes_needed
    assert went.runs[arms[boundary - 1]] == needed.failures_needed


@pytest.mark.parametrize(("boundary", "outcome"), [(0, None), (8, Outcome.REFUTED)])
def test_a_boundary_outside_the_range_is_known_from_its_ends(boundary, outcome):
    arms = [f"width={place}" for place in range(8)]
    question = ask(1, LEAST, arms, tuple(range(1, 11)), tuple(range(8)))

    went = rehearse(
        plan_of(arms, question),
        lambda arm, _: {"exact_match": 0.9 if arms.index(arm) >= boundary else 0.2},
    )

    assert went.verdicts[0].outcome is (outcome or Outcome.INCONCLUSIVE)
    assert went.is_complete
    assert len(went.runs) <= 4


@pytest.mark.parametrize(
    ("boundary", "outcome", "runs"),
    [(2, Outcome.CONFIRMED, {"width=4": 6}), (5, Outcome.REFUTED, {"width=4": 2})],
)
def test_whether_it_is_at_most_a_level_is_answered_by_that_level_alone(boundary, outcome, runs):
    arms = [f"width={place}" for place in range(8)]
    claim = f"{LEAST} is at most 4"
    question = ask(1, claim, arms, tuple(range(1, 11)), tuple(range(8)))

    went = rehearse(
        plan_of(arms, question),
        lambda arm, _: {"exact_match": 0.9 if arms.index(arm) >= boundary else 0.2},
    )

    assert went.verdicts[0].outcome is outcome
    assert went.runs == runs


def test_a_level_that_no_seed_settles_is_passed_by_and_the_verdict_stays_open():
    arms = [f"width={place}" for place in range(4)]
    question = ask(1, LEAST, arms, tuple(range(1, 11)), tuple(range(4)))
    plan = plan_of(arms, question)

    def undecided(arm, seed):  # every third seed fails: neither 9 in 10 nor half of them
        place = arms.index(arm)
        return {"exact_match": 0.9 if place > 1 or (place == 1 and seed % 4 != 3) else 0.2}

    went = rehearse(plan, undecided)

    assert went.is_complete
    assert went.runs["width=1"] == 10
    assert went.verdicts[0].outcome is Outcome.INCONCLUSIVE


def test_changing_the_budget_changes_nothing_but_how_far_it_goes():
    plan = plan_of("ab", ask(1, LEADS, "ab"), seconds=1.0)
    wide, narrow = (
        rehearse(replace(plan, allowance=Allowance(experiments=most)), world(a=0.9, b=0.8))
        for most in (100, 6)
    )

    assert wide == narrow
