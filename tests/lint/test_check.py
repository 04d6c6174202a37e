"""What `check` promises of any spec."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from techspec.lint.check import check
from techspec.plan.trainer import NoTrainer
from techspec.run.trainer_call import TrainerNotFound
from techspec.spec.reader import read
from tests.reported_study import PATHS, PHASE_1, PHASE_2, SCALING

FIXTURES = Path(__file__).parent / "fixtures"
SPECS = [path.read_text() for path in [*sorted(FIXTURES.glob("*.md")), *PATHS]]
LINES = sorted({line for text in SPECS for line in text.splitlines()})
CELLS = ["", "|", "depth", "params", "-1", "[7, 8]", "~1M", ">=", "0", "nan", "1e999", "true", "`"]

line = st.one_of(
    st.sampled_from(LINES),
    st.text(max_size=30),
    st.lists(st.sampled_from(CELLS), min_size=1, max_size=5).map(
        lambda cells: "| " + " | ".join(cells) + " |"
    ),
)
texts = st.one_of(st.lists(line, max_size=40).map("\n".join), st.text(max_size=200))


@st.composite
def damaged_specs(draw):
    """A whole spec with lines taken out, doubled, cut short or replaced."""
    lines = draw(st.sampled_from(SPECS)).splitlines()
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        cut = lines[at][: draw(st.integers(0, len(lines[at])))]
        lines[at : at + 1] = draw(st.sampled_from([[""], [lines[at]] * 2, [cut], [draw(line)]]))
    return "\n".join(lines)


@given(text=st.one_of(texts, damaged_specs()))
@settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
def test_no_text_makes_a_rule_fail_and_every_finding_points_into_it(trainer, text):
    for asked in (trainer, NoTrainer()):
        findings = check(read(text), asked)

        last_line = max(1, len(re.split(r"\r\n|\n|\r", text)))
        assert all(1 <= finding.line <= last_line for finding in findings)
        assert findings == sorted(findings, key=lambda finding: (finding.line, finding.code))
        assert len(findings) == len(set(findings))
        assert all(finding.message and finding.fix for finding in findings)


@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_the_trainer_is_asked_its_facts_once_and_for_no_config_twice(text, trainer):
    check(read(text), trainer)

    asked = [tuple(sorted(config.items())) for configs in trainer.questions for config in configs]
    assert trainer.facts_asked == 1
    assert len(asked) == len(set(asked))


def test_an_unreadable_claim_is_pointed_at_by_column(trainer):
    text = (
        "## Hypotheses\n1. Depth matters less\n   `exact_match insensitive of depth within 2pt`\n"
    )

    (finding,) = [f for f in check(read(text), trainer) if f.code == "TS105"]

    assert text.splitlines()[finding.line - 1][finding.column - 1 : finding.end - 1] == "of"
    assert "`of`" in finding.message


@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_a_suggested_claim_that_is_written_below_its_hypothesis_settles_the_finding(text, trainer):
    lines = text.splitlines()
    before = check(read(text), trainer)

    for finding in reversed([f for f in before if f.code == "TS202"]):
        lines.insert(finding.line, "   " + re.search(r"`[^`]+`", finding.fix)[0])

    after = [f.code for f in check(read("\n".join(lines)), trainer)]
    assert "TS202" not in after
    for code in ("TS105", "TS203", "TS204", "TS205", "TS214"):
        assert after.count(code) == [f.code for f in before].count(code)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("RoPE theta doesn't matter", "exact_match insensitive to rope_theta within 2pt"),
        ("The deep model is worse than Wide", "exact_match(Wide) > exact_match(Deep) by 2pt"),
        ("Narrow models do worse", "exact_match increases with d_model"),
        ("Wide reaches the top", "exact_match(Wide) >= 90%"),
        ("About 250K params are the minimum", "smallest params with exact_match >= 90%"),
    ],
)
def test_the_suggested_claim_fits_the_words_of_the_hypothesis(text, claim, trainer):
    spec = f"""\
## Hypotheses
1. {text}

## Parameter Ranges
| Parameter | Values |
|---|---|
| RoPE theta | [10, 100] |

## Parameter Grid
| Name | d_model | depth |
|---|---|---|
| Wide | 512 | 2 |
| Deep | 128 | 8 |
"""
    (finding,) = [f for f in check(read(spec), trainer) if f.code == "TS202"]

    assert claim in finding.fix


def test_a_count_may_be_off_by_the_rounding_of_how_it_is_written(trainer):
    head = "## Parameter Grid\n| Name | d_model | depth | params |\n|---|---|---|---|\n"

    def bites(count):
        return "TS210" in [f.code for f in check(read(f"{head}| A | 64 | 3 | {count} |"), trainer)]

    assert [bites(count) for count in ("253K", "255K", "256K", "~0.25M", "0.3M")] == [
        False, False, True, False, True,
    ]  # fmt: skip


def test_a_grid_whose_two_changes_are_joined_as_a_factor_changes_one_thing(trainer):
    text = PHASE_1.read_text()

    joined = text + "\n## Factors\n- size: d_model, depth (only the size is in question)\n"

    assert "TS209" in [f.code for f in check(read(text), trainer)]
    assert "TS209" not in [f.code for f in check(read(joined), trainer)]


def test_pairs_whose_counts_are_left_to_techspec_are_matched(trainer):
    text = PHASE_2.read_text()

    without = re.sub(r"~1\.\d+M ", "", text)

    (finding,) = [f for f in check(read(text), trainer) if f.code == "TS211"]
    for number in ("1.05M", "1.02M", "1.31M", "28%", "~1M", "3.2M", "1.59M", "2.13M"):
        assert number in finding.message
    assert "Wide-shallow d_proj=128 d_ff=204" in finding.fix
    assert "TS211" not in [f.code for f in check(read(without), trainer)]


def test_a_refused_value_of_the_baseline_is_told_once_and_where_it_is_written(trainer):
    text = """\
## Parameter Ranges
| Parameter | Values |
|---|---|
| depth | [2, 4, 6] |

## Baseline
- d_model: 7
"""
    found = [f for f in check(read(text), trainer) if f.code == "TS305"]

    assert [f.line for f in found] == [7]
    assert "d_model=7" in found[0].message


def test_a_sweep_that_is_given_up_as_advised_brings_the_plan_into_its_budget(trainer):
    text = SCALING.read_text()
    claim = "   `exact_match insensitive to rope_theta within 2pt`"
    text = text.replace("short sequences", f"short sequences\n{claim}")
    (finding,) = [f for f in check(read(text), trainer) if f.code == "TS304"]

    for name in re.findall(r"`(\w+)`", finding.fix):
        text = re.sub(rf"\| {name} .*\n", "", text)

    assert "give up" in finding.fix
    assert "TS304" not in [f.code for f in check(read(text), trainer)]


def test_the_only_sweep_is_not_offered_to_be_given_up(trainer):
    text = """\
## Hypotheses
1. More heads learn more
   `exact_match increases with heads`

## Parameter Ranges
| Parameter | Values |
|---|---|
| heads | [1, 2, 4] |

## Budget Constraints
- Max experiments: 5
"""
    (finding,) = [f for f in check(read(text), trainer) if f.code == "TS304"]

    assert "give up" not in finding.fix
    assert "raise the budget" in finding.fix


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("64/128", "names no values that can be read"),
        ("0-1 log", "names no values that can be read"),
        (">= 64", "has no end"),
        ("any", "has no end"),
        ("as many as fit", "has no end"),
        ("[64, 128, ...]", "has no end"),
        ("", "has no values"),
    ],
)
def test_a_range_that_cannot_be_read_is_told_from_one_without_an_end(cell, words, trainer):
    text = f"## Parameter Ranges\n| Parameter | Values |\n|---|---|\n| depth | {cell} |\n"

    (finding,) = [f for f in check(read(text), trainer) if f.code == "TS301"]

    assert words in finding.message


@pytest.mark.parametrize("cell", ["0,001; 0,01", "64,128,256"])
def test_a_cell_that_is_reported_as_unreadable_is_not_called_unbounded_too(cell, trainer):
    text = f"## Parameter Ranges\n| Parameter | Values |\n|---|---|\n| depth | {cell} |\n"

    assert [f.code for f in check(read(text), trainer) if f.line == 4] == ["TS101"]


@pytest.mark.parametrize(
    ("claim", "code", "fix"),
    [
        ("exact_match(Wide) >= 950%", "TS216", "90%"),
        ("exact_match(Wide) >= 1.5", "TS216", "90%"),
        ("exact_match(Wide) >= 95", "TS216", "95%"),
        ("smallest d_model with exact_match >= 70", "TS216", "70%"),
        ("exact_match(Wide) > exact_match(Deep) by 2", "TS217", "2pt"),
        ("Wide > Deep by 2", "TS217", "2pt"),
        ("exact_match insensitive to d_model within 2", "TS217", "2pt"),
        ("exact_match(Wide) > exact_match(Deep) by 200pt", "TS217", "2pt"),
    ],
)
def test_what_a_share_cannot_reach_is_found_in_every_form_of_claim(claim, code, fix, trainer):
    spec = f"""\
## Hypotheses
1. Wide is better
   `{claim}`

## Arms
| Name | d_model | depth |
|---|---|---|
| Wide | 512 | 2 |
| Deep | 128 | 8 |
"""
    found = [f for f in check(read(spec), trainer) if f.code in ("TS216", "TS217")]

    assert [(f.line, f.code) for f in found] == [(3, code)]
    assert f" {fix}" in found[0].fix


@pytest.mark.parametrize(
    "claim",
    [
        "eval_loss(Wide) <= 2.5",
        "eval_loss(Deep) > eval_loss(Wide) by 2",
        "exact_match(Wide) >= 100%",
        "exact_match(Wide) >= 0.95",
        "exact_match(Wide) > exact_match(Deep) by 0.02",
        "bleu(Wide) >= 30",
    ],
)
def test_a_level_that_can_be_reached_is_no_finding(claim, trainer):
    text = f"## Hypotheses\n1. Wide is better\n   `{claim}`\n"

    assert {"TS216", "TS217"}.isdisjoint(f.code for f in check(read(text), trainer))


def test_a_band_above_100_percent_is_found_once(trainer):
    text = "## Success Criteria\n- Best: 950-980%\n- Mid: 50-90%\n"

    assert [f.line for f in check(read(text), trainer) if f.code == "TS216"] == [2]


def test_a_third_arm_of_one_name_is_offered_a_name_that_is_free(trainer):
    text = "## Arms\n| Name | depth |\n|---|---|\n| a | 2 |\n| A | 4 |\n| a | 6 |\n| a-2 | 8 |\n"

    found = [f for f in check(read(text), trainer) if f.code == "TS215"]

    assert [f.line for f in found] == [5, 6]
    assert ["`A-3`" in found[0].fix, "`a-4`" in found[1].fix] == [True, True]
    assert all("line 4" in f.message for f in found)


@pytest.mark.parametrize(("above", "line"), [("", 1), ("# TECHSPEC: x\n\n## Run\n", 3)])
def test_a_trainer_that_cannot_be_asked_is_one_finding_beside_the_others(above, line):
    spec = read(f"{above}```yaml\ntrainer: no-such-program\n```\n")
    lost = TrainerNotFound("no-such-program")

    found = check(spec, NoTrainer(), lost)

    (finding,) = [f for f in found if f.code == "TS307"]
    assert (finding.line, finding.fix) == (line, lost.fix)
    assert lost.what in finding.message
    assert [f for f in found if f != finding] == check(spec, NoTrainer())


def test_a_spec_that_predicts_nothing_is_told_so_though_it_sweeps_nothing():
    text = "# TECHSPEC: One arm\n\n## Objective\nDoes it learn?\n\n## Baseline\n- depth: 2\n"

    found = [each for each in check(read(text), NoTrainer()) if each.code == "TS201"]

    assert [each.line for each in found] == [1]
    assert "There is no `## Hypotheses`: nothing would be settled." in found[0].message
