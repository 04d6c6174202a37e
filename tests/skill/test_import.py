import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skills_ref.validator import validate

from techspec.skill.distil import Notes, distil
from techspec.skill.importing import NOT_STATED, OwnRegistry, import_pages
from techspec.skill.index import find
from techspec.skill.objections import about_head
from techspec.skill.page import read, read_file
from techspec.skill.places import NoRegistryThere, add_source, registry_for, sources_of
from techspec.skill.registry import Registry
from techspec.skill.untrusted import hidden
from techspec.skill.verify import verify
from techspec.verdict.decide import decide
from tests.skill.judged_campaign import SPEC, plan, state

NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
PAGES = {
    "colon.md": "---\nname: colon\ndescription: Use: 3.5 of 7 fail\ntags: [a, b]\n---\n# X 9\n",
    "no-head.md": "# Title\n\nFirst words of 12.\n\n| a | b |\n|---|---|\n| 1,855 | 0.5 |\n",
    "Long Name.md": "---\nname: Long Name\ndescription: " + "word 17 " * 200 + "\n---\nBody 3.\n",
    "deep/plugin/skills/nested/SKILL.md": "---\nname: other\ndescription: Use 5\nextra:\n"
    "  port: 4064  # not 4065\n---\n\n```yaml\n# <!-- 31 -->\nlr: 1e-4\n```\n",
    "crlf.md": "---\r\nname: crlf\r\ndescription: Use 8\r\n---\r\n\r\nBody 6\r\n",
    "nul.md": "---\nname: nul\ndescription: Use\0 2\n---\nBody 4 \x1b[31m\n",
    "dated.md": "---\nname: dated\ndescription: Use 1\ndate: 2025-12-29\nlicense: MIT\n"
    "metadata:\n  evidence: replicated\n  n: 3\n---\nBody\n",
}


@pytest.fixture
def foreign(tmp_path):
    root = tmp_path / "foreign"
    for name, text in PAGES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


def test_every_page_becomes_a_valid_one_with_all_its_numbers(foreign, tmp_path):
    found = list(import_pages(foreign, tmp_path / "own"))

    assert {page.outcome for page in found} == {"written"}
    assert len(found) == len(PAGES)
    for page in found:
        folder = tmp_path / "own" / page.name
        assert validate(folder) == []
        text = (folder / "SKILL.md").read_text()
        assert about_head(page.name, text) is not None
        assert list(about_head(page.name, text)) == []
        before = Counter(NUMBERS.findall((foreign / page.page).read_text(errors="replace")))
        assert not before - Counter(NUMBERS.findall(text)), page.page


def test_origin_and_licence_are_recorded(foreign, tmp_path):
    (foreign / "LICENSE").write_text("\nApache License\nVersion 2.0\n")

    list(import_pages(foreign, tmp_path / "own", name="github.com/team/skills"))

    by_name = {skill.name: skill.metadata for skill in Registry([tmp_path / "own"]).skills()}
    assert by_name["other"]["origin"] == "github.com/team/skills"
    assert by_name["other"]["origin-path"] == "deep/plugin/skills/nested/SKILL.md"
    assert by_name["other"]["license"] == "Apache License"
    assert by_name["dated"]["license"] == "MIT"
    assert by_name["dated"]["date"] == "2025-12-29"


def test_a_checkout_names_its_remote_without_its_password_and_its_commit(foreign, tmp_path):
    def git(*words):
        own = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(
            ["git", "-C", foreign, *own, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("remote", "add", "origin", "https://ana:secret@example.org/skills.git")
    git("add", ".")
    git("commit", "-qm", "x")

    list(import_pages(foreign, tmp_path / "own"))

    metadata = read_file(tmp_path / "own/crlf/SKILL.md", tmp_path).metadata
    assert metadata["origin"] == "https://example.org/skills.git"
    assert metadata["origin-commit"] == git("rev-parse", "HEAD")
    assert metadata["license"] == NOT_STATED


def test_a_grade_that_is_only_claimed_does_not_count(foreign, tmp_path):
    list(import_pages(foreign, tmp_path / "own"))

    page = read_file(tmp_path / "own/dated/SKILL.md", tmp_path)
    assert page.evidence in ("reported", "anecdote")
    assert page.metadata["origin-evidence"] == "replicated"


@pytest.mark.parametrize(
    ("old", "new"), [("", ""), ("92.0 %", "99.0 %"), ('"measured over seeds"', '"replicated"')]
)
def test_a_page_of_techspec_keeps_its_grade_only_with_evidence_that_holds(tmp_path, old, new):
    made = distil(SPEC, plan(), state(), decide(plan(), state()), Notes(name="measured"), "c")
    theirs = Registry([tmp_path / "theirs"]).save(made.name, made.page, made.files).path
    theirs.write_text(theirs.read_text().replace(old, new))
    holds = old == new

    list(import_pages(tmp_path / "theirs", tmp_path / "own"))

    page = read_file(tmp_path / "own/measured/SKILL.md", tmp_path)
    assert (page.evidence == "measured over seeds") == holds
    assert (verify(page.path.parent) == []) == holds


def test_nothing_is_overwritten_and_the_same_again_is_there_already(foreign, tmp_path):
    own = tmp_path / "own/crlf/SKILL.md"
    own.parent.mkdir(parents=True)
    own.write_text("mine\n")

    first = {page.page: page for page in import_pages(foreign, tmp_path / "own")}
    again = list(import_pages(foreign, tmp_path / "own"))

    assert own.read_text() == "mine\n"
    assert first["crlf.md"].name == "crlf-2"
    assert {page.outcome for page in again} == {"there"}


def test_a_page_that_changed_since_is_left_out_with_the_reason(foreign, tmp_path):
    list(import_pages(foreign, tmp_path / "own"))
    (foreign / "crlf.md").write_text("---\nname: crlf\ndescription: Use 8\n---\nOther\n")

    (changed,) = [p for p in import_pages(foreign, tmp_path / "own") if p.outcome != "there"]

    assert (changed.page, changed.outcome) == ("crlf.md", "left out")
    assert "changed since" in changed.why


VERSIONS = {
    "in its head": "version: 3\n---\n# A\n",
    "in its metadata": 'metadata:\n  version: "3"\n---\n# A\n',
    "in a block": '---\n```yaml\nchart:\n  version: "12"\n```\n',
}


@pytest.mark.parametrize("rest", VERSIONS.values(), ids=VERSIONS)
def test_a_version_that_a_page_states_stays_as_it_is(tmp_path, rest):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/a.md").write_text(f"---\nname: a\ndescription: Use 3\n{rest}")

    for outcome in ("written", "there"):
        (page,) = import_pages(tmp_path / "foreign", tmp_path / "own")
        assert page.outcome == outcome

    assert re.search('  version: "(3|12)"', (tmp_path / "own/a/SKILL.md").read_text())


@pytest.mark.parametrize("name", ["2048", "null", "on", "2024-01-05"])
def test_a_name_that_yaml_would_read_as_a_value_is_imported_as_text(tmp_path, name):
    for folder in ("one", "two"):
        page = tmp_path / folder / name / "SKILL.md"
        page.parent.mkdir(parents=True)
        page.write_text(f"---\nname: '{name}'\ndescription: Use {folder}\n---\n# A\n")

        (found,) = import_pages(tmp_path / folder, tmp_path / "own")

        assert found.outcome == "written"
        assert validate(tmp_path / "own" / found.name) == []
        assert read_file(tmp_path / "own" / found.name / "SKILL.md", tmp_path).name == found.name


JOINED = [
    "می\u200cخواهم",  # Persian: one word in two halves
    "क्\u200dष",  # Devanagari: the half form of a letter
    "അവന\u0d4d\u200d",  # Malayalam: a letter's form at the end of a word
    "👩\u200d💻",
    "❤\ufe0f\u200d🔥",
]
HIDDEN = [
    "he\u200dllo",
    "a \u200c b",
    "می\u200c\u200c\u200dخواهم",
    "क्\u200d\u200c\u200cष",
    "🙂\u200d.",
    "→\u200d→",
]


def test_joiners_stay_where_a_script_or_a_picture_is_written_with_them(tmp_path):
    (tmp_path / "foreign").mkdir()
    body = "\n\n".join([*JOINED, *HIDDEN])
    (tmp_path / "foreign/a.md").write_text(f"---\nname: a\ndescription: Use it\n---\n{body}\n")

    list(import_pages(tmp_path / "foreign", tmp_path / "own"))

    text = (tmp_path / "own/a/SKILL.md").read_text()
    assert [each for each in JOINED if each.replace("\ufe0f", "") not in text] == []
    others = text.partition(JOINED[-1].replace("\ufe0f", ""))[2]
    assert others.count("\u200c") + others.count("\u200d") <= 1  # behind the Indic sign
    assert list(hidden("\n".join(JOINED))) == []
    assert [line for line, _ in hidden("\n".join(HIDDEN))] == list(range(1, len(HIDDEN) + 1))


def test_a_page_about_private_keys_is_taken_in_and_one_with_a_key_is_not(tmp_path):
    head = "---\nname: {0}\ndescription: Use when {0} matters\n---\n"
    begin, line = "-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA" * 4
    bodies = {
        "quoting": f"Look for `{begin}` with grep, and for its end.\n",
        "cut": f"```\n{begin}\nMIIE...\n-----END RSA PRIVATE KEY-----\n```\n",
        "key": f"{begin}\n{line}\n",
        "locked": f"{begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,1F\n\n{line}\n",
        "quoted": f'"{begin}\\n{line}\\n"\n',
        "listed": f"> {begin}\n> {line}\n",
    }
    (tmp_path / "foreign").mkdir()
    for name, body in bodies.items():
        (tmp_path / "foreign" / f"{name}.md").write_text(head.format(name) + body)

    found = list(import_pages(tmp_path / "foreign", tmp_path / "own"))

    assert {page.name for page in found if page.outcome == "written"} == {"quoting", "cut"}
    assert {page.why.partition(";")[0][-13:] for page in found if page.why} == {"a private key"}


@pytest.mark.parametrize("place", ["a/SKILL.md", "a.md", "deep/a.md"])
def test_a_page_that_the_registry_has_is_not_taken_in_a_second_time(tmp_path, place):
    for root in ("own", "theirs"):
        (tmp_path / root / place).parent.mkdir(parents=True)
        (tmp_path / root / place).write_text("---\nname: a\ndescription: Use it\n---\n# A\n")

    (page,) = import_pages(tmp_path / "theirs", tmp_path / "own")

    assert (page.outcome, page.name) == ("there", "a")
    assert [s.path for s in Registry([tmp_path / "own"]).skills()] == [tmp_path / "own" / place]


def test_a_copy_of_the_registry_brings_nothing_but_what_is_new(foreign, tmp_path):
    list(import_pages(foreign, tmp_path / "own", name="theirs"))
    shutil.copytree(tmp_path / "own", tmp_path / "copy")
    (tmp_path / "copy/new.md").write_text("---\nname: new\ndescription: Use it\n---\n# N\n")

    found = Counter(page.outcome for page in import_pages(tmp_path / "copy", tmp_path / "own"))

    assert found == {"there": len(PAGES), "written": 1}


@pytest.mark.parametrize("source", ["own", "own/deep", "."])
def test_a_registry_is_not_imported_into_itself(tmp_path, source):
    (tmp_path / "own/deep").mkdir(parents=True)

    with pytest.raises(OwnRegistry, match="--registry DIR"):
        list(import_pages(tmp_path / source, tmp_path / "own"))


LEFT_OUT = {
    "secret.md": ("---\nname: s\ndescription: d\n---\nAKIA" + "A" * 16, "line 5 looks like an AWS"),
    "名前.md": ("---\nname: 名前\ndescription: d\n---\nx", "no name"),
    "empty.md": ("", "no description"),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_page_that_cannot_come_is_listed_with_its_reason(tmp_path, name):
    text, why = LEFT_OUT[name]
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / name).write_text(text)

    (page,) = import_pages(tmp_path / "foreign", tmp_path / "own")

    assert page.outcome == "left out"
    assert why in page.why
    assert Registry([tmp_path / "own"]).skills() == []


def test_a_link_out_of_the_foreign_registry_is_not_followed(tmp_path):
    (tmp_path / "private.md").write_text("---\nname: p\ndescription: private\n---\n")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/p.md").symlink_to(tmp_path / "private.md")

    (page,) = import_pages(tmp_path / "foreign", tmp_path / "own")

    assert page.outcome == "left out"
    assert Registry([tmp_path / "own"]).skills() == []


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_converted_to_a_valid_page_or_left_out(tmp_path_factory, head, body):
    root = tmp_path_factory.mktemp("any")
    (root / "foreign").mkdir()
    text = f"---\n{head}\n---\n{body}"
    (root / "foreign/page.md").write_bytes(text.encode("utf-8", "replace"))

    (page,) = import_pages(root / "foreign", root / "own")

    if page.outcome == "written":
        assert validate(root / "own" / page.name) == []
        assert read((root / "own" / page.name / "SKILL.md").read_text()).description
    else:
        assert page.why
    shutil.rmtree(root)


# Read where it is


def test_a_source_is_read_with_the_registry_and_never_written_to(foreign, tmp_path):
    own = tmp_path / "project/registry"

    assert add_source(own, foreign)
    assert not add_source(own, foreign)

    assert sources_of(own) == [foreign]
    assert (own / "sources.txt").read_text().splitlines()[-1] == "../../foreign"
    registry = registry_for(tmp_path / "project")
    assert registry.folders[:2] == (own, foreign)
    assert find(registry, "crlf").registry == foreign


def test_the_sources_of_a_source_are_not_followed(foreign, tmp_path):
    (tmp_path / "private").mkdir()
    (foreign / "sources.txt").write_text("../private\n# ../other\n\n")
    add_source(tmp_path / "project/registry", foreign)

    assert tmp_path / "private" not in registry_for(tmp_path / "project").folders


def test_a_source_in_the_home_of_nobody_is_one_that_is_not_there(foreign, tmp_path, monkeypatch):
    own = tmp_path / "project/registry"
    add_source(own, foreign)
    (own / "sources.txt").write_text("~nosuchuser/x\n../../foreign\n")

    assert sources_of(own) == [own / "~nosuchuser/x", foreign]
    assert find(registry_for(tmp_path / "project"), "crlf").registry == foreign
    with pytest.raises(NoRegistryThere):
        add_source(own, Path("~nosuchuser/x"))
    monkeypatch.setenv("TECHSPEC_REGISTRY", "~nosuchuser/x")
    assert registry_for(tmp_path / "project").folders[0].name == "x"


def test_a_source_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(NoRegistryThere, match="nowhere"):
        add_source(tmp_path / "registry", tmp_path / "nowhere")
    with pytest.raises(NoRegistryThere):
        list(import_pages(tmp_path / "nowhere", tmp_path / "registry"))


def test_the_command_lists_what_was_left_out(foreign, tmp_path, monkeypatch, capsys):
    from techspec.cli import main

    (foreign / "secret.md").write_text(LEFT_OUT["secret.md"][0])
    (tmp_path / "project/registry").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")

    code = main(["skills", "import", str(foreign)])
    told = capsys.readouterr().out

    assert code == 1
    assert "left out: secret.md: line 5 looks like an AWS key" in told
    assert "8 pages: 7 written" in told
    main(["skills", "import", str(foreign), "--json"])
    listed = json.loads(capsys.readouterr().out)["pages"]
    assert Counter(page["outcome"] for page in listed) == {"there": 7, "left out": 1}
