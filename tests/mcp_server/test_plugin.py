"""The plugin's skills and manifests speak of tools and versions that are there."""

import json
import re
from pathlib import Path

import pytest
import yaml

from mcp_server.server import TOOLS
from techspec import __version__

HOME = Path(__file__).parents[2]
PAGES = sorted((HOME / ".claude" / "skills").glob("*/SKILL.md"))
NAMES = {tool.run.__name__ for tool in TOOLS}


def parts(page):
    _, head, body = page.read_text().split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_plugin_has_the_two_skills_of_the_loop():
    assert [page.parent.name for page in PAGES] == ["advise", "retrospective"]


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


def test_the_manifests_agree_with_the_package():
    plugin = json.loads((HOME / ".claude-plugin" / "plugin.json").read_text())
    market = json.loads((HOME / ".claude-plugin" / "marketplace.json").read_text())

    assert plugin["version"] == __version__
    assert [(each["name"], each["source"]) for each in market["plugins"]] == [("techspec", "./")]
    assert (HOME / plugin["skills"]).resolve() == HOME / ".claude" / "skills"
    assert plugin["mcpServers"]["techspec"] == {"command": "techspec", "args": ["serve"]}
