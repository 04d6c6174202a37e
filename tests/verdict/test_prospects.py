"""What a plan would settle, told before anything is spent."""

from dataclasses import replace

import pytest

from techspec.plan.model import Allowance
from techspec.verdict.model import Outcome
from techspec.verdict.prospects import measured_sd, outlooks
from techspec.verdict.rehearsal import rehearse
from techspec.verdict.worlds import world_of
from tests.verdict.test_agenda import LEADS, ask, plan_of

BY_SEED = tuple(range(1, 11))
EVERY_FORM = (
    (LEADS, ("a", "b"), ()),
    (f"{LEADS}, paired", ("a", "b"), ()),
    ("exact_match(a) >= 70%", ("a",), ()),
    ("exact_match insensitive to width within 4pt", ("a", "b", "c"), (1, 2, 3)),
    ("exact_match increases with width", ("a", "b", "c"), (1, 2, 3)),
    ("smallest width with exact_match >= 70%", ("a", "b", "c"), (1, 2, 3)),
    ("smallest width with exact_match >= 70% is at most 2", ("a", "b", "c"), (1, 2, 3)),
    ("a > b > c by 2pt", ("a", "b", "c"), ()),
)


def planned(claim, arms, levels=(), **allowance):
    by_seed = ">= 70%" in claim
    question = ask(1, claim, arms, BY_SEED if by_seed else (3, 5, 7, 10), levels)
    return plan_of("abc", question, seconds=10.0, **allowance)


@pytest.fixture
def empty(campaign):
    return campaign({}).state


def test_the_same_plan_and_spread_give_the_same_outlook(empty):
    plan = planned(LEADS, "ab")

    assert outlooks(plan, empty, 0.01, draws=5) == outlooks(plan, empty, 0.01, draws=5)


def test_another_draw_is_another_world_and_the_same_one_the_same():
    plan = planned(LEADS, "ab")
    one, again, other = (
        world_of(plan, plan.questions[0], "as claimed", 0.01, draw)("a", 0) for draw in (1, 1, 2)
    )

    assert one == again != other


@pytest.mark.parametrize(("claim", "arms", "levels"), EVERY_FORM)
def test_every_form_of_claim_is_settled_mostly_and_then_the_right_way(empty, claim, arms, levels):
    (found,) = outlooks(planned(claim, arms, levels), empty, 0.005, draws=40)

    claimed, other = found.prospects
    assert (claimed.truth, other.truth) == ("as claimed", "not so")
    # 40 draws of a 5 % error: more than 6 wrong would come up in 1 of 1,000 cases.
    assert claimed.refuted <= 6 / 40
    assert other.confirmed <= 6 / 40
    assert claimed.confirmed >= 0.5
    for met in found.prospects:
        assert met.confirmed + met.refuted + met.open == pytest.approx(1.0)
        assert met.seconds == pytest.approx(10.0 * met.runs)


def test_a_false_difference_is_confirmed_in_at_most_one_rehearsal_of_twenty(empty):
    (found,) = outlooks(planned(LEADS, "ab"), empty, 0.02, draws=400)

    claimed, other = found.prospects
    assert other.confirmed <= 0.05 + 0.033  # 3 standard errors of 400 draws
    assert claimed.refuted <= 0.05 + 0.033


def test_a_larger_spread_settles_less_with_more_runs(empty):
    narrow, wide = (
        outlooks(planned(LEADS, "ab"), empty, sd, draws=30)[0].prospects[0] for sd in (0.005, 0.03)
    )

    assert narrow.settled > wide.settled
    assert narrow.runs < wide.runs


def test_seeds_that_collapse_settle_less(empty):
    steady, shaky = (
        outlooks(planned(LEADS, "ab"), empty, 0.005, draws=30, fails=fails)[0].prospects[0]
        for fails in (0.0, 0.4)
    )

    assert steady.settled > shaky.settled


@pytest.mark.parametrize("allowance", [{"experiments": 15}, {"device_seconds": 155.0}])
def test_a_hypothesis_is_promised_no_more_seeds_than_fit_beside_all_that_is_planned(
    empty, allowance
):
    (found,) = outlooks(planned(LEADS, "ab", **allowance), empty, 0.03, draws=20)

    assert max(met.runs for met in found.prospects) <= 10  # five an arm, and no further look
    assert "the budget surely has room for 5 of its 10 seeds an arm" in found.advice


def test_the_spread_is_that_stated_else_measured_else_assumed(campaign, empty):
    ran = campaign({"a": [0.79, 0.80, 0.81], "b": [0.6, 0.7]}).state
    plan = planned(LEADS, "ab")

    stated, measured, assumed = (
        outlooks(plan, state, sd, draws=1)[0]
        for state, sd in ((ran, 0.03), (ran, None), (empty, None))
    )

    assert (stated.sd, stated.source) == (0.03, "stated")
    assert (measured.sd, measured.source) == (pytest.approx(0.01), "measured")
    assert (assumed.sd, assumed.source) == (0.01, "assumed")
    assert measured_sd(plan, empty, "exact_match") is None


def test_an_arm_at_its_ceiling_leaves_no_room_for_the_lead_and_is_named(campaign):
    ran = campaign({"b": [0.99, 0.992, 0.988]}).state

    (found,) = outlooks(planned(LEADS, "ab"), ran, None, draws=1)
    (other_way,) = outlooks(planned(LEADS.replace(">", "<"), "ab"), ran, None, draws=1)

    assert "b is at its ceiling: with 99.0 % no lead of 2 pt is possible" in found.advice
    assert "ceiling" not in other_way.advice


def test_a_spread_above_half_the_margin_is_named_where_all_levels_should_be_alike(empty):
    plan = planned("exact_match insensitive to width within 2pt", "abc", (1, 2, 3))

    (found,) = outlooks(plan, empty, 0.011, draws=1)

    assert "more than half the margin" in found.advice


def test_a_claim_with_too_few_seeds_is_told_how_many_would_do(empty):
    (found,) = outlooks(planned(LEADS, "ab"), empty, 0.03, draws=20)

    assert "seeds an arm would: write `seeds: " in found.advice


def test_a_claim_without_a_margin_is_not_told_to_widen_it(empty):
    claim = planned("exact_match increases with width", "abc", (1, 2, 3))
    (found,) = outlooks(claim, empty, 0.3, draws=10)

    assert found.advice == "more seeds under Run would help"


def test_what_cannot_be_answered_is_not_rehearsed(empty):
    plan = plan_of("ab", ask(1, None, ""), ask(2, LEADS, "ab", unanswerable="it cannot"))

    assert outlooks(plan, empty, 0.01, draws=1) == ()


def test_invented_shares_stay_between_0_and_1_and_losses_need_not():
    share = plan_of("ab", ask(1, LEADS, "ab"))
    loss = replace(
        plan_of("ab", ask(1, "exact_match(a) < exact_match(b) by 0.5", "ab")), better="lower"
    )

    shares, losses = (
        [world_of(plan, plan.questions[0], "as claimed", 3.0, 0)("a", n)["exact_match"]
         for n in range(50)]
        for plan in (share, loss)
    )  # fmt: skip

    assert 0.0 <= min(shares) <= max(shares) <= 1.0
    assert min(losses) < 0.0
    assert max(losses) > 1.0


@pytest.mark.parametrize(
    ("claim", "arms", "sd"),
    [
        ("exact_match(a) > exact_match(b) by 20", ("a", "b"), 8.0),
        ("exact_match(a) > exact_match(b)", ("a", "b"), 8.0),
        ("exact_match(a) >= 90", ("a",), 8.0),
        ("a > b by 20", ("a", "b"), 8.0),
    ],
)
def test_a_reward_that_is_no_share_is_rehearsed_on_its_own_scale(empty, claim, arms, sd):
    looks = BY_SEED if len(arms) == 1 else (3, 5, 7, 10)
    plan = plan_of("abc", ask(1, claim, arms, looks), seconds=10.0)

    (found,) = outlooks(plan, empty, sd, draws=40)

    claimed, other = found.prospects
    assert claimed.confirmed > 0.25 > 6 / 40 >= claimed.refuted
    assert other.refuted > 0.25 > 6 / 40 >= other.confirmed


def test_a_chain_over_a_loss_is_rehearsed_with_the_first_arm_lowest(empty):
    plan = replace(plan_of("ab", ask(1, "a > b by 0.2", "ab", (3, 5, 7, 10))), better="lower")

    (found,) = outlooks(plan, empty, 0.05, draws=40)

    assert found.prospects[0].confirmed > 0.9


def test_a_seed_that_collapses_is_worse_off_whichever_side_is_good():
    rising, falling = LEADS, "exact_match(a) < exact_match(b) by 0.5"
    plans = [
        plan_of("ab", ask(1, rising, "ab")),
        plan_of("ab", ask(1, f"{rising[:-3]}0.5", "ab")),
        replace(plan_of("ab", ask(1, falling, "ab")), better="lower"),
        replace(plan_of("ab", ask(1, LEADS, "ab")), better="lower"),
    ]

    for plan, sign in zip(plans, (1, 1, -1, -1), strict=True):
        well, badly = (
            world_of(plan, plan.questions[0], "not so", 0.02, 0, fails)("b", 0)["exact_match"]
            for fails in (0.0, 1.0)
        )
        assert sign * (well - badly) > 0.2


def test_no_rehearsal_goes_beyond_the_plans_own_budget():
    plan = planned(LEADS, "ab", experiments=4)
    world = world_of(plan, plan.questions[0], "as claimed", 0.01, draw=0)

    went = rehearse(plan, world)

    assert sum(went.runs.values()) == 4
    assert went.verdicts[0].outcome is Outcome.INCONCLUSIVE
    assert plan.allowance == Allowance(experiments=4)
