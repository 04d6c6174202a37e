"""A campaign adds seeds only while a claim is open."""

import os
import signal

import pytest

from techspec.clock import now
from techspec.ledger.events import Launched, RunnerStarted, RunnerStopped
from techspec.ledger.journal import is_held, read, writing
from techspec.ledger.state import fold
from techspec.run.campaign import carry_out
from techspec.run.opening import freeze, start
from techspec.run.pool_inline import InlinePool
from techspec.run.progress import progress
from techspec.verdict.campaign import judged
from techspec.verdict.model import Outcome
from tests.run.campaigns import compared, plan_of, starts, wait_for

# The steady trainer's scores rise by a hundredth with the seed, in both arms alike.
CLEAR = {"high": {"value": 0.8, "steps": 1}, "low": {"value": 0.2, "steps": 1}}
CLOSE = {"high": {"value": 0.52, "steps": 1}, "low": {"value": 0.5, "steps": 1}}
CLAIM = "score(high) > score(low) by 5pt"


@pytest.fixture
def asked(tmp_path):
    """asked(arms, looks): an opened campaign with one hypothesis, and its plan."""

    def open_campaign(arms, looks=(3, 5), claim=CLAIM, **changes):
        plan = compared(
            plan_of(arms, seeds=looks[-1], **changes), claim, "high", "low", looks=looks
        )
        return freeze(tmp_path / "TECHSPEC.md", plan), plan

    return open_campaign


def seeds_run(folder, plan):
    return {
        arm.name: sum(starts(folder, [t for t in plan.every_trial if t.arm == arm.name]))
        for arm in plan.arms
    }


def ends(folder):
    return [event.why for event in read(folder.ledger) if isinstance(event, RunnerStopped)]


def test_a_claim_that_is_settled_at_its_first_look_leaves_the_rest_of_its_seeds_unrun(asked):
    folder, plan = asked(CLEAR, looks=(3, 5, 7, 10))

    stopped = carry_out(folder)

    assert stopped.why == "complete"
    assert seeds_run(folder, plan) == {"high": 3, "low": 3}
    assert ends(folder) == ["complete"]
    assert not fold(read(folder.ledger)).open_requests
    (verdict,) = judged(folder).verdicts
    assert (verdict.outcome, verdict.look, verdict.asks) == (Outcome.CONFIRMED, 3, ())


def test_an_open_claim_goes_on_to_its_next_look_and_no_further_than_that_settles_it(asked):
    folder, plan = asked(CLOSE, looks=(3, 5, 7, 10), claim=CLAIM.replace("5pt", "20pt"))

    carry_out(folder)

    (verdict,) = judged(folder).verdicts
    assert (verdict.outcome, verdict.look) == (Outcome.REFUTED, 5)
    assert seeds_run(folder, plan) == {"high": 5, "low": 5}


def test_a_claim_that_stays_open_ends_the_campaign_at_its_last_look(asked):
    near = CLOSE | {"high": {"value": 0.515, "steps": 1}}
    folder, plan = asked(near, looks=(3, 4), claim="score(high) > score(low)")

    stopped = carry_out(folder)

    (verdict,) = judged(folder).verdicts
    assert stopped.why == "complete"
    assert (verdict.outcome, verdict.asks) == (Outcome.INCONCLUSIVE, ())
    assert seeds_run(folder, plan) == {"high": 4, "low": 4}


def test_arms_that_no_claim_names_are_run_as_planned(asked):
    folder, plan = asked(CLEAR | {"other": {"value": 0.5, "steps": 1}}, looks=(3, 5))

    carry_out(folder, InlinePool())

    assert seeds_run(folder, plan) == {"high": 3, "low": 3, "other": 5}


def test_a_second_campaign_run_on_the_same_ledger_adds_no_trial(asked):
    folder, plan = asked(CLEAR, looks=(3, 5))
    carry_out(folder, InlinePool())
    before = judged(folder).verdicts

    stopped = carry_out(folder, InlinePool())

    assert stopped.why == "complete"
    assert seeds_run(folder, plan) == {"high": 3, "low": 3}
    assert judged(folder).verdicts == before


def test_killing_the_runner_between_two_looks_changes_neither_runs_nor_verdict(asked):
    slow = {name: config | {"steps": 10} for name, config in CLOSE.items()}
    folder, plan = asked(
        slow, looks=(3, 5, 7, 10), claim=CLAIM.replace("5pt", "20pt"), seconds=20.0
    )
    pid = start(folder)

    def is_at_second_look():
        launched = [e for e in read(folder.ledger) if isinstance(e, Launched)]
        return sum(len(each.trials) for each in launched) > 6

    wait_for(is_at_second_look)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_held(folder.ledger))
    carry_out(folder)

    (verdict,) = judged(folder).verdicts
    assert (verdict.outcome, verdict.look) == (Outcome.REFUTED, 5)
    assert seeds_run(folder, plan) == {"high": 5, "low": 5}


def test_progress_counts_what_is_asked_for_and_tells_what_is_spared(asked):
    folder, plan = asked(CLEAR, looks=(3, 5))
    before = progress(folder)

    carry_out(folder, InlinePool())

    after = progress(folder)
    assert (before.done, before.trials, before.spared) == (0, 6, 4)
    assert (after.done, after.trials, after.spared) == (6, 6, 4)
    assert after.done + after.spared == len(plan.every_trial)


def test_progress_asks_for_more_once_a_look_left_its_claim_open(asked):
    folder, _ = asked(CLOSE, looks=(3, 5), experiments=6)

    carry_out(folder, InlinePool())

    found = progress(folder)
    assert found.condition == "budget"
    assert (found.done, found.trials, found.spared) == (6, 10, 0)


def test_a_campaign_that_ends_while_it_is_looked_at_is_not_called_abandoned(asked, monkeypatch):
    folder, _ = asked(CLEAR)
    runner = writing(folder.ledger)
    append = runner.__enter__()
    append(RunnerStarted(now(), 1, 1))

    def fold_and_end(events):
        state = fold(events)
        append(RunnerStopped(now(), "complete", ""))
        runner.__exit__(None, None, None)
        return state

    monkeypatch.setattr("techspec.run.progress.fold", fold_and_end)
    during = progress(folder).condition
    monkeypatch.undo()

    assert during == "running"
    assert progress(folder).condition == "complete"
