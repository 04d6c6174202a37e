"""The reported study's way of writing a sum, and that no held-out problem is trained on."""

import random

import pytest

from trainer.addition import Task, boundary, digest, split, without_mirror


def test_a_sum_is_written_exactly_as_in_the_seed():
    task = Task(digits=3, base=100)

    assert task.text(123, 456) == "[1, 23, PAD, +, 4, 56, PAD, =, 5, 79, PAD]"
    assert task.text(999, 999) == "[9, 99, PAD, +, 9, 99, PAD, =, 19, 98, PAD]"
    assert task.vocabulary == 103
    assert task.length == 11


@pytest.mark.parametrize("base", [10, 100])
@pytest.mark.parametrize("digits", [1, 2, 3, 4, 9, 10, 18])
@pytest.mark.parametrize("order", ["msd", "lsd"])
def test_every_sum_can_be_read_back_at_one_length(digits, base, order):
    task = Task(digits, base, answer_order=order)
    rng = random.Random(0)
    top = 10**digits - 1
    pairs = boundary(task) + [(rng.randint(0, top), rng.randint(0, top)) for _ in range(50)]

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


def test_the_operands_have_an_order_of_their_own():
    text = Task(digits=2, base=10, answer_order="lsd", operand_order="lsd").text(12, 34)

    assert text == "[2, 1, PAD, +, 4, 3, PAD, =, 6, 4, 0, PAD]"


@pytest.mark.parametrize(
    ("answer", "operand", "distances"), [("lsd", "lsd", 1), ("msd", "msd", 1), ("lsd", "msd", 10)]
)
def test_with_one_order_every_digit_of_a_sum_is_as_far_from_its_operands_digit(
    answer, operand, distances
):
    task = Task(10, 10, answer, operand)
    nothing = task.tokens(0, 0)

    found = set()
    for place in range(10):
        pairs = zip(nothing, task.tokens(10**place, 0), strict=True)
        in_operand, in_sum = (n for n, (zero, one) in enumerate(pairs) if zero != one)
        found.add(in_sum - in_operand)

    assert len(found) == distances


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


@pytest.mark.parametrize(
    ("digits", "train_size", "eval_size", "digest_of_training"),
    [
        (2, 8_000, 1_000, "2fe963fa6e35f89c9c37f2d82bc24f52dc5a51aab5d041d329993834f2307e22"),
        (3, 100_000, 10_000, "4b06fb5ae5925b04337783038ea53ccd944fdc72adf37960b2e4c62b38ace2f3"),
        (9, 2_000, 500, "534352d62c218069eb95d9651d8bd4989d555f1c81bbe6d45c5a5fe211d6ccd5"),
    ],
)
def test_uniform_training_problems_are_the_same_in_every_release(
    digits, train_size, eval_size, digest_of_training
):
    assert digest(split(Task(digits), train_size, eval_size)[0]) == digest_of_training


def test_balanced_problems_and_the_boundary_are_the_same_in_every_release():
    drawn, _ = split(Task(10), 2_000, 500, "balanced")

    assert digest(drawn) == "25597d8dca18dacae60350bcbcce3b9222b11e4922ecb6b1e8690fb4c902a911"
    assert (
        digest(boundary(Task(10)))
        == "709fb3cb79155e02bd14b2b1e4e4f52dbad2d849449d6208127023600d547ea3"
    )


@pytest.mark.parametrize("sampling", ["uniform", "balanced"])
@pytest.mark.parametrize("digits", [10, 18])
def test_there_may_be_more_pairs_than_a_list_could_count(digits, sampling):
    train, held_out = split(Task(digits), 3_000, 1_000, sampling)

    assert len({*train, *held_out}) == 4_000
    assert held_out == split(Task(digits), 500, 1_000)[1]
    assert max(max(pair) for pair in held_out) >= 10 ** (digits - 1)
    assert all(0 <= number < 10**digits for pair in train + held_out for number in pair)


def test_a_balanced_draw_has_short_operands_long_carries_and_repeated_digits():
    drawn = {s: split(Task(10), 2_000, 10, s)[0] for s in ("uniform", "balanced")}

    def share(sampling, holds):
        return sum(holds(a, b) for a, b in drawn[sampling]) / 2_000

    # Of uniform pairs about 2 in a million have such a chain.
    assert (
        share("uniform", carries_through_six) < 0.01 < 0.03 < share("balanced", carries_through_six)
    )
    for holds in (lambda a, b: max(a, b) < 10**5, lambda a, b: len({*str(a)}) == 1):
        assert share("uniform", holds) < 0.01 < 0.05 < share("balanced", holds)


def carries_through_six(a, b):
    """Whether a carry is handed on by six places in a row, each of which adds up to nine."""
    nines = "".join("9" if a // 10**n % 10 + b // 10**n % 10 == 9 else "." for n in range(10))
    return any(
        a // 10**n % 10 + b // 10**n % 10 > 9 and nines.startswith("999999", n + 1)
        for n in range(10)
    )


@pytest.mark.parametrize("digits", [1, 2, 3, 10, 18])
def test_the_boundary_has_the_cases_that_uniform_pairs_hardly_meet(digits):
    top = 10**digits - 1
    cases = boundary(Task(digits))

    assert {(0, 0), (0, top), (top, 0), (top, 1), (1, top), (top, top)} <= {*cases}
    assert {(5 * 10 ** (digits - 1), 5 * 10 ** (digits - 1)), (0, 1)} <= {*cases}
    assert {(b, a) for a, b in cases} == {*cases}
    assert len({*cases}) == len(cases) < 200
    assert all(0 <= number <= top for pair in cases for number in pair)
    assert any(carries(a, b) == digits for a, b in cases)
    assert any(a + b == top for a, b in cases)


def carries(a, b):
    """How many places of the sum hand on a carry."""
    digit_sum = sum(map(int, f"{a}{b}")) - sum(map(int, str(a + b)))
    return digit_sum // 9


def test_no_balanced_draw_trains_on_a_boundary_case_or_on_one_held_out():
    task = Task(digits=2)

    train, held_out = split(task, 8_000, 1_000, "balanced")

    assert len({*train}) == 8_000
    assert not {*train} & {*held_out, *boundary(task)}


def test_a_pair_counts_as_mirrored_if_its_mirror_was_trained_on():
    held_out = [(1, 2), (3, 4), (5, 5)]

    assert without_mirror(held_out, train=[(2, 1), (7, 8)]) == [False, True, True]
