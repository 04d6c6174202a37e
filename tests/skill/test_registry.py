import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec import durable
from techspec.skill.index import find
from techspec.skill.page import LONGEST_FILE, read
from techspec.skill.registry import NoSuchSkill, Registry, text_of
from techspec.skill.writing import (
    BadFileName,
    BadSkillName,
    LeadsOutOfRegistry,
    SkillTaken,
    UnfitPage,
    writing,
)

PAGE = """---
name: {name}
description: "Use when a small transformer does not learn to carry digits."
metadata:
  version: "1"
  techspec-campaign: "{campaign}"
---

# A page

{body}

## History

- Version 1, 2026-11-02: written.
"""


def page(name="a-skill", campaign="c 1", body="Words."):
    return PAGE.format(name=name, campaign=campaign, body=body)


def everything(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.fixture
def registry(tmp_path):
    return Registry([tmp_path / "registry", tmp_path / "shipped"])


def test_every_layout_is_found_in_every_folder_and_an_evidence_page_is_no_skill(tmp_path):
    places = [
        "own/SKILL.md",
        "flat.md",
        "plugins/x/skills/deep/SKILL.md",
        "README.md",
        ".git/no.md",
    ]
    for place in [*places, "own/evidence/notes.md", "own/other.md"]:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("# T\n")

    found = Registry([tmp_path, tmp_path / "missing"]).skills()

    assert [skill.name for skill in found] == ["flat", "own", "deep"]


def test_a_skill_is_found_by_name_in_the_first_folder_that_has_it(registry):
    for folder in registry.folders:
        (folder / "twin").mkdir(parents=True)
        (folder / "twin" / "SKILL.md").write_text(page("twin"))

    assert find(registry, "twin").registry == registry.folders[0]
    with pytest.raises(NoSuchSkill, match="'gone'"):
        find(registry, "gone")


def test_the_page_that_is_cited_by_a_name_comes_before_a_folder_of_it(registry):
    for folder, name in (("rope", "RoPE theta"), ("zz", "rope")):
        (registry.folders[0] / folder).mkdir(parents=True)
        (registry.folders[0] / folder / "SKILL.md").write_text(page(name))

    assert find(registry, "rope").path.parent.name == "zz"
    assert find(registry, "rope-theta").path.parent.name == "rope"
    assert find(registry, "RoPE theta").path.parent.name == "rope"


def test_a_link_out_of_the_registry_is_listed_but_not_read(registry, tmp_path):
    (tmp_path / "secret.md").write_text("---\nname: x\ndescription: secret\n---\n")
    registry.folders[0].mkdir()
    (registry.folders[0] / "link.md").symlink_to(tmp_path / "secret.md")

    (skill,) = registry.skills()

    assert skill.description == ""
    assert "link" in skill.problems[0].what


def test_no_more_of_a_page_is_shown_than_is_read(registry):
    path = registry.save("a-skill", page()).path
    path.write_text(page() + "x" * LONGEST_FILE)

    assert len(text_of(find(registry, "a-skill"))) == LONGEST_FILE


def test_a_saved_page_is_in_the_first_folder_with_its_files(registry):
    saved = registry.save("a-skill", page(), {"evidence/runs.csv": "trial\n"})

    assert saved.path == registry.folders[0] / "a-skill" / "SKILL.md"
    assert saved.path.read_text() == page()
    assert everything(registry.folders[0]) == [
        "a-skill", "a-skill/SKILL.md", "a-skill/evidence", "a-skill/evidence/page.sha256",
        "a-skill/evidence/runs.csv",
    ]  # fmt: skip


def test_a_save_that_fails_half_way_leaves_no_trace(registry, monkeypatch):
    registry.folders[0].mkdir()
    monkeypatch.setattr(
        "techspec.skill.writing.Path.rename", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )

    with pytest.raises(Exception, match="full"):
        registry.save("a-skill", page(), {"evidence/runs.csv": "trial\n"})

    assert everything(registry.folders[0]) == []


@pytest.mark.parametrize("written", range(9))
def test_an_update_that_is_killed_after_any_write_is_finished_by_the_next(
    registry, monkeypatch, written
):
    class Killed(BaseException):
        pass

    left = iter(range(written))
    write = durable.write

    def one_fewer(path, text):
        if next(left, None) is None:
            raise Killed
        write(path, text)

    def update(text):
        with writing(registry.folders[0]) as shelf:
            saved = shelf.save("a-skill", text, {"evidence/runs.csv": "new\n"}, "why", True)
            return shelf.note_successor(saved.path, "another", "better")

    registry.save("a-skill", page(), {"evidence/runs.csv": "old\n", "evidence/notes.json": "{}"})
    with monkeypatch.context() as patched:
        patched.setattr(durable, "write", one_fewer)
        with contextlib.suppress(Killed):
            update(page(campaign="c 2", body="More."))
    update(page(campaign="c 2", body="More."))

    folder = registry.folders[0] / "a-skill"
    kept = folder / "evidence" / "version-1"
    told = (folder / "SKILL.md").read_text()
    assert "More." in told
    assert told.count("- By `another`") == 1
    assert registry.save("a-skill", page(campaign="c 2", body="Again."), {}).changed  # not by hand
    assert (folder / "evidence" / "runs.csv").read_text() == "new\n"
    assert (kept / "SKILL.md").read_text() == page()
    assert (kept / "evidence/runs.csv").read_text() == "old\n"
    assert (kept / "evidence/notes.json").read_text() == "{}"
    assert not (folder / "evidence" / "notes.json").exists()


NAMES = ["../../x", "..", "/etc/x", "A", "a b", "", "-a", "a-", "a--b", "a" * 65, "a\n", "a/b", "é"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_leave_the_registry_is_refused_and_named(registry, name):
    with pytest.raises(BadSkillName) as refused:
        registry.save(name, page(name))

    assert repr(name[:100]) in refused.value.what
    assert not registry.folders[0].exists()


@given(st.text(alphabet="./\\~ab-A\0\n:", max_size=12))
def test_no_name_writes_outside_its_own_folder(tmp_path_factory, name):
    root = tmp_path_factory.mktemp("any")

    try:
        Registry([root / "registry"]).save(name, page(name))
    except (BadSkillName, UnfitPage):
        pass

    assert all(p.relative_to(root).parts[0] == "registry" for p in root.rglob("*"))


INSIDE = ["./SKILL.md", ".//SKILL.md", "SKILL.md", "skill.md", "a/.git/x", ".hidden"]
FILES = [*INSIDE, "../x", "/x", "a/../../x", "~x", "", "c:x", "a\\b"]


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_the_page_or_lies_outside_its_skill_is_refused_and_named(registry, file):
    with pytest.raises(BadFileName) as refused:
        registry.save("a-skill", page(), {file: "x"})

    assert repr(file) in refused.value.what


def test_the_same_campaign_updates_its_page_and_the_history_says_so(registry):
    registry.save("a-skill", page(), {"evidence/runs.csv": "1\n"})
    registry.save("a-skill", page(body="More words."), {"evidence/runs.csv": "2\n"})
    saved = registry.save("a-skill", page(body="Most words."), {"evidence/runs.csv": "3\n"})

    text = saved.path.read_text()
    assert saved.version == 3
    assert read(text).metadata["version"] == "3"
    assert [line[:11] for line in text.splitlines() if line.startswith("- Version")] == [
        "- Version 1", "- Version 2", "- Version 3"
    ]  # fmt: skip
    assert "Most words." in text
    assert (saved.path.parent / "evidence/runs.csv").read_text() == "3\n"


def test_saving_the_same_again_changes_nothing(registry):
    registry.save("a-skill", page())
    registry.save("a-skill", page(body="More."))

    saved = registry.save("a-skill", page(body="More."))

    assert (saved.version, saved.changed) == (2, False)


@pytest.mark.parametrize("other", ["c 2", ""])
def test_a_page_of_another_campaign_is_never_overwritten(registry, other):
    registry.save("a-skill", page(campaign=other))

    with pytest.raises(SkillTaken) as refused:
        registry.save("a-skill", page())

    assert "a-skill" in refused.value.what
    assert "another name" in refused.value.fix
    assert find(registry, "a-skill").metadata["techspec-campaign"] == other


def test_a_page_without_a_campaign_never_overwrites_even_its_like(registry):
    registry.save("a-skill", page(campaign=""))

    with pytest.raises(SkillTaken):
        registry.save("a-skill", page(campaign="", body="Other words."))


def test_a_flat_page_of_that_name_is_not_shadowed(registry):
    registry.folders[0].mkdir()
    (registry.folders[0] / "a-skill.md").write_text(page())

    with pytest.raises(SkillTaken):
        registry.save("a-skill", page())


def test_a_link_in_place_of_the_folder_or_a_file_is_refused(registry, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    registry.save("b-skill", page("b-skill"), {"evidence/runs.csv": "1\n"})
    (registry.folders[0] / "a-skill").symlink_to(outside)
    (registry.folders[0] / "b-skill/evidence/verdicts.json").symlink_to(outside / "v.json")
    (registry.folders[0] / "b-skill/plots").symlink_to(outside)

    with pytest.raises(LeadsOutOfRegistry):
        registry.save("a-skill", page())
    for file in ("evidence/verdicts.json", "plots/x.svg"):
        with pytest.raises(LeadsOutOfRegistry):
            registry.save("b-skill", page("b-skill", body="New."), {file: "x"})

    assert list(outside.iterdir()) == []


def test_all_that_must_not_be_shared_is_reported_at_once_with_line_and_fix(registry):
    body = (
        "## Failed Attempts\n\n| Attempt | Why | Lesson |\n|---|---|---|\n"
        "| N/A | Direct approach worked | N/A |\n\n"
        "Scratch in /tmp/x is nobody's.\nData in /home/ana/data and C:\\Users\\ana.\n"
        "Ask ana@lab.org, not git@host.org or you@example.org.\n"
        "export HF_TOKEN=hf_" + "a" * 34 + "\n"
    )

    with pytest.raises(UnfitPage) as refused:
        registry.save("a-skill", page(body=body), {"evidence/x.txt": "key AKIA" + "A" * 16})

    found = [(o.file, o.line, o.what.split(",")[0]) for o in refused.value.objections]
    assert found == [
        ("SKILL.md", 15, "a row of Failed Attempts that says nothing: 'N/A'"),
        ("SKILL.md", 18, "a path of one machine"),  # both of the line, each by itself
        ("SKILL.md", 18, "a path of one machine"),
        ("SKILL.md", 19, "an e-mail address"),
        ("SKILL.md", 20, "a Hugging Face token"),
        ("evidence/x.txt", 1, "an AWS key"),
    ]
    assert all(o.fix for o in refused.value.objections)
    assert "a" * 34 not in str(refused.value)
    assert not registry.folders[0].exists()


def test_a_page_that_the_strict_form_refuses_is_not_written(registry):
    for text in (
        page("other-name"),
        "# No head\n",
        page().replace('"Use when a small transformer does not learn to carry digits."', "a: b"),
    ):
        with pytest.raises(UnfitPage):
            registry.save("a-skill", text)


SAVE = """
import sys
from pathlib import Path
from techspec.errors import TechspecError
from techspec.skill.registry import Registry
root, name, text = sys.argv[1:]
sys.stdin.readline()
try:
    print(Registry([Path(root)]).save(name, text).version)
except TechspecError as error:
    print(type(error).__name__)
"""


def save_at_once(root, wanted):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SAVE, str(root), name, text],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name, text in wanted
    ]  # fmt: skip
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    return sorted(child.communicate()[0].strip() for child in children)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("one", "c 1"), ("two", "c 2"), ["1", "1"]),
        (("one", "c 1"), ("one", "c 2"), ["1", "SkillTaken"]),
        (("one", "c 1"), ("one", "c 1"), ["1", "2"]),
    ],
)
def test_two_processes_that_save_at_once_both_get_a_clear_answer(tmp_path, first, second, expected):
    wanted = [
        (name, page(name, campaign, f"From process {number}."))
        for number, (name, campaign) in enumerate((first, second))
    ]

    assert save_at_once(tmp_path / "registry", wanted) == expected
    assert not any(".one." in path for path in everything(tmp_path / "registry"))
