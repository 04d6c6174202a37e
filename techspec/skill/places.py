"""Where a project's skills are: named folders, else its own registry, its sources, the shipped one.

Pages are written to the first folder alone; the others are read.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from techspec import durable
from techspec.errors import TechspecError
from techspec.shipped import folder
from techspec.skill.registry import Registry
from techspec.skill.writing import writing

REGISTRY = "TECHSPEC_REGISTRY"
"""Environment variable: registry folders, separated as in PATH; the first is written to."""


SOURCES = "sources.txt"
"""In a registry folder: other registries that are read with it, a path a line from that folder."""


class NoRegistryThere(TechspecError):
    """A folder that is to be read is none."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no folder {str(path)!r}.",
            "clone the registry first, then pass the folder that holds its pages.",
        )


def registry_for(place: Path, named: Sequence[Path] = ()) -> Registry:
    """The registry for a spec or a session in the folder `place`.

    Pages are written to the first of: `named`, `$TECHSPEC_REGISTRY`, the folder `registry` of the
    project. They are read from all of these, from the sources that the first one lists, and from
    the registry that ships with techspec.
    """
    given = list(named) or [
        Path(path) for path in os.environ.get(REGISTRY, "").split(os.pathsep) if path
    ]
    folders = [_expanded(path).resolve() for path in given] or [project_of(place) / "registry"]
    read = [*folders, *sources_of(folders[0]), folder("registry")]
    return Registry(list(dict.fromkeys(read)))


def sources_of(root: Path) -> list[Path]:
    """The folders that a registry folder lists as its sources, whether they are there or not."""
    try:
        lines = (root / SOURCES).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    named = (line.strip() for line in lines)
    return [
        (root / _expanded(Path(line))).resolve()
        for line in named
        if line and not line.startswith("#") and "\0" not in line
    ]


def add_source(root: Path, source: Path) -> bool:
    """Read the pages of `source` with those of `root` from now on; False if that was so.

    Raises:
        NoRegistryThere: `source` is no folder.
        CannotWrite: the system refused.
    """
    source = _expanded(source).resolve()
    if not source.is_dir():
        raise NoRegistryThere(source)
    with writing(root):
        if source in sources_of(root) or source == root.resolve():
            return False
        path = root / SOURCES
        before = path.read_text(encoding="utf-8") if path.is_file() else _HEAD
        line = os.path.relpath(source, root.resolve())
        durable.write(path, f"{before.rstrip()}\n{line}\n")
    return True


_HEAD = "# Registries that are read with this one, a path a line; never written to."


def _expanded(path: Path) -> Path:
    """With a home for its `~`, if that user has one here."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def project_of(place: Path) -> Path:
    """The nearest folder above `place` (itself included) with a registry or a git checkout.

    >>> project_of(Path("/"))
    PosixPath('/')
    """
    place = place.resolve()
    for candidate in (place, *place.parents):
        if (candidate / "registry").is_dir() or (candidate / ".git").exists():
            return candidate
    return place
