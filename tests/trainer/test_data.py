"""The problems of a trial: what is trained on, what is asked, and which rows make a metric."""

import pytest

torch = pytest.importorskip("torch")

from trainer import config as configs  # noqa: E402
from trainer.addition import Task, digest, split, without_mirror  # noqa: E402
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
    assert torch.equal(made.held_out, as_tokens(config.task, held_out))
    assert made.digest == digest(held_out)
    assert not rows(made.train) & rows(made.held_out)


def test_a_row_holds_the_ids_of_its_problem():
    task = Task(digits=3, base=100)

    assert as_tokens(task, [(999, 999), (123, 456)]).tolist() == [
        list(task.tokens(999, 999)),
        list(task.tokens(123, 456)),
    ]


def test_every_row_counts_for_exact_match_and_the_unmirrored_ones_apart(small):
    config = configs.read(small)
    train, held_out = split(config.task, 2000, 500)

    masks = problems(config, CPU).masks

    assert masks["exact_match"].all()
    assert masks["exact_match_unmirrored"].tolist() == without_mirror(held_out, train)
    assert 0 < masks["exact_match_unmirrored"].sum() < 500


def test_a_metric_without_a_row_is_left_out():
    everything = configs.read({"digits": 1, "train_size": 99, "eval_size": 1, "batch_size": 9})

    assert problems(everything, CPU).masks.keys() == {"exact_match"}


def test_the_same_problems_are_made_once_and_shared(small):
    one, other = (configs.read(small | {"learning_rate": rate}) for rate in (1e-2, 1e-3))

    assert problems(one, CPU) is problems(other, CPU)
