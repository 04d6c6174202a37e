"""A registry of somebody else in; its pages, in the strict form and with their origin, out.

What a page says is kept to the letter, but for what no reader sees. Nothing is overwritten, and
what a page claims of its evidence counts only where that evidence came along and agrees.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from techspec.clock import now
from techspec.errors import TechspecError
from techspec.identity import slug
from techspec.render import quoted
from techspec.skill.objections import about_head, secrets
from techspec.skill.page import GRADES, LONGEST_FILE, Skill, label, visible
from techspec.skill.places import NoRegistryThere
from techspec.skill.registry import PageUnreadable, Registry, file_text, text_of
from techspec.skill.untrusted import seen
from techspec.skill.verify import verify
from techspec.skill.writing import Shelf, name_value, writing

NOT_STATED = "not stated at the origin"

_LONGEST_DESCRIPTION = 1024
_NAMES_TRIED = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a registry came from; what is not known is empty."""

    name: str
    """A repository's address, or the folder's name."""
    commit: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one page of the foreign registry."""

    page: str
    """Its path there."""
    outcome: str
    """`written`, `there` if it was imported before, or `left out`."""
    name: str = ""
    why: str = ""
    """Of a page that was left out."""


@dataclass(frozen=True, slots=True)
class _Converted:
    name: str
    page: str
    files: Mapping[str, str]


class OwnRegistry(TechspecError):
    """Pages that would be taken into the registry that they are in."""

    def __init__(self, source: Path, root: Path) -> None:
        super().__init__(
            f"{str(source)!r} and the registry that is written to, {str(root)!r}, are one or lie "
            "in one another.",
            "name the folder of another registry, or with --registry DIR the one to write to.",
        )


class _CannotConvert(Exception):
    """Why a page has to stay where it is."""


def import_pages(source: Path, root: Path, name: str = "", licence: str = "") -> Iterator[Imported]:
    """Write every page below `source` to the registry folder `root`, under its own or a free name.

    Args:
        source: a checkout of the other registry.
        root: the registry folder that is written to.
        name: what to call the origin; default: its git remote, else the folder's name.
        licence: of pages that state none; default: what its LICENSE file begins with.

    Raises:
        NoRegistryThere: `source` is no folder.
        OwnRegistry: `source` is `root`, or holds it or lies in it.
        CannotWrite: the system refused.
    """
    if not source.is_dir():
        raise NoRegistryThere(source)
    ends = (source.resolve(), root.resolve())
    if ends[0].is_relative_to(ends[1]) or ends[1].is_relative_to(ends[0]):
        raise OwnRegistry(source, root)
    origin = _origin(source, name, licence)
    there = dict(_contents(root))
    for skill in Registry([source]).skills():
        path = skill.path.relative_to(source).as_posix()
        try:
            own, of = there.get(_content(skill), ("", ""))
            if own and of in ("", skill.metadata.get("origin", "")):
                yield Imported(visible(path), "there", own)
                continue
            converted = _converted(skill, path, origin)
            with writing(root) as shelf:
                yield _placed(shelf, path, converted)
        except _CannotConvert as error:
            yield Imported(visible(path), "left out", why=str(error))


def _contents(root: Path) -> Iterator[tuple[tuple[str, ...], tuple[str, str]]]:
    """What each page of a registry says; its name, and where it was imported from, if it was."""
    for skill in Registry([root]).skills():
        with suppress(_CannotConvert):
            yield _content(skill), (label(skill), skill.metadata.get("origin", ""))


def _content(skill: Skill) -> tuple[str, ...]:
    return slug(skill.name, 64), visible(skill.description), _parted(_raw(skill))[1].strip()


def _placed(shelf: Shelf, path: str, new: _Converted) -> Imported:
    """The page under the first of its names that is free, unless it is there already."""
    for number in range(1, _NAMES_TRIED):
        name = new.name if number == 1 else f"{new.name[:60].rstrip('-')}-{number}"
        own, here = (f"\nname: {name_value(each)}\n" for each in (new.name, name))
        page = new.page.replace(own, here, 1)
        there = shelf.root / name / "SKILL.md"
        if there.is_file():
            old = there.read_text(encoding="utf-8", errors="replace")
            if _from(old) == _from(page):
                if _IMPORTED.sub("", old) == _IMPORTED.sub("", page):
                    return Imported(visible(path), "there", name)
                why = f"{name!r} was imported from there before, and one of both changed since"
                raise _CannotConvert(why)
        elif not (shelf.root / name).exists() and not (shelf.root / f"{name}.md").exists():
            shelf.save(name, page, new.files)
            return Imported(visible(path), "written", name)
    raise _CannotConvert(f"{_NAMES_TRIED} pages are called {new.name!r}")


_IMPORTED = re.compile(r"^  (imported|origin-commit): .*\n", re.M)
_FROM = re.compile(r"^  (origin|origin-path): (.*)$", re.M)


def _from(page: str) -> list[str]:
    return [value for _, value in _FROM.findall(page.partition("\n---\n")[0])]


def _converted(skill: Skill, path: str, origin: Origin) -> _Converted:
    raw = _raw(skill)
    head, body = _parted(raw)
    for line, what in secrets(raw):
        raise _CannotConvert(f"line {line} looks like {what}; take it out at its origin")
    name = next((n for n in _names(skill) if n != "unnamed"), "")
    if not name:
        raise _CannotConvert("no name of letters and digits that could be a folder's")
    description = _description(skill)
    if not description:
        raise _CannotConvert("no description, and no paragraph to take one from")
    files, proven = _evidence(skill)
    metadata = {
        **_metadata(skill, proven),
        "origin": origin.name,
        "origin-path": path,
        **({"origin-commit": origin.commit} if origin.commit else {}),
        "imported": now()[:10],
    }
    lines = [
        "---",
        f"name: {name_value(name)}",
        f"description: {quoted(description)}",
        f"license: {quoted(visible(skill.metadata.get('license', '')) or origin.licence)}",
        "metadata:",
        *(f"  {key}: {quoted(visible(value))}" for key, value in metadata.items()),
        "---",
    ]
    if _lost(skill, head, description):
        mark = "`" * (3 + max((len(run) for run in re.findall(r"`{3,}", head)), default=0))
        body = f"{body.rstrip()}\n\n## Head at the origin\n\n{mark}yaml\n{head.strip()}\n{mark}"
    page = "\n".join(lines) + f"\n\n{body.strip()}\n"
    if found_in_head := next(iter(about_head(name, page)), None):
        raise _CannotConvert(f"its head cannot be made strict: {found_in_head.what}")
    return _Converted(name, page, files)


def _raw(skill: Skill) -> str:
    try:
        if skill.path.is_symlink():
            raise _CannotConvert("a link, not a page")
        if skill.path.stat().st_size > LONGEST_FILE:
            raise _CannotConvert(f"more than {LONGEST_FILE:,} bytes")
        return seen(text_of(skill).removeprefix("\ufeff"))
    except OSError as error:
        raise _CannotConvert(f"it cannot be read: {error.strerror or error}") from None
    except PageUnreadable as error:
        raise _CannotConvert(error.what) from None


def _parted(raw: str) -> tuple[str, str]:
    """Head and body; all is body where the head never ends."""
    found = re.match(r"\s*---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", raw, re.S | re.M)
    return (found[1], raw[found.end() :]) if found else ("", raw)


def _names(skill: Skill) -> Iterator[str]:
    is_main = skill.path.name.upper() == "SKILL.MD"
    yield slug(skill.name, 64)
    yield slug(skill.path.parent.name if is_main else skill.path.stem, 64)


def _description(skill: Skill) -> str:
    """In one line without tags, as long as the form allows."""
    text = re.sub(r"</?([A-Za-z][^<>]*)>", r"\1", visible(skill.description))
    if len(text) <= _LONGEST_DESCRIPTION:
        return text
    return text[: _LONGEST_DESCRIPTION - 2].rsplit(" ", 1)[0] + " …"


def _metadata(skill: Skill, proven: bool) -> dict[str, str]:
    """The page's own metadata, in keys that are plain; what it may not claim here is renamed."""
    kept: dict[str, str] = {}
    for key, value in skill.metadata.items():
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", key).strip("-")
        claimed = plain in ("evidence", "techspec-campaign", "techspec-lesson") and not proven
        if plain and plain not in ("license", "metadata"):
            again = plain in ("origin", "origin-path", "origin-commit", "imported")
            kept[f"origin-{plain}" if claimed or again else plain] = value
    if not proven:
        stated = replace(skill, metadata={}).evidence
        kept["evidence"] = max(stated, "reported", key=GRADES.index)
    return kept


def _evidence(skill: Skill) -> tuple[dict[str, str], bool]:
    """The evidence beside a page of techspec, and True if results and grade follow from it."""
    beside = skill.path.parent / "evidence"
    if not (beside / "plan.json").is_file() or verify(skill.path.parent):
        return {}, False
    files = {}
    for path in sorted(beside.iterdir()):
        if path.suffix not in (".json", ".csv") or not path.is_file() or path.is_symlink():
            continue
        file = f"evidence/{path.name}"
        try:
            files[file] = file_text(skill.path.parent, file)
        except (OSError, ValueError) as error:
            raise _CannotConvert(f"{file} cannot be read: {error}") from None
        for line, what in secrets(files[file]):
            raise _CannotConvert(f"line {line} of {file} looks like {what}")
    return files, True


def _lost(skill: Skill, head: str, description: str) -> bool:
    """True where the new head says less than the old one."""
    broken = any("frontmatter" in problem.what for problem in skill.problems)
    has_comment = re.search(r"(^|\s)#", head) is not None
    return broken or has_comment or description != skill.description or _has_depth(head)


def _has_depth(head: str) -> bool:
    """True where a value holds keys of its own, or a list does: only texts are carried over."""
    try:
        loaded = yaml.load(head, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return True
    values = list(loaded.values()) if isinstance(loaded, dict) else []
    metadata = loaded.get("metadata") if isinstance(loaded, dict) else None
    if isinstance(metadata, dict):
        values = [value for value in values if value is not metadata] + list(metadata.values())
    listed = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return not all(isinstance(item, str) for item in listed)


def _origin(source: Path, name: str, licence: str) -> Origin:
    remote = re.sub(r"//[^@/]+@", "//", _git(source, "remote", "get-url", "origin"))
    return Origin(
        visible(name or remote or source.resolve().name),
        _git(source, "rev-parse", "HEAD"),
        visible(licence) or _licence(source) or NOT_STATED,
    )


def _git(source: Path, *words: str) -> str:
    """What git says of the checkout at `source`; "" where it is none of its own."""
    if not (source / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(source), *words], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _licence(source: Path) -> str:
    for path in sorted(source.glob("LICEN[CS]E*")):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        return visible(next((line for line in lines if line.strip()), ""))[:100]
    return ""
