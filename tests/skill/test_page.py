import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from techspec.skill.objections import objections
from techspec.skill.page import GRADES, LONGEST_FILE, Attempt, excerpt, read, read_file, visible

HEAD = "---\nname: some-skill\ndescription: what for\n---\n"
# fmt: off
PIECES = st.sampled_from([
    "---\n", "```", "~~~~", "```yaml\n", "# ", "## Failed Attempts\n", "| a | b |\n", "|---|---|\n",
    "- ", "<!--", "-->", "\0", "\r\n", "\n", ": ", "name:", "metadata:\n  ", "[", "&a ", "*a",
    "\ufeff", "\\|", "===\n", "| x | y | z |\n", "    ", "> ", "실패", "%YAML 9.9\n", '"\\U',
    "\u2028",
])
# fmt: on


def rows(page):
    return [(a.attempt, a.why, a.lesson) for a in read(HEAD + page).attempts]


@given(st.one_of(st.text(), st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join)))
@settings(max_examples=200, deadline=None)
@example("---\na: &a [*a]\n---\n")
@example("---\n" + "[" * 5000 + "\n---\n")
@example('---\nname: "\\UFFFFFFFF"\n---\n')
def test_any_text_gives_a_skill_whose_lines_lie_in_the_text(text):
    skill = read(text, Path("reg/some/SKILL.md"))

    last = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    listed = [*skill.problems, *skill.attempts, *skill.rows, *skill.blocks]
    assert skill.name
    assert all(1 <= item.line <= last for item in listed)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_in_a_file_give_a_skill(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.md"
    path.write_bytes(content)

    assert read_file(path, path.parent).name


def test_an_unquoted_colon_in_the_description_hides_nothing_and_is_reported_with_its_line():
    skill = read("---\nname: x\ndescription: Use for: this\ntags: [a, b]\n---\n")

    assert (skill.name, skill.description) == ("x", "Use for: this")
    assert skill.tags == ("a", "b")
    assert [problem.line for problem in skill.problems] == [3]


def test_dates_and_numbers_of_the_frontmatter_stay_as_they_are_written():
    skill = read("---\nname: x\ndescription: y\nmetadata:\n  date: 2025-12-29\n  v: 1.10\n---\n")

    assert skill.metadata == {"date": "2025-12-29", "v": "1.10"}


def test_a_page_without_frontmatter_takes_its_name_from_its_folder():
    skill = read("# Title\n\nFirst words.\n", Path("reg/my-skill/SKILL.md"))

    assert (skill.name, skill.description) == ("my-skill", "First words.")
    assert any("frontmatter" in problem.what for problem in skill.problems)


def test_a_frontmatter_that_never_ends_still_gives_name_and_body():
    skill = read("---\nname: x\ndescription: y\n\n# Title\n\n## Part\n")

    assert (skill.name, skill.title) == ("x", "Title")


def test_a_long_description_is_kept_whole_and_reported():
    skill = read(f"---\nname: x\ndescription: {'word ' * 300}\n---\n")

    assert len(skill.description) == 1499
    assert "1,499" in skill.problems[0].what


def test_windows_line_ends_and_nul_bytes_are_read_over():
    skill = read(HEAD.replace("\n", "\r\n") + "# A\0B\r\n")

    assert skill.title == "A B"
    assert [(problem.line, problem.what) for problem in skill.problems] == [(5, "NUL characters")]


def test_comments_in_code_are_no_headings_and_tables_in_code_no_attempts():
    page = "## Failed Attempts\n```bash\n# not a heading\n| A | Why |\n|---|---|\n| x | y |\n```\n"

    skill = read(HEAD + page)

    assert [section.title for section in skill.sections] == ["Failed Attempts"]
    assert skill.attempts == ()


def test_a_fence_inside_a_longer_fence_does_not_end_it():
    skill = read(HEAD + "````md\n```\n# inner\n```\n````\n# Outer\n")

    assert [section.title for section in skill.sections] == ["Outer"]


def test_a_fence_that_is_never_closed_swallows_nothing():
    skill = read(HEAD + "# Title\n```python\nx = 1\n\n## Failed Attempts\n- A: because B\n")

    assert [(a.attempt, a.why) for a in skill.attempts] == [("A", "because B")]
    assert [problem.line for problem in skill.problems] == [6]


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("Attempt | Why Failed | Lesson", "a | b | c", ("a", "b", "c")),
        ("Attempt | What Was Tried | Why It Failed | Lesson Learned", "n | a | b | c",
         ("n: a", "b", "c")),
        ("Approach | Fix | Problem", "a | c | b", ("a", "b", "c")),
        ("What was tried | Root cause", "a | b", ("a", "b", "")),
        ("Issue | Reason | Do this instead", "a | b | c", ("a", "b", "c")),
        ("Attempt | Strategy | Result | Lesson", "n | a | b | c", ("n: a", "b", "c")),
        ("Attempt | Why Failed | Lesson", "a | b | c | d", ("a", "b", "c | d")),
        ("Attempt | Why Failed | Lesson", "a", ("a", "", "")),
        ("Attempt | Why Failed | Lesson", r"a \| z | b | c", ("a | z", "b", "c")),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_words_and_ragged_rows_survive(header, row, expected):
    bars = "|".join(["---"] * (header.count("|") + 1))

    assert rows(f"## Failed Attempts\n| {header} |\n|{bars}|\n| {row} |\n") == [expected]


def test_failed_attempts_are_read_from_lists_prose_and_sub_headings():
    assert rows("## What didn't work\n- **Adam**: it diverged\n- SGD — too slow\n") == [
        ("Adam", "it diverged", ""),
        ("SGD", "too slow", ""),
    ]
    assert rows("## Failed Attempts\nWe tried Adam. It diverged.\n") == [
        ("We tried Adam", "It diverged.", "")
    ]
    assert rows(
        "## Failed Attempts\n### Adam\n**Why it failed**: diverged\n\n**Lesson**: use SGD\n"
    ) == [("Adam", "diverged", "use SGD")]


def test_a_failed_attempt_has_no_labels_in_its_words_and_none_with_nothing_behind_it():
    tried = "### Adam\n**What was tried:**\n```\nadam()\n```\n**Why it failed**:\n- no decay\n"
    in_one = "### SGD\n**What was tried**: lr 9.\n**Why it failed**: NaN.\n**Lesson**: less\n"

    assert rows(f"## Failed Attempts\n{tried}{in_one}") == [
        ("Adam", "no decay", ""), ("SGD: lr 9.", "NaN.", "less")
    ]  # fmt: skip


def test_a_number_that_only_counts_the_rows_names_no_attempt():
    table = "## Failed Attempts\n| {} | What | Why Failed |\n|---|---|---|\n| {} | Adam | NaN |\n"

    assert rows(table.format("#", "1")) == [("Adam", "NaN", "")]
    assert rows(table.format("Attempt", "2.")) == [("Adam", "NaN", "")]
    assert rows(table.format("lr", "2"))[0][0] == "2"


def test_a_table_that_is_broken_is_quoted_as_no_attempt():
    assert rows("## Failed Attempts\n| a | b |\n| -- - | no |\n\n\\| c \\| d \\|\n") == []


def test_a_table_of_attempts_counts_in_any_section_and_a_title_with_failure_makes_none():
    assert rows("## Notes\n| Attempt | Why it failed |\n|---|---|\n| a | b |\n") == [("a", "b", "")]
    assert rows("# Failure analysis: failed attempts\n- look at the loss\n") == []


def test_a_row_of_four_columns_that_says_nothing_is_set_apart():
    head = "| Attempt | What Was Tried | Why It Failed | Lesson Learned |\n|---|---|---|---|\n"
    empty = "| N/A | Direct approach worked | N/A | Solution was straightforward |\n"

    skill = read(HEAD + "## Failed Attempts\n" + head + empty + "| SGD | lr 1 | NaN | lower |\n")

    assert [attempt.line for attempt in skill.attempts] == [9]
    assert [attempt.line for attempt in skill.empty_attempts] == [8]


def test_rows_that_say_nothing_are_set_apart():
    table = "| Attempt | Why | Lesson |\n|---|---|---|\n"
    empty = "| N/A | Direct approach worked | N/A |\n| None | - | |\n"

    skill = read(HEAD + "## Failed Attempts\n" + table + empty + "| real | reason | |\n")

    assert skill.attempts == (Attempt("real", "reason", "", 10),)
    assert [attempt.line for attempt in skill.empty_attempts] == [8, 9]


def test_a_block_of_parameters_keeps_its_section_and_line():
    skill = read(HEAD + "## Results & Parameters\n```yaml\ntheta: 100\n```\n")

    assert [(b.section, b.line, b.text) for b in skill.parameters] == [
        ("Results & Parameters", 6, "theta: 100")
    ]


def test_a_table_that_says_what_the_page_is_about_holds_no_values_to_copy():
    skill = read(
        HEAD + "## Overview\n| Field | Value |\n|---|---|\n| Date | 2026-02-19 |\n"
        "## Results & Parameters\n| Item | Value |\n|---|---|\n| theta | 100 |\n"
        "## Overview\n| Field | Default | Note |\n|---|---|---|\n| lr | 0.001 | constant |\n"
    )

    assert [row.text for row in skill.settings] == [
        "theta: 100",
        "Field: lr; Default: 0.001; Note: constant",
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("## Results\n- Measured on 4 cores:\n- 5.6 a second\n", ["5.6 a second"]),
        ("## Results\n**Why it matters:**\n\nText.\n", []),
        ("| Field | Value |\n|---|---|\n| **Outcome** | ✅ Success |\n", []),
        ("| Field | Value |\n|---|---|\n| Outcome | 4x faster |\n", ["Outcome: 4x faster"]),
        ("## Outcomes\n- request changes\n- 実験は成功した\n", ["実験は成功した"]),
        ("## Use\n- Finding bugs in old commits\n- `result-diagnosis` when new\n", []),
        ("## Use\n- **Key insight** — warm up slowly\n", ["**Key insight** — warm up slowly"]),
        ("# Figure Results Review\n- the user has a figure or a plot\n", []),
        ("## Step 4 - Draft the results\n- say what was measured\n", []),
        ("## Phase 2: Results\n- warm up for longer\n", ["warm up for longer"]),
        ("## Results\n| Parameter | Value |\n|---|---|\n| batch | 128 |\n", []),
    ],
)  # fmt: skip
def test_a_finding_is_a_row_that_says_what_came_out(body, told):
    assert [row.text for row in read(HEAD + body).findings] == told


def test_an_item_is_told_with_the_bold_label_of_its_list():
    skill = read(
        HEAD + "## Limitations\n**Made for:**\n- small molecules\n\n**Not made for:**\n\n"
        "- large ones\n\nElse:\n- nothing known\n## Use\n**Key findings:**\n- wider is better\n"
    )

    assert [row.text for row in skill.cautions] == [
        "**Made for:** small molecules", "**Not made for:** large ones", "nothing known"
    ]  # fmt: skip
    assert [row.text for row in skill.findings] == ["**Key findings:** wider is better"]


def test_what_was_measured_is_no_value_to_copy():
    body = "## Results\n| Metric | Value |\n|---|---|\n| loss | 0.3 |\n```\n54 passed\n```\n"

    assert (read(HEAD + body).settings, read(HEAD + body).parameters) == ((), ())


@pytest.mark.parametrize(
    ("row", "evidence"),
    [
        ("54 tests pass on CI", "reported"),
        ("loss falls to 0.31", "reported"),
        ("(4x) as fast", "reported"),
        ("merged on 2026-07-16 as #1182", "anecdote"),
        ("fixed in v3.7.6 and 3.12.1", "anecdote"),
        ("the fp16 kernel at `norm.py:371` fails", "anecdote"),
    ],
)
def test_only_a_number_that_may_be_measured_makes_a_report_of_an_anecdote(row, evidence):
    assert read(HEAD + f"## Results\n- {row}\n").evidence == evidence


def test_an_excerpt_keeps_what_may_be_quoted_to_a_goal_and_nothing_else():
    skill = read(
        HEAD + "## Failed Attempts\n- SGD: slow\n## Steps\n- install\n- **Finding**: 94 %\n"
        "## Results\n- 95 %\n```yaml\na: 1\n```\n## Limitations\n- one seed\n"
        "## Tables\n| Parameter | Use |\n|---|---|\n| theta | 100 |\n```python\nb = 2\n```\n"
    )

    told = excerpt(skill)

    kept = ("attempts", "findings", "cautions", "settings", "parameters", "evidence", "tags")
    assert [getattr(told, part) for part in kept] == [getattr(skill, part) for part in kept]
    assert [row.text for row in told.rows] == [
        "**Finding**: 94 %", "95 %", "one seed", "Parameter: theta; Use: 100"
    ]  # fmt: skip
    assert [block.text for block in told.blocks] == ["a: 1"]
    assert (told.sections, told.problems) == ((), ())


def test_a_file_that_cannot_be_opened_is_a_skill_with_a_problem(tmp_path):
    skill = read_file(tmp_path / "gone" / "SKILL.md", tmp_path)

    assert skill.name == "gone"
    assert "cannot be read" in skill.problems[0].what


def test_a_huge_file_is_cut_and_thousands_of_open_fences_take_no_time(tmp_path):
    path = tmp_path / "huge.md"
    path.write_text("```a\n" * (LONGEST_FILE // 5) + "more")

    skill = read_file(path, tmp_path)

    assert any("bytes" in problem.what for problem in skill.problems)


@pytest.mark.parametrize(
    "line",
    ["# a" + " " * 19_000 + "b", "- " + "." * 19_000 + "x", "|" * 19_000, "> " * 9_000,
     "-" * 19_000, "## " + "fail " * 3_800, "* " * 9_000, "a" * 19_000 + "@"],
)  # fmt: skip
def test_no_line_is_slow_to_read(line):
    page = f"## Failed Attempts\n{line}\n| a | b |\n|---|---|\n| {line} | {line} |\n"

    began = time.process_time()
    read(HEAD + page)
    objections("some-skill", {"SKILL.md": HEAD + page})

    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    "lines",
    [
        ("| a |\n" + " " * 900 + "-" + " " * 900 + "x|\n") * 100,
        "text\n```" + " " * 200_000 + "a" * 200_000 + "`\n",
        "text\n" + "~" * 200_000 + "`\n",
        "## Failed Attempts\n" + ("- a" + " " * 19_000 + "b\n") * 50,
    ],
    ids=["nearly a table", "nearly a fence", "nearly a fence of tildes", "wide gaps"],
)
def test_lines_on_which_a_match_that_goes_back_takes_minutes_are_read(lines):
    assert read(HEAD + lines).description == "what for"


def test_what_a_short_row_lacks_is_added_up_to_a_limit():
    page = "|" + "a|" * 5_000 + "\n|-|\n" + "|x\n" * 50 + "|" + "y|" * 4_990 + "\n"

    found = read(HEAD + page).rows

    assert [len(row.cells) for row in found] == [21] * 50 + [5_000]
    assert all(len(row.header) == len(row.cells) for row in found)
    assert found[0].text == "a: x"


def test_quoted_text_loses_all_that_could_act():
    text = "## Do `this` <!-- hidden --> now\x1b[31m\u202e **bold**\n# next <!-- open"

    assert visible(text) == "Do this now[31m bold # next"


MARKUP = st.sampled_from([
    "`", "*", "**", "[", "]", "[zz:9", "zz:9]", ", one run", "[zz:9, reported", ":", "]: # ",
    "<!--", "-->", "<!", "--", "#", ">", " ", "    ", "\n", "~~~", "\u200b", "\r", "word", "\\",
])  # fmt: skip
CITES = re.compile(rf"(?<!\w)\[[\w.+#-]+:\d+\]|\[[\w.+#-]+:\d+, ({'|'.join(GRADES)})")


@given(st.one_of(st.text(), st.lists(MARKUP, max_size=25).map("".join)))
@settings(max_examples=1_000, deadline=None)
@example("works [`zz:9`]")
@example("works [zz:**9**]")
@example("works [zz:9,  one\nrun]")
@example("[zz:9, one run [zz:9]]")
@example("[zz:9, one run[zz:9]")
@example("> [x]: # hidden")
@example("[x [zz:9]]: # hidden")
@example("<!`-- hidden -->")
def test_what_is_visible_stays_so_and_cites_nothing(text):
    shown = visible(text)

    assert visible(shown) == shown
    assert not CITES.search(shown)
    assert "<!--" not in shown
