"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import techspec


def _with_examples():
    """Names of the modules whose docstrings show an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for found in pkgutil.walk_packages(techspec.__path__, "techspec."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            if any(test.examples for test in finder.find(module)):
                yield found.name


@pytest.mark.parametrize("name", list(_with_examples()))
def test_the_examples_in_the_docstrings_hold(name):
    failed, tried = doctest.testmod(importlib.import_module(name))

    assert tried > 0
    assert failed == 0
