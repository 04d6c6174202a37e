"""The reported study's way of writing a sum, and that no held-out problem is trained on."""

import random

import pytest

from trainer.addition import Task, digest, split, without_mirror


def test_a_sum_is_written_exactly_as_in_the_seed():
    task = Task(digits=3, base=100)

    assert task.text(123, 456) == "[1, 23, PAD, +, 4, 56, PAD, =, 5, 79, PAD]"
    assert task.text(999, 999) == "[9, 99, PAD, +, 9, 99, PAD, =, 19, 98, PAD]"
    assert task.vocabulary == 103
    assert task.length == 11


@pytest.mark.parametrize("base", [10, 100])
@pytest.mark.parametrize("digits", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("order", ["msd", "lsd"])
def test_every_sum_can_be_read_back_at_one_length(digits, base, order):
    task = Task(digits, base, order)
    rng = random.Random(0)
    top = 10**digits - 1
    pairs = [(0, 0), (top, top)] + [(rng.randint(0, top), rng.randint(0, top)) for _ in range(50)]

    for a, b in pairs:
        tokens = task.tokens(a, b)
        answer = tokens[-task.answer_length : -1]
        value = 0
        for token in answer if order == "msd" else reversed(answer):
            value = value * base + token
        assert value == a + b
        assert len(tokens) == task.length
        assert max(tokens) < task.vocabulary


def test_the_answer_has_room_for_the_carry():
    assert Task(digits=2, base=10).text(99, 99) == "[9, 9, PAD, +, 9, 9, PAD, =, 1, 9, 8, PAD]"
    assert Task(digits=2, base=100).text(99, 99) == "[99, PAD, +, 99, PAD, =, 1, 98, PAD]"


def test_least_significant_first_reverses_the_answer_alone():
    text = Task(digits=2, base=10, answer_order="lsd").text(12, 34)

    assert text == "[1, 2, PAD, +, 3, 4, PAD, =, 6, 4, 0, PAD]"


def test_no_problem_is_both_trained_on_and_held_out():
    train, held_out = split(Task(), 100_000, 10_000)

    assert len(set(train)) == 100_000
    assert len(set(held_out)) == 10_000
    assert not set(train) & set(held_out)
    assert all(0 <= a < 1000 and 0 <= b < 1000 for a, b in train + held_out)


def test_a_split_may_use_every_pair_there_is():
    train, held_out = split(Task(digits=1), 90, 10)

    assert sorted(train + held_out) == [(a, b) for a in range(10) for b in range(10)]


def test_the_held_out_problems_are_the_same_in_every_release_and_for_every_arm():
    held_out = digest(split(Task(), 100_000, 10_000)[1])

    assert held_out == "f2dace2f38de613942f2a6f814afe3dc66832b5909fff7a60f3fdd37106f49e5"
    assert digest(split(Task(base=10, answer_order="lsd"), 500, 10_000)[1]) == held_out
    assert digest(split(Task(), 100_000, 5_000)[1]) != held_out


def test_a_pair_counts_as_mirrored_if_its_mirror_was_trained_on():
    held_out = [(1, 2), (3, 4), (5, 5)]

    assert without_mirror(held_out, train=[(2, 1), (7, 8)]) == [False, True, True]
