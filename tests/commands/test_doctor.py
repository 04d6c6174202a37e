"""techspec doctor: what it says of this installation."""

import json

from techspec.skill.embedding import PLACE


def found(said, what):
    (check,) = (each for each in json.loads(said.out)["checks"] if each["what"] == what)
    return check


def test_without_a_sentence_model_nothing_is_to_be_mended(techspec, project, monkeypatch):
    monkeypatch.setenv(PLACE, "off")

    check = found(techspec("doctor", "--json"), "embeddings")

    assert check["found"].startswith("none")
    assert not check["fix"]


def test_a_sentence_model_that_is_not_there_is_named_with_the_way_out(
    techspec, project, monkeypatch
):
    monkeypatch.setenv(PLACE, str(project / "no-model"))
    said = techspec("doctor", "--json")

    check = found(said, "embeddings")

    assert said.code == 1
    assert str(project / "no-model") in check["found"]
    assert PLACE in check["fix"]


def test_names_that_several_pages_have_are_told_with_their_paths(techspec, project):
    for number in range(5):
        folder = project / "registry" / f"page-{number}"
        folder.mkdir()
        (folder / "SKILL.md").write_text("---\nname: twin\ndescription: x\n---\n")
    (project / "registry/one.md").write_text("---\nname: one\ndescription: x\n---\n")

    check = found(techspec("doctor", "--json"), "names")

    assert check["found"].startswith("5 pages are called 'twin': twin is /")
    assert "registry/page-0/SKILL.md, twin#2 is /" in check["found"]
    assert check["found"].endswith("registry/page-2/SKILL.md, and 2 more")
    assert not check["fix"]
