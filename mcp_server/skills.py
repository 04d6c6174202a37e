"""The registry in, MCP skills out: each page and its files, listed with digests (SEP-2640).

What is served of a page is what `skill_read` shows, marked as data, behind a head of plain fields.
No right that a page claims for itself (`allowed-tools`) is passed on.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import anyio.to_thread
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, PaginatedRequestParams, RequestParams

from mcp_server.project import project, root
from techspec.errors import TechspecError

if TYPE_CHECKING:
    from techspec.skill.page import Skill

SCHEME = "skill://"
_PAGE = "SKILL.md"
_NAME = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(-[a-z0-9]+)*\Z")
_WORD = re.compile(r"[\w.+-]{1,40}")
_LISTED_AT_ONCE = 50
_FILES_MAX = 512
_BYTES_MAX = 16 * 1024 * 1024
"""What a host has to take, by SEP-2640; a skill with more is not listed."""
_FRESH_MS = 60_000
"""For how long a client may keep a listing: a page saved now is found within a minute."""
_MEDIA = {
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


class NoSuchFile(LookupError):
    """The URI is of no file of a served skill."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a skill as it is served."""

    content: str | bytes
    media: str


def pages() -> dict[str, "Skill"]:
    """The head of every page that can be served, by its name; the first folder's where it repeats.

    A page whose own name is none that MCP allows goes by its folder's.
    """
    found: dict[str, Skill] = {}
    for page in _heads():
        names = (page.name, page.path.parent.name if _is_main(page.path) else page.path.stem)
        name = next(filter(_NAME.match, names), None)
        if name:
            found.setdefault(name, page)
    return found


def find(name: str) -> "Skill":
    """The page called `name`, as it is or as advice cites it, or whose folder is.

    Raises:
        NoSuchSkill: there is none.
        RegistryUnreadable: a folder that was named is missing.
    """
    from techspec.skill import index
    from techspec.skill.places import registry_to_read

    return index.find(registry_to_read(project()), name)


def uri_of(name: str, file: str = _PAGE) -> str:
    """Where a file of a skill is read.

    >>> uri_of("rope", "evidence/two words.csv")
    'skill://rope/evidence/two%20words.csv'
    """
    return f"{SCHEME}{name}/{quote(file)}"


def read(uri: str) -> File:
    """A file of a skill as it is served; only what the skill's listing holds is ever opened.

    Raises:
        NoSuchFile: it is none, or larger than what a listing may hold.
    """
    name, _, file = uri.removeprefix(SCHEME).partition("/")
    page = pages().get(unquote(name))
    path = _files(page).get(unquote(file)) if page else None
    if page is None or path is None or not uri.startswith(SCHEME):
        raise NoSuchFile(uri)
    if path.stat().st_size > _BYTES_MAX:
        raise NoSuchFile(uri)
    content = _bytes_of(unquote(name), page, path)
    media = _MEDIA.get(path.suffix.lower())
    try:
        return File(content.decode(), media or "text/plain")
    except UnicodeDecodeError:
        return File(content, media or "application/octet-stream")


def listed(after: str) -> dict[str, Any]:
    """The answer of `skills/list`: some skills in order of their names, from behind `after`."""
    found = pages()
    names = sorted(name for name in found if name > after)
    now, later = names[:_LISTED_AT_ONCE], names[_LISTED_AT_ONCE:]
    entries = [_entry(name, found[name]) for name in now]
    result = _cacheable(skills=[entry for entry in entries if entry])
    return result | ({"nextCursor": now[-1]} if later else {})


def head(name: str, page: "Skill") -> dict[str, Any]:
    """What is served as the frontmatter of a page: its description marked as data, and plain facts.

    Of the metadata only single words are served, such as dates and versions, and the evidence
    grade: a sentence there could be an order to whoever reads it.
    """
    from techspec.skill.page import GRADES, visible
    from techspec.skill.untrusted import NOTE

    metadata = {
        key: value if key != "evidence" else page.evidence
        for key, value in page.metadata.items()
        if _WORD.fullmatch(key) and (_WORD.fullmatch(value) or value in GRADES)
    }
    own = visible(page.description or page.title) or f"The skill {name}."
    description = f"{NOTE} {own}"[:1024]
    standard = {"name": name, "description": description, "license": metadata.pop("license", "")}
    return {key: value for key, value in standard.items() if value} | {"metadata": metadata}


class Skills(Extension):
    """`skills/list` and `skills/get`; their files are read as resources."""

    identifier = "io.modelcontextprotocol/skills"

    def methods(self) -> Sequence[MethodBinding]:
        """Both methods."""
        return (
            MethodBinding("skills/list", PaginatedRequestParams, _list),
            MethodBinding("skills/get", _OfSkill, _get),
        )


class _OfSkill(RequestParams):
    uri: str


async def declared(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Name the extension to clients of before 2026-07-28 too.

    Their protocol leaves the set of capabilities open; the SDK drops what it does not know.
    """
    result = await call_next(ctx)
    if ctx.method == "initialize" and isinstance(result, dict):
        result["capabilities"]["extensions"] = {Skills.identifier: {}}
    return result


async def _list(_: object, params: PaginatedRequestParams | None) -> dict[str, Any]:
    after = (params and params.cursor) or ""
    return await anyio.to_thread.run_sync(listed, after)


async def _get(_: object, params: _OfSkill) -> dict[str, Any]:
    return await anyio.to_thread.run_sync(_got, params.uri)


def _got(uri: str) -> dict[str, Any]:
    for name, page in pages().items():
        if uri == uri_of(name) and (entry := _entry(name, page)):
            return _cacheable(skill=entry)
    raise MCPError(
        INVALID_PARAMS,
        f"There is no skill at {uri[:200]!r}; skills/list has the URIs of all that there are.",
        {"uri": uri},
    )


def _cacheable(**fields: object) -> dict[str, Any]:
    return {**fields, "ttlMs": _FRESH_MS, "cacheScope": "private"}


def _entry(name: str, page: "Skill") -> dict[str, Any] | None:
    """One skill of the listing; None for one that cannot be read, or is more than a host takes."""
    files = _files(page)
    try:
        too_large = sum(path.stat().st_size for path in files.values()) > _BYTES_MAX
        if not files or len(files) > _FILES_MAX or too_large:
            return None  # nothing of it is opened
        resources = [
            {"uri": uri_of(name, file), **_digest(name, page, path)} for file, path in files.items()
        ]
    except (OSError, TechspecError):
        return None
    if sum(each["size"] for each in resources) > _BYTES_MAX:
        return None
    return {"uri": uri_of(name), "frontmatter": head(name, page), "resources": resources}


def _heads() -> Sequence["Skill"]:
    from techspec.skill.index import Library, ask
    from techspec.skill.places import registry_for

    return ask(registry_for(root()), Library.heads)


def _bytes_of(name: str, page: "Skill", path: Path) -> bytes:
    """A file as it is; the page as `skill_read` shows it, behind a head of JSON, which is YAML."""
    from techspec.skill.framing import framed
    from techspec.skill.registry import text_of

    if path != page.path:
        return path.read_bytes()
    lines = (
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head(name, page).items()
    )
    body = framed(name, uri_of(name), text_of(page))
    return "\n".join(["---", *lines, "---", "", body, ""]).encode()


def _files(page: "Skill") -> dict[str, Path]:
    """The page and what lies in its folder, by path below it; no link, nothing hidden."""
    from techspec.skill.registry import leads_out

    if leads_out(page.path, page.registry) or not page.path.is_file():
        return {}
    found = {_PAGE: page.path}
    if _is_main(page.path):
        for path in _beside(page.path.parent):
            found[path.relative_to(page.path.parent).as_posix()] = path
            if len(found) > _FILES_MAX:
                break
    return found


def _beside(folder: Path) -> Iterator[Path]:
    """Files below the folder of a page, without those of a skill that lies deeper."""
    for current, folders, names in os.walk(folder):
        here = Path(current)
        if here != folder and any(map(_is_main, map(Path, names))):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = here / name
            hidden = name.startswith(".") or (here == folder and _is_main(path))
            if not hidden and path.is_file() and not path.is_symlink():
                yield path


def _is_main(path: Path) -> bool:
    return path.name.upper() == "SKILL.MD"


_digests: dict[tuple[str, Path], tuple[tuple[int, int, int], Mapping[str, Any]]] = {}
"""By name and path: the file's stamp, and what was found then. A listing reads what changed."""
_DIGESTS_MAX = 50_000
_SETTLED_NS = 20_000_000
"""Age below which a file is read again: a system's clock for files moves every 4 to 10 ms."""


def _digest(name: str, page: "Skill", path: Path) -> Mapping[str, Any]:
    found = path.stat()
    stamp = (found.st_mtime_ns, found.st_size, found.st_ctime_ns)
    known = _digests.get((name, path))
    if known and known[0] == stamp:
        return known[1]
    content = _bytes_of(name, page, path)
    fields = {"digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}
    if time.time_ns() - found.st_ctime_ns > _SETTLED_NS:
        if len(_digests) >= _DIGESTS_MAX:
            _digests.clear()
        _digests[name, path] = (stamp, fields)
    return fields
