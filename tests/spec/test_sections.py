"""What belongs to which section."""

from techspec.spec.reader import read


def test_titles_are_found_in_any_case_at_any_level_with_numbers_and_colons():
    spec = read("### 2. OBJECTIVE:\nLearn.\n\n# hypothesis\nIt works.\n")

    assert spec.objective == "Learn."
    assert [each.text for each in spec.hypotheses] == ["It works."]


def test_a_title_needs_no_techspec_in_front():
    assert read("# Addition\n\n## Objective\nx\n").title == "Addition"
    assert read("## Objective\nx\n").title == ""


def test_a_heading_in_a_code_block_or_comment_is_none():
    spec = read("```\n# Hypotheses\n1. a\n```\n<!--\n# Hypotheses\n1. b\n-->\n")

    assert spec.sections == ()
    assert spec.hypotheses == ()


def test_frontmatter_is_no_heading():
    spec = read("---\nname: x\n---\n# TECHSPEC: y\n")

    assert [section.title for section in spec.sections] == ["TECHSPEC: y"]


def test_a_heading_below_a_section_of_the_form_stays_part_of_it():
    spec = read("## Hypotheses\n### Primary\n1. a\n### Secondary\n1. b\n## Notes\n1. c\n")

    assert [(each.id, each.text) for each in spec.hypotheses] == [("H1", "a"), ("H2", "b")]


def test_nothing_under_results_is_read():
    spec = read("## Results\n### Hypotheses\n1. old\n### Arms\n| Arm | x |\n|--|--|\n| a | 1 |\n")

    assert spec.hypotheses == ()
    assert spec.arms == ()


def test_what_techspec_wrote_between_its_markers_is_not_read_even_with_headings_of_the_form():
    block = "<!-- techspec:results -->\n## Hypotheses\n1. old\n<!-- /techspec:results -->\n"
    spec = read(f"## Results\n{block}\n## Hypotheses\n1. new\n")

    assert [(each.text, each.line) for each in spec.hypotheses] == [("new", 8)]


def test_a_code_block_without_an_end_is_a_problem_on_its_line():
    spec = read("## Context\nx\n\n```python\ny\n## Hypotheses\n")

    assert [problem.line for problem in spec.problems] == [4]


def test_a_table_that_markdown_does_not_see_is_a_problem_on_its_line():
    spec = read("## Arms\n\n| Arm | d_model |\n| a | 1 |\n")

    assert [problem.line for problem in spec.problems] == [3]
