"""What findings and failed attempts mean for a spec at hand."""

import re
from dataclasses import replace

import pytest

from techspec.advice.advise import advise
from techspec.advice.model import Planned
from techspec.advice.text import FRAME, MOST_TOKENS, text, tokens
from techspec.plan.model import Question
from techspec.plan.trainer import ParameterInfo, TrainerFacts
from techspec.skill.distil import distil
from techspec.skill.registry import Registry
from techspec.spec.reader import read
from techspec.verdict.decide import decide
from tests.skill.judged_campaign import CLAIM, SCORES, SPEC, plan, state

FACTS = TrainerFacts("addition", "abc", {"d_model": ParameterInfo("int", 256)})
GOAL = "wider or deeper for addition"
ASKED = read(f"""# TECHSPEC: Addition, once more

## Hypotheses
1. Wider beats deeper for addition
   `{CLAIM}`
2. Shallow transformers need warmup

## Parameter Ranges
| Parameter | Values | Priority |
|---|---|---|
| d_model | [32, 128, 512] | High |
| depth | [2, 8] | High |
""")


def planned():
    """The plan of a new spec: its first hypothesis is an old one, its second is new."""
    whole = plan()
    new = Question("H2", "Shallow transformers need warmup", None, "exact_match", ("tiny",))
    trials = tuple(
        replace(trial, serves=("H2",) if trial.arm == "tiny" else ("H1",), seconds=360.0)
        for trial in whole.trials
    )
    asked = replace(whole, title="Once more", questions=(whole.questions[0], new), trials=trials)
    return Planned(asked, FACTS)


def save(registry, name="widths", scores=SCORES, code="abc"):
    study = replace(plan(), trainer_code=code)
    told = state(scores)
    for trial in told.trials.values():
        trial.started = replace(trial.started, code=code)
    made = distil(SPEC, study, told, decide(study, told), None, name)
    page = made.page.replace(f"name: {made.name}\n", f"name: {name}\n", 1)
    return Registry([registry]).save(name, page, made.files)


def asked(registry, spec=ASKED, plan=True):
    return advise(
        GOAL, [], spec, Registry([registry]), planned=planned() if plan and spec else None
    )


def test_a_hypothesis_that_findings_decided_is_settled_and_what_that_saves_is_said(tmp_path):
    save(tmp_path)

    advice = asked(tmp_path)

    (settled,) = advice.settled
    assert (settled.hypothesis, settled.line, settled.outcome) == ("H1", 5, "CONFIRMED")
    assert settled.statement.sources == ("widths:H1",)
    said = text(advice)
    assert "- H1 (spec line 5) is settled: exact_match(d_model=512, depth=2) > " in said
    assert "3 + 3 seeds [widths:H1, measured over seeds]" in said
    assert "- Leaving out H1 saves 6 trials (0.6 device hours) [your plan]" in said
    assert "- First: stage 'all' (9 trials, 0.9 device hours) serves H2 [your plan]" in said


def test_without_a_plan_nothing_is_said_to_be_settled(tmp_path):
    save(tmp_path)

    advice = asked(tmp_path, plan=False)

    assert (advice.settled, advice.spared) == ((), None)
    assert "CONFIRMED, 20.7 pt" in text(advice)


def test_what_is_settled_is_said_even_where_no_page_matches_in_words(tmp_path):
    save(tmp_path)
    page = tmp_path / "widths" / "SKILL.md"
    page.write_text("---\nname: widths\ndescription: zebras\n---\n")
    spec = read(ASKED.text.replace("Addition, once more", "x").split("## Parameter")[0])

    advice = advise("gnu", [], spec, Registry([tmp_path]), planned=planned())

    assert advice.sources == ()
    assert "H1 (spec line 5) is settled" in text(advice)


def test_a_finding_is_quoted_with_effect_interval_seeds_and_grade(tmp_path):
    save(tmp_path)

    said = text(asked(tmp_path, spec=None))

    assert re.search(r"by 2pt: CONFIRMED, 20.7 pt \(90 % interval 1[78]\.", said), said
    assert "3 + 3 seeds [widths:H1, measured over seeds]" in said


def test_two_studies_that_agree_are_pooled_and_replicated(tmp_path):
    save(tmp_path)
    save(tmp_path, "again", {**SCORES, "wide": (0.92, 0.90, 0.93)}, code="other")

    said = text(asked(tmp_path, spec=None))

    assert "; pooled over 2 studies " in said
    assert (
        "[widths:H1, again:H1, replicated]" in said or "[again:H1, widths:H1, replicated]" in said
    )


def test_studies_that_contradict_each_other_are_both_shown_and_settle_nothing(tmp_path):
    save(tmp_path)
    save(tmp_path, "against", {**SCORES, "wide": (0.61, 0.60, 0.62)}, code="other")

    advice = asked(tmp_path)

    assert advice.settled == ()
    (conflict,) = [each for each in advice.statements if each.is_conflict]
    assert {source.partition(":")[0] for source in conflict.sources} == {"widths", "against"}
    said = text(advice)
    assert said.index("WHAT TO DOUBT") < said.index("- CONFLICT on exact_match(d_model=")
    assert re.search(r"widths says (exact_match.*?: )?CONFIRMED, 20.7 pt", said)
    assert "against says" in said


def test_a_page_whose_evidence_was_changed_by_hand_settles_nothing(tmp_path):
    path = save(tmp_path).path.parent / "evidence" / "verdicts.json"
    path.write_text(path.read_text().replace('"CONFIRMED"', '"REFUTED"'))

    assert asked(tmp_path).settled == ()


def failing(tmp_path, attempt, spec=ASKED):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "SKILL.md").write_text(
        "---\nname: notes\ndescription: wider or deeper for addition\n---\n"
        "## Failed Attempts\n| Attempt | Why | Lesson |\n|---|---|---|\n"
        f"| {attempt} | it stayed at 0 % | go wider |\n"
    )
    advice = advise(GOAL, [], spec, Registry([tmp_path]))
    return [each.values for each in advice.failing], text(advice)


@pytest.mark.parametrize(
    ("attempt", "values"),
    [
        ("d_model=32 for addition", (("d_model", "32"),)),
        ("tiny: d_model 32, depth 2", (("d_model", "32"), ("depth", "2"))),
        ("a depth of 8 layers, d_model: 128", (("d_model", "128"),)),
        ("d-model 512", (("d_model", "512"),)),
    ],
)
def test_values_of_the_spec_that_failed_before_are_named(tmp_path, attempt, values):
    found, said = failing(tmp_path, attempt)

    assert found == [values]
    assert f"- Known to fail: {values[0][0]}={values[0][1]}" in said


@pytest.mark.parametrize(
    "attempt",
    [
        "d_model=64",
        "d_model 32, depth 3",
        "addition without d_model",
        "depth-first addition of 8",
        'small: d_model=32, depth=2, schedule="constant"',  # which the spec does not name
    ],
)
def test_values_that_the_spec_does_not_have_and_other_combinations_are_not(tmp_path, attempt):
    assert failing(tmp_path, attempt)[0] == []


def test_an_arm_of_the_spec_that_failed_before_is_named(tmp_path):
    spec = read(
        "# TECHSPEC: wider or deeper for addition\n\n## Parameter Grid\n"
        "| Name | d_model | depth |\n|---|---|---|\n| Tiny | 32 | 2 |\n| Wide | 512 | 2 |\n"
    )

    assert failing(tmp_path, "d_model 32 at depth 2", spec)[0] == [(("arm", "Tiny"),)]


@pytest.mark.parametrize(
    ("attempt", "arms"),
    [
        ("base 10", []),  # both have it: what made one of them fail is not told
        ('mixed: base=10, answer_order="lsd"', ["Mixed"]),
        ("base=10, answer_order=`msd`", ["Msd"]),
    ],
)
def test_only_the_one_arm_that_an_attempt_fits_is_said_to_have_failed(tmp_path, attempt, arms):
    spec = read(
        "# TECHSPEC: digit order for addition\n\n## Parameter Grid\n"
        "| Name | base | answer_order |\n|---|---|---|\n| Msd | 10 | msd |\n| Mixed | 10 | lsd |\n"
    )

    assert failing(tmp_path, attempt, spec)[0] == [(("arm", name),) for name in arms]


def test_what_a_spec_that_was_never_run_states_is_no_ground_to_skip_a_sweep(tmp_path):
    claim = "The learning rate does not matter for addition: `exact_match insensitive to lr`"
    other = f"# TECHSPEC: Addition\n\n## Objective\nAddition.\n\n## Hypotheses\n1. {claim}\n"
    results = (
        "\n## Results\n\n| Hypothesis | Confirmed? | Evidence |\n|---|---|---|\n"
        "| the learning rate does not matter | YES | 0.1 pt |\n"
    )
    spec = read(
        "# TECHSPEC: Addition once more\n\n## Objective\nAddition.\n\n## Parameter Ranges\n"
        "| Parameter | Values | Priority |\n|---|---|---|\n| lr | [1, 2] | High |\n"
    )

    def skipped(text):
        return advise("addition", [], spec, None, [(tmp_path / "TECHSPEC.md", read(text))]).skips

    assert skipped(other) == ()
    assert [each.parameter for each in skipped(other.replace("\n## Hyp", results + "\n## Hyp"))]


def test_values_that_failed_with_another_trainer_are_not_called_known_to_fail(tmp_path):
    path = save(tmp_path).path
    row = "| d_model=32, depth=2 | it stayed at 0 % | go wider |"
    table = f"## Failed Attempts\n| Attempt | Why | Lesson |\n|---|---|---|\n{row}\n"
    path.write_text(f"{path.read_text()}\n{table}")
    own = planned()
    other = Planned(own.plan, replace(FACTS, name="python train.py"))

    def failing(planned):
        return advise(GOAL, [], ASKED, Registry([tmp_path]), planned=planned).failing

    assert [each.values for each in failing(own)] == [(("d_model", "32"), ("depth", "2"))]
    assert failing(other) == ()


def test_the_answer_ends_with_what_no_source_covers(tmp_path):
    save(tmp_path)

    with_spec = text(asked(tmp_path)).splitlines()
    without = text(advise("width of addition on lobsters", [], None, Registry([tmp_path])))

    assert with_spec[-1] == "- Not covered by any source: H2 [your spec]"
    assert without.splitlines()[-1] == "- Not covered by any source: lobsters [your goal]"


@pytest.mark.parametrize(
    ("claim", "arms", "told"),
    [
        (CLAIM.replace("2pt", "5pt"), ("wide", "deep"), "at another margin: widths:H1"),
        (CLAIM.replace(" by 2pt", ""), ("wide", "deep"), "at another margin: widths:H1"),
        ("exact_match(deep) > exact_match(wide)", ("deep", "wide"), "its opposite: widths:H1"),
    ],
)
def test_a_claim_that_is_answered_at_another_margin_is_told_apart_from_one_that_is_not(
    tmp_path, claim, arms, told
):
    save(tmp_path)
    study = planned()
    other = replace(study.plan.questions[0], claim=claim, arms=arms)
    new = replace(study.plan, questions=(other, study.plan.questions[1]))
    spec = read(ASKED.text.replace("Wider beats deeper for addition", "Of one thing or another"))

    said = text(advise(GOAL, [], spec, Registry([tmp_path]), planned=Planned(new, FACTS)))

    assert f"- Not covered by any source: H1 itself ({told}), H2 [your spec]" in said
    assert "CONFIRMED, 20.7 pt" in said


def test_an_answer_with_everything_in_it_keeps_its_length_and_its_last_line(tmp_path):
    for number in range(6):
        shift = 0.1 * number
        scores = {**SCORES, "wide": tuple(0.4 + shift + n / 100 for n in range(3))}
        save(tmp_path, f"widths-{number}", scores, code=f"code-{number}")

    said = text(asked(tmp_path))

    assert said.startswith(FRAME)
    assert tokens(said) <= MOST_TOKENS
    assert said.splitlines()[-1].startswith("- Not covered")
    assert not [title for title, following in zip(said.splitlines(), said.splitlines()[1:],
                strict=False) if title.isupper() and following.isupper()]  # fmt: skip


def test_an_outcome_that_only_numbers_hypotheses_is_left_to_the_findings(tmp_path):
    save(tmp_path)

    said = text(asked(tmp_path, spec=None))

    assert "KEY FINDINGS\n- exact_match(" in said
    assert "Outcome: H1" not in said


def test_a_goal_that_is_met_word_by_word_is_told_that_nothing_is_left_out(tmp_path):
    save(tmp_path)

    said = text(asked(tmp_path, spec=None))

    assert "- Not covered: nothing, by its words; settings may differ [your goal]" in said
