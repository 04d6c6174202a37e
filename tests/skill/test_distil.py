import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from techspec.ledger.events import Ended
from techspec.skill.distil import LONGEST_DESCRIPTION, Notes, distil
from techspec.skill.evidence import from_csv, runs, to_csv
from techspec.skill.page import Attempt, read
from techspec.skill.registry import Registry
from techspec.skill.verify import verify
from techspec.skill.writing import UnfitPage
from techspec.verdict.decide import decide
from tests.skill.judged_campaign import SCORES, SPEC, plan, state

ROOT = Path(__file__).parents[2]


def draft(notes=None, plan=plan(), state=state()):
    return distil(SPEC, plan, state, decide(plan, state), notes, "addition")


def validated(folder):
    command = [Path(sys.executable).parent / "agentskills", "validate", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def saved(tmp_path):
    made = draft()
    return Registry([tmp_path]).save(made.name, made.page, made.files).path.parent


NOTES = Notes(
    name="a-name-of-mine",
    description='Use when: a "quoted" thing | with bars, and $x < 50%.\nSecond line.',
    when_to_use=("choosing a | width",),
    workflow=("train it", "look at it"),
    attempts=(Attempt("a | bar", "it splits\ncells", "quote it"),),
    author="somebody",
    tags=("arithmetic",),
    references=("a paper",),
)


@pytest.mark.parametrize("notes", [None, NOTES])
def test_the_page_passes_the_public_validator_and_our_own_reader(tmp_path, notes):
    made = draft(notes)
    folder = Registry([tmp_path]).save(made.name, made.page, made.files).path.parent

    result = validated(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert read(made.page, folder / "SKILL.md").problems == ()
    assert verify(folder) == []


@pytest.mark.parametrize("skill", sorted((ROOT / "registry").iterdir()), ids=lambda path: path.name)
def test_the_skills_that_ship_pass_the_validator_and_may_be_shared(tmp_path, skill):
    text = (skill / "SKILL.md").read_text()

    assert validated(skill).returncode == 0
    assert Registry([tmp_path]).save(skill.name, text).version == 1
    measured = (skill / "evidence").exists()
    assert read(text).evidence == ("measured over seeds" if measured else "reported")
    assert not measured or verify(skill) == []


def test_the_page_has_the_sections_of_the_seed_in_its_order():
    titles = [section.title for section in read(draft().page).sections if section.level == 2]

    assert titles == [
        "Overview",
        "When to Use",
        "Verified Workflow",
        "Failed Attempts",
        "Results & Parameters",
        "Results vs TECHSPEC Predictions",
        "References",
        "History",
    ]


def test_without_notes_failures_are_what_the_ledger_says_and_nothing_is_invented():
    attempts = read(draft().page).attempts

    assert [(row.attempt, row.why, row.lesson) for row in attempts] == [
        (
            "tiny: d_model=32, depth=2",
            "mean exact_match 1.5 % over 2 runs, in the band Failure (<50%)",
            "not recorded",
        ),
        ("tiny: d_model=32, depth=2", "1 of 3 runs diverged", "not recorded"),
    ]


def test_a_refuted_hypothesis_is_a_failed_attempt():
    scores = {
        **SCORES,
        "wide": (0.91, 0.93, 0.92, 0.92, 0.91),
        "deep": (0.71, 0.70, 0.73, 0.7, 0.7),
    }
    few = plan()
    more = replace(
        few,
        trials=tuple(
            replace(few.trials[0], id=f"{arm}-s{seed}", arm=arm, seed=seed)
            for arm, values in scores.items()
            for seed in range(len(values))
        ),
    )

    page = draft(plan=more, state=state(scores)).page

    assert [row.attempt for row in read(page).attempts][-1] == "H2: Deeper wins"


def test_a_campaign_without_failures_says_so():
    scores = {**SCORES, "tiny": (0.9, 0.91, 0.92)}

    assert "No arm failed its criteria" in draft(state=state(scores)).page


def test_rows_of_notes_are_marked_as_notes():
    page = draft(NOTES).page

    assert "| a \\| bar | it splits cells | quote it | notes |" in page
    assert page.count("| ledger |") == 2


def test_each_trial_is_one_row_and_csv_gives_back_what_was_written():
    rows = runs(plan(), state())

    assert len(rows) == 9
    assert rows[7].outcome == "diverged"
    assert rows[7].metrics == {}
    assert from_csv(to_csv(rows)) == rows


def test_trials_that_were_not_run_or_are_no_longer_planned_are_rows_too():
    whole = plan()
    fewer = replace(whole, trials=whole.trials[1:])
    nothing = dict.fromkeys(SCORES, ())

    assert {row.outcome for row in runs(whole, state(nothing))} == {"not run"}
    assert runs(fewer, state())[-1].trial == "wide-s0"
    assert runs(fewer, state())[-1].arm == ""


def test_one_seed_an_arm_is_graded_one_run_and_shows_no_interval():
    page = draft(state=state({arm: values[:1] for arm, values in SCORES.items()})).page

    assert read(page).evidence == "one run"
    assert "| 92.0 % |" not in page
    assert page.count("| one run |") == 3


def test_a_description_is_cut_to_the_limit_of_the_form():
    made = draft(Notes(description="word " * 400))

    assert len(read(made.page).description) <= LONGEST_DESCRIPTION


def test_what_the_trainer_was_told_of_this_machine_does_not_reach_the_page():
    made = draft()

    assert "/home/" not in made.page + "".join(made.files.values())


def test_notes_with_a_secret_or_an_empty_row_are_refused_at_save(tmp_path):
    notes = Notes(
        workflow=("export API_KEY=abcdefghijklmnop",),
        attempts=(Attempt("N/A", "Direct approach worked", ""),),
    )
    made = draft(notes)

    with pytest.raises(UnfitPage) as refused:
        Registry([tmp_path]).save(made.name, made.page, made.files)

    assert {o.what.split(":")[0] for o in refused.value.objections} == {
        "a row of Failed Attempts that says nothing",
        "a secret",
    }


def test_more_seeds_of_the_same_campaign_update_the_page(tmp_path):
    early = state({arm: values[:2] for arm, values in SCORES.items()})
    registry = Registry([tmp_path])
    for made in (draft(state=early), draft()):
        saved = registry.save(made.name, made.page, made.files)

    assert saved.version == 2
    assert verify(saved.path.parent) == []


def changed(folder, file, old, new):
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return [(mismatch.where.split(":")[0], mismatch.said) for mismatch in verify(folder)]


def test_verify_finds_a_number_changed_on_the_page(saved):
    assert changed(saved, "SKILL.md", "| 92.0 % |", "| 93.0 % |") == [("SKILL.md", "93.0 %")]


def test_verify_finds_an_outcome_changed_on_the_page(saved):
    assert changed(saved, "SKILL.md", "| INCONCLUSIVE |", "| CONFIRMED |") == [
        ("SKILL.md", "CONFIRMED")
    ]


def test_verify_finds_a_row_taken_out_of_the_page_and_one_put_in(saved):
    assert changed(saved, "SKILL.md", "| deep | ", "| deeper | ") == [
        ("SKILL.md", ""),
        ("SKILL.md", "deeper"),
    ]


@pytest.mark.parametrize("first", [True, False])
def test_verify_finds_a_false_row_beside_the_true_one(saved, first):
    (row,) = [r for r in (saved / "SKILL.md").read_text().split("\n") if r.startswith("| wide |")]
    false = row.replace("92.0 %", "99.0 %")
    both = f"{false}\n{row}" if first else f"{row}\n{false}"

    assert changed(saved, "SKILL.md", row, both) == [("SKILL.md", "wide")]


def test_verify_finds_a_grade_that_the_evidence_does_not_give(saved):
    old, new = 'evidence: "measured over seeds"', 'evidence: "replicated"'

    assert changed(saved, "SKILL.md", old, new) == [("SKILL.md", "replicated")]


def test_verify_finds_a_run_changed_in_the_evidence(saved):
    found = changed(saved, "evidence/runs.csv", "1500,0.93", "1500,0.99")

    assert ("evidence/verdicts.json", "0.93") in found
    assert ("SKILL.md", "92.0 %") in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"outcome": "INCONCLUSIVE"', '"outcome": "REFUTED"', "REFUTED"),
        ('"techspec": "', '"techspec": "9.', "9.0.1.0"),
        ("d_model=512", "d_model=511", None),
        ('"hypothesis": "H2"', '"hypothesis": "H3"', ""),
        ("[", "{", ""),
    ],
)
def test_verify_finds_a_finding_that_the_evidence_does_not_give(saved, old, new, said):
    found = changed(saved, "evidence/findings.json", old, new)

    assert found[0][0] == "evidence/findings.json"
    assert said is None or found[0][1] == said


def test_verify_finds_a_run_dropped_from_the_evidence(saved):
    path = saved / "evidence/runs.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    assert [mismatch.said for mismatch in verify(saved)][:1] == ["3"]


LONG_FIELD = 'trial,arm\n"' + "x" * 200_000 + '"\n'
NO_RUN = "trial,arm,seed,outcome,params,seconds,metric.exact_match\na,wide,0,finished,,,inf\n"
BROKEN = ["", "[", "{}", "trial,arm\nx,y\n", "\0", "[" * 100_000, LONG_FIELD, NO_RUN]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("file", ["runs.csv", "verdicts.json", "plan.json"])
def test_verify_says_so_when_the_evidence_cannot_be_read(saved, file, content):
    (saved / "evidence" / file).write_text(content)

    assert verify(saved) != []


def test_verify_takes_a_number_that_no_float_can_hold_for_a_mismatch(saved):
    path = saved / "evidence/verdicts.json"
    listed = json.loads(path.read_text())
    listed[0]["arms"][0]["runs"][0]["value"] = 10**400
    path.write_text(json.dumps(listed))

    assert verify(saved) != []


@pytest.mark.parametrize("file", ["SKILL.md", "evidence/plan.json", "evidence/findings.json"])
def test_verify_reads_no_file_that_is_a_link_out_of_its_skill(saved, tmp_path_factory, file):
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text((saved / file).read_text())
    (saved / file).unlink()
    (saved / file).symlink_to(outside)

    (mismatch,) = verify(saved)

    assert f"{file} is a link out of its skill" in mismatch.sentence


def test_a_page_without_evidence_has_nothing_to_be_verified_by():
    (mismatch,) = verify(ROOT / "registry" / "addition-baseline")

    assert "no number of this page can be recomputed" in mismatch.sentence


def test_verify_says_what_the_page_says_and_what_was_recomputed(saved):
    page = saved / "SKILL.md"
    page.write_text(
        page.read_text().replace("| 92.0 % |", "| 93.0 % |").replace("| deep | ", "| x | ")
    )

    said = [mismatch.sentence for mismatch in verify(saved)]

    assert [re.sub(r":\d+:", ":", each) for each in said] == [
        "SKILL.md: Mean exact_match says '93.0 %'; recomputed from the evidence: '92.0 %'",
        "SKILL.md: Arm lacks 'deep', which the evidence gives",
        "SKILL.md: Arm says 'x', which the evidence does not give",
    ]


@pytest.mark.parametrize("file", ["runs.csv", "verdicts.json", "plan.json"])
def test_evidence_that_is_not_there_is_named_in_words(saved, file):
    (saved / "evidence" / file).unlink()

    (mismatch,) = verify(saved)

    assert mismatch.sentence == f"evidence: it cannot be read: {file}: No such file or directory"


def test_the_reason_of_a_refusal_is_a_failed_attempt():
    before = state()
    refused = Ended(before.last, "tiny-s0", "refused", 0, {}, 0.0, "d_model is odd")
    before.trials["tiny-s0"].ended = refused

    assert "refused: d_model is odd" in draft(state=before).page
