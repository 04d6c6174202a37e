"""Pages of a registry in, one HTML page to browse and search them out. It loads nothing.

Whatever a page says is text there: it is escaped, and no script but ours may run.
"""

import base64
import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from techspec.clock import now
from techspec.errors import TechspecError
from techspec.identity import digest_text, slug
from techspec.render import render
from techspec.skill import succession
from techspec.skill.page import GRADES, Skill, visible
from techspec.skill.registry import text_of
from techspec.skill.untrusted import seen

_ROWS = 6
"""Failed attempts and findings shown of a page, each; the page has the others."""

_LONGEST_ROW = 400
_LONGEST_BLOCK = 1500

_WORD = re.compile(r"[^\W_](?:[\w.-]*\w)?")
"""A word with what joins its parts."""

_LONGEST_WORD = 60
"""What is longer is a hash or an image, and nobody types it."""

_SCRIPT = """
"use strict";
const box = document.getElementById("query"), grade = document.getElementById("grade");
const failed = document.getElementById("failed"), shown = document.getElementById("shown");
const list = document.getElementById("pages");
// A word is found in small letters and without accents, and apart or joined in learningRate,
// learning_rate and learning-rate.
const bare = text => text.normalize("NFKD").replace(/[\\p{M}\\p{Cf}]/gu, "");
const parted = text => text.replace(/([\\p{Ll}\\p{N}])(?=\\p{Lu})/gu, "$1 ")
  .replace(/(\\p{L})[-_](?=\\p{L})/gu, "$1 ");
function told(texts) {
  const text = bare(texts.join("\\n"));
  const joined = text.split(/[^\\p{L}\\p{N}_-]+/u).map(word => [word, parted(word)])
    .filter(([word, parts]) => word !== parts);
  return [text, ...joined.map(([, parts]) => `${parts}\\n${parts.replaceAll(" ", "")}`)]
    .join("\\n").toLowerCase();
}
const of = (page, what) => [...page.querySelectorAll(what)].map(each => each.textContent);
const pages = [...list.querySelectorAll("article")].map((element, place) => ({
  element, place, name: told(of(element, "h2")), tags: told(of(element, ".tags")),
  said: told(of(element, "p")), all: told([
    ...of(element, "h2, p, .facts li, .rows li:not(.muted), pre"), element.dataset.words,
  ]),
}));
function pattern(word) {
  const parts = parted(word).toLowerCase().split(" ")
    .map(part => part.replace(/[^\\p{L}\\p{N}]/gu, "\\\\$&"));
  return new RegExp("(?:^|[^a-z0-9])" + parts.join("[-_ ]?"));
}
function count(page, words) {
  page.words = page.worth = 0;
  for (const word of words.filter(word => word.test(page.all))) {
    page.words += 1;
    page.worth += 1 + 8 * word.test(page.name) + 4 * word.test(page.tags);
    page.worth += 3 * word.test(page.said);
  }
}
function show() {
  const typed = bare(box.value).match(/[\\p{L}\\p{N}](?:[\\p{L}\\p{N}_.-]*[\\p{L}\\p{N}])?/gu);
  const words = (typed ?? []).map(pattern);
  const kind = pages.filter(({element: {dataset: data}}) =>
    (!grade.value || data.grade === grade.value) && (!failed.checked || data.failed !== "0"));
  for (const page of pages) count(page, words);
  const most = kind.reduce((most, page) => Math.max(most, page.words), 0);
  const fitting = new Set(kind.filter(page => page.words === most && (most || !words.length)));
  for (const page of pages) page.element.hidden = !fitting.has(page);
  pages.sort((a, b) => b.worth - a.worth || a.place - b.place);
  list.append(...pages.map(page => page.element));
  const these = kind.length < pages.length ? "No page of this kind" : "No page";
  let said = `${fitting.size} of ${pages.length}`;
  if (!fitting.size) said = kind.length ? `${these} has any of these words.` : `${these}.`;
  if (fitting.size && most < words.length) said += `, with ${most} of the ${words.length} words`;
  shown.textContent = fitting.size === pages.length ? "" : said;
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
    words: str
    """What else the page says, each word once, to be searched."""


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
    shown = _Shown(
        anchor=f"{slug(skill.name)}-{digest_text(_as_text(place))[:6]}",
        name=visible(skill.name)[:100] or "unnamed",
        link=quote(os.fsencode(os.path.relpath(skill.path, beside).replace(os.sep, "/"))),
        place=visible(place.removesuffix("/SKILL.md").removesuffix(".md")),
        description=visible(skill.description),
        grade=skill.evidence,
        date=visible(skill.metadata.get("date", ""))[:10],
        author=visible(skill.metadata.get("author", ""))[:60],
        tags=", ".join(visible(tag) for tag in skill.tags)[:200],
        successor=succession.shown(skill),
        failed=tuple(_clipped(visible(text)) for text in attempts),
        findings=tuple(_clipped(visible(row.text)) for row in skill.findings),
        parameters=_clipped(seen(block), _LONGEST_BLOCK),
        words="",
    )
    return replace(shown, words=_words_beside(skill, shown))


def _words_beside(skill: Skill, shown: _Shown) -> str:
    rows = (*shown.failed[:_ROWS], *shown.findings[:_ROWS])
    seen_there = " ".join([shown.name, shown.description, shown.tags, shown.parameters, *rows])
    there = {word.lower() for word in _WORD.findall(_bare(seen_there))}
    try:
        page = seen(text_of(skill))
    except TechspecError:  # a link out of the registry, or closed to us
        return ""
    words = {word.lower(): word for word in _WORD.findall(_bare(page))}
    new = words.keys() - there
    return " ".join(words[lower] for lower in sorted(new) if len(lower) <= _LONGEST_WORD)


def _bare(text: str) -> str:
    """Without accents and what joins letters, as the search box reads a word."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    kept = (each for each in apart if unicodedata.category(each) not in ("Mn", "Mc", "Me", "Cf"))
    return unicodedata.normalize("NFC", "".join(kept))


def _as_text(place: str) -> str:
    """A path that can be encoded, whatever bytes the system has for it."""
    return place.encode(errors="backslashreplace").decode()


def _clipped(text: str, longest: int = _LONGEST_ROW) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
