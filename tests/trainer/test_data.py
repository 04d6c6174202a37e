"""The problems of a trial: what is trained on, what is asked, and which rows make a metric."""

import pytest

torch = pytest.importorskip("torch")

from trainer import config as configs  # noqa: E402
from trainer.addition import Task, boundary, digest, split, without_mirror  # noqa: E402
from trainer.data import as_tokens, problems  # noqa: E402

CPU = torch.device("cpu")


def rows(tokens):
    return {tuple(row) for row in tokens.tolist()}


def test_the_rows_are_the_pairs_of_the_split_in_its_order(small):
    config = configs.read(small)
    train, held_out = split(config.task, 2000, 500)

    made = problems(config, CPU)

    assert made.train.dtype == made.held_out.dtype == torch.uint8
    assert torch.equal(made.train, as_tokens(config.task, train))
    assert torch.equal(made.held_out, as_tokens(config.task, held_out + boundary(config.task)))
    assert made.digest == digest(held_out)
    assert not rows(made.train) & rows(made.held_out[:500])


def test_a_row_holds_the_ids_of_its_problem():
    task = Task(digits=3, base=100)

    assert as_tokens(task, [(999, 999), (123, 456)]).tolist() == [
        list(task.tokens(999, 999)),
        list(task.tokens(123, 456)),
    ]


def test_each_metric_is_over_its_own_rows(small):
    config = configs.read(small)
    train, held_out = split(config.task, 2000, 500)
    edges = boundary(config.task)

    masks = problems(config, CPU).masks

    assert masks["exact_match"].tolist() == [True] * 500 + [False] * len(edges)
    assert masks["exact_match_unmirrored"][:500].tolist() == without_mirror(held_out, train)
    assert not masks["exact_match_unmirrored"][500:].any()
    assert 0 < masks["exact_match_unmirrored"].sum() < 500
    assert not masks["exact_match_boundary"][:500].any()


def test_a_boundary_case_counts_unless_it_was_trained_on(small):
    shares = {}
    for sampling in ("uniform", "balanced"):
        config = configs.read(small | {"sampling": sampling})
        made = problems(config, CPU)
        counted = made.held_out[made.masks["exact_match_boundary"]]
        assert not rows(counted) & rows(made.train)
        shares[sampling] = len(counted) / len(boundary(config.task))

    assert shares["balanced"] == 1
    assert 0.7 < shares["uniform"] < 0.9  # 2,000 of the 10,000 pairs were trained on


def test_the_sampling_of_training_problems_leaves_the_questions_alone(small):
    one, other = (
        problems(configs.read(small | {"sampling": sampling}), CPU)
        for sampling in ("uniform", "balanced")
    )

    assert torch.equal(one.held_out, other.held_out)
    assert one.digest == other.digest
    assert not torch.equal(one.train, other.train)


def test_a_metric_without_a_row_is_left_out():
    all_but_one = configs.read({"digits": 1, "train_size": 99, "eval_size": 1, "batch_size": 9})
    [(a, b)] = split(all_but_one.task, 99, 1)[1]

    assert a != b
    assert "exact_match_unmirrored" not in problems(all_but_one, CPU).masks


def test_the_same_problems_are_made_once_and_shared(small):
    one, other = (configs.read(small | {"learning_rate": rate}) for rate in (1e-2, 1e-3))

    assert problems(one, CPU) is problems(other, CPU)
