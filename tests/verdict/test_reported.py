"""Numbers that somebody else measured, judged and kept nowhere."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec.cli import main
from techspec.plan.trainer import NoTrainer
from techspec.spec.reader import read, read_file
from techspec.verdict.model import Outcome
from techspec.verdict.reported import SeedReportedTwice, judge_reported
from techspec.verdict.reported_rows import (
    NoReportedNumbers,
    ReportedCellsUnreadable,
    ReportedNotReadable,
)
from tests.plan.addition import Addition
from tests.reported_study import PATHS, PHASE_1, PHASE_2, RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "reported-numbers.md"
DECIDED = {Outcome.CONFIRMED, Outcome.REFUTED}
ARMS = """\
## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| wide | 512 | 2 |
| deep | 128 | 8 |
"""
CLAIMS = (
    "exact_match(wide) > exact_match(deep) by 2pt",
    "exact_match(wide) >= 70%",
    "exact_match(deep) <= 70%",
    "exact_match insensitive to d_model within 2pt",
    "exact_match increases with d_model",
    "exact_match increases with params",
    "smallest params with exact_match >= 70%",
    "wide > deep",
)
HIGH, LOW = (87.2, 87.9, 86.8, 87.4, 88.0), (71.8, 72.6, 70.9, 71.5, 73.0)


def spec_with(*claims, arms=ARMS, more=""):
    hypotheses = "".join(f"{n}. said so: `{claim}`\n" for n, claim in enumerate(claims, 1))
    return read(f"## Hypotheses\n{hypotheses}\n{arms}\n{more}")


def by_seed(*arms, header="Name,Seed,Exact Match (%)"):
    rows = [f"{name},{n},{value}" for name, values in arms for n, value in enumerate(values)]
    return "\n".join([header, *rows])


@pytest.fixture
def judge(tmp_path):
    """judge(spec, text): the reported study that the text makes of the spec."""

    def judged(spec, text, name="runs.csv", trainer=None):
        path = tmp_path / name
        path.write_text(text)
        return judge_reported(spec, trainer or Addition(), path)

    return judged


# The reported study


def test_the_studys_own_tables_confirm_no_width_over_depth_and_the_reasons_are_named():
    study = judge_reported(read_file(PHASE_2), Addition(), RESULTS)

    (verdict,) = study.verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "Wide-shallow 87.2 %, Balanced 79.3 % and Narrow-deep 71.8 %" in verdict.sentence
    assert "one run each" in verdict.sentence
    assert verdict.caveats == (
        "reported in results.md, not measured by techspec",
        "one run an arm: no number of arms makes up for that",
        "unmatched: 1.31M against 1.02M parameters, as reported",
        "unmatched: 3.2M against 1.59M parameters, as the trainer counts these settings",
        "Middle (line 6) and Balanced (line 15) have the same 79.31% exact_match to the last digit,"
        " though they are different models (d_model 192 and 256): one may be a copy of the other",
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_whichever_spec_of_the_study_asks_nothing_is_decided_and_every_verdict_says_why(path):
    study = judge_reported(read_file(path), Addition(), RESULTS)

    assert not any(verdict.outcome in DECIDED for verdict in study.verdicts)
    assert all(
        "one run each" in verdict.sentence or "has no claim" in verdict.sentence
        for verdict in study.verdicts
    )
    assert study.oddities[0].startswith("Each of the 7 models has one run")
    assert any("the same 79.31%" in odd for odd in study.oddities)
    assert (
        "Balanced is said to have 1.31M parameters; the trainer counts 2.13M at d_model=256,"
        in (" ".join(study.oddities))
    )


def test_what_the_tables_call_matched_and_best_is_held_against_the_spec():
    pairs = judge_reported(read_file(PHASE_2), Addition(), RESULTS).oddities
    grid = judge_reported(read_file(PHASE_1), Addition(), RESULTS).oddities

    assert any("1.02M to 1.31M, 28% apart, as reported; 1.59M to 3.2M, 102%" in o for o in pairs)
    assert any(
        "'Best case achieved' at 91.5%, and the spec says Best case: >95%" in o for o in grid
    )
    assert not any("Above minimum viable" in odd for odd in grid)


# What may be decided


@given(
    st.sampled_from(CLAIMS),
    st.lists(st.floats(0, 100).map(lambda share: round(share, 2)), min_size=2, max_size=2),
)
def test_with_one_run_an_arm_nothing_is_ever_decided(tmp_path_factory, claim, shares):
    path = tmp_path_factory.getbasetemp() / "single.csv"
    path.write_text(f"Name,Exact Match\nwide,{shares[0]}%\ndeep,{shares[1]}%\n")

    (verdict,) = judge_reported(spec_with(claim), Addition(), path).verdicts

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "one run an arm: no number of arms makes up for that" in verdict.caveats


def test_several_seeds_an_arm_are_judged_by_the_usual_rules_and_marked_as_reported(judge):
    study = judge(spec_with(CLAIMS[0]), by_seed(("wide", HIGH), ("deep", LOW)))

    (verdict,) = study.verdicts
    assert verdict.outcome is Outcome.CONFIRMED
    assert verdict.caveats[0] == "reported in runs.csv, not measured by techspec"
    assert any("left out of the report" in caveat for caveat in verdict.caveats)
    assert [run.trial for run in verdict.arms[0].runs][:2] == ["runs.csv:2", "runs.csv:3"]


def test_a_row_pasted_again_is_the_same_run_and_adds_nothing(judge):
    pasted = "wide,87.2%\n" * 5 + "deep,71.8%\n" * 5

    study = judge(spec_with(CLAIMS[0]), f"Name,Exact Match\n{pasted}")

    assert study.verdicts[0].outcome is Outcome.INCONCLUSIVE
    assert [len(arm.runs) for arm in study.verdicts[0].arms] == [1, 1]
    assert any(
        "wide stands on lines 2 and 3 with the same value and without seeds" in odd
        for odd in study.oddities
    )


def test_a_seed_that_stands_twice_is_refused_with_both_lines(judge):
    with pytest.raises(SeedReportedTwice, match=r"runs\.csv:3: seed 0 of wide stands on line 2"):
        judge(spec_with(CLAIMS[0]), "Name,Seed,Exact Match\nwide,0,87%\nwide,0,89%\n")


def test_a_run_that_diverged_counts_as_a_failure_and_never_as_a_number(judge):
    text = "Name,Seed,Exact Match\nwide,0,diverged\nwide,1,NaN\n"

    (verdict,) = judge(spec_with("exact_match(wide) >= 70%"), text).verdicts

    assert verdict.outcome is Outcome.REFUTED
    assert [run.value for run in verdict.arms[0].runs] == [None, None]


def test_a_row_that_contradicts_its_arm_voids_the_verdict(judge):
    text = "Name,depth,Exact Match\nwide,3,87%\ndeep,8,71%\n"

    (verdict,) = judge(spec_with(CLAIMS[0]), text).verdicts

    assert verdict.outcome is Outcome.VOID
    assert "depth = 3, where the plan has depth = 2" in verdict.sentence


def test_arms_that_nobody_reported_are_named(judge):
    (verdict,) = judge(spec_with(CLAIMS[0]), "Name,Exact Match\nwide,87%\n").verdicts

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "runs.csv reports no run of deep" in verdict.caveats


def test_neither_the_budget_nor_the_seeds_of_the_spec_limit_what_was_reported(judge):
    spec = spec_with(
        CLAIMS[0], more="## Budget Constraints\n- Max experiments: 2\n\n## Run\nseeds: 1\n"
    )

    (verdict,) = judge(spec, by_seed(("wide", HIGH), ("deep", LOW))).verdicts

    assert verdict.outcome is Outcome.CONFIRMED


def test_reported_sizes_decide_the_order_of_a_claim_about_size(judge):
    text = "Name,Params,Exact Match\nwide,1.05M,87%\ndeep,1.31M,71%\n"

    (verdict,) = judge(spec_with("exact_match increases with params"), text).verdicts

    assert [(arm.arm, arm.params) for arm in verdict.arms] == [
        ("wide", 1_050_000),
        ("deep", 1_310_000),
    ]


def test_without_a_trainer_the_numbers_are_judged_and_no_parameters_are_counted(judge):
    study = judge(spec_with(CLAIMS[0]), by_seed(("wide", HIGH), ("deep", LOW)), trainer=NoTrainer())

    assert study.verdicts[0].outcome is Outcome.CONFIRMED
    assert not any("trainer counts" in odd for odd in study.oddities)


# Reading


@pytest.mark.parametrize(
    "text",
    [
        "name,exact_match\nwide,0.872\n",
        "Model,Exact Match (%)\nWIDE,87.2\n",
        "Config,Score\nwide,87.2%\n",
        "Width,layers,Exact match\n512,2,**87.2%**\n",
        "Arm,Exact Match,Note,Source\n wide , 87.2 % ,good,page 4\ndeep,–,,\n",
    ],
)
def test_columns_are_found_by_what_people_call_them(judge, text):
    (verdict,) = judge(spec_with("exact_match(wide) >= 70%"), text).verdicts

    assert [run.value for run in verdict.arms[0].runs] == [0.872]


def test_every_table_of_a_page_is_read_and_tables_of_other_things_are_not(judge):
    text = (
        "| Scenario | Exact Match |\n|--|--|\n| Best case | >95% |\n\nthen\n\n"
        "| Name | Exact Match |\n|--|--|\n| wide | 87% |\n\nand\n\n"
        "| d_model | depth | Exact Match | Verdict |\n|--|--|--|--|\n| 128 | 8 | 71% | good |\n"
    )

    study = judge(spec_with(CLAIMS[0]), text, name="page.md")

    assert [[run.trial for run in arm.runs] for arm in study.verdicts[0].arms] == [
        ["page.md:9"],
        ["page.md:15"],
    ]
    assert study.passed_over == ("Verdict",)


def test_a_model_of_another_name_is_no_run_of_an_arm_that_it_only_resembles(judge):
    study = judge(spec_with(CLAIMS[0]), "Name,d_model,Exact Match\nother,512,87%\ndeep,128,71%\n")

    assert study.strangers == ("other (line 2)",)
    assert not study.verdicts[0].arms[0].runs


def test_every_cell_that_is_no_run_is_named_by_its_line_at_once(judge):
    text = (
        "Name,Seed,Runs,Exact Match\n"
        "wide,0,1,87.2 ± 1.3\nwide,1,5,87%\nwide,x,1,87%\nwide,3,1,87.2\nwide,4,1,88%\n"
    )

    with pytest.raises(ReportedCellsUnreadable) as refused:
        judge(spec_with(CLAIMS[0]), text)

    lines = refused.value.what.splitlines()
    assert [line.rpartition("runs.csv:")[2].split("'")[0] for line in lines] == [
        f"{n}: " for n in (2, 3, 4, 5)
    ]
    for line, value in zip(lines, ("87.2 ± 1.3", "5", "x", "87.2"), strict=True):
        assert repr(value) in line
    assert "a row of its own" in refused.value.fix


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prose only\n", "it has no table"),
        ("| Name | Loss |\n|--|--|\n| wide | 0.3 |\n", "its columns are Name, Loss"),
        ("| Scenario | Exact Match |\n|--|--|\n| Best case | >95% |\n", "Scenario, Exact Match"),
        ("", "it has no table"),
    ],
)
def test_a_file_without_reported_numbers_says_what_it_has(judge, text, named):
    with pytest.raises(NoReportedNumbers, match=named):
        judge(spec_with(CLAIMS[0]), text, name="page.md")


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path):
    binary = tmp_path / "runs.csv"
    binary.write_bytes(b"\xff\xfe\x00")

    for path in (binary, tmp_path / "none.csv", tmp_path):
        with pytest.raises(ReportedNotReadable, match=path.name):
            judge_reported(spec_with(CLAIMS[0]), Addition(), path)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_words(tmp_path_factory, text):
    for name in ("any.csv", "any.md"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_text("Name,Exact Match\n" + text, encoding="utf-8", errors="replace")
        try:
            judge_reported(spec_with(CLAIMS[0]), Addition(), path)
        except (ReportedNotReadable, NoReportedNumbers, ReportedCellsUnreadable):
            pass


# What is odd


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("Name,Exact Match\nwide,79.31%\ndeep,0.7931\n", True),
        ("Name,Exact Match\nwide,80%\ndeep,80%\n", False),
        ("Name,Exact Match\nwide,100.00%\ndeep,100.00%\n", False),
        ("Name,Exact Match\nwide,0.000\ndeep,0.000\n", False),
        ("Name,d_model,depth,Exact Match\nwide,512,2,79.31%\nother,512,2,79.31%\n", False),
        ("Name,Exact Match\nwide,79.31%\ndeep,79.32%\n", False),
    ],
)
def test_only_a_value_that_is_alike_to_many_digits_in_two_models_is_a_likely_copy(judge, text, odd):
    study = judge(spec_with(CLAIMS[0]), text)

    assert any("copy of the other" in each for each in study.oddities) is odd
    assert any("copy of the other" in each for each in study.verdicts[0].caveats) is odd


# The command


def test_the_command_marks_every_verdict_and_writes_nothing(tmp_path, capsys):
    spec = tmp_path / "TECHSPEC.md"
    spec.write_text(PHASE_2.read_text())
    table = tmp_path / "results.md"
    table.write_text(RESULTS.read_text())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}

    code = main(["judge", str(spec), "--reported", str(table)])

    said = capsys.readouterr().out
    assert code == 1
    assert "H1 INCONCLUSIVE, as reported:" in said
    assert "techspec measured none of them" in " ".join(said.split())
    assert "No arm of this spec, so not judged: Upper (line 5)" in said
    assert "What is odd in results.md" in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_the_page_shows_what_the_command_says(tmp_path, monkeypatch, capsys):
    (tmp_path / "TECHSPEC.md").write_text(PHASE_2.read_text())
    (tmp_path / "results.md").write_text(RESULTS.read_text())
    monkeypatch.chdir(tmp_path)
    (shown,) = re.findall(r"```console\n\$ techspec (.*?)\n(.*?)```", PAGE.read_text(), re.DOTALL)

    main(shown[0].split())

    assert capsys.readouterr().out == shown[1]


def test_json_has_the_verdicts_in_their_usual_form_and_what_was_reported(tmp_path, capsys):
    spec = tmp_path / "TECHSPEC.md"
    spec.write_text(spec_with(CLAIMS[0]).text)
    (tmp_path / "runs.csv").write_text(by_seed(("wide", HIGH), ("deep", LOW)))

    code = main(["judge", str(spec), "--reported", str(tmp_path / "runs.csv"), "--json"])

    said = json.loads(capsys.readouterr().out)
    (verdict,) = said["verdicts"]
    assert code == 0
    assert (verdict["outcome"], verdict["hypothesis"]) == ("CONFIRMED", "H1")
    assert verdict["caveats"][0] == "reported in runs.csv, not measured by techspec"
    assert (said["reported"]["file"], said["reported"]["runs"]) == ("runs.csv", 10)
    assert "verdicts" not in said["reported"]


def test_after_judging_reported_numbers_there_is_still_no_campaign_to_save(tmp_path, capsys):
    spec = tmp_path / "TECHSPEC.md"
    spec.write_text(PHASE_2.read_text())
    main(["judge", str(spec), "--reported", str(RESULTS)])

    for verb in ("judge", "status", "report", "retrospective"):
        assert main([verb, str(spec)]) == 2
        assert "No campaign was started" in capsys.readouterr().err
