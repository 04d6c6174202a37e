"""What holds for every rule."""

import re
from pathlib import Path

import pytest

from techspec.lint.check import check
from techspec.lint.rules import RULES
from techspec.plan.trainer import NoTrainer

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
RULES_FOLDER = Path(__import__("techspec.lint.rules").lint.rules.__file__).parent


@every_rule
def test_a_rule_bites_its_bad_example_where_it_is_marked_and_nowhere_else(
    rule, trainer, case_of, marked
):
    found = rule.check(case_of(rule.bad, trainer))

    lines = [(finding.line, finding.code) for finding in found]
    assert sorted(lines) == [mark for mark in marked(rule.bad) if mark[1] == rule.code] != []


@every_rule
def test_a_rule_spares_its_good_example(rule, trainer, case_of):
    assert list(rule.check(case_of(rule.good, trainer))) == []


def test_every_rule_file_is_listed_once_and_in_the_order_of_its_code():
    files = sorted(path.stem for path in RULES_FOLDER.glob("ts*.py"))

    listed = [f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in RULES]
    assert listed == files


@every_rule
def test_a_rule_says_what_why_and_when_to_break_it(rule):
    what = rule.__doc__.partition("\n")[0]

    assert re.fullmatch(r"[A-Z].*\.", what)
    assert "\n    ## Why\n" in rule.__doc__
    assert "\n    ## When to break it\n" in rule.__doc__


@every_rule
def test_a_finding_names_a_fix_that_is_a_sentence_and_leaves_no_blank_unfilled(
    rule, trainer, case_of
):
    for finding in rule.check(case_of(rule.bad, trainer)):
        assert finding.fix.endswith((".", "?", "`"))
        assert finding.fix[0].islower()
        assert "{" not in finding.message.replace("{d_", "")


@every_rule
def test_no_example_is_bitten_by_another_rule_for_what_its_own_rule_says(
    rule, trainer, case_of, marked
):
    marks = marked(rule.bad)

    case = case_of(rule.bad, trainer)
    found = [(f.line, f.code) for f in check(case.spec, trainer, case.trainer_problem, case._known)]
    # Line 1 is where missing sections are reported: examples are short.
    same_line = [pair for pair in found if pair[0] in {line for line, _ in marks} - {1}]
    assert [code for _, code in same_line] == [code for line, code in marks if line != 1]


def test_rules_that_need_a_trainer_stay_silent_where_it_tells_nothing(case_of):
    silent = {"TS204", "TS205", "TS210", "TS216", "TS217", "TS305"}

    for rule in RULES:
        found = list(rule.check(case_of(rule.bad, NoTrainer())))
        assert bool(found) == (rule.code not in silent), rule.code
