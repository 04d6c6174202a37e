"""Bad input gets a sentence with its value and the way out, exit code 2, and nothing is lost."""

import json

import pytest

from techspec.cli import VERBS
from techspec.ledger.folder import of_spec
from techspec.ledger.journal import writing
from techspec.run.opening import ask_to_stop

CLAIM = "## Hypotheses\n1. `accuracy(overlap=0.5) > accuracy(overlap=1.0) by 2pt`\n"
RUN = "## Run\n```yaml\ntrainer: python trainer.py\nmetric: accuracy\n```\n"


@pytest.mark.parametrize("verb", ["lint", "plan", "run", "judge", "report", "retrospective"])
def test_a_missing_spec_is_named(project, techspec, verb):
    said = techspec(verb, "NOPE.md")

    assert said.code == 2
    assert "NOPE.md" in said.err
    assert "fix: " in said.err


def test_a_mistake_is_told_to_tools_as_json(project, techspec):
    said = techspec("lint", "NOPE.md", "--json")

    error = json.loads(said.out)["error"]
    assert (said.code, "NOPE.md" in error["what"], bool(error["fix"])) == (2, True, True)


def test_an_empty_spec_is_read_linted_and_has_nothing_to_run(project, techspec):
    (project / "TECHSPEC.md").write_text("")

    linted, ran = techspec("lint"), techspec("run")

    assert linted.code == 1
    assert ran.code == 2
    assert "no trial" in ran.err


def test_a_binary_file_is_not_taken_for_a_spec(project, techspec):
    (project / "TECHSPEC.md").write_bytes(b"# TECHSPEC\n\xff\xfe\x00")

    said = techspec("lint")

    assert said.code == 2
    assert "byte 11" in said.err


def test_a_spec_of_five_megabytes_is_refused_by_its_size(project, techspec):
    (project / "TECHSPEC.md").write_text("x" * 5_000_000)

    said = techspec("lint")

    assert said.code == 2
    assert "5,000,000" in said.err


def test_an_unknown_parameter_is_found_before_anything_is_run(project, techspec):
    (project / "TECHSPEC.md").write_text(
        CLAIM.replace("overlap", "overlapp") + RUN + "## Budget Constraints\n- Max experiments: 9\n"
    )

    linted, ran = techspec("lint"), techspec("run")

    assert "overlapp" in linted.out
    assert "overlap" in linted.out
    assert ran.code == 2
    assert "overlapp" in ran.err


def test_a_trainer_that_is_not_there_is_named(project, techspec):
    (project / "TECHSPEC.md").write_text(CLAIM + RUN.replace("python trainer.py", "trainr --fast"))

    said = techspec("plan")

    assert said.code == 2
    assert "trainr --fast" in said.err


def test_a_trainer_that_answers_nonsense_is_quoted(project, techspec):
    (project / "trainer.py").write_text("print('hello')")

    said = techspec("plan")

    assert said.code == 2
    assert "hello" in said.err


def test_a_folder_that_cannot_be_written_is_named(project, techspec):
    (project / ".techspec").write_text("a file where the campaigns go")

    said = techspec("run")

    assert said.code == 2
    assert ".techspec" in said.err


def test_a_second_runner_on_the_campaign_is_told_how_to_watch(project, techspec):
    with writing(of_spec(project / "TECHSPEC.md").ledger):
        said = techspec("run")

    assert said.code == 2
    assert "techspec status" in said.err


def test_a_skill_name_that_climbs_out_is_refused(project, techspec):
    techspec("run")

    said = techspec("retrospective", "--name", "../../x")

    assert said.code == 2
    assert "'../../x'" in said.err
    assert not (project.parent.parent / "x").exists()


def test_a_ledger_with_half_a_last_line_is_judged_and_goes_on(project, techspec):
    techspec("run")
    ledger = of_spec(project / "TECHSPEC.md").ledger
    before = techspec("judge").out
    ledger.write_bytes(ledger.read_bytes() + b'{"n": 99, "ev')

    assert techspec("judge").out == before
    assert techspec("run").code == 0


def test_a_registry_page_with_broken_yaml_is_still_found_and_reported(project, techspec):
    page = project / "registry" / "torn" / "SKILL.md"
    page.parent.mkdir()
    page.write_text("---\nname: torn\ndescription: [unclosed\n---\n# Torn\nPerceptron overlap.\n")

    assert "torn" in techspec("skills", "list").out
    linted = techspec("skills", "lint", "torn")
    assert linted.code == 1
    assert "SKILL.md:" in linted.out


def test_init_never_overwrites(project, techspec):
    before = (project / "TECHSPEC.md").read_text()

    said = techspec("init")

    assert said.code == 2
    assert (project / "TECHSPEC.md").read_text() == before


def test_a_new_spec_lints_clean_but_for_what_only_the_user_can_fill_in(project, techspec):
    techspec("init", "new/TECHSPEC.md", "--title", "Does depth help?")

    findings = json.loads(techspec("lint", "new/TECHSPEC.md", "--json").out)["findings"]

    assert [finding["code"] for finding in findings] == ["TS102", "TS104"]  # objective, context
    assert techspec("plan", "new/TECHSPEC.md").code == 0


def test_stopping_what_does_not_run_is_a_no(project, techspec):
    techspec("run")

    assert techspec("stop").code == 1
    assert not ask_to_stop(of_spec(project / "TECHSPEC.md"))


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_ends_in_an_example(techspec, verb):
    said = techspec(verb, "--help")

    assert said.code == 0
    assert said.out.rstrip().splitlines()[-1].startswith(f"example: techspec {verb}")


def test_an_unknown_rule_is_answered_with_near_ones(techspec):
    said = techspec("explain", "TS21")

    assert said.code == 2
    assert "TS214" in said.err


def test_every_rule_can_be_explained(techspec):
    assert "one" in techspec("explain", "TS209").out.lower()
