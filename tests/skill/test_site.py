import base64
import hashlib
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from techspec.skill.registry import Registry
from techspec.skill.site import site

OWN = Path(__file__).parents[2] / "registry"
CHROMIUM = shutil.which("chromium") or shutil.which("chrome") or shutil.which("google-chrome")


class Links(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found, self.loads = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self.found += [of["href"]] if tag == "a" else []
        self.loads += [of[key] for key in ("src", "srcset", "data", "action") if key in of]
        self.loads += [of["href"]] if tag == "link" else []


@pytest.fixture
def registry(tmp_path):
    shutil.copytree(OWN, tmp_path / "registry")
    return Registry([tmp_path / "registry"])


def made(registry, beside=None):
    root = registry.folders[0]
    return site(registry.skills(), root, beside or root)


def test_every_page_is_there_with_its_failed_attempts_and_a_link_that_leads_to_it(registry):
    odd = registry.folders[0] / "50% <b> #1?/SKILL.md"
    odd.parent.mkdir()
    odd.write_text("---\nname: odd\ndescription: Use when odd\n---\n")

    page = made(registry)

    links = Links(page).found
    assert len(links) == len(registry.skills())
    assert all((registry.folders[0] / unquote(link)).is_file() for link in links)
    assert "Tiny model: d_model 32" in page


def test_a_file_name_that_is_no_text_has_a_link_that_leads_to_it(registry):
    odd = registry.folders[0] / os.fsdecode(b"caf\xe9.md")
    odd.write_text("---\ndescription: Use when odd\n---\n")

    page = made(registry)

    assert "caf%E9.md" in Links(page).found
    assert page.encode(errors="replace")


def test_links_lead_from_where_the_page_lies(registry, tmp_path):
    (tmp_path / "docs").mkdir()

    links = Links(made(registry, tmp_path / "docs")).found

    assert "../registry/addition-baseline/SKILL.md" in links


def test_the_page_loads_nothing_and_lets_no_script_run_but_its_own(registry):
    page = made(registry)

    assert Links(page).loads == []
    assert "url(" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    script = re.search(r"<script>(.*?)</script>", page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_an_empty_registry_says_what_writes_the_first_page(tmp_path):
    assert "techspec retrospective" in made(Registry([tmp_path]))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_the_search_box_works_from_a_file(registry, tmp_path):
    out = tmp_path / "registry/index.html"
    out.write_text(made(registry))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    own = [f"--user-data-dir={tmp_path / 'profile'}"]

    done = subprocess.run(
        [*command, *own, f"{out.as_uri()}?q=d_proj+bottleneck"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip

    shown = re.findall(r"<article ([^>]*)>", done.stdout)
    assert len(shown) == len(registry.skills())
    assert [tag.partition('"')[2][:7] for tag in shown if "hidden" not in tag] == ["colbert"]
