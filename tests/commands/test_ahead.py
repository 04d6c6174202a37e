"""What `plan` and `calibrate` say before anything is spent."""

import json

import pytest

QUICK = ("--draws", "3")


def spec_with(project, old, new):
    path = project / "TECHSPEC.md"
    path.write_text(path.read_text().replace(old, new))


def test_calibrate_tells_for_each_hypothesis_how_often_it_would_be_wrong(project, techspec):
    said = techspec("calibrate", *QUICK, "--spread", "2pt")

    assert said.code == 0
    assert "Rehearsed 3 times in each of two worlds" in said.out
    for told in ("H1", "H4", "as claimed", "not so", "wrong", "at a seed spread of 2 pt"):
        assert told in said.out
    assert not (project / ".techspec").exists()  # nothing was frozen or run


def test_calibrate_says_the_same_twice_and_as_json_in_numbers(project, techspec):
    words = ("calibrate", *QUICK, "--spread", "2pt", "--fails", "0.2", "--json")

    first, second = techspec(*words), techspec(*words)

    assert first.out == second.out
    outlooks = json.loads(first.out)["outlooks"]
    assert [each["hypothesis"] for each in outlooks] == ["H1", "H2", "H3", "H4"]
    assert [each["sd"] for each in outlooks] == [0.02, 0.02, 0.02, None]
    for each in outlooks:
        for met in each["prospects"]:
            assert met["confirmed"] + met["refuted"] + met["open"] == pytest.approx(1.0)


def test_the_spread_of_the_command_line_goes_before_that_of_the_spec(project, techspec):
    spec_with(project, "seeds: 6\n", "seeds: 6\nseed_sd: 3pt\n")

    stated = json.loads(techspec("calibrate", *QUICK, "--json").out)["outlooks"]
    given = json.loads(techspec("calibrate", *QUICK, "--spread", "0.01", "--json").out)["outlooks"]

    assert (stated[0]["sd"], stated[0]["source"]) == (0.03, "stated")
    assert given[0]["sd"] == 0.01


@pytest.mark.parametrize(
    ("words", "offending"),
    [
        (("--spread", "lots"), "'lots'"),
        (("--spread", "0"), "'0'"),
        (("--spread", "-1pt"), "'-1pt'"),
        (("--fails", "1"), "1 is no share"),
        (("--fails", "-0.1"), "-0.1"),
        (("--fails", "nan"), "nan"),
        (("--draws", "0"), "0 rehearsals"),
    ],
)
def test_a_world_that_could_not_be_made_is_refused_with_the_value_and_a_fix(
    project, techspec, words, offending
):
    option, value = words
    said = techspec("calibrate", f"{option}={value}")

    assert said.code == 2
    assert offending in said.err
    assert "fix: " in said.err
    assert said.out == ""


def test_nothing_to_rehearse_is_said_with_the_way_out(project, techspec):
    (project / "TECHSPEC.md").write_text(
        "# No claim\n\n## Hypotheses\n1. It works\n\n## Run\n```yaml\n"
        "trainer: python trainer.py\nmetric: accuracy\n```\n"
    )

    said = techspec("calibrate", *QUICK)

    assert said.code == 2
    assert "No hypothesis" in said.err
    assert "techspec plan" in said.err


def test_plan_says_how_often_each_hypothesis_would_be_settled_unless_it_is_quick(project, techspec):
    whole, quick = techspec("plan"), techspec("plan", "--quick")

    assert whole.code == quick.code == 0
    assert "of 10 times if it is as claimed" in whole.out
    assert "state seed_sd under Run if you know" in whole.out
    assert "of 10 times" not in quick.out
    assert "looked at with 3, 5 and 6 seeds an arm" in quick.out
    assert "decided seed by seed, up to 6 an arm" in quick.out


def test_a_plan_without_a_hypothesis_says_so_and_what_to_write(project, techspec):
    (project / "TECHSPEC.md").write_text("# TECHSPEC: none\n")

    planned = techspec("plan")

    assert planned.code == 1
    assert "none, so nothing would be settled: write '## Hypotheses'" in planned.out


def test_the_plan_as_json_has_what_is_planned_and_what_is_further(project, techspec):
    said = json.loads(techspec("plan", "--json").out)

    plan = said["plan"]
    assert (len(plan["trials"]), len(plan["further"])) == (26, 4)
    assert [question["looks"] for question in plan["questions"]][:3] == [[3, 5, 6]] * 3
    assert said["hash"]


def test_a_seed_spread_in_the_spec_that_is_no_number_is_found_by_lint(project, techspec):
    spec_with(project, "seeds: 6\n", "seeds: 6\nseed_sd: lots\n")

    linted = techspec("lint")

    assert linted.code == 1
    assert "'seed_sd' is 'lots'" in linted.out


@pytest.mark.parametrize("written", ["2pt", "0.02", "2 pt"])
def test_a_seed_spread_in_the_spec_may_be_written_in_points_or_as_a_number(
    project, techspec, written
):
    spec_with(project, "seeds: 6\n", f"seeds: 6\nseed_sd: {written}\n")

    said = json.loads(techspec("calibrate", *QUICK, "--json").out)

    assert said["outlooks"][0]["sd"] == 0.02
    assert said["outlooks"][0]["source"] == "stated"


def test_status_counts_what_is_done_and_asked_for(finished, techspec):
    (progress,) = json.loads(techspec("status", "--json").out)["campaigns"]

    assert (progress["done"], progress["trials"], progress["spared"]) == (24, 24, 6)
    assert progress["condition"] == "complete"


def test_a_calibrated_plan_says_how_far_the_budget_goes_on_this_machine(project, techspec):
    trainer = project / "trainer.py"
    told = '"seconds": {"cpu": 0.1}'
    trainer.write_text(trainer.read_text().replace(told, told + ', "measured_seconds": 30.0'))

    short = techspec("plan", "--quick", "--calibrate").out
    spec_with(project, "Max CPU hours: 0.1", "Max CPU hours: 1")
    enough = techspec("plan", "--quick", "--calibrate").out

    assert "the 26 trials take about 13 min of device time" in short
    assert "more than the budget of 6 min: that ends after about 12 of them" in short
    assert "the 26 trials take about 13 min of device time.\n" in enough
    assert "26 trials (and up to 4" in short  # the plan itself does not depend on the machine
