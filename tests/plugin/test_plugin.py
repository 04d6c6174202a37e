"""The plugin's skills, manifests and evals speak of tools and versions that are there."""

import json
import re
import struct
from pathlib import Path

import pytest
import yaml

from mcp_server import generated
from mcp_server.server import TOOLS
from techspec import __version__
from techspec.spec.reader import read

HOME = Path(__file__).parents[2]
PAGES = sorted((HOME / ".claude" / "skills").glob("*/SKILL.md"))
NAMES = {tool.run.__name__ for tool in TOOLS}


def parts(page):
    _, head, body = page.read_text().split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_plugin_has_the_skills_of_the_loop():
    assert [page.parent.name for page in PAGES] == ["advise", "retrospective", "write-techspec"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_plugin_skill_may_call_its_tools_however_the_server_was_installed(page):
    head, body = parts(page)
    allowed = head["allowed-tools"].split()

    as_plugin = {t.removeprefix("mcp__plugin_techspec_techspec__") for t in allowed} & NAMES
    as_server = {t.removeprefix("mcp__techspec__") for t in allowed} & NAMES
    called = set(re.findall(r"`(\w+)`", body)) & NAMES

    assert called <= as_plugin == as_server
    assert head["name"] == page.parent.name
    assert len(head["description"]) <= 1024


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_plugin_skill_is_short_and_runs_no_command_of_its_own(page):
    head, body = parts(page)

    assert len(body.strip().splitlines()) <= 40
    assert "!`" not in body
    assert "context" not in head  # a fork would see no conversation


def test_the_claims_that_a_plugin_skill_teaches_can_be_read():
    body = parts(HOME / ".claude" / "skills" / "write-techspec" / "SKILL.md")[1]
    claims = re.findall(r"^\| `([^`]+)` \|", body, flags=re.MULTILINE)

    for claim in claims:
        spec = read(f"# TECHSPEC: t\n\n## Hypotheses\n1. So it is: `{claim}`\n")
        assert spec.hypotheses[0].claim is not None, claim
    assert len(claims) == 6


def test_the_manifests_agree_with_the_package():
    plugin = json.loads((HOME / ".claude-plugin" / "plugin.json").read_text())
    market = json.loads((HOME / ".claude-plugin" / "marketplace.json").read_text())

    assert plugin["version"] == __version__
    assert [(each["name"], each["source"]) for each in market["plugins"]] == [("techspec", "./")]
    assert (HOME / plugin["skills"]).resolve() == HOME / ".claude" / "skills"
    server = plugin["mcpServers"]["techspec"]
    script = Path(server["args"][0].replace("${CLAUDE_PLUGIN_ROOT}", str(HOME)))
    assert server["command"] == "sh"
    assert script.is_file()


def test_every_option_of_the_plugin_reaches_its_server_and_may_be_left_out():
    plugin = json.loads((HOME / ".claude-plugin" / "plugin.json").read_text())
    passed = plugin["mcpServers"]["techspec"]["env"]

    for name, option in plugin["userConfig"].items():
        assert passed[f"OPTION_TECHSPEC_{name.upper()}"] == f"${{user_config.{name}}}"
        assert not option["default"]


def test_the_install_is_disclosed_where_a_person_decides():
    plugin = json.loads((HOME / ".claude-plugin" / "plugin.json").read_text())

    assert "PyPI" in plugin["description"]
    assert plugin["mcpServers"]["techspec"]["network"]["hosts"]


def test_the_icon_is_square_and_of_a_size_that_directories_take():
    header = (HOME / ".claude-plugin" / "icon.png").read_bytes()[:24]
    width, height = struct.unpack(">II", header[16:24])

    assert header.startswith(b"\x89PNG")
    assert width == height
    assert 512 <= width <= 2048


def test_generated_files_are_what_the_server_and_the_plugin_would_make_now():
    assert generated.stale() == {}


@pytest.mark.parametrize(
    "case", sorted((HOME / "evals").glob("*/prompt.md")), ids=lambda case: case.parent.name
)
def test_an_eval_case_grades_what_came_out_and_mocks_tools_that_are_there(case):
    graders = [parts(path)[0] for path in sorted((case.parent / "graders").glob("*.md"))]
    mocked = {path.stem for path in (case.parent / "mocks" / "techspec").glob("*.md")}

    assert any(grader["type"] in ("regex", "llm", "file_exists") for grader in graders)
    assert mocked <= NAMES
    named = {grader["tool"] for grader in graders if "tool" in grader}
    ours = {
        tool.removeprefix("mcp__plugin_techspec_techspec__") for tool in named if "mcp__" in tool
    }
    assert ours <= mocked
