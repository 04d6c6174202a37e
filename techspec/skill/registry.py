"""Folders of pages in, Skills out; pages are written to the first folder, whole or not at all.

No link is followed out of a registry, and no page of somebody else is ever overwritten.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from techspec import durable
from techspec.clock import now
from techspec.errors import TechspecError
from techspec.identity import digest_text
from techspec.skill.objections import Objection, objections
from techspec.skill.page import Skill, read, read_file
from techspec.spec.model import Problem

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_NOT_PAGES = frozenset({"readme", "changelog", "contributing", "claude", "agents", "license"})
_INSIDE_A_SKILL = frozenset({"evidence", "references", "scripts", "assets", "examples"})


class BadSkillName(TechspecError):
    """A name that cannot be a skill's folder."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:100]!r} cannot be the name of a skill.",
            "take 1 to 64 of a-z, 0-9 and single dashes, such as addition-width-depth.",
        )


class BadFileName(TechspecError):
    """A file beside a page that would not lie inside its folder."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:100]!r} cannot be a file of a skill.",
            "give a relative path inside its folder, such as evidence/runs.csv.",
        )


class SkillTaken(TechspecError):
    """A page of that name exists and another campaign or person wrote it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is a skill at {path} that this campaign did not write.",
            "save yours under another name; the other page stays as it is.",
        )


class LeadsOutOfRegistry(TechspecError):
    """A link where a skill's folder should be."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a link, so a page written there would land outside the registry.",
            "replace the link by a folder, or save under another name.",
        )


class SkillIsALink(TechspecError):
    """A page that is a link to a file outside its registry."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The page of the skill {name!r} is a link out of its registry, so it is not read.",
            "replace the link by a copy of the page.",
        )


class EditedByHand(TechspecError):
    """The page has words that techspec did not write and would lose."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was edited after it was saved; saving again would lose that.",
            "put your words into the notes and move the page away, or save under another name.",
        )


class UnfitPage(TechspecError):
    """A page with rows that say nothing, secrets, or what belongs to one machine."""

    def __init__(self, name: str, found: Sequence[Objection]) -> None:
        listed = "".join(f"\n    {o.file}:{o.line}: {o.what}\n      fix: {o.fix}" for o in found)
        super().__init__(
            f"The page {name!r} cannot be shared yet:{listed}", "change these lines and save again."
        )
        self.objections = tuple(found)


class NoSuchSkill(TechspecError):
    """No page of that name in any folder."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        listed = ", ".join(sorted(known)[:20]) or "none"
        super().__init__(f"There is no skill called {name[:100]!r}.", f"take one of: {listed}.")


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a page was written; `version` counts from 1, `changed` is False for the same again."""

    path: Path
    version: int
    changed: bool = True


class Registry:
    """Pages in one or more folders, in the layouts NAME/SKILL.md and NAME.md, however deep."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(Path(folder) for folder in folders)

    def skills(self) -> list[Skill]:
        """Every page of every folder, ordered by path; a folder that is missing has none."""
        return [_read_inside(path, root) for root in self.folders for path in _pages(root)]

    def find(self, name: str) -> Skill:
        """The page called `name`, or whose folder is: the first folder's first.

        Raises:
            NoSuchSkill: there is none.
        """
        skills = self.skills()
        for skill in skills:
            if name in (skill.name, skill.path.parent.name if _is_main(skill.path) else None):
                return skill
        raise NoSuchSkill(name, [skill.name for skill in skills])

    def save(self, name: str, page: str, files: Mapping[str, str] | None = None) -> Saved:
        """Write a skill's folder to the first registry folder; it appears whole.

        A page that the same campaign wrote before is updated: its version goes up by one and its
        History gains a line. The same content again changes nothing.

        Args:
            name: of the folder; the page's own `name` must be the same.
            page: the whole SKILL.md.
            files: text by relative path, such as `evidence/runs.csv`.

        Raises:
            BadSkillName, BadFileName: they could leave the registry.
            UnfitPage: everything in page or files that must not be shared, at once.
            SkillTaken: the name is another's.
            EditedByHand: somebody's words would be lost.
            LeadsOutOfRegistry: a link lies there.
            CannotWrite: the system refused.
        """
        if not _NAME.match(name) or len(name) > 64:
            raise BadSkillName(name)
        files = dict(files or {})
        for file in files:
            parts = PurePosixPath(file).parts
            if file.startswith(("/", "~")) or not parts or file == "SKILL.md" or "\\" in file:
                raise BadFileName(file)
            if any(part.startswith(".") or "\0" in part or ":" in part for part in parts):
                raise BadFileName(file)
        if found := objections(name, {"SKILL.md": page, **files}):
            raise UnfitPage(name, found)
        root = self.folders[0]
        folder = root / name
        try:
            root.mkdir(parents=True, exist_ok=True)
            with _only_writer(root):
                if folder.is_symlink():
                    raise LeadsOutOfRegistry(folder)
                if folder.exists() or (root / f"{name}.md").exists():
                    return _update(folder, page, files)
                first = _versioned(page, 1, [])
                _create(folder, {"SKILL.md": first, **files, _AS_WRITTEN: digest_text(first)})
        except OSError as error:
            raise durable.CannotWrite(folder, error) from error
        return Saved(folder / "SKILL.md", 1)


def text_of(skill: Skill) -> str:
    """The whole page as it stands; bytes that are no text are replaced.

    Raises:
        SkillIsALink: it lies outside its registry.
    """
    if not skill.path.resolve().is_relative_to(skill.registry.resolve()):
        raise SkillIsALink(skill.name)
    return skill.path.read_text(encoding="utf-8", errors="replace")


def _is_main(path: Path) -> bool:
    return path.name.upper() == "SKILL.MD"


def _pages(root: Path) -> Iterator[Path]:
    """Pages below `root`; a folder with a SKILL.md is one skill, its other files are not pages."""
    for current, folders, names in os.walk(root):
        here = Path(current)
        main = [name for name in names if name.upper() == "SKILL.MD"]
        for name in sorted(main or names):
            stem, dot, ending = name.rpartition(".")
            if ending.lower() == "md" and dot and stem.lower() not in _NOT_PAGES and stem:
                yield here / name
        folders[:] = sorted(
            name
            for name in folders
            if (not name.startswith(".") or name in (".claude", ".agents"))
            and not (main and name in _INSIDE_A_SKILL)
        )


def _read_inside(path: Path, root: Path) -> Skill:
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        problem = Problem(1, "a link out of the registry; not read", "copy the page here.")
        name = path.parent.name if _is_main(path) else path.stem
        return Skill(name, path, root, problems=(problem,))
    return read_file(path, root)


@contextlib.contextmanager
def _only_writer(root: Path) -> Iterator[None]:
    """Hold the registry while a page is written; another writer waits its turn."""
    descriptor = os.open(root, os.O_RDONLY)  # the folder itself: no lock file to be committed
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(folder: Path, files: Mapping[str, str]) -> None:
    """Write beside, then rename: no reader meets half a skill."""
    half = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        half.chmod(0o755)
        for name, text in files.items():
            durable.write(half / name, text)
        half.rename(folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def _update(folder: Path, page: str, files: Mapping[str, str]) -> Saved:
    path = folder / "SKILL.md"
    if not path.is_file() or path.is_symlink():
        raise SkillTaken(folder)
    old_text = path.read_text(encoding="utf-8", errors="replace")
    old, new = read(old_text, path), read(page, path)
    campaign = new.metadata.get("techspec-campaign")
    if not campaign or old.metadata.get("techspec-campaign") != campaign:
        raise SkillTaken(path)
    written = folder / _AS_WRITTEN
    if written.is_file() and written.read_text(encoding="utf-8") != digest_text(old_text):
        raise EditedByHand(path)
    version = int(text) if (text := old.metadata.get("version", "")).isdecimal() else 1
    history = _history(old_text)
    for name in files:
        inside = (folder / name).parent.resolve()
        if not inside.is_relative_to(folder.resolve()) or (folder / name).is_symlink():
            raise LeadsOutOfRegistry(folder / name)
    same = _versioned(page, version, history) == old_text and all(
        (folder / name).is_file() and (folder / name).read_text(encoding="utf-8") == text
        for name, text in files.items()
    )
    if same:
        return Saved(path, version, changed=False)
    for name, text in files.items():  # the page last: what it says is never ahead of its evidence
        durable.write(folder / name, text)
    line = f"- Version {version + 1}, {now()[:10]}: written again from the same campaign."
    newest = _versioned(page, version + 1, [*history, line])
    durable.write(folder / _AS_WRITTEN, digest_text(newest))
    durable.write(path, newest)
    return Saved(path, version + 1)


_VERSION = re.compile(r'^(  version: ")[0-9]+(")$', re.M)
_AS_WRITTEN = "evidence/page.sha256"
"""Beside a page: the digest of what was written, so that nobody's later words are overwritten."""
_HISTORY = re.compile(r"^## History\n+((?:- .*\n?)*)", re.M)


def _history(page: str) -> list[str]:
    found = _HISTORY.search(page)
    return found[1].splitlines()[1:] if found else []


def _versioned(page: str, version: int, later: Sequence[str]) -> str:
    """The page with its version number, and the lines of its History after the first."""
    page = _VERSION.sub(rf"\g<1>{version}\g<2>", page, count=1)
    found = _HISTORY.search(page)
    if not found or not later:
        return page
    first = found[1].splitlines()[:1]
    return page[: found.start(1)] + "\n".join([*first, *later]) + "\n" + page[found.end(1) :]
