import doctest

import pytest

from techspec import render
from techspec.skill import framing, markdown, untrusted, words


@pytest.mark.parametrize(
    "module", [render, framing, markdown, untrusted, words], ids=lambda module: module.__name__
)
def test_the_examples_in_the_docstrings_hold(module):
    failed, tried = doctest.testmod(module)

    assert tried > 0
    assert failed == 0
