import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["ablate", "budget", "order"])
def test_the_examples_in_the_docstrings_of_planning_are_true(name):
    module = importlib.import_module(f"techspec.plan.{name}")

    result = doctest.testmod(module)

    assert result.failed == 0
    assert result.attempted > 0
