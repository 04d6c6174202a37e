import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec.skill.dedupe import NotMerged, merge
from techspec.skill.distil import Notes, distil
from techspec.skill.index import find
from techspec.skill.page import Skill, read
from techspec.skill.registry import Registry
from techspec.skill.twins import LIKENESS, evidence_order, pairs, read_tested, twins_of
from techspec.skill.twins import tested_by as what_it_tested
from techspec.skill.words import terms
from techspec.skill.writing import LeadsOutOfRegistry
from techspec.verdict.decide import decide
from tests.skill.judged_campaign import SPEC, plan, state

TURNED = {"wide": (0.71, 0.70, 0.73), "deep": (0.91, 0.93, 0.92), "tiny": (0.01, 0.01, 0.02)}
ROWS = "## Failed Attempts\n\n| Attempt | Why | Lesson |\n|---|---|---|\n"


def put(root, name, description, body="", metadata=""):
    path = root / name / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"---\nname: {name}\ndescription: {description}\n{metadata}---\n# T\n\n{body}")
    return path


def measured(root, name, description, scores=None, campaign="c"):
    ran = state(scores) if scores else state()
    notes = Notes(name=name, description=description)
    made = distil(SPEC, plan(), ran, decide(plan(), ran), notes, campaign)
    Registry([root]).save(made.name, made.page, made.files)
    return made


def test_the_same_contrast_is_a_twin_whatever_the_words(tmp_path):
    own = tmp_path / "own"
    measured(own, "first", "Use when choosing between broad layers and many layers.")
    other = measured(tmp_path / "x", "second", "Use when digits of sums come out in wrong order.")

    found = twins_of(read(other.page), other.files["evidence/findings.json"], Registry([own]))

    assert [twin.skill.name for twin in found][:1] == ["first"]
    claim = "exact_match(d_model=512,depth=2)>exact_match(d_model=128,depth=8)"
    assert found[0].same_contrast == claim
    assert not found[0].contradicts


@pytest.mark.parametrize(("own", "other", "twins"), [("a", "b", 0), ("a", "a", 1), ("", "b", 1)])
def test_the_same_contrast_on_other_data_is_no_twin(tmp_path, own, other, twins):
    def on_data(findings, data):
        listed = json.loads(findings)
        entries = listed["findings"] if isinstance(listed, dict) else listed
        return json.dumps([entry | {"data": data} for entry in entries])

    root = tmp_path / "own"
    measured(root, "first", "Use when choosing between broad layers and many layers.")
    there = root / "first" / "evidence" / "findings.json"
    there.write_text(on_data(there.read_text(), own))
    made = measured(tmp_path / "x", "second", "Use when digits of sums come out in wrong order.")
    findings = on_data(made.files["evidence/findings.json"], other)

    assert len(twins_of(read(made.page), findings, Registry([root]))) == twins


def test_the_same_claim_that_came_out_otherwise_contradicts(tmp_path):
    own = tmp_path / "own"
    measured(own, "first", "Use when choosing between broad layers and many layers.")
    other = measured(
        tmp_path / "x", "second", "Use when digits of sums come out in wrong order.", TURNED, "d"
    )

    (found,) = twins_of(read(other.page), other.files["evidence/findings.json"], Registry([own]))

    assert found.contradicts


def sides(**values):
    """Two arms that differ in these settings."""
    return [{"settings": {key: str(pair[n]) for key, pair in values.items()}} for n in (0, 1)]


def test_another_parameter_is_another_contrast():
    entry = {"claim": "acc(a) > acc(b) by 2pt", "sides": sides(depth=(2, 8))}
    same = {**entry, "claim": "acc(a)>acc(b)"}
    others = [
        {**entry, "sides": sides(depth=(2, 4))},
        {**entry, "sides": sides(width=(2, 8))},
        {**entry, "claim": "loss(a) > loss(b)"},
    ]

    (one,) = read_tested(json.dumps([entry]))
    assert read_tested(json.dumps([same]))[0].contrast == one.contrast
    assert all(read_tested(json.dumps([o]))[0].contrast != one.contrast for o in others)


@pytest.mark.parametrize("text", ["", "{", "[1, null]", '{"findings": 3}', '[{"claim": 1}]'])
def test_findings_that_cannot_be_read_are_none(text):
    assert read_tested(text) == []


def brute(skills):
    def likeness(one, other):
        a, b = (set(terms(f"{s.name.replace('-', ' ')} {s.description}")) for s in (one, other))
        return len(a & b) / len(a | b) if a and b else 0.0

    return sum(
        likeness(one, other) >= LIKENESS for n, one in enumerate(skills) for other in skills[:n]
    )


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=8))
def test_no_pair_of_twins_is_missed_however_rare_its_words(bags):
    words = {letter: f"{letter}zx" for letter in "abcdefgh"}
    skills = [
        Skill("", Path(f"{n}/SKILL.md"), Path(), " ".join(words[letter] for letter in bag))
        for n, bag in enumerate(bags)
    ]

    assert len(pairs(skills)) == brute(skills)


def test_the_better_evidenced_of_two_twins_is_the_one_to_keep(tmp_path):
    words = "Use when choosing between broad layers and many layers for sums"
    put(tmp_path, "a-guess", words)
    measured(tmp_path, "b-measured", words)

    ((twin, other),) = pairs(Registry([tmp_path]).skills())

    assert (twin.skill.name, other.name) == ("b-measured", "a-guess")


def test_evidence_that_is_a_link_out_of_its_skill_is_not_read(tmp_path):
    measured(tmp_path / "private", "other", "Use when choosing between broad layers.")
    outside = tmp_path / "private" / "other" / "evidence"
    path = put(tmp_path / "registry", "page", "Use when choosing between broad layers.")
    (path.parent / "evidence").symlink_to(outside)
    (page,) = Registry([tmp_path / "registry"]).skills()
    (own,) = Registry([tmp_path / "private"]).skills()

    assert what_it_tested(own)
    assert what_it_tested(page) == []
    assert evidence_order(own)[1] < 0
    assert evidence_order(page)[1] == 0


def test_twins_that_are_linked_are_settled(tmp_path):
    words = "Use when a transformer loses the carry"
    put(tmp_path, "one", words, metadata='metadata:\n  superseded-by: "two"\n')
    put(tmp_path, "two", words)
    put(tmp_path, "three", words, metadata='metadata:\n  differs-from: "one, two"\n')

    assert pairs(Registry([tmp_path]).skills()) == []


# Merging


@pytest.fixture
def twins(tmp_path):
    words = "Use when a transformer loses the carry"
    put(tmp_path, "kept", words, ROWS + "| deeper | overfits at 90 epochs | wider |\n")
    more = "| deeper | overfits at 90 epochs | wider |\n| dropout | slower by 3x | none \\| no |\n"
    put(tmp_path, "other", words, ROWS + more)
    return Registry([tmp_path])


def test_a_merge_adds_what_only_the_other_tried_and_links_both(twins):
    before = {skill.name: skill.path.read_text() for skill in twins.skills()}

    _, gained = merge(twins, "kept", "other")

    assert gained == 1
    kept, other = find(twins, "kept"), find(twins, "other")
    assert [a.attempt for a in kept.attempts] == ["deeper", "dropout"]
    assert kept.attempts[1].lesson == "none | no"
    assert kept.metadata["supersedes"] == "other"
    assert other.metadata["superseded-by"] == "kept"
    for skill in (kept, other):
        assert set(before[skill.name].splitlines()) <= set(skill.path.read_text().splitlines())
    assert pairs(twins.skills()) == []


def test_a_merge_never_keeps_the_weaker_page(twins):
    measured(twins.folders[0], "measured", "Use when choosing between broad and many layers.")

    with pytest.raises(NotMerged, match="better evidence"):
        merge(twins, "kept", "measured")


@pytest.mark.parametrize("linked", ["kept", "other"])
def test_a_merge_writes_through_no_link_out_of_the_registry(twins, tmp_path_factory, linked):
    outside = tmp_path_factory.mktemp("outside") / "notes.txt"
    outside.write_text("mine\n")
    page = twins.folders[0] / linked / "SKILL.md"
    page.unlink()
    page.symlink_to(outside)
    before = {skill.name: skill.path.read_text() for skill in twins.skills()}

    with pytest.raises(LeadsOutOfRegistry):
        merge(twins, "kept", "other")

    assert outside.read_text() == "mine\n"
    assert before == {skill.name: skill.path.read_text() for skill in twins.skills()}


def test_a_page_that_is_only_read_is_not_merged(twins, tmp_path):
    reading = Registry([tmp_path / "own", *twins.folders])

    with pytest.raises(NotMerged, match="only read"):
        merge(reading, "kept", "other")
    with pytest.raises(NotMerged, match="one page"):
        merge(twins, "kept", "kept")
