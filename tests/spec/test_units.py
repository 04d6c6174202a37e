"""Numbers as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec.spec.units import hours, interval, quantity, value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("253K", 253000),
        ("3.18M", 3180000),
        ("3.2M", 3200000),
        ("1.5B", 1500000000),
        ("10,000", 10000),
        ("10000", 10000),
        ("−3", -3),
        ("-3", -3),
        ("1e-4", 0.0001),
        ("3E−3", 0.003),
        ("0.1", 0.1),
        (".5", 0.5),
        ("95%", 0.95),
        ("**91.5%**", 0.915),
        ("79.31 %", 0.7931),
        ("2pt", 0.02),
        ("2 pts", 0.02),
        ("2 points", 0.02),
        ("2pp", 0.02),
        ("2 percentage points", 0.02),
    ],
)
def test_a_number_form_has_its_value_and_type(text, number):
    found = quantity(text).value

    assert found == number
    assert type(found) is type(number)


def test_about_and_the_unit_are_kept():
    about = quantity("~1.05M")

    assert (about.value, about.text, about.approximate) == (1050000, "~1.05M", True)
    assert (quantity("95%").unit, quantity("2pp").unit, quantity("95").unit) == ("%", "pt", "")


@pytest.mark.parametrize("text", ["", "x", "64+", ">= 64", "1e999", "1.2.3", "1,00", "5 apples"])
def test_other_text_is_no_number(text):
    assert quantity(text) is None


@given(st.text() | st.from_regex(r"[~0-9.,eEkMB%pt +−-]{0,12}", fullmatch=True))
def test_no_text_raises(text):
    for read in (quantity, interval, value, hours):
        read(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_as_python_writes_it_comes_back(number):
    assert quantity(str(number)).value == number


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("0.1–0.3", (0.1, 0.3)),
        ("0-999", (0, 999)),
        ("85-95%", (0.85, 0.95)),
        ("85%–95%", (0.85, 0.95)),
        ("1e-4 - 3e-3", (0.0001, 0.003)),
        ("1e-4-3e-3", (0.0001, 0.003)),
        ("64 to 512", (64, 512)),
        ("250-500K", (250000, 500000)),
        ("64-1K", (64, 1000)),
        ("5", None),
        ("9-1", None),
        ("a-b", None),
    ],
)
def test_a_range_has_both_ends(text, ends):
    assert interval(text) == ends


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("3 minutes", "", 0.05),
        ("2h", "", 2),
        ("1.5 hours", "", 1.5),
        ("1h 30m", "", 1.5),
        ("90 s", "", 0.025),
        ("24", "hours", 24),
        ("24", "", None),
        ("soon", "hours", None),
    ],
)
def test_a_duration_is_in_hours(text, unit, expected):
    assert hours(text, unit) == expected


def test_a_value_is_a_boolean_a_number_or_the_text():
    assert value("True") is True
    assert value("false") is False
    assert value("~1M") == 1000000
    assert value("lsd") == "lsd"
    assert value("2025-12-29") == "2025-12-29"
