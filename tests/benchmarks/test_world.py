import random

import pytest

from benchmarks.world import (
    STREAMED,
    TABLE,
    Stream,
    Study,
    World,
    ledger,
    load,
    studies,
    truth,
)

FACTORS = {"heads": (1, 4, 8), "answer_order": ("msd", "lsd"), "d_ff": (64, 512)}
BASELINE = (8, "msd", 512)


@pytest.fixture(scope="module")
def table():
    return load()


def world_of(value_of, seeds=20):
    """A world in which a run comes to what `value_of(cell, seed)` says."""
    cells = [(h, o, f) for h in FACTORS["heads"] for o in ("msd", "lsd") for f in (64, 512)]
    return World(
        factors=FACTORS,
        fixed={},
        seeds=tuple(range(seeds)),
        steps=(100, 200, 400),
        curves={
            (cell, seed): (0.0, 0.0, value_of(cell, seed))
            for cell in cells
            for seed in range(seeds)
        },
        seconds=dict.fromkeys(cells, 4.0),
        params=dict.fromkeys(cells, 1000),
        code="code",
        data="data",
    )


def question(study, number):
    return study.plan().questions[number - 1]


def test_the_table_has_every_seed_of_every_cell_and_is_small(table):
    assert set(table.curves) == {(cell, seed) for cell in table.cells for seed in table.seeds}
    assert len(table.seeds) >= STREAMED + 5
    assert TABLE.stat().st_size < 3_000_000


def test_each_study_asks_the_shipped_hypotheses_about_its_own_baseline(table):
    for study in studies(table):
        plan = study.plan()

        assert [q.id for q in plan.questions] == ["H1", "H2", "H3", "H4", "H5"]
        assert study.cell(plan.questions[2].arms[0]) == study.baseline
        assert plan.questions[3].claim.startswith("exact_match(answer_order=lsd)") == (
            study.baseline[1] == "msd"
        )


def test_the_truth_is_made_of_seeds_that_no_policy_can_see(table):
    stream = Stream.shuffled(table, 7)

    seen = {stream.order[seed] for seed in range(STREAMED)}

    assert not seen & set(stream.held_out)
    assert seen | set(stream.held_out) == set(table.seeds)


def test_a_pruned_run_costs_the_steps_it_made_and_reaches_no_judge():
    study = Study(world_of(lambda cell, seed: 0.5), BASELINE)
    stream = Stream.shuffled(study.world, 0)
    stream.pay(BASELINE, 0, evaluations=2)
    stream.pay(BASELINE, 1)

    state = ledger(study, study.plan(), stream)

    assert stream.spent == pytest.approx(4.0 * 200 / 400 + 4.0)
    assert [trial for trial, known in state.trials.items() if known.is_final] == [
        next(t.id for t in study.plan().trials if t.arm == "baseline" and t.seed == 0)
    ]


@pytest.mark.parametrize(("lead", "holds"), [(0.4, True), (0.2, None), (0.1, False), (0.0, False)])
def test_a_difference_is_true_false_or_open_as_its_interval_lies_about_the_margin(lead, holds):
    rng = random.Random(0)
    noise = {seed: rng.gauss(0.0, 0.05) for seed in range(20)}
    study = Study(
        world_of(lambda cell, seed: 0.3 + noise[seed] + (lead if cell[0] == 8 else 0.0)), BASELINE
    )

    assert truth(study, question(study, 2), range(20)) is holds  # 20 points over one head


@pytest.mark.parametrize(("reaching", "holds"), [(20, True), (18, True), (14, None), (10, False)])
def test_a_level_is_reached_where_nine_seeds_of_ten_do_and_not_where_half_do(reaching, holds):
    study = Study(world_of(lambda cell, seed: 0.97 if seed < reaching else 0.4), BASELINE)

    assert truth(study, question(study, 3), range(20)) is holds
