"""The task: how two numbers and their sum are written as tokens, and which pairs are held out.

Pure arithmetic on Python ints; it knows no model and needs no torch.
"""

import functools
import hashlib
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Task:
    """Operands 0 to 10^digits - 1, written in `base`, every number at a fixed width.

    A problem is `a PAD + b PAD = sum PAD`, most significant digit first:

    >>> Task(digits=3, base=100).tokens(123, 456)
    (1, 23, 100, 101, 4, 56, 100, 102, 5, 79, 100)
    >>> Task(digits=3, base=100).text(123, 456)
    '[1, 23, PAD, +, 4, 56, PAD, =, 5, 79, PAD]'

    Source:
        The study that `registry/addition-baseline` reports on.
    """

    digits: int = 3
    base: int = 100
    answer_order: str = "msd"

    @property
    def operands(self) -> int:
        """How many different operands there are."""
        return int(10**self.digits)

    @property
    def pairs(self) -> int:
        """How many different problems there are; (a, b) and (b, a) are two."""
        return self.operands**2

    @property
    def vocabulary(self) -> int:
        """Digits, then PAD, plus and equals."""
        return self.base + 3

    @property
    def operand_width(self) -> int:
        """Tokens of an operand, without PAD."""
        return len(_written(self.operands - 1, self.base, 1))

    @property
    def answer_width(self) -> int:
        """Tokens of a sum, without PAD: room for the carry where the base needs it."""
        return len(_written(2 * (self.operands - 1), self.base, 1))

    @property
    def answer_length(self) -> int:
        """Tokens that must all be right: the sum and the PAD that ends it."""
        return self.answer_width + 1

    @property
    def length(self) -> int:
        """Tokens of a whole problem."""
        return 2 * (self.operand_width + 2) + self.answer_length

    def tokens(self, a: int, b: int) -> tuple[int, ...]:
        """Write a + b with its answer as token ids: (length,)."""
        pad, plus, equals = self.base, self.base + 1, self.base + 2
        answer = _written(a + b, self.base, self.answer_width)
        if self.answer_order == "lsd":
            answer = answer[::-1]
        first = _written(a, self.base, self.operand_width)
        second = _written(b, self.base, self.operand_width)
        return (*first, pad, plus, *second, pad, equals, *answer, pad)

    def text(self, a: int, b: int) -> str:
        """Write the same for people."""
        names = {self.base: "PAD", self.base + 1: "+", self.base + 2: "="}
        return "[" + ", ".join(names.get(t, str(t)) for t in self.tokens(a, b)) + "]"


def split(task: Task, train_size: int, eval_size: int) -> tuple[list[Pair], list[Pair]]:
    """Draw pairs to train on and pairs held out: none is in both, and no seed changes either.

    The held-out pairs depend on the operands and `eval_size` alone, so that arms that differ in
    base, order, model or amount of training data are judged by the same problems.
    """
    held_out = random.Random(f"held out, {task.digits} digits").sample(range(task.pairs), eval_size)
    # The rank of a number among those not held out, turned back into the number itself.
    shifts = [number - place for place, number in enumerate(sorted(held_out))]
    ranks = random.Random(f"training, {task.digits} digits").sample(
        range(task.pairs - eval_size), train_size
    )
    kept = (rank + bisect_right(shifts, rank) for rank in ranks)
    n = task.operands
    return [divmod(number, n) for number in kept], [divmod(number, n) for number in held_out]


def digest(pairs: Sequence[Pair]) -> str:
    """Name a set of problems, whatever the base they are written in."""
    return hashlib.sha256("\n".join(f"{a}+{b}" for a, b in pairs).encode()).hexdigest()


def without_mirror(pairs: Sequence[Pair], train: Sequence[Pair]) -> list[bool]:
    """Mark with True each pair whose mirror (b, a) was not trained on: it cannot be recalled."""
    seen = set(train)
    return [(b, a) not in seen for a, b in pairs]


@functools.cache
def _written(number: int, base: int, width: int) -> tuple[int, ...]:
    """Digits of `number`, most significant first, at least `width` of them."""
    digits: list[int] = []
    while number or len(digits) < width:
        number, digit = divmod(number, base)
        digits.append(digit)
    return tuple(reversed(digits))
