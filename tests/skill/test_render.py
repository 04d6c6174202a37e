import pytest
from jinja2 import UndefinedError

from techspec.render import cell, quoted, render


def test_a_value_that_nobody_gave_is_an_error():
    with pytest.raises(UndefinedError):
        render("SKILL.md.j2")


def test_cells_and_yaml_values_stay_on_one_line():
    assert cell("a\n| b") == "a \\| b"
    assert quoted('say "a"\nb: c') == '"say \\"a\\" b: c"'
