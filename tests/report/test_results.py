import re
import sys
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from techspec.ledger.state import State
from techspec.report.tables import band_of, duration
from techspec.spec.model import Band


def tables(text):
    """Cells of every table, as a reader of markdown sees them."""
    found, rows, cells = [], [], []
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            cells = []
        elif token.type in ("th_open", "td_open"):
            cells.append(tokens[place + 1].content)
        elif token.type == "tr_close":
            rows.append(cells)
        elif token.type == "table_close":
            found.append(rows)
    return found


def test_the_first_table_has_the_seeds_columns_and_a_row_a_hypothesis(campaign):
    verdicts, _ = tables(campaign.results())

    assert verdicts[0] == ["Hypothesis", "Confirmed?", "Evidence"]
    assert [row[1] for row in verdicts[1:]] == [f"**{v.outcome}**" for v in campaign.verdicts]
    for row, verdict in zip(verdicts[1:], campaign.verdicts, strict=True):
        assert verdict.sentence in row[2]


def test_the_second_table_tells_of_every_arm_its_seeds_and_their_range(campaign):
    _, arms = tables(campaign.results())
    by_name = {row[0]: row for row in arms[1:]}

    assert len(by_name) == len(campaign.plan.arms)
    assert by_name["Upper"][1:] == [
        "3.18M",
        "6",
        "96.1 %",
        "96.0 %",
        "95.4 % – 97.0 %",
        "Best case (6 of 6)",
    ]
    assert by_name["Middle"][2] == "6 (1 diverged)"
    assert by_name["Middle"][6] == "Minimum viable (4 of 6), Failure (1 of 6), diverged (1 of 6)"


def test_text_of_the_user_breaks_no_table_and_opens_no_comment(campaign):
    text = campaign.results()

    assert "<!--" not in text
    assert "<script" not in text
    assert {len(row) for row in tables(text)[0]} == {3}
    assert {len(row) for row in tables(text)[1]} == {7}


def test_what_was_spent_and_the_plan_stand_below(campaign):
    text = campaign.results()

    assert "experiments 21 of 50" in text
    assert "device time 1 h 2 min of 2 h" in text
    assert "wall clock 3 min 20 s (no limit)" in text
    assert campaign.plan.hash[:16] in text
    assert "the set was too small" in text


def test_there_are_results_before_the_first_run_and_without_success_criteria(campaign):
    plan = replace(campaign.plan, bands=())

    verdicts, arms = tables(replace(campaign, plan=plan, state=State()).results())

    assert len(verdicts) == 4
    assert {len(row) for row in arms} == {6}


def test_results_need_no_matplotlib(campaign, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    assert re.search(r"\| \*\*CONFIRMED\*\* \|", campaign.results())


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.97, "Best"),
        (0.95, "Best"),
        (0.90, "Good"),
        (0.75, "Fair"),
        (0.6, None),
        (0.5, None),
        (0.49, "Bad"),
    ],
)
def test_of_several_bands_a_value_falls_into_the_one_that_asks_most(value, name):
    bands = [
        Band("Best", "m", 1, ">95%", 0.95, None),
        Band("Good", "m", 1, "85-95%", 0.85, 0.95),
        Band("Fair", "m", 1, ">70%", 0.70, None),
        Band("Bad", "m", 1, "<50%", None, 0.50),
    ]

    found = band_of(bands, value, higher_is_better=True)

    assert (found.name if found else None) == name


def test_where_lower_is_better_the_band_that_asks_most_is_the_lowest():
    bands = [Band("Fair", "loss", 1, "<1", None, 1.0), Band("Best", "loss", 1, "<0.1", None, 0.1)]

    assert band_of(bands, 0.05, higher_is_better=False).name == "Best"
    assert band_of(bands, 0.5, higher_is_better=False).name == "Fair"


def test_durations_never_show_sixty_of_anything():
    for seconds in (59.6, 3599.6, 3570.0, 119.9, 7199.0, 86399.0):
        assert "60" not in duration(seconds)


def test_results_begin_with_what_weakens_them_all(campaign):
    spec = replace(campaign.spec, bands=campaign.spec.bands[1:])

    told, _, _ = replace(campaign, spec=spec).results().partition("| Hypothesis |")

    assert "The spec was edited after its plan was fixed" in told
    assert "Best case (>95%) is gone" in told
