import doctest
import importlib
from pathlib import Path

import pytest

import techspec.stats

MODULES = sorted(path.stem for path in Path(techspec.stats.__path__[0]).glob("[a-z]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name):
    module = importlib.import_module(f"techspec.stats.{name}")

    result = doctest.testmod(module)

    assert result.failed == 0
    assert result.attempted > 0
