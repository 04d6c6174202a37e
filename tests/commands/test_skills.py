import json
import shutil

import pytest

NOTES = """\
description: Use when a small transformer adds integers but loses the carry between digits.
workflow: [Reverse the digits of the answer.]
findings: [The order of digits matters more than depth.]
author: Ana
"""
HEAD = "---\nname: {name}\ndescription: Use when a transformer loses the carry of digits\n---\n"


@pytest.fixture
def notes(project):
    path = project / "notes.yaml"
    path.write_text(NOTES)
    return path


def put(project, name, text=None):
    path = project / "registry" / name / "SKILL.md"
    path.parent.mkdir()
    path.write_text((text or HEAD + "# T\n").format(name=name))
    return path


def test_a_lesson_is_saved_found_and_linted(project, techspec, notes):
    saved = techspec("retrospective", "--lesson", "--name", "carry", "--notes", notes)

    assert saved.code == 0
    assert "version 1" in saved.out
    assert "carry" in techspec("skills", "search", "carry between digits").out
    assert techspec("skills", "lint", "carry").code == 0
    assert "anecdote" in techspec("advise", "integer addition carry between digits").out


UNFIT = """\
description: Use when a small transformer adds integers but loses the carry between digits.
attempts:
- {attempt: deeper, why: the loss stayed at 0.7}
- attempt: dropout
  lesson: do better
  why: it failed
findings: [Order matters., Ask ana@lab.org.]
"""


def test_what_cannot_be_shared_is_named_where_the_user_wrote_it(project, techspec, notes):
    notes.write_text(UNFIT)

    said = techspec("retrospective", "--lesson", "--name", "carry", "--notes", notes).err

    assert f"{notes}:6: attempts[1].why: a failed attempt without the reason: 'dropout'" in said
    assert f"{notes}:7: findings[1]: an e-mail address, 'ana@lab.org'" in said
    assert "SKILL.md" not in said
    assert said.count("fix: ") == 3


def test_a_twin_of_another_is_refused_with_the_options_that_settle_it(project, techspec, notes):
    techspec("retrospective", "--lesson", "--name", "carry", "--notes", notes)
    notes.write_text(NOTES.replace("Ana", "Ben"))
    words = ["retrospective", "--lesson", "--name", "carries", "--notes", notes]

    refused = techspec(*words)
    differs = techspec(*words, "--differs", "base 100")

    assert refused.code == 2
    assert "--update carry:" in refused.err
    assert differs.code == 0
    assert "Not the same as `carry`" in (project / "registry/carries/SKILL.md").read_text()


def test_a_page_that_was_named_is_not_written_into_ones_own_of_another_name(
    project, techspec, notes
):
    techspec("retrospective", "--lesson", "--name", "carry", "--notes", notes)
    page = project / "registry/carry/SKILL.md"
    before = page.read_text()
    words = ["retrospective", "--lesson", "--notes", notes]
    notes.write_text(NOTES.replace("depth", "width"))

    refused = techspec(*words, "--name", "carries")

    assert refused.code == 2
    assert "--name carry:" in refused.err
    assert "--differs 'HOW'" in refused.err
    assert page.read_text() == before
    assert "version 2" in techspec(*words, "--name", "carry").out
    assert "version 1" in techspec(*words, "--name", "carries", "--differs", "base 100").out


def test_a_branch_outside_git_is_a_mistake_with_its_fix(project, techspec, notes):
    said = techspec("retrospective", "--lesson", "--notes", notes, "--branch")

    assert said.code == 2
    assert "git init" in said.err
    assert list((project / "registry").iterdir()) == []


BAD = """\
---
name: elsewhere
description: "{long}"
argument-hint: x
metadata:
  tags: [a, b]
---
# T

## Failed Attempts

| Attempt | Why | Lesson |
|---|---|---|
| N/A | Direct approach worked | N/A |
| dropout | did not work | |
"""


def test_lint_lists_all_that_keeps_a_page_from_being_shared(project, techspec):
    put(project, "bad", BAD.replace("{long}", "carry digits transformer " * 60))
    put(project, "torn", "---\nname: torn\ndescription: [unclosed\n---\n# T\n")

    listed = json.loads(techspec("skills", "lint", "bad", "--json").out)["findings"]
    torn = techspec("skills", "lint", "torn")

    said = " / ".join(finding["message"] for finding in listed)
    for what in (
        "name 'elsewhere' is not 'bad'", "a description of 1,499", "unknown key 'argument-hint'",
        "'tags' is no text", "says nothing: 'N/A'", "without the reason: 'dropout'",
    ):  # fmt: skip
        assert what in said
    assert all(finding["fix"] and finding["line"] for finding in listed)
    assert torn.code == 1
    assert "not YAML" in torn.out


def test_lint_reports_a_circle_of_pages_that_supersede_each_other(project, techspec):
    for name, other in (("carry", "digits"), ("digits", "base"), ("base", "carry")):
        head = HEAD.format(name=name).replace(
            "\n---\n", f'\nmetadata:\n  supersedes: "{other}"\n---\n'
        )
        put(project, name, head + "# T\n")
    put(
        project,
        "apart",
        HEAD.replace("\n---\n", '\nmetadata:\n  supersedes: "carry"\n---\n') + "# T\n",
    )

    said = techspec("skills", "lint")
    one = techspec("skills", "lint", "digits")

    assert said.out.count("a circle of pages that supersede each other: ") == 3
    assert "digits/SKILL.md:5: a circle of pages that supersede each other: " in one.out
    assert all(name in one.out.splitlines()[0] for name in ("carry", "digits", "base"))
    assert techspec("skills", "lint", "apart").code == 0


def test_lint_looks_at_all_of_a_page_whose_name_has_the_word_link(project, techspec):
    put(project, "foo", HEAD.format(name="link-prediction") + "AKIA" + "A" * 16 + "\n")

    said = techspec("skills", "lint", "foo")

    assert "name 'link-prediction' is not 'foo'" in said.out
    assert "an AWS key" in said.out


def test_a_page_that_is_a_link_to_nothing_is_a_finding_and_stops_no_command(project, techspec):
    put(project, "carry")
    page = put(project, "gone")
    page.unlink()
    page.symlink_to("nowhere.md")

    linted = techspec("skills", "lint")
    shown = techspec("skills", "show", "gone")

    assert linted.code == 1
    assert "gone/SKILL.md:1: the file cannot be read" in linted.out
    assert shown.code == 2
    assert "'gone' cannot be read" in shown.err


def test_lint_reads_no_evidence_that_lies_outside_the_skill(project, techspec, tmp_path):
    page = put(project, "carry")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/runs.csv").write_text("AKIA" + "A" * 16)
    (page.parent / "evidence").symlink_to(tmp_path / "outside")

    said = techspec("skills", "lint", "carry").out

    assert "evidence/runs.csv:1: it cannot be read" in said
    assert "AWS" not in said


def test_what_an_answer_cites_is_shown_by_the_same_label(project, techspec, tmp_path):
    row = "## Failed Attempts\n| Attempt | Why |\n|---|---|\n| {} | it froze |\n"
    for folder, what in (("registry/a", "zebra stripes"), ("registry/b", "gecko scales")):
        path = project / folder / "SKILL.md"
        path.parent.mkdir()
        path.write_text(f"---\nname: twin\ndescription: Use for {what}\n---\n{row.format(what)}")

    listed = techspec("skills", "list").out
    advice = techspec("advise", "gecko scales").out
    tried = json.loads(techspec("tried", "gecko scales", "--json").out)["tried"]
    first, second = (techspec("skills", "show", name).out for name in ("twin", "twin#2"))
    shown = json.loads(techspec("skills", "show", "twin", "--json").out)

    assert [line.split()[0] for line in listed.splitlines() if "twin" in line] == ["twin", "twin#2"]
    assert "[twin#2:" in advice
    assert "[twin:" not in advice
    assert [each["skill"] for each in tried] == ["twin#2"]
    assert "zebra stripes" in first
    assert "ask for the others as twin#2 (" in first
    assert "may be cited as [twin#2:line]" in second
    assert "gecko scales" in second
    assert (shown["name"], shown["others"]) == ("twin", ["twin#2"])


def test_pages_of_one_name_are_merged_by_their_labels(project, techspec):
    for folder in ("a", "b"):
        put(project, folder, HEAD.format(name="carry") + "# T\n")

    assert "other  carry#2 (" in techspec("skills", "dedupe").out
    assert techspec("skills", "dedupe", "--merge", "carry", "carry#2").code == 0
    assert "superseded-by" in (project / "registry/b/SKILL.md").read_text()


def test_dedupe_changes_nothing_unless_it_is_told_which_pair_to_merge(project, techspec):
    paths = [put(project, name) for name in ("carry", "carry-too")]
    before = [path.read_bytes() for path in paths]

    listed = techspec("skills", "dedupe")
    assert listed.code == 1
    assert "keep   carry (" in listed.out
    assert [path.read_bytes() for path in paths] == before

    assert techspec("skills", "dedupe", "--merge", "carry", "carry-too").code == 0
    assert "superseded-by" in paths[1].read_text()
    assert techspec("skills", "dedupe").code == 0


def test_a_registry_is_read_where_it_is_once_it_is_a_source(project, techspec, tmp_path):
    other = tmp_path / "other"
    put(project, "carry")
    shutil.move(project / "registry", other)
    (project / "registry").mkdir()

    assert techspec("skills", "import", other, "--as-source").code == 0
    assert "carry" in techspec("skills", "list").out
    assert [path.name for path in (project / "registry").iterdir()] == ["sources.txt"]


def test_the_index_page_is_written_into_the_registry(project, techspec):
    put(project, "carry")

    said = techspec("skills", "index")

    assert said.code == 0
    assert 'href="carry/SKILL.md"' in (project / "registry/index.html").read_text()


def test_a_page_without_numbers_does_not_verify_and_is_told_so_in_words(project, techspec, notes):
    put(project, "by-hand")
    techspec("retrospective", "--lesson", "--name", "carry", "--notes", notes)

    for name in ("by-hand", "carry"):
        said = techspec("skills", "verify", name)

        assert said.code == 1
        assert "no number of this page can be recomputed" in said.out
        assert "Errno" not in said.out
