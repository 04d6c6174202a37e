import json
import re
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec import __version__
from techspec.plan.model import Question
from techspec.plan.trainer import ParameterInfo, TrainerFacts
from techspec.skill.distil import distil
from techspec.skill.findings import FILE, Finding, Gap, Side, differences, load, read, stated
from techspec.skill.known import (
    Cited,
    bases,
    bearing,
    cited,
    of_registry,
    say,
    subject,
    together,
    told,
)
from techspec.skill.registry import Registry
from techspec.verdict.decide import decide
from techspec.verdict.model import Estimate, Outcome
from tests.skill.judged_campaign import SCORES, SHARED, SPEC, plan, state

CLAIM = "exact_match(d_model=512, depth=2) > exact_match(d_model=128, depth=8) by 0.02"


def save(registry, scores=SCORES, name="widths"):
    made = distil(SPEC, plan(), state(scores), decide(plan(), state(scores)), None, name)
    page = made.page.replace(f"name: {made.name}\n", f"name: {name}\n", 1)
    return Registry([registry]).save(name, page, made.files).path.parent


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path)


def test_a_finding_says_what_was_found_and_what_it_holds_for(folder):
    first, second = read(folder)

    assert (first.claim, first.outcome) == (
        "exact_match(d_model=512, depth=2) > exact_match(d_model=128, depth=8) by 0.02",
        Outcome.CONFIRMED,
    )
    assert [len(side.seeds) for side in first.sides] == [3, 3]
    assert first.holds_for == {"learning_rate": "0.003", "max_steps": "1500"}
    assert first.estimate.low < first.estimate.value < first.estimate.high
    assert first.gap.difference == pytest.approx(0.2067, abs=1e-4)
    assert (first.plan, first.techspec) == (plan().hash, __version__)
    assert second.claim.startswith("exact_match(d_model=128, depth=8) > exact_match(d_model=512")


def test_the_file_is_plain_json_with_one_entry_a_claim(folder):
    listed = json.loads((folder / FILE).read_text())

    assert [entry["hypothesis"] for entry in listed] == ["H1", "H2"]
    assert listed[0]["sides"][0]["seeds"] == [0, 1, 2]
    assert len(listed[0]["spec_sha256"]) == 64


def test_what_the_trainer_resolved_is_part_of_what_a_finding_holds_for(tmp_path):
    told = state()
    for trial in told.trials.values():
        config = {
            "seed": 1,
            "out": "/home/someone/runs",
            "schedule": "cosine",
            "layers": [1, 2],
            "dropout": 0.10,
            "depth": 2 if trial.started.trial.startswith("wide") else 8,
        }
        trial.started = replace(trial.started, config=config)
    made = distil(SPEC, plan(), told, decide(plan(), told), None, "widths")
    folder = Registry([tmp_path]).save(made.name, made.page, made.files).path.parent

    holds_for = read(folder)[0].holds_for

    assert holds_for.keys() == {"learning_rate", "max_steps", "schedule", "dropout", "layers"}
    assert (holds_for["schedule"], holds_for["dropout"]) == ("cosine", "0.1")
    assert holds_for["layers"].startswith("digest-")


def test_an_arm_that_never_ran_has_the_defaults_of_the_others_and_is_no_finding(tmp_path):
    questions = tuple(
        Question(name, text, f"exact_match({arm}) >= 70%", "exact_match", (arm,), looks=(2, 3))
        for name, text, arm in (("H1", "Wide learns", "wide"), ("H2", "Tiny learns", "tiny"))
    )
    asked = replace(plan(), questions=questions)
    told = state({name: SCORES[name] for name in ("wide", "deep")})
    for trial in told.trials.values():
        trial.started = replace(trial.started, config={"schedule": "cosine", "precision": "tf32"})
    made = distil(SPEC, asked, told, decide(asked, told), None, "widths")
    folder = Registry([tmp_path]).save(made.name, made.page, made.files).path.parent

    (found,) = read(folder)

    assert found.claim == "exact_match(d_model=512, depth=2) >= 0.7"
    assert {**SHARED, "schedule": "cosine", "precision": "tf32"}.keys() == found.holds_for.keys()
    assert found.holds_for["precision"] == "tf32"
    assert "100.0 % (95 % interval 29.2 to 100.0 %) of seeds meet it, 3 seeds" in say(found)


@pytest.mark.parametrize(("key", "trainer"), [("width", "python t.py"), ("d_model", None)])
def test_a_finding_names_a_parameter_as_its_trainer_does(tmp_path, key, trainer):
    widths = {"wide": 512, "deep": 128, "tiny": 32}
    arms = tuple(
        replace(arm, config={key: widths[arm.name], **SHARED}, changes=()) for arm in plan().arms
    )
    names, levels = tuple(widths)[::-1], tuple(widths.values())[::-1]
    claim = "exact_match increases with width"
    question = Question("H1", "More", claim, "exact_match", names, levels=levels, looks=(3, 5))
    asked = replace(plan(), trainer=trainer, arms=arms, questions=(question,))
    made = distil(SPEC, asked, state(), decide(asked, state()), None, "widths")
    folder = Registry([tmp_path]).save(made.name, made.page, made.files).path.parent

    (found,) = read(folder)

    assert found.claim == f"exact_match increases with {key}"
    assert found.form.parameter == key
    again, facts = replace(asked, title="anew"), TrainerFacts("addition", "abc")
    assert bearing(again, facts, together([Cited(found, "widths", folder)]))


def test_averages_are_no_effect_where_a_run_diverged_or_seeds_fall_into_two_groups(tmp_path):
    for name, wide in (("a", (0.91, None, 0.92)), ("b", (0.97, 0.98, 0.31))):
        folder = save(tmp_path, {**SCORES, "wide": wide}, name)
        assert read(folder)[0].gap is None


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (FILE, '"CONFIRMED"', '"REFUTED"'),
        ("evidence/runs.csv", "0.93", "0.13"),
        ("evidence/verdicts.json", '"CONFIRMED"', '"REFUTED"'),
        ("evidence/plan.json", '"addition"', '"another"'),
    ],
)
def test_a_finding_that_its_evidence_does_not_give_is_not_believed(folder, file, old, new):
    text = (folder / file).read_text()
    (folder / file).write_text(text.replace(old, new))

    assert "H1" not in [finding.hypothesis for finding in read(folder)]


LONG_FIELD = 'trial,arm\n"' + "x" * 200_000 + '"\n'
BROKEN = ["", "[", "{}", "[1, null, {}]", "[" * 100_000, "\0", "[NaN]", LONG_FIELD]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("file", [FILE, "evidence/runs.csv", "evidence/verdicts.json"])
def test_reading_never_fails_on_what_a_file_holds(folder, file, content):
    (folder / file).write_text(content)

    assert read(folder) == ()


@given(st.binary(max_size=300))
def test_reading_never_fails_on_any_bytes(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("skill")
    (folder / "evidence").mkdir()
    for file in ("findings.json", "runs.csv", "verdicts.json", "plan.json"):
        (folder / "evidence" / file).write_bytes(content)

    assert read(folder) == ()


def test_numbers_that_no_run_can_have_are_not_believed(folder):
    runs = folder / "evidence" / "runs.csv"
    runs.write_text(runs.read_text().replace("0.93", "nan").replace("0.91", "1e308"))

    assert "H1" not in [finding.hypothesis for finding in read(folder)]


def test_a_link_out_of_a_skill_is_not_followed(folder, tmp_path):
    outside = tmp_path / "outside.json"
    (folder / FILE).rename(outside)
    (folder / FILE).symlink_to(outside)

    assert read(folder) == ()


def test_every_finding_made_is_written_and_read_back_as_it_is(folder):
    evidence = load(folder)

    assert len(stated(folder)) == len(evidence.verdicts)
    for said, made in zip(stated(folder), read(folder), strict=True):
        assert differences(said, made) == []


# --- what findings say together ---


def study(
    difference=0.15,
    error=0.02,
    outcome=Outcome.CONFIRMED,
    code="a",
    seeds=(0, 1, 2, 3, 4),
    claim=CLAIM,
    **changed,
):
    by_settings = {
        "512": Side("wide", {"d_model": "512", "depth": "2"}, seeds, mean=0.9),
        "128": Side("deep", {"d_model": "128", "depth": "8"}, seeds, mean=0.9 - difference),
    }
    first = "512" if claim.startswith("exact_match(d_model=512") else "128"
    second = "128" if first == "512" else "512"
    finding = Finding(
        hypothesis="H1",
        text="Wider beats deeper",
        claim=claim,
        metric="exact_match",
        outcome=outcome,
        sides=(by_settings[first], by_settings[second]),
        holds_for={"learning_rate": "0.003"},
        given=("d_model", "depth", "learning_rate"),
        trainer="addition",
        trainer_code=code,
        data="d",
        estimate=Estimate("gap", difference, difference - 0.03, difference + 0.03, 0.9, "pt"),
        gap=Gap(difference, error, 8.0),
    )
    return replace(finding, **changed)


REVERSED = "exact_match(d_model=128, depth=8) > exact_match(d_model=512, depth=2) by 0.02"


def known(*studies, folder=None):
    return together([Cited(each, f"page-{n}", folder) for n, each in enumerate(studies)])


def test_two_studies_of_one_claim_that_agree_are_pooled_and_replicated():
    (together,) = known(study(0.15), study(0.17, code="b"))

    assert together.outcome is Outcome.CONFIRMED
    assert together.evidence == "replicated"
    assert together.pooled.value == pytest.approx(0.16)
    assert together.pooled.low < 0.15 < 0.17 < together.pooled.high
    assert together.conflict == ""


def test_a_study_whose_average_says_nothing_is_not_counted_among_the_pooled():
    (together,) = known(study(0.15), study(0.17, code="b"), study(0.16, code="c", gap=None))

    assert len(together.cited) == 3
    assert "; pooled over 2 studies " in told(together)


@pytest.mark.parametrize(
    "other",
    [
        study(-0.03, outcome=Outcome.REFUTED, code="b"),
        study(0.20, outcome=Outcome.CONFIRMED, code="b", claim=REVERSED),
        study(0.02, outcome=Outcome.INCONCLUSIVE, code="b"),
    ],
    ids=["refuted", "the opposite confirmed", "an estimate far off"],
)
def test_studies_that_contradict_each_other_are_a_conflict_and_settle_nothing(other):
    (together,) = known(study(), other)

    assert together.conflict
    assert together.outcome is None
    assert together.evidence != "replicated"
    said = cited(together)
    assert "CONFLICT" in said
    assert "page-0 says CONFIRMED, 15.0 pt" in said
    assert "page-1 says" in said


def test_of_many_studies_in_conflict_the_two_farthest_apart_are_told():
    agreeing = [study(0.15 + n / 1000, code=f"code {n}") for n in range(5)]

    (together,) = known(*agreeing, study(-0.03, outcome=Outcome.REFUTED, code="far"))

    said = told(together)
    assert re.search(r"page-5 says REFUTED, .3\.0 pt", said)
    assert "page-4 says CONFIRMED, 15.4 pt" in said
    assert said.endswith("; 4 more lie between")


def test_a_claim_of_the_other_side_is_pooled_with_its_sign_turned():
    (together,) = known(
        study(0.15), study(-0.14, code="b", claim=REVERSED, outcome=Outcome.REFUTED)
    )

    assert together.conflict == ""
    assert together.pooled.value == pytest.approx(0.145)


def test_smaller_than_one_claims_margin_is_no_conflict_with_another_margin():
    wanted = CLAIM.replace("by 0.02", "by 0.3")

    (together,) = known(study(), study(0.14, code="b", claim=wanted, outcome=Outcome.REFUTED))

    assert together.conflict == ""


def test_the_same_runs_count_once():
    (same_source,) = known(study(), study(0.16, seeds=(4, 5, 6)))
    (same_numbers,) = known(study(), study(code="b"))
    (own_seeds,) = known(study(), study(0.16, seeds=(5, 6, 7)))

    assert [len(each.cited) for each in (same_source, same_numbers, own_seeds)] == [1, 1, 2]
    assert len(same_source.repeats) == 1
    assert same_numbers.evidence == "measured over seeds"


@pytest.mark.parametrize(
    "other",
    [
        {"holds_for": {"learning_rate": "0.001"}},
        {"holds_for": {"learning_rate": "0.003", "dropout": "0.1"}},
        {"trainer": "another"},
        {"data": "other"},
        {"metric": "loss"},
    ],
)
def test_findings_that_differ_in_anything_else_stay_apart(other):
    assert len(known(study(), study(0.16, code="b", **other))) == 2


def test_trainers_that_tell_no_data_are_one_only_by_their_source():
    apart = known(study(data=""), study(0.16, code="b", data=""))
    alike = known(study(data=""), study(0.16, seeds=(7, 8), data=""))

    assert [len(apart), len(alike)] == [2, 1]


def test_what_is_shared_and_what_is_set_apart_does_not_change_the_subject():
    moved = study(holds_for={"learning_rate": "0.003", "depth": "2"})
    sides = tuple(replace(s, settings={**s.settings, "depth": "2"}) for s in moved.sides)
    other = tuple(replace(s, settings={"d_model": s.settings["d_model"]}) for s in moved.sides)

    assert subject(replace(moved, sides=sides)) == subject(replace(moved, sides=other))
    assert subject(study()) != subject(replace(moved, sides=sides))


def test_reliabilities_are_counts_and_are_added():
    claim = "exact_match(d_model=512, depth=2) >= 0.95"

    def reliable(share, code):
        side = Side("wide", {"d_model": "512", "depth": "2"}, (0, 1, 2, 3, 4, 5))
        return study(
            claim=claim,
            code=code,
            sides=(side,),
            gap=None,
            estimate=Estimate("share", share, unit="%"),
        )

    (agreed,) = known(reliable(1.0, "a"), reliable(5 / 6, "b"))
    (apart,) = known(reliable(1.0, "a"), reliable(0.0, "b"))

    assert agreed.pooled.value == pytest.approx(11 / 12)
    assert agreed.pooled.low == pytest.approx(0.615, abs=1e-3)  # Clopper and Pearson, 11 of 12
    assert "estimates differ" in apart.conflict


@pytest.mark.parametrize("caveat", ["exploratory", "DEVIATED: the margin was changed"])
def test_what_was_not_judged_as_planned_settles_nothing(caveat):
    assert known(study(caveats=(caveat,)))[0].outcome is None
    assert known(study(caveats=("1 of 5 seeds of wide diverged",)))[0].outcome is not None


def test_one_run_an_arm_settles_nothing():
    assert known(study(seeds=(0,)))[0].outcome is None


# --- what is settled of a plan ---

FACTS = TrainerFacts(
    "addition",
    "new",
    {
        "d_model": ParameterInfo("int", 256),
        "depth": ParameterInfo("int", 6),
        "d_proj": ParameterInfo("int", 0),
        "learning_rate": ParameterInfo("float", 0.003),
        "max_steps": ParameterInfo("int", 1500),
        "dropout": ParameterInfo("float", 0.0),
    },
)
HELD = {"learning_rate": "0.003", "max_steps": "1500", "dropout": "0", "d_proj": "64"}


def test_a_level_that_a_search_passed_by_does_not_lower_its_grade():
    ran, passed_by = Side("w16", {"d_model": "16"}, (0, 1, 2)), Side("w24", {"d_model": "24"}, ())
    claim = "smallest params with exact_match >= 0.99"
    finding = study(claim=claim, sides=(ran, passed_by))

    assert finding.evidence == "measured over seeds"


def test_a_smallest_size_is_said_as_people_write_it_and_as_one_that_was_reached():
    sides = tuple(Side(arm, {"d_model": arm}, (0, 1)) for arm in ("12", "20"))
    claim = "smallest params with exact_match >= 0.99"

    def searched(value, claim=claim):
        found = Estimate("smallest shown", value)
        return study(claim=claim, sides=sides, outcome=Outcome.INCONCLUSIVE, estimate=found)

    assert say(searched(10_600.0)) == (
        f"{claim}: INCONCLUSIVE, 10.6K is the smallest shown to reach it, 2 + 2 seeds"
    )
    assert ", 16 is the smallest" in say(searched(16.0, claim.replace("params", "d_model")))


def test_findings_of_one_claim_are_told_apart_by_the_values_in_which_they_differ():
    short, long = study(), study(difference=0.05, holds_for={"learning_rate": "0.1"})
    other = study(trainer="another")
    several = known(short, long)

    assert bases(known(short)) == [""]
    assert bases(several) == ["learning_rate=0.003", "learning_rate=0.1"]
    assert bases(known(short, other)) == ["trainer addition", "trainer another"]
    assert bases(known(short, study(data="e"))) == ["evaluation data d", "evaluation data e"]
    assert told(several[0], bases(several)[0]).startswith(
        f"{CLAIM.removesuffix('0.02')}2pt, at learning_rate=0.003: CONFIRMED, "
    )


def test_a_margin_is_said_in_the_unit_of_the_effect_beside_it():
    points, plain = study(), study(estimate=Estimate("gap", 0.15))

    assert say(points).startswith(f"{CLAIM.removesuffix('0.02')}2pt: CONFIRMED, 15.0 pt (")
    assert say(plain).startswith(f"{CLAIM}: CONFIRMED, 0.15,")


def settled_by(finding, plan=plan()):
    found = bearing(plan, FACTS, known(finding))
    return [each.hypothesis for each in found if each.outcome is not None]


def test_a_hypothesis_is_settled_by_a_finding_on_the_same_claim_and_settings():
    (found,) = bearing(plan(), FACTS, known(study(holds_for=HELD)))

    assert (found.hypothesis, found.outcome) == ("H1", Outcome.CONFIRMED)


@pytest.mark.parametrize(
    "changed",
    [
        {"claim": CLAIM.replace("by 0.02", "by 0.05")},
        {"claim": CLAIM.replace("by 0.02", "")},
        {"holds_for": {**HELD, "max_steps": "3000"}},
        {"holds_for": {**HELD, "dropout": "0.1"}},
        {"holds_for": {"learning_rate": "0.003"}, "given": ()},
        {"trainer": "another"},
        {"data": ""},
        {"outcome": Outcome.INCONCLUSIVE},
        {"plan": plan().hash},
    ],
    ids=str,
)
def test_a_hypothesis_stays_open_where_claim_or_settings_differ(changed):
    assert settled_by(study(**{"holds_for": HELD, **changed})) == []


def test_findings_that_contradict_each_other_bear_on_a_hypothesis_and_leave_it_open():
    studies = [
        study(holds_for=HELD),
        study(-0.1, outcome=Outcome.REFUTED, code="b", holds_for=HELD),
    ]

    (found,) = bearing(plan(), FACTS, known(*studies))

    assert (found.hypothesis, found.outcome) == ("H1", None)
    assert found.known.conflict


def test_the_registrys_findings_are_those_of_its_skills(tmp_path):
    save(tmp_path / "a")
    save(tmp_path / "b" / "deeper", name="others")
    (tmp_path / "a" / "broken" / "evidence").mkdir(parents=True)
    (tmp_path / "a" / "broken" / FILE).write_text("[{}]")

    found = of_registry(Registry([tmp_path / "a", tmp_path / "b", tmp_path / "missing"]))

    assert [(each.source, each.finding.hypothesis) for each in found] == [
        ("widths", "H1"),
        ("widths", "H2"),
        ("others", "H1"),
        ("others", "H2"),
    ]
    assert len(together(found)) == 1  # one subject, and the same runs


@pytest.mark.parametrize("hidden", [".addition.tmp", ".git/modules/x"])
def test_findings_of_a_hidden_folder_are_not_known(tmp_path, hidden):
    whole = save(tmp_path)
    shutil.copytree(whole, tmp_path / hidden)
    shutil.copytree(whole, tmp_path / ".claude/skills/copied")

    found = of_registry(Registry([tmp_path]))

    assert {each.source for each in found} == {"widths", "copied"}
