"""Folders of pages in, Skills out; pages are written to the first folder.

No link is followed out of a registry.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from techspec.errors import TechspecError
from techspec.skill.page import LONGEST_FILE, Skill, read_file, visible
from techspec.skill.writing import Saved, checked, writing
from techspec.spec.model import Problem

_NOT_PAGES = frozenset({"readme", "changelog", "contributing", "claude", "agents", "license"})
_INSIDE_A_SKILL = frozenset({"evidence", "references", "scripts", "assets", "examples"})


_LONGEST_EVIDENCE = 4_000_000
"""Bytes of an evidence file that is read; 10,000 runs of 40 parameters have 3 million."""


_NAMES_SHOWN = 10
"""Names that an error lists, those first that share words with what was asked for."""


class SkillIsALink(TechspecError):
    """A page that is a link to a file outside its registry."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The page of the skill {visible(name)[:100]!r} is a link out of its registry, "
            "so it is not read.",
            "replace the link by a copy of the page.",
        )


class PageUnreadable(TechspecError):
    """A page that is there by name alone: a link to nothing, or a file that is closed to us."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"The page of the skill {visible(name)[:100]!r} cannot be read: {why}.",
            "take it out of the registry, or put the page in its place.",
        )


class NoSuchSkill(TechspecError):
    """No page of that name in any folder; `known` are labels, as page.citable makes them."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        asked = _parts(name)
        nearest = sorted(known, key=lambda label: (-len(asked & _parts(label)), label))
        fix = "name the registry's folder with --registry DIR: in those that were read is no page."
        if known:
            names = ", ".join(nearest[:_NAMES_SHOWN])
            left = len(known) - _NAMES_SHOWN
            more = f"; {left:,} more are there, 'techspec skills' lists them" if left > 0 else ""
            fix = f"take one of these names, which other people gave their pages: {names}{more}."
        super().__init__(f"There is no skill called {name[:100]!r}.", fix)


class Registry:
    """Pages in one or more folders, in the layouts NAME/SKILL.md and NAME.md, however deep."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(Path(folder) for folder in folders)

    def skills(self) -> list[Skill]:
        """Every page of every folder, ordered by path; a folder that is missing has none."""
        return [read_inside(path, root) for root in self.folders for path in _pages(root)]

    def save(self, name: str, page: str, files: Mapping[str, str] | None = None) -> Saved:
        """Check a page and write its folder to the first registry folder, as `Shelf.save`."""
        files = dict(files or {})
        checked(name, page, files)
        with writing(self.folders[0]) as shelf:
            return shelf.save(name, page, files)


def text_of(skill: Skill) -> str:
    """The page as it stands, up to the length of one; bytes that are no text are replaced.

    Raises:
        SkillIsALink: it lies outside its registry.
        PageUnreadable: it is no file, or none that we may read.
    """
    if not skill.path.resolve().is_relative_to(skill.registry.resolve()):
        raise SkillIsALink(skill.name)
    try:
        if skill.path.exists() and not skill.path.is_file():
            raise PageUnreadable(skill.name, "it is no file")  # a reader of a pipe would wait
        with skill.path.open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST_FILE)
    except OSError as error:
        raise PageUnreadable(skill.name, error.strerror or str(error)) from None


def file_text(folder: Path, name: str) -> str:
    """A file of a skill's folder, as UTF-8.

    Raises:
        OSError, ValueError: there is none, it is too long or no text, or a link leads out.
    """
    path = folder / name
    os.lstat(path)  # most pages have no evidence; to find where links lead takes ten times as long
    if not path.resolve().is_relative_to(folder.resolve()):
        raise OSError(f"{name} is a link out of its skill")
    if path.exists() and not path.is_file():
        raise OSError(f"{name} is no file")  # a reader of a pipe would wait
    with path.open("rb") as file:
        content = file.read(_LONGEST_EVIDENCE + 1)
    if len(content) > _LONGEST_EVIDENCE:
        raise ValueError(f"{name} is longer than {_LONGEST_EVIDENCE:,} bytes")
    return content.decode("utf-8")


def read_inside(path: Path, root: Path) -> Skill:
    """The page at `path` of the registry `root`; a link out of it is a Skill with a problem."""
    if leads_out(path, root):
        problem = Problem(1, "a link out of the registry; not read", "copy the page here.")
        name = path.parent.name if _is_main(path) else path.stem
        return Skill(name, path, root, problems=(problem,))
    return read_file(path, root)


def leads_out(path: Path | str, root: Path) -> bool:
    """Whether a page is a link out of its registry. Says nothing of what cannot be looked at."""
    # Not by Path, which raises at a loop of links, a name too long and a folder that is closed.
    if not os.path.islink(path):  # noqa: PTH114
        return False
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _parts(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", name.lower()))


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
