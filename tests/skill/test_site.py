import base64
import hashlib
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote

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
    (tmp_path / "registry/index.html").write_text(made(registry))

    shown, _ = opened(tmp_path / "registry/index.html", "d_proj bottleneck")

    assert [name[:7] for name in shown] == ["colbert"]


def opened(page, query):
    """What a browser shows of the page after a search: the pages' anchors, and what it says."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    own = [f"--user-data-dir={page.parent / '.profile'}"]
    done = subprocess.run(
        [*command, *own, f"{page.as_uri()}?q={quote(query)}"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    articles = re.findall(r"<article id=\"([^\"]*)\"([^>]*)>", done.stdout)
    said = re.search(r'id="shown"[^>]*>([^<]*)<', done.stdout)[1]
    return [anchor for anchor, rest in articles if " hidden" not in rest], said


FOUND = [
    "zebra", "zebras,", "“stripes”?", "learningRate", "learning-rate", "learning_rate", "LEARN",
    "warmup", "warm-up", "naive", "Naïve", "_private_name", "private_name", "row-eleven", "0.0003",
    "학습", "rust", "d_proj=32", "हिन्दी",
]  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_search_finds_what_a_page_says_anywhere_however_it_is_spelled(tmp_path):
    rows = "".join(f"- row-{word}\n" for word in ("one two three four five six " * 2).split())
    (tmp_path / "a.md").write_text(
        "---\nname: a\ndescription: Use when learningRate matters to zebras\n---\n# A\n"
        f"## Results\n{rows}- row-eleven\n## More\nA naïve warm-up of stripes, "
        "학습률 0.0003, हिन्दी, d_proj = 32.\n"
        "```rust\n_private_name()\n```\n"
    )
    (tmp_path / "b.md").write_text("---\nname: b\ndescription: Use when bored\n---\n")
    page = tmp_path / "index.html"
    page.write_text(made(Registry([tmp_path])))

    unfound = [query for query in FOUND if [s[0] for s in opened(page, query)[0]] != ["a"]]

    assert unfound == []


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_search_says_of_all_pages_only_what_holds_of_all(tmp_path):
    row = "# B\n## Failed Attempts\n| Attempt | Why |\n|---|---|\n| dropout | it froze |\n"
    for name, body in (("a", ""), ("b", row)):
        head = f"name: {name}\ndescription: Use for thing-{name}"
        (tmp_path / f"{name}.md").write_text(f"---\n{head}\n---\n{body}")
    html = made(Registry([tmp_path]))
    chosen = html.replace('id="failed"', 'id="failed" checked')
    page = tmp_path / "index.html"
    page.write_text(chosen)

    assert opened(page, "thing-a")[1] == "No page of this kind has any of these words."
    assert opened(page, "thing-a thing")[0][0][0] == "b"
    page.write_text(html)
    assert opened(page, "carburettor")[1] == "No page has any of these words."
