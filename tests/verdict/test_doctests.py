import doctest

from techspec.report import charts, tables
from techspec.verdict.words import numbers


def test_the_examples_in_the_docstrings_are_true():
    for module in (numbers, tables, charts):
        result = doctest.testmod(module)
        assert result.failed == 0
        assert result.attempted > 0
