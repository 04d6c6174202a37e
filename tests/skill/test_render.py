import pytest
from jinja2 import UndefinedError

from techspec.render import BadTemplate, cell, quoted, render, render_sandboxed


def test_a_value_that_nobody_gave_is_an_error():
    with pytest.raises(UndefinedError):
        render("SKILL.md.j2")


def test_a_users_template_reads_its_values_and_nothing_else():
    assert render_sandboxed("{{ a | cell }}\n", a="x|y") == "x\\|y\n"
    for source in (
        "{{ a.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ b }}",
        "{% if %}",
        "{{ values.append(1) }}",
        "{{ range(10**9) | list }}",
    ):
        with pytest.raises(BadTemplate):
            render_sandboxed(source, a="x", values=[])


def test_cells_and_yaml_values_stay_on_one_line():
    assert cell("a\n| b") == "a \\| b"
    assert quoted('say "a"\nb: c') == '"say \\"a\\" b: c"'
