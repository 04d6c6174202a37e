"""Which pages are quoted: each study once, the newest and best evidenced of it."""

import shutil

import pytest

from techspec.advice.advise import advise
from techspec.advice.candidates import are_twins, as_page
from techspec.advice.text import text
from techspec.report.results import results_markdown
from techspec.skill.distil import distil
from techspec.skill.page import read as read_page
from techspec.skill.registry import Registry
from techspec.spec.reader import read
from techspec.spec.results import replace as with_results
from techspec.verdict.decide import decide
from tests.skill.judged_campaign import SCORES, plan, state

SPEC = "# TECHSPEC: Addition width or depth\n\n## Objective\nDoes width help addition?\n"
GOAL = "does width or depth help addition"


def written(registry, name, body="## Results\n- widgets: 1\n", what="frobnication", **metadata):
    folder = registry / name
    folder.mkdir(parents=True)
    fields = "".join(f'\n  {key}: "{value}"' for key, value in metadata.items())
    head = f'---\nname: {name}\ndescription: "{what}"\nmetadata:{fields or " {}"}\n---\n'
    (folder / "SKILL.md").write_text(head + body)
    return Registry([registry])


def with_runs(registry, name):
    """Beside a page the file that its grade is counted from."""
    (registry / name / "evidence").mkdir()
    (registry / name / "evidence/runs.csv").write_text("trial,arm,seed\n")


def labels(advice):
    return [source.label for source in advice.sources]


def saved(registry, text=SPEC, name="widths"):
    spec = read(text)
    made = distil(spec, plan(), state(), decide(plan(), state()), None, "techspec")
    page = made.page.replace(f"name: {made.name}\n", f"name: {name}\n", 1)
    return Registry([registry]).save(name, page, made.files).path


def spec_with_results(scores=SCORES):
    said = results_markdown(read(SPEC), plan(), state(scores), decide(plan(), state(scores)))
    return with_results(SPEC, said)


@pytest.mark.parametrize(
    "later",
    [SPEC, spec_with_results(), spec_with_results().replace("Does width", "Does greater width")],
    ids=["as it was planned", "with its results", "with its results, and edited"],
)
def test_a_spec_is_no_second_source_beside_the_skill_that_it_taught(tmp_path, later):
    saved(tmp_path / "registry")
    path = tmp_path / "TECHSPEC.md"
    path.write_text(later)

    alone = advise(GOAL, [], None, None, [(path, read(later))])
    both = advise(GOAL, [], None, Registry([tmp_path / "registry"]), [(path, read(later))])

    assert labels(alone) == ["addition-width-or-depth"]
    assert labels(both) == ["widths"]


def test_an_edited_spec_is_known_by_its_campaign(tmp_path):
    saved(tmp_path / "registry")
    path = tmp_path / "TECHSPEC.md"
    path.write_text(SPEC + "\nAnother line.\n")
    folder = tmp_path / ".techspec" / "techspec"
    folder.mkdir(parents=True)
    opened = f'{{"event": "opened", "time": "{state().opened}"}}\n'
    specs = [(path, read(path.read_text()))]
    registry = Registry([tmp_path / "registry"])

    before = advise(GOAL, [], None, registry, specs)
    (folder / "ledger.jsonl").write_text(opened)
    after = advise(GOAL, [], None, registry, specs)

    assert len(before.sources) == 2
    assert labels(after) == ["widths"]


def test_results_that_techspec_judged_have_the_grade_of_their_seeds(tmp_path):
    one = {arm: values[:1] for arm, values in SCORES.items()}

    def grade(text):
        return as_page(tmp_path / "TECHSPEC.md", read(text)).evidence

    assert grade(spec_with_results()) == "measured over seeds"
    assert grade(spec_with_results(one)) == "one run"
    by_hand = (
        SPEC + "\n## Results\n| Arm | Seeds | exact_match |\n|---|---|---|\n| a | 5 | 91 % |\n"
    )
    assert grade(by_hand) == "reported"


def test_specs_in_a_registry_are_searched_as_specs(tmp_path):
    folder = tmp_path / "team" / "old-study"
    folder.mkdir(parents=True)
    (folder / "TECHSPEC.md").write_text(spec_with_results())

    (source,) = advise(GOAL, [], None, Registry([tmp_path / "empty", tmp_path / "team"])).sources

    assert (source.label, source.evidence) == ("addition-width-or-depth", "measured over seeds")


def test_a_superseded_page_gives_way_to_its_successor(tmp_path):
    written(tmp_path, "old", what="frobnication of widgets", **{"superseded-by": "new"})
    registry = written(tmp_path, "new", what="entirely other words")

    advice = advise("frobnication of widgets", [], None, registry)

    assert [(s.label, s.instead_of) for s in advice.sources] == [("new", "old")]
    assert "supersedes old" in text(advice)


def test_a_page_that_another_match_supersedes_is_left_out(tmp_path):
    written(tmp_path, "old", what="frobnication of widgets")
    registry = written(
        tmp_path, "new", what="frobnication refuted by many more seeds", supersedes="old"
    )

    assert labels(advise("frobnication", [], None, registry)) == ["new"]


def test_a_page_with_less_evidence_supersedes_none(tmp_path):
    written(tmp_path, "old", what="frobnication of widgets", evidence="measured over seeds")
    with_runs(tmp_path, "old")
    registry = written(
        tmp_path, "new", what="frobnication, in the view of some stranger", supersedes="old"
    )

    assert set(labels(advise("frobnication", [], None, registry))) == {"old", "new"}


def test_a_successor_that_is_nowhere_or_leads_round_in_a_circle_changes_nothing(tmp_path):
    written(tmp_path, "a", what="frobnication of red widgets", **{"superseded-by": "b"})
    written(tmp_path, "b", what="frobnication, also blue and green", **{"superseded-by": "a"})
    registry = written(tmp_path, "c", what="frobnication or so it seems", **{"superseded-by": "x"})

    assert set(labels(advise("frobnication", [], None, registry))) <= {"a", "b", "c"}
    assert "c" in labels(advise("frobnication", [], None, registry))


@pytest.mark.parametrize(
    ("supersedes", "shown"),
    [
        ({"a": "a", "b": ""}, {"a", "b"}),
        ({"a": "b", "b": "a"}, {"a", "b"}),
        ({"a": "b", "b": "c", "c": "a"}, {"a", "b", "c"}),
        ({"a": "b", "b": "a", "c": "a, c"}, {"b", "c"}),
    ],
    ids=["itself", "each other", "round in a circle", "a circle, and one from outside"],
)
def test_pages_that_supersede_themselves_or_each_other_stay(tmp_path, supersedes, shown):
    what = {"a": "of red widgets", "b": "also blue and green", "c": "or so it seems"}
    for name, other in supersedes.items():
        fields = {"supersedes": other} if other else {}
        registry = written(tmp_path, name, what=f"frobnication {what[name]}", **fields)

    assert set(labels(advise("frobnication", [], None, registry))) == shown


@pytest.mark.parametrize(("kept", "other"), [("a", "b"), ("b", "a")])
def test_two_pages_of_one_name_that_were_merged_are_still_quoted(tmp_path, kept, other):
    what = "frobnication of widgets"
    for folder, link in ((kept, "supersedes"), (other, "superseded-by")):
        registry = written(tmp_path, folder, what=what, **{link: "widgets"})
        path = tmp_path / folder / "SKILL.md"
        path.write_text(path.read_text().replace(f"name: {folder}", "name: widgets"))

    assert labels(advise("frobnication", [], None, registry)) == ["widgets"]


def test_of_twins_the_better_evidenced_one_is_shown_once(tmp_path):
    what = "Use when frobnication of widgets fails in the night"
    for number, grade in enumerate(["anecdote", "measured over seeds", "one run"]):
        registry = written(tmp_path, f"frobnication-{number}", what=what, evidence=grade)
    with_runs(tmp_path, "frobnication-1")
    written(tmp_path, "gadgets", what="where gadgets fail at frobnication")

    advice = advise("frobnication of widgets fails", [], None, registry)

    first, *others = advice.sources
    assert (first.label, first.similar) == ("frobnication-1", 2)
    assert [source.label for source in others] == ["gadgets"]
    assert "- frobnication-1 +2 similar (measured over seeds;" in text(advice)


@pytest.mark.parametrize("claimed", ["replicated", "measured over seeds", "one run"])
def test_a_grade_without_the_runs_that_give_it_is_told_as_what_stands_on_the_page(
    tmp_path, claimed
):
    written(tmp_path, "widgets", what="frobnication of widgets", evidence=claimed)
    words = "## Results\n- they hold in the night\n"
    registry = written(
        tmp_path, "gadgets", words, "where gadgets do frobnication", evidence=claimed
    )

    said = text(advise("frobnication", [], None, registry))

    assert claimed not in said
    assert "- widgets (reported;" in said
    assert "- gadgets (anecdote;" in said


def test_a_grade_counts_only_by_runs_in_the_folder_of_its_page(tmp_path):
    registry = written(tmp_path / "r", "widgets", what="frobnication", evidence="one run")
    with_runs(tmp_path / "r", "widgets")
    assert "(one run;" in text(advise("frobnication", [], None, registry))

    shutil.move(tmp_path / "r/widgets/evidence", tmp_path / "elsewhere")
    (tmp_path / "r/widgets/evidence").symlink_to(tmp_path / "elsewhere")
    assert "(reported;" in text(advise("frobnication", [], None, registry))


def test_a_spec_has_no_grade_but_that_of_its_results(tmp_path):
    spec = read("---\nevidence: replicated\n---\n" + SPEC)

    assert as_page(tmp_path / "TECHSPEC.md", spec).evidence == "anecdote"


def test_twins_share_half_of_the_words_of_name_and_description():
    def page(name, what):
        return read_page(f"---\nname: {name}\ndescription: {what}\n---\n")

    assert are_twins(
        page("a", "tune the warmup of a schedule"), page("b", "tuning warmup schedules")
    )
    assert not are_twins(page("a", "tune the warmup"), page("b", "bake sourdough bread"))
    assert not are_twins(page("the", ""), page("of", ""))


@pytest.mark.parametrize("name", ["TECHSPEC-widgets.md", "widgets.md"])
def test_a_page_that_is_a_link_out_of_its_registry_is_not_quoted(tmp_path, name):
    secret = tmp_path / "secret.md"
    secret.write_text(
        "# Widgets\n\n## Objective\nWidgets\n\n## Results\n- finding: 12345 widgets\n"
    )
    registry = tmp_path / "registry"
    registry.mkdir()
    (registry / name).symlink_to(secret)

    told = text(advise("widgets", [], None, Registry([registry])))

    assert name.removesuffix(".md") in told
    assert "12345" not in told


def test_evidence_that_is_a_link_out_of_its_skill_marks_no_study(tmp_path):
    told = f"{SPEC}\nSee plan `0123456789abcdef`.\n"
    (tmp_path / "plan.json").write_text('{"plan": "0123456789abcdef"}')
    registry = written(tmp_path / "registry", "a", what="addition with width or depth")
    plan_file = tmp_path / "registry" / "a" / "evidence" / "plan.json"
    plan_file.parent.mkdir()
    specs = [(tmp_path / "TECHSPEC.md", read(told))]

    plan_file.write_bytes((tmp_path / "plan.json").read_bytes())
    own = labels(advise(GOAL, [], None, registry, specs))
    plan_file.unlink()
    plan_file.symlink_to(tmp_path / "plan.json")
    linked = labels(advise(GOAL, [], None, registry, specs))
    plan_file.unlink()
    plan_file.symlink_to(plan_file)
    looped = labels(advise(GOAL, [], None, registry, specs))

    assert own == ["a"]
    assert set(linked) == set(looped) == {"a", "addition-width-or-depth"}


def test_an_opening_of_a_campaign_nested_too_deep_marks_no_spec(tmp_path):
    path = tmp_path / "TECHSPEC.md"
    path.write_text(SPEC)
    folder = tmp_path / ".techspec" / "techspec"
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").write_text("[" * 90_000)
    registry = written(tmp_path / "registry", "a", what="addition with width or depth")

    assert "a" in labels(advise(GOAL, [], None, registry, [(path, read(SPEC))]))
