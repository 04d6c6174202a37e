"""The whole loop through the command line, with a trainer in 30 lines of plain Python."""

import json
import re
import subprocess
import sys
from pathlib import Path

from techspec.shipped import folder


def test_a_spec_goes_in_and_verdicts_a_page_results_and_a_skill_come_out(project, techspec):
    spec = project / "TECHSPEC.md"
    before = spec.read_text()

    assert techspec("lint").code == 0
    assert "26 trials (and up to 4 where claims stay open)" in techspec("plan").out
    ran = techspec("run")
    judged = techspec("judge")
    reported = techspec("report")
    saved = techspec("retrospective", "--name", "perceptron-data")
    advised = techspec("advise", "more data or cleaner data for a perceptron?")

    assert ran.code == 0
    assert "24/24" in ran.out
    assert "H1 CONFIRMED" in judged.out
    assert "H3 INCONCLUSIVE" in judged.out
    assert judged.code == 1  # a hypothesis is still open
    assert reported.code == 0
    assert spec.read_text().startswith(before)
    assert "**CONFIRMED**" in spec.read_text()
    assert (project / ".techspec/techspec/report.html").read_text().startswith("<!doctype html>")
    assert saved.code == 0
    assert "perceptron-data" in advised.out
    assert "10.5 pt (90 % interval 4.2 to 15.9 pt), 5 + 5 seeds" in advised.out
    assert techspec("skills", "verify", "perceptron-data").code == 0


def test_a_second_run_reuses_every_trial_and_says_so(finished, techspec):
    again = techspec("run")

    assert again.code == 0
    assert "reused" in again.out
    assert "24 of 24" in again.out


def test_progress_says_a_share_as_verdicts_do_though_the_trainer_states_no_unit(project, techspec):
    trainer = project / "trainer.py"
    trainer.write_text(trainer.read_text().replace('{"unit": "share"}', "{}"))

    ran, judged = techspec("run"), techspec("judge")

    assert len(re.findall(r"accuracy \d+\.\d %", ran.out)) == 24
    assert re.search(r"averaged \d+\.\d % accuracy", judged.out)


def test_people_are_told_as_tools_are_which_registered_trials_were_not_asked_for(project, techspec):
    ran = techspec("run")
    status = techspec("status")

    assert json.loads(techspec("status", "--json").out)["campaigns"][0]["spared"] == 6
    assert "6 more were registered and not asked for" in ran.out
    assert "behind the slash counts what open hypotheses ask for so far" in ran.out
    assert "registered 6 more" in status.out


def test_a_skill_whose_number_was_changed_does_not_verify(finished, techspec):
    techspec("retrospective", "--name", "perceptron-data")
    page = finished / "registry/perceptron-data/SKILL.md"
    page.write_text(page.read_text().replace("| 99.1 % |", "| 99.9 % |"))

    verified = techspec("skills", "verify", "perceptron-data")

    assert verified.code == 1
    assert "99.9 %" in verified.out


def test_saving_the_same_campaign_again_changes_nothing(finished, techspec):
    techspec("retrospective", "--name", "perceptron-data")
    page = (finished / "registry/perceptron-data/SKILL.md").read_bytes()

    again = techspec("retrospective", "--name", "perceptron-data")

    assert "says this already" in again.out
    assert (finished / "registry/perceptron-data/SKILL.md").read_bytes() == page


def test_an_edited_threshold_needs_a_reason_and_marks_every_verdict(finished, techspec):
    spec = finished / "TECHSPEC.md"
    spec.write_text(spec.read_text().replace("accuracy(clean) >= 95%", "accuracy(clean) >= 80%"))

    refused = techspec("run")
    amended = techspec("run", "--amend", "95 % was a typing error")
    judged = techspec("judge")

    assert refused.code == 2
    assert "95%" in refused.err
    assert "80%" in refused.err
    assert amended.code == 0
    assert judged.out.count("DEVIATED: 95 % was a typing error") == 4


def test_notes_in_yaml_reach_the_page_and_unknown_keys_are_named(finished, techspec):
    notes = finished / "notes.yaml"
    notes.write_text(
        "description: Use when a perceptron stalls on overlapping clouds.\n"
        "attempts:\n- {attempt: averaging the weights, why: no gain, lesson: clean the data}\n"
    )
    saved = techspec("retrospective", "--name", "with-notes", "--notes", notes)
    notes.write_text("descripton: oops\n")
    refused = techspec("retrospective", "--name", "with-notes", "--notes", notes)

    assert saved.code == 0
    assert "averaging the weights" in (finished / "registry/with-notes/SKILL.md").read_text()
    assert refused.code == 2
    assert "'descripton'" in refused.err


def test_tools_read_one_json_object(project, techspec):
    linted = json.loads(techspec("lint", "--json").out)
    planned = json.loads(techspec("plan", "--json").out)
    techspec("run", "--detach", "--json")
    techspec("status", "TECHSPEC.md", "--follow")
    status = json.loads(techspec("status", "--json").out)
    judged = json.loads(techspec("judge", "--json").out)
    reported = json.loads(techspec("report", "--json").out)
    saved = json.loads(techspec("retrospective", "--name", "x", "--json").out)
    advised = json.loads(techspec("advise", "perceptron accuracy with clean data", "--json").out)

    assert linted == {"findings": [], "notes": []}
    assert len(planned["plan"]["trials"]) == 26
    assert status["campaigns"][0]["condition"] == "complete"
    assert judged["verdicts"][0]["outcome"] == "CONFIRMED"
    assert Path(reported["page"]).exists()
    assert Path(saved["path"]).exists()
    assert advised["advice"]["sources"]


def test_agents_validate_the_page_that_was_saved(finished, techspec):
    techspec("retrospective", "--name", "perceptron-data")

    done = subprocess.run(
        [Path(sys.executable).with_name("agentskills"), "validate", "registry/perceptron-data"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_trainer_is_as_short_as_promised():
    source = (folder("examples") / "own-trainer" / "trainer.py").read_text().splitlines()

    code = [line for line in source if line.strip() and not line.startswith('"""')]

    assert len(code) <= 32


def test_a_claim_that_was_edited_after_the_run_is_not_passed_off_as_judged(finished, techspec):
    spec = finished / "TECHSPEC.md"
    spec.write_text(spec.read_text().replace("accuracy(clean) >= 95%", "accuracy(clean) >= 80%"))

    judged = techspec("judge")
    techspec("report")

    assert "edited after its plan was fixed" in judged.out
    assert "80%" in judged.out
    assert "edited after its plan was fixed" in spec.read_text()


def test_saving_again_keeps_what_people_wrote(finished, techspec):
    (finished / "notes.yaml").write_text("workflow: [Scale the inputs first.]\n")
    page = finished / "registry/kept/SKILL.md"
    techspec("retrospective", "--name", "kept", "--notes", "notes.yaml")

    again = techspec("retrospective", "--name", "kept")
    assert again.code == 0
    assert "Scale the inputs first." in page.read_text()

    page.write_text(page.read_text() + "\nSeen again in March.\n")
    (finished / "notes.yaml").write_text("workflow: [Another step.]\n")
    refused = techspec("retrospective", "--name", "kept", "--notes", "notes.yaml")
    assert refused.code == 2
    assert "edited" in refused.err
    assert "Seen again in March." in page.read_text()


def test_a_campaign_has_one_page_and_takes_no_name_that_ships(finished, techspec):
    techspec("retrospective", "--name", "first-name")

    renamed = techspec("retrospective", "--name", "second-name")
    taken = techspec("retrospective", "--name", "addition-baseline")

    assert renamed.code == taken.code == 2
    assert "'first-name'" in renamed.err
    assert "addition-baseline" in taken.err


def test_a_better_title_or_another_wording_is_no_amendment(finished, techspec):
    spec = finished / "TECHSPEC.md"
    text = spec.read_text().replace("# TECHSPEC: Does", "# TECHSPEC: What is best, and does")
    spec.write_text(text.replace("Clean data is enough", "Clean data is all it takes"))

    again = techspec("run")

    assert again.code == 0
    assert "reused" in again.out
    assert "DEVIATED" not in techspec("judge").out


def test_a_new_spec_that_asks_what_the_registry_knows_is_told_so(finished, techspec):
    techspec("retrospective", "--name", "perceptron-data")
    spec = finished / "TECHSPEC.md"
    asked_before = techspec("lint")
    spec.write_text(spec.read_text().replace("seeds: 6", "seeds: 7"))

    asked_anew = techspec("lint")
    asked = spec.read_text()
    spec.write_text(f"{asked}\n## Context for Claude\n\nH1 is asked again with other seeds.\n")
    said_why = techspec("lint")
    (finished / "registry/perceptron-data/evidence/findings.json").unlink()
    forgotten = techspec("lint")

    assert asked_before.out == forgotten.out == "TECHSPEC.md: nothing to complain about.\n"
    assert "TECHSPEC.md:7: TS308 note: H1 is settled already" in asked_anew.out
    assert "[perceptron-data, measured over seeds]" in asked_anew.out
    assert "without H4 too, 6 trials" in asked_anew.out
    assert "under Context for Claude why H1 is asked again" in asked_anew.out
    assert "H1 is settled" not in said_why.out
    assert "H4 is settled" in said_why.out
    assert asked_anew.code == 0
    listed = json.loads(techspec("lint", "--json").out)
    assert listed == {"findings": [], "notes": []}


def test_lint_takes_notice_of_the_registry_that_is_named(finished, techspec):
    techspec("retrospective", "--name", "perceptron-data")
    (finished / "registry").rename(finished / "elsewhere")
    spec = finished / "TECHSPEC.md"
    spec.write_text(spec.read_text().replace("seeds: 6", "seeds: 7"))

    assert "TS308" not in techspec("lint").out
    assert "TS308 note: H1" in techspec("lint", "--registry", "elsewhere").out
