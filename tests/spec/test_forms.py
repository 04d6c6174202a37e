"""The tables, lists and blocks of the spec form, in the shapes people write them."""

import pytest

from techspec.spec.model import Factor, Priority, RunSettings
from techspec.spec.names import key_of
from techspec.spec.reader import read


def parameter(cell):
    spec = read(f"## Parameter Ranges\n| Parameter | Values |\n|--|--|\n| x | {cell} |\n")
    return spec.parameters[0]


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        ("[253K, 500K, 1M]", (253000, 500000, 1000000)),
        ("[512,1024,2048]", (512, 1024, 2048)),
        ("[100,200,300]", (100, 200, 300)),
        ("[1,000, 10,000]", (1000, 10000)),
        ("[1e-4, 3e-3]", (0.0001, 0.003)),
        ("[true, false]", (True, False)),
        ("[lsd, msd]", ("lsd", "msd")),
        ("10, 30, 100", (10, 30, 100)),
        ("`[2, 4]`", (2, 4)),
        ("~1M", (1000000,)),
        ("10,000", (10000,)),
        ("adam", ("adam",)),
        ("1e-4 / 1e-3 / 1e-2", (0.0001, 0.001, 0.01)),
        ("32 / 64 / 128", (32, 64, 128)),
        ("1,000; 10,000", (1000, 10000)),
        ("32-128 log", (32, 64, 128)),
        ("[0,0,1]", (0, 0, 1)),
    ],
)
def test_levels_have_their_values_and_types(cell, values):
    found = parameter(cell)

    assert found.values == values
    assert [type(value) for value in found.values] == [type(value) for value in values]
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize(
    ("cell", "low", "high"),
    [
        ("0.1–0.3", 0.1, 0.3),
        ("0-999", 0, 999),
        ("1e-4 - 1e-2 log", 0.0001, 0.01),
        ("1e-4 to 1e-2 (log)", 0.0001, 0.01),
    ],
)
def test_a_range_has_ends_and_no_levels(cell, low, high):
    found = parameter(cell)

    assert (found.low, found.high, found.values) == (low, high, ())


@pytest.mark.parametrize("cell", ["any", ">= 64", "64+", "[64, 128, ...]", "", "as many as fit"])
def test_a_cell_without_an_end_is_only_text(cell):
    found = parameter(cell)

    assert (found.values, found.low, found.high, found.text) == ((), None, None, cell)


def test_a_number_that_could_be_a_list_is_a_problem():
    spec = read("## Parameter Ranges\n| Name | Range |\n|--|--|\n| x | 64,128,256 |\n")

    assert spec.parameters[0].values == ()
    assert "[64, 128, 256]" in spec.problems[0].fix


@pytest.mark.parametrize(
    "cell",
    ["0,001; 0,01", "1,5; 2", "0,01", "0,001", "[0,001, 0,01]", "[0,001,0,01]", "0,001 - 0,100"],
)
def test_a_decimal_comma_is_a_problem_and_never_two_numbers(cell):
    spec = read(f"## Parameter Ranges\n| Name | Range |\n|--|--|\n| x | {cell} |\n")

    (found,) = spec.parameters
    assert (found.values, found.low, found.high) == ((), None, None)
    assert [(problem.line, repr(cell) in problem.what) for problem in spec.problems] == [(4, True)]


@pytest.mark.parametrize(
    ("cell", "priority"),
    [
        ("P0", Priority.HIGH),
        ("p1", Priority.HIGH),
        ("P2", Priority.MEDIUM),
        ("P3", Priority.LOW),
        ("3", Priority.LOW),
        ("Test floor", Priority.LOW),
        ("Baseline", None),
    ],
)
def test_an_arm_has_the_priority_that_is_written(cell, priority):
    spec = read(f"## Arms\n| Arm | x | Priority |\n|--|--|--|\n| a | 1 | {cell} |\n")

    assert (spec.arms[0].priority, spec.problems) == (priority, ())


@pytest.mark.parametrize("table", ["Arms", "Parameter Ranges"])
def test_a_priority_that_nobody_can_order_is_a_problem_and_none(table):
    spec = read(f"## {table}\n| Name | Values | Priority |\n|--|--|--|\n| a | 1 | urgent |\n")

    (found,) = (*spec.arms, *spec.parameters)
    assert found.priority is None
    assert [(problem.line, "'urgent'" in problem.what) for problem in spec.problems] == [(4, True)]


def test_columns_are_found_by_their_header():
    spec = read("## Parameter Ranges\n| Priority | Levels | Name |\n|--|--|--|\n| low | 1 | lr |\n")

    (found,) = spec.parameters
    assert (found.name, found.key, found.values) == ("lr", "learning_rate", (1,))
    assert found.priority is Priority.LOW


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("RoPE theta", "rope_theta"),
        ("lr", "learning_rate"),
        ("Learning Rate", "learning_rate"),
        ("width", "d_model"),
        ("layers", "depth"),
        ("n_layers", "depth"),
        ("Params", "params"),
        ("parameters", "params"),
        ("size", "params"),
        ("batch", "batch_size"),
        ("d-ff (hidden)", "d_ff_hidden"),
        ("…", ""),
    ],
)
def test_a_parameter_has_the_key_of_the_trainer(name, key):
    assert key_of(name) == key


OWN = """## Hypotheses
1. It is steady: `acc insensitive to lr within 1pt`
2. Wide wins: `acc(width=64, Batch=8) > acc(width=32, Batch=8) by 1pt`

## Parameter Ranges
| Parameter | Values |
|--|--|
| LR | [0.1, 1] |

## Parameter Grid
| Name | Width | Changes | Parameters |
|--|--|--|--|
| wide | 64 | layers=2, n_layer=3 | 1M |

## Baseline
- size: 7
- learning rate: 0.5
"""


def test_names_are_taken_as_they_stand_where_the_spec_has_a_trainer_of_its_own():
    spec = read(OWN + "\n## Run\n- trainer: python mine.py\n")

    (lr,), (wide,) = spec.parameters, spec.arms
    assert lr.key == "lr"
    assert wide.settings == {"width": 64, "layers": 2, "n_layer": 3}
    assert wide.claimed_params.value == 1_000_000
    assert spec.baseline == {"size": 7, "learning_rate": 0.5}
    first, second = (each.claim.form for each in spec.hypotheses)
    assert first.parameter == "lr"
    assert dict(second.left.settings) == {"width": 64, "batch": 8}


def test_the_same_names_are_the_bundled_trainers_without_one():
    spec = read(OWN)

    (lr,), (wide,) = spec.parameters, spec.arms
    assert (lr.key, wide.settings) == ("learning_rate", {"d_model": 64, "depth": 3})
    assert spec.hypotheses[0].claim.form.parameter == "learning_rate"


def test_arms_take_settings_from_changes_and_from_columns():
    spec = read(
        "## Arms\n"
        "| Variant | Changes | RoPE theta | Priority | Purpose |\n|--|--|--|--|--|\n"
        "| baseline | | | High | |\n"
        "| wide | d_model=512, lr=1e-4 | 100 | Test floor | why |\n"
    )

    baseline, wide = spec.arms
    assert (baseline.is_baseline, baseline.priority, dict(baseline.settings)) == (
        True,
        Priority.HIGH,
        {},
    )
    assert dict(wide.settings) == {"d_model": 512, "learning_rate": 0.0001, "rope_theta": 100}
    assert (wide.priority, wide.note) == (Priority.LOW, "Test floor; why")


def test_changes_that_run_together_are_a_problem():
    spec = read("## Arms\n| Arm | Changes |\n|--|--|\n| a | d_model=512 depth=2 |\n")

    assert [problem.line for problem in spec.problems] == [4]


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("Target: ~1M params each (within 1%)", 1000000),
        ("**Target**: within 1%, 253K", 253000),
        ("Target: the same", None),
    ],
)
def test_matched_arms_have_a_target(line, target):
    matching = read(f"## Parameter-matched pairs\n\n{line}\n").matching

    assert (matching.line, matching.target and matching.target.value) == (3, target)


def test_a_matched_section_without_a_target_is_matched_all_the_same():
    matching = read("## Parameter-Matched Pairs\n| Arm | x |\n|--|--|\n| a | 1 |\n").matching

    assert (matching.line, matching.target) == (1, None)


@pytest.mark.parametrize(
    ("line", "band"),
    [
        ("Best: >95% exact match", ("Best", "exact_match", 0.95, None)),
        ("Best: exact match ≥ 0.9 on long inputs", ("Best", "exact_match", 0.9, None)),
        ("Mid: 85–95%", ("Mid", "acc", 0.85, 0.95)),
        ("Mid: >= 85% and < 95%", ("Mid", "acc", 0.85, 0.95)),
        ("Fail: <50% (abandon)", ("Fail", "acc", None, 0.5)),
        ("Fit: val loss below 2.0", ("Fit", "val_loss", None, 2.0)),
        ("70%+: fine", ("fine", "acc", 0.7, None)),
    ],
)
def test_a_bullet_is_a_band(line, band):
    spec = read(f"## Success Criteria\n- {line}\n\n## Run\n```yaml\nmetric: acc\n```\n")

    (found,) = spec.bands
    assert (found.name, found.metric, found.low, found.high) == band


def test_a_table_names_its_metric_in_the_header_or_in_a_column():
    spec = read(
        "## Success Criteria\n| Case | Exact Match |\n|--|--|\n| a | >1% |\n\n"
        "| Case | Metric | Threshold |\n|--|--|--|\n| b | loss | < 2 |\n"
    )

    assert [(each.name, each.metric) for each in spec.bands] == [
        ("a", "exact_match"),
        ("b", "loss"),
    ]


def test_a_band_that_says_neither_above_nor_below_is_a_problem():
    spec = read("## Success Criteria\n- Best: 95%\n")

    assert spec.bands == ()
    assert [problem.line for problem in spec.problems] == [2]


@pytest.mark.parametrize(
    ("line", "field", "amount"),
    [
        ("- Max GPU hours: 24", "device_hours", 24),
        ("Max CPU hours: 1.5", "device_hours", 1.5),
        ("- Max device minutes: 6", "device_hours", 0.1),
        ("- **Max compute**: 2 days (A100)", "device_hours", 48),
        ("- Max 24 GPU hours", "device_hours", 24),
        ("- Max experiments: 50", "experiments", 50),
        ("- Max wall-clock: 3 minutes", "wall_clock_hours", 0.05),
        ("- Max wall-clock: 2h", "wall_clock_hours", 2),
        ("| Limit | Value |\n|--|--|\n| Max wall clock | 1.5 hours |", "wall_clock_hours", 1.5),
        ("- 6 experiments", "experiments", 6),
        ("- 6 runs max", "experiments", 6),
        ("- no more than 6 runs", "experiments", 6),
        ("- Max runs 6", "experiments", 6),
        ("- Max experiments = 6", "experiments", 6),
        ("- Total trials – 6", "experiments", 6),
        ("- Total: 1,000 runs", "experiments", 1000),
        ("- 6 experiments (note: the cheap ones)", "experiments", 6),
        ("- Wall clock 1 min", "wall_clock_hours", 1 / 60),
        ("- Wall-clock 1h 30m", "wall_clock_hours", 1.5),
        ("- Time limit: 1 minute", "wall_clock_hours", 1 / 60),
        ("- 0.001 GPUh", "device_hours", 0.001),
        ("- GPU-hours <= 24", "device_hours", 24),
        ("- Max GPU hours: 24 (on\n  one A100)", "device_hours", 24),
        ("| Limit |\n|--|\n| 6 runs |", "experiments", 6),
        ("| Max runs | 6 |\n|--|--|\n", "experiments", 6),
        ("```yaml\nmax_gpu_hours: 24  # a day\n```", "device_hours", 24),
    ],
)
def test_a_limit_is_in_the_budget(line, field, amount):
    spec = read(f"## Budget Constraints\n{line}\n")

    assert getattr(spec.budget, field) == amount
    assert spec.problems == ()


def test_the_budget_says_which_device_and_what_comes_first():
    spec = read("## Budget\n- Max CPU hours: 1\n- Priority: depth/width > d_ff > c\n")

    assert spec.budget.device == "cpu"
    assert (spec.budget.order, spec.budget.order_line) == (("depth/width", "d_ff", "c"), 3)


def test_a_parenthesis_that_is_never_closed_swallows_no_limit():
    spec = read("## Budget\nMax CPU hours: 1 (on one\nMax runs: 6\n")

    assert (spec.budget.device_hours, spec.budget.experiments) == (1, 6)


@pytest.mark.parametrize(
    "line", ["Max GPU hours: many", "Max experiments: 2.5", "Max disk: 10GB", "Max CPU hours: -1"]
)
def test_a_limit_that_cannot_be_held_is_a_problem(line):
    spec = read(f"## Budget\n- {line}\n")

    assert [problem.line for problem in spec.problems] == [2]


@pytest.mark.parametrize(
    "line",
    [
        "- Deadline: Friday",
        "- at least 6 runs",
        "- 6 runs an arm",
        "- -6 runs",
        "- > 6 runs",
        "- 2 hours",
        "- 24 GPU hours, 6 runs",
        "- 6",
        "We have one machine, and it is slow.",
        "Note: keep it small.",
        "- Priority:",
        "```\nas little as we can\n```",
        "- Runs per arm: 3",
        "- Min experiments: 10",
        "| Limit | Value |\n|--|--|\n| Deadline | Friday |",
    ],
)
def test_a_line_of_the_budget_that_limits_nothing_is_a_problem(line):
    spec = read(f"## Budget\n- Max CPU hours: 0.25\n\n{line}\n")

    (problem,) = spec.problems
    assert problem.line == 4 + 2 * line.startswith("|") + line.startswith("```")
    assert (spec.budget.experiments, spec.budget.wall_clock_hours) == (None, None)
    assert line.startswith("- Priority") or "`Max experiments: 50`" in problem.fix


def test_a_factor_names_its_parameters_and_why():
    spec = read("## Factors\n- size: width, `depth` (they (both) set it)\n")

    assert spec.factors == (Factor("size", ("d_model", "depth"), 2, "they (both) set it"),)


def test_a_baseline_block_is_read_as_a_person_means_it():
    spec = read(
        "## Baseline\n```yaml\n# fixed\nlearning_rate: 1e-4\nearly_stopping: yes\n"
        'day: 2025-12-29\nratio: 1:30\nname: "12"\nparams: 253K\nnothing: null\n```\n'
    )

    assert dict(spec.baseline) == {
        "learning_rate": 0.0001,
        "early_stopping": True,
        "day": "2025-12-29",
        "ratio": "1:30",
        "name": "12",
        "params": 253000,
    }
    assert spec.baseline_lines["learning_rate"] == 4
    assert type(spec.baseline["learning_rate"]) is float


def test_a_baseline_table_and_list_are_read_too():
    spec = read("## Baseline\n| Parameter | Value |\n|--|--|\n| lr | 0.1 |\n\n- depth: 2\n")

    assert dict(spec.baseline) == {"learning_rate": 0.1, "depth": 2}
    assert dict(spec.baseline_lines) == {"learning_rate": 4, "depth": 6}


@pytest.mark.parametrize(
    ("line", "word"),
    [("lr: 2", "line 3"), ("depth: [1, 2]", "more than one"), ("x: [", "YAML"), ("a: !!x", "")],
)
def test_a_baseline_line_that_fixes_nothing_is_a_problem(line, word):
    spec = read(f"## Baseline\n```yaml\nlr: 1\n{line}\n```\n")

    if word:
        assert [problem.line for problem in spec.problems] == [4]
        assert word in spec.problems[0].what


def test_a_run_block_sets_how_to_run():
    spec = read(
        "## Run\n```yaml\ntrainer: python my.py\nmetric: val/loss\nseeds: 5\nseeds-at-once: 4\n"
        "device: cpu\nworkers: 2\nseconds-per-trial: 3\n```\n"
    )

    assert spec.run == RunSettings(1, "python my.py", "val/loss", 5, 4, "cpu", 2, 3.0)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("seed: 5", "'seeds'"),
        ("colour: red", "trainer, metric"),
        ("seeds: five", "whole number"),
        ("seeds: 2.5", "whole number"),
        ("seeds: 0", "whole number"),
        ("seeds: true", "whole number"),
        ("metric: 3", "text"),
        ("device: [cpu]", "one value"),
    ],
)
def test_a_run_setting_that_does_not_fit_is_a_problem_with_its_line(line, word):
    spec = read(f"## Run\n```yaml\n{line}\n```\n")

    (problem,) = spec.problems
    assert problem.line == 3
    assert word in problem.fix
    assert spec.run == RunSettings(1)
