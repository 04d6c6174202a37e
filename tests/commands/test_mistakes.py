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


ASKS_A_REGISTRY = [
    ["advise", "perceptron"], ["tried", "averaging"], ["lint"], ["skills"],
    ["skills", "search", "perceptron"], ["skills", "show", "x"], ["skills", "index"],
]  # fmt: skip


@pytest.mark.parametrize("name", ["x" * 300, "loop"])
def test_a_registry_whose_name_leads_nowhere_is_told_as_one(project, techspec, name):
    (project / "loop").symlink_to("loop")

    said = techspec("tried", "averaging", "--registry", name)

    assert said.code == 2
    assert f"{name}' (--registry) cannot be read: " in said.err


def test_a_source_that_leads_in_a_circle_stops_no_answer(project, techspec):
    (project / "registry").mkdir(exist_ok=True)
    (project / "registry/loop").symlink_to("loop")
    (project / "registry/sources.txt").write_text("loop\n")

    said = techspec("tried", "a sourdough of rye")

    assert said.code == 1
    assert "sources.txt:1: the registry" in said.err


@pytest.mark.parametrize("words", ASKS_A_REGISTRY, ids=" ".join)
def test_a_registry_that_is_named_and_not_there_is_no_empty_one(
    project, techspec, words, monkeypatch
):
    by_flag = techspec(*words, "--registry", "typo")
    monkeypatch.setenv("TECHSPEC_REGISTRY", "registry:TECHSPEC.md")
    by_variable = techspec(*words)

    assert (by_flag.code, by_variable.code) == (2, 2)
    assert "typo' (--registry) cannot be read: No such file" in by_flag.err
    assert "mkdir -p" in by_flag.err
    assert "TECHSPEC.md' ($TECHSPEC_REGISTRY) cannot be read: Not a directory" in by_variable.err
    assert not (project / "typo").exists()


def test_the_projects_own_registry_may_not_be_there_yet(project, techspec, monkeypatch):
    (project / "registry").rmdir()
    (project / ".git").mkdir()

    asked = techspec("tried", "averaging the weights")
    monkeypatch.setenv("TECHSPEC_REGISTRY", "registry")
    named = techspec("tried", "averaging the weights")
    indexed = techspec("skills", "index")

    assert (asked.code, named.code) == (1, 1)
    assert asked.err == named.err == ""
    assert indexed.code == 2
    assert "(the project's own) cannot be read" in indexed.err
    assert not (project / "registry").exists()


def test_a_source_that_is_missing_on_this_machine_is_told_and_stops_nothing(project, techspec):
    (project / "registry/sources.txt").write_text("# of the team\n../shared\n")

    said = techspec("advise", "perceptron")
    checked = techspec("doctor")

    assert "registry/sources.txt:2: the registry" in said.err
    assert "shared' cannot be read" in said.err
    assert said.out
    assert "MEND  registry:" in checked.out
    assert "sources.txt:2" in checked.out


def test_a_list_of_sources_that_is_no_text_is_told_and_kept(project, techspec, tmp_path):
    (project / "registry/sources.txt").write_bytes(b"../shared\n\xff")
    (tmp_path / "other").mkdir()

    asked = techspec("tried", "averaging the weights")
    added = techspec("skills", "import", tmp_path / "other", "--as-source")

    assert "sources.txt cannot be read: byte 10 is not UTF-8" in asked.err
    assert asked.code == 1
    assert added.code == 2
    assert "byte 10 is not UTF-8" in added.err
    assert (project / "registry/sources.txt").read_bytes() == b"../shared\n\xff"


@pytest.mark.parametrize(
    "words", [["advise", ""], ["tried", " "], ["skills", "search", ""], ["skills", "show", ""],
              ["skills", "import", ""]]
)  # fmt: skip
def test_an_empty_question_is_a_mistake_and_no_answer(project, techspec, words):
    said = techspec(*words)

    assert said.code == 2
    assert "is a variable not set?" in said.err


def test_the_index_page_replaces_no_other_file_and_makes_no_folder(project, techspec):
    before = (project / "TECHSPEC.md").read_text()

    over = techspec("skills", "index", "--out", "TECHSPEC.md")
    beyond = techspec("skills", "index", "--out", "typo/index.html")
    folder = techspec("skills", "index", "--out", ".")

    assert (over.code, beyond.code, folder.code) == (2, 2, 2)
    assert "TECHSPEC.md is there already and is no page" in over.err
    assert "typo/index.html cannot be written: its folder is not there" in beyond.err
    assert (project / "TECHSPEC.md").read_text() == before
    assert not (project / "typo").exists()
    assert techspec("skills", "index").code == techspec("skills", "index").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--project", "typo"], "'typo' (--project) cannot be served: No such file"),
        (["--project", "TECHSPEC.md"], "(--project) cannot be served: Not a directory"),
        (["--registry", "typo"], "typo' (--registry) cannot be read: No such file"),
        (["--http", "--registry", "typo"], "typo' (--registry) cannot be read: No such file"),
        (["--name", "lab.example"], "add --http"),
        (["--registry", ""], "is a variable not set?"),
    ],
)
def test_serve_starts_nothing_that_would_serve_nothing(project, techspec, monkeypatch, words, said):
    monkeypatch.setattr("os.execv", lambda *command: pytest.fail(f"it started {command}"))

    refused = techspec("serve", *words)

    assert refused.code == 2
    assert said in refused.err


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

    said, linted = techspec("plan"), techspec("lint")

    assert said.code == 2
    assert "trainr --fast" in said.err
    assert linted.code == 1
    assert "TS307" in linted.out
    assert "TS303" in linted.out  # the rules that need no trainer have their say all the same


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


def test_a_skill_name_that_climbs_out_is_refused(finished, techspec):
    said = techspec("retrospective", "--name", "../../x")

    assert said.code == 2
    assert "'../../x'" in said.err
    assert not (finished.parent.parent / "x").exists()


def test_a_ledger_with_half_a_last_line_is_judged_and_goes_on(finished, techspec):
    ledger = of_spec(finished / "TECHSPEC.md").ledger
    before = techspec("judge").out
    ledger.write_bytes(ledger.read_bytes() + b'{"n": 99, "ev')

    assert techspec("judge").out == before
    assert techspec("run").code == 0


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ("description: [x\n", "line 2: "),
        ("workflow:\n- a\ntags: 2026-13-01\n", "month must be in 1..12"),
        ("- a\n", "it is a list"),
        ("description: 5\n", "read: description: 5 "),
        ("attempts: [{attempt: a}]\n", "attempt 1 lacks why"),
        ("attempts: [{attempt: a, why: b, leson: c}]\n", "attempt 1 has no key 'leson'"),
        ("\ud83d", "byte 0 is not UTF-8"),
    ],
)
def test_notes_that_cannot_be_read_are_told_by_place_and_in_words(project, techspec, notes, said):
    (project / "notes.yaml").write_bytes(notes.encode("utf-8", "surrogatepass"))

    refused = techspec("retrospective", "--lesson", "--notes", "notes.yaml")
    missing = techspec("retrospective", "--lesson", "--notes", "nope.yaml")

    assert (refused.code, missing.code) == (2, 2)
    assert said in refused.err
    assert "nope.yaml holds no notes that can be read: No such file" in missing.err
    assert "__init__" not in refused.err
    assert "Errno" not in missing.err


def test_a_lesson_of_an_attempt_may_be_left_out(project, techspec):
    (project / "notes.yaml").write_text(
        "description: Use when a perceptron stalls on overlapping clouds.\n"
        "attempts: [{attempt: averaging the weights, why: no gain over ten seeds}]\n"
    )

    saved = techspec("retrospective", "--lesson", "--name", "stalls", "--notes", "notes.yaml")

    assert saved.code == 0, saved.err
    assert "averaging the weights" in (project / "registry/stalls/SKILL.md").read_text()


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


def test_stopping_what_does_not_run_is_a_no(finished, techspec):
    assert techspec("stop").code == 1
    assert not ask_to_stop(of_spec(finished / "TECHSPEC.md"))


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_ends_in_an_example(techspec, verb):
    said = techspec(verb, "--help")

    assert said.code == 0
    assert said.out.rstrip().splitlines()[-1].startswith(f"example: techspec {verb}")


def test_an_unknown_rule_is_answered_with_near_ones(techspec):
    said = techspec("explain", "TS21")

    assert said.code == 2
    assert "take TS2" in said.err


def test_every_rule_can_be_explained(techspec):
    page = techspec("explain", "TS209").out

    assert "## Why" in page
    assert json.loads(techspec("explain", "TS209", "--json").out)["page"] == page.rstrip()


@pytest.mark.parametrize("name", ["trainer.py", "random.py", "techspec.py", "json.py"])
def test_a_file_of_the_users_does_not_take_the_place_of_ours(project, techspec, name):
    (project / "TECHSPEC.md").write_text(
        "## Hypotheses\n1. `exact_match(depth=1) > exact_match(depth=2) by 2pt`\n"
        "## Budget Constraints\n- Max GPU hours: 9\n"
    )
    (project / name).write_text("raise SystemExit('mine ran')")

    planned, ran = techspec("plan"), techspec("run", "--detach")
    techspec("stop")

    assert planned.code == 0
    assert "10 trials" in planned.out
    assert ran.code == 0
    assert "mine ran" not in planned.out + planned.err + ran.out + ran.err


def test_two_specs_never_share_a_campaign(tmp_path):
    names = ["実験.md", "研究.md", "my study.md", "my-study.md", "TECHSPEC_1.md", "TECHSPEC-1.md"]

    folders = {of_spec(tmp_path / name).path for name in names}

    assert len(folders) == len(names)
    assert of_spec(tmp_path / "TECHSPEC.md").name == "techspec"


def test_results_are_written_through_a_link_and_the_link_stays(finished, techspec):
    spec, link = finished / "TECHSPEC.md", finished / "LINK.md"
    link.symlink_to(spec)

    assert techspec("report", "LINK.md").code == 0

    assert link.is_symlink()
    assert "techspec:results" in spec.read_text()


def test_a_page_never_replaces_a_file_that_is_none(finished, techspec):
    before = (finished / "TECHSPEC.md").read_text()

    said = techspec("report", "--page", "TECHSPEC.md", "--no-write")

    assert said.code == 2
    assert (finished / "TECHSPEC.md").read_text() == before


def test_what_a_spec_says_cannot_steer_the_terminal(project, techspec):
    (project / "TECHSPEC.md").write_text(CLAIM.replace("1. ", "1. \x1b]0;pwned\x07\x1b[2J") + RUN)

    assert "\x1b" not in techspec("lint").out + techspec("plan").out


def test_a_reason_that_looks_like_markup_is_shown_as_it_is(project, techspec):
    (project / "trainer.py").write_text(
        "import json, sys\n"
        "for t in json.load(open(sys.argv[2])).get('trials', sys.exit(1) if 'cost' in sys.argv"
        " else []):\n"
        "    print(json.dumps({'event': 'ended', 'trial': t['trial'], 'outcome': 'refused',"
        " 'reason': '[/bold] is missing'}))\n"
    )

    said = techspec("run")

    assert "refused: [/bold] is missing" in said.out


def test_one_damaged_campaign_does_not_hide_the_others(finished, techspec):
    other = finished / "other" / ".techspec" / "techspec"
    other.mkdir(parents=True)
    (other / "ledger.jsonl").write_text("not an event\n")

    said = techspec("status")

    assert said.code == 0
    assert "24 of 24 done" in said.out
    assert "other" in said.out


def test_a_campaign_whose_runner_died_at_the_very_end_is_put_in_order(finished, techspec):
    ledger = of_spec(finished / "TECHSPEC.md").ledger
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:-1]))  # no runner_stopped
    assert "interrupted" in techspec("status").out

    assert techspec("run").code == 0

    assert "complete" in techspec("status").out
