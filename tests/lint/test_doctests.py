"""The examples in docstrings are true."""

import doctest

import pytest

from techspec.lint import bands, names, sizes


@pytest.mark.parametrize("module", [bands, names, sizes], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_hold(module):
    failed, attempted = doctest.testmod(module)

    assert attempted > 0
    assert failed == 0
