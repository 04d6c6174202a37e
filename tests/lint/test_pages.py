"""The pages of the rules."""

import pytest

from techspec.lint import pages
from techspec.lint.rules import RULES


def test_every_rule_has_its_page_and_every_page_is_fresh():
    assert pages.stale() == []


def test_a_page_that_was_edited_or_left_over_is_stale_until_it_is_written_again(tmp_path):
    pages.write(tmp_path)
    (tmp_path / "TS101.md").write_text("edited")
    (tmp_path / "TS999.md").write_text("left over")

    stale = pages.stale(tmp_path)

    assert stale == ["TS101.md", "TS999.md"]
    assert pages.write(tmp_path) == stale
    assert pages.stale(tmp_path) == []


def test_explain_finds_a_rule_by_code_or_name_in_any_case():
    rule = RULES[0]

    assert pages.explain(rule.code.lower()) == pages.explain(rule.name) == pages.page(rule)
    assert rule.bad in pages.explain(rule.code)


@pytest.mark.parametrize(
    ("asked", "offered"), [("TS109", "TS10"), ("no-budgets", "no-budget"), ("", "TS101")]
)
def test_an_unknown_code_names_the_near_ones(asked, offered):
    with pytest.raises(pages.UnknownRule) as error:
        pages.explain(asked)

    assert repr(asked) in error.value.what
    assert offered in error.value.fix


def test_the_index_links_every_rule():
    for rule in RULES:
        assert f"[{rule.code}]({rule.code}.md) | {rule.name}" in pages.index()
