"""Pages of a registry in, one HTML page to browse and search them out. It loads nothing.

Whatever a page says is text there: it is escaped, and no script but ours may run.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from techspec.clock import now
from techspec.identity import digest_text, slug
from techspec.render import render
from techspec.skill.page import GRADES, Skill, visible
from techspec.skill.untrusted import seen

_ROWS = 6
"""Failed attempts and findings shown of a page, each; the page has the others."""

_LONGEST_ROW = 400
_LONGEST_BLOCK = 1500

_SCRIPT = """
"use strict";
const box = document.getElementById("query"), grade = document.getElementById("grade");
const failed = document.getElementById("failed"), shown = document.getElementById("shown");
const list = document.getElementById("pages");
const of = (page, what) => (page.querySelector(what)?.textContent ?? "").toLowerCase();
const pages = [...list.querySelectorAll("article")].map((element, place) => ({
  element, place, name: of(element, "h2"), tags: of(element, ".tags"),
  said: of(element, "p"), all: element.textContent.toLowerCase(),
}));
function count(page, words) {
  page.words = page.worth = 0;
  for (const word of words.filter(word => word.test(page.all))) {
    page.words += 1;
    page.worth += 1 + 8 * word.test(page.name) + 4 * word.test(page.tags);
    page.worth += 3 * word.test(page.said);
  }
}
function show() {
  const words = box.value.toLowerCase().split(/[\\s,]+/).filter(Boolean)
    .map(word => new RegExp("(?:^|[^a-z0-9])" + word.replace(/[^\\p{L}\\p{N}]/gu, "\\\\$&")));
  for (const page of pages) count(page, words);
  const most = pages.reduce((most, page) => Math.max(most, page.words), 0);
  let fitting = 0;
  for (const page of pages) {
    const data = page.element.dataset, fits = page.words === most && (most || !words.length)
      && (!grade.value || data.grade === grade.value)
      && (!failed.checked || data.failed !== "0");
    page.element.hidden = !fits;
    fitting += fits ? 1 : 0;
  }
  pages.sort((a, b) => b.worth - a.worth || a.place - b.place);
  list.append(...pages.map(page => page.element));
  let said = fitting ? `${fitting} of ${pages.length}` : "No page has any of these words.";
  if (fitting && most < words.length) said += `, with ${most} of the ${words.length} words`;
  shown.textContent = fitting === pages.length ? "" : said;
}
let waiting;
box.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(show, 120);
});
grade.addEventListener("change", show);
failed.addEventListener("change", show);
document.getElementById("controls").hidden = false;
box.value = new URLSearchParams(location.search).get("q") ?? "";
show();
"""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page as the template shows it; every text is plain."""

    anchor: str
    name: str
    link: str
    place: str
    description: str
    grade: str
    date: str
    author: str
    tags: str
    successor: str
    failed: tuple[str, ...]
    findings: tuple[str, ...]
    parameters: str


def site(skills: Sequence[Skill], root: Path, beside: Path, title: str = "") -> str:
    """The HTML page.

    Args:
        skills: the pages, in the order in which they are to be listed.
        root: the registry folder.
        beside: the folder that the HTML file will lie in; links lead from there.
        title: default: the registry folder's name.
    """
    pages = [_shown(skill, root, beside) for skill in skills]
    failed = sum(len(page.failed) for page in pages)
    return render(
        "registry.html.j2",
        title=visible(title) or f"Skills of {visible(root.resolve().parent.name or root.name)}",
        count=f"{len(pages):,} page{'s' if len(pages) != 1 else ''}",
        failed=f"{failed:,} failed attempt{'s' if failed != 1 else ''}",
        date=now()[:10],
        grades=[grade for grade in GRADES if any(page.grade == grade for page in pages)],
        pages=pages,
        most=_ROWS,
        script=Markup(_SCRIPT),  # ours, and no value is ever put into it
        script_hash=base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode(),
    )


def _shown(skill: Skill, root: Path, beside: Path) -> _Shown:
    place = os.fspath(skill.path.relative_to(root))
    attempts = [" — ".join(filter(None, (a.attempt, a.why, a.lesson))) for a in skill.attempts]
    block = next((block.text for block in skill.parameters), "")
    return _Shown(
        anchor=f"{slug(skill.name)}-{digest_text(_as_text(place))[:6]}",
        name=visible(skill.name)[:100] or "unnamed",
        link=quote(os.fsencode(os.path.relpath(skill.path, beside).replace(os.sep, "/"))),
        place=visible(place.removesuffix("/SKILL.md").removesuffix(".md")),
        description=visible(skill.description),
        grade=skill.evidence,
        date=visible(skill.metadata.get("date", ""))[:10],
        author=visible(skill.metadata.get("author", ""))[:60],
        tags=", ".join(visible(tag) for tag in skill.tags)[:200],
        successor=visible(skill.metadata.get("superseded-by", ""))[:100],
        failed=tuple(_clipped(visible(text)) for text in attempts),
        findings=tuple(_clipped(visible(row.text)) for row in skill.findings),
        parameters=_clipped(seen(block), _LONGEST_BLOCK),
    )


def _as_text(place: str) -> str:
    """A path that can be encoded, whatever bytes the system has for it."""
    return place.encode(errors="backslashreplace").decode()


def _clipped(text: str, longest: int = _LONGEST_ROW) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
