import doctest
import importlib

import pytest

MODULES = ["budget", "claims", "criteria", "markup", "names", "ranges", "units"]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name):
    result = doctest.testmod(importlib.import_module(f"techspec.spec.{name}"))

    assert result.failed == 0
    assert result.attempted > 0
