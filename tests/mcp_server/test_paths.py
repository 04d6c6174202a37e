import pytest

from mcp_server.project import LeadsOutOfProject, root, spec_file
from tests.mcp_server.projects import fields, refusal

NEEDED = {
    "spec_lint": {},
    "plan": {},
    "campaign_start": {"max_device_hours": 0.1},
    "campaign_status": {},
    "campaign_stop": {},
    "retrospective": {},
    "advise": {"goal": "tune RoPE", "keywords": ["rope theta"]},
}


@pytest.fixture
def outside(project):
    """A spec beside the project, and links to it from inside."""
    folder = project.parent / f"{project.name}-outside"
    folder.mkdir()
    (folder / "TECHSPEC.md").write_text("# TECHSPEC: a secret\n")
    (project / "link.md").symlink_to(folder / "TECHSPEC.md")
    (project / "folder").symlink_to(folder)
    (project / "circle.md").symlink_to("circle.md")
    return folder


@pytest.mark.parametrize("tool", NEEDED)
def test_no_tool_follows_a_path_out_of_the_project(outside, tool):
    for path in (f"../{outside.name}/TECHSPEC.md", str(outside / "TECHSPEC.md"), "link.md"):
        said = refusal(tool, spec=path, **NEEDED[tool])

        assert path in said
        assert "fix: " in said
        assert "a secret" not in said


@pytest.mark.parametrize("path", ["folder/TECHSPEC.md", "a\0b.md", "..", "/"])
def test_odd_paths_are_refused_by_name(outside, path):
    with pytest.raises(LeadsOutOfProject, match="not a markdown file inside the project"):
        spec_file(path)


@pytest.mark.parametrize("tool", ["campaign_start", "campaign_status", "campaign_stop"])
@pytest.mark.parametrize("linked", [".techspec", ".techspec/techspec"])
def test_no_campaign_is_followed_out_of_the_project(outside, project, tool, linked):
    (project / linked).parent.mkdir(exist_ok=True)
    (project / linked).symlink_to(outside)

    said = refusal(tool, **NEEDED[tool])

    assert "link out of the project" in said
    assert sorted(path.name for path in outside.iterdir()) == ["TECHSPEC.md"]


def test_a_file_that_is_no_markdown_is_no_spec(project):
    (project / ".env").write_text("KEY=a secret")

    for tool in NEEDED:
        assert "markdown" in refusal(tool, spec=".env", **NEEDED[tool])


def test_a_circle_of_links_is_named(outside):
    assert "circle.md" in refusal("spec_lint", spec="circle.md")


def test_links_and_whole_paths_inside_the_project_are_followed(project):
    (project / "link.md").symlink_to("TECHSPEC.md")

    for path in ("link.md", str(project / "TECHSPEC.md")):
        assert fields("spec_lint", spec=path)["spec"] == "TECHSPEC.md"


def test_the_project_is_the_folder_of_the_session(monkeypatch, tmp_path):
    monkeypatch.delenv("TECHSPEC_PROJECT", raising=False)
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert root() == tmp_path.resolve()

    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path / "a"))
    assert root() == (tmp_path / "a").resolve()


@pytest.mark.parametrize("tool", [*NEEDED, "tried", "skill_read"])
def test_a_project_that_is_not_there_is_no_empty_one(project, monkeypatch, tool):
    monkeypatch.setenv("TECHSPEC_PROJECT", str(project / "typo"))
    needed = {"tried": {"what": "x", "keywords": []}, "skill_read": {"name": "x"}, **NEEDED}

    said = refusal(tool, **needed[tool])

    assert "typo' ($TECHSPEC_PROJECT) cannot be served: it is not there" in said
    assert "fix: " in said
