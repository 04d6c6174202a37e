"""Where a project's skills are: named folders, else its own registry, its sources, the shipped one.

Pages are written to the first folder alone; the others are read.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
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


OWN = "the project's own"


class RegistryUnreadable(TechspecError):
    """A folder of skills that is not there or is closed to us."""

    def __init__(self, path: Path, named_by: str, why: str) -> None:
        fix = f"name the folder that holds the pages: correct {named_by}."
        if named_by == OWN:
            fix = "go to the project's folder, or name the registry's with --registry DIR."
        elif not os.path.lexists(path):
            fix = f"correct {named_by}, or make the folder: mkdir -p {shlex.quote(str(path))}"
        super().__init__(f"The registry {str(path)!r} ({named_by}) cannot be read: {why}.", fix)


class SourcesUnreadable(TechspecError):
    """The file that lists the sources cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} cannot be read: {why}; so no registry that it lists is searched.",
            "save it as UTF-8 text, a path a line.",
        )


def registry_for(place: Path, named: Sequence[Path] = ()) -> Registry:
    """The registry for a spec or a session in the folder `place`; its folders need not be there.

    Pages are written to the first of: `named`, `$TECHSPEC_REGISTRY`, the folder `registry` of the
    project. They are read from all of these, from the sources that the first one lists, and from
    the registry that ships with techspec.
    """
    folders = _written(place, named)
    read = [*folders, *sources_of(folders[0]), folder("registry")]
    return Registry(list(dict.fromkeys(read)))


def registry_to_read(place: Path, named: Sequence[Path] = ()) -> Registry:
    """As `registry_for`, for a question: of a folder that is not there nobody would learn.

    The project's own folder may be missing, as the first skill makes it; for the sources see
    `missing_sources`.

    Raises:
        RegistryUnreadable: it is the first such one of the folders that were named.
    """
    named_by = "--registry" if named else f"${REGISTRY}"
    own = {(each / "registry").resolve() for each in (place, project_of(place))}
    for path in _written(place, named):
        why = unreadable(path)
        if why and (os.path.lexists(path) or path not in own):
            raise RegistryUnreadable(path, OWN if path in own else named_by, why)
    return registry_for(place, named)


def unreadable(path: Path) -> str:
    """Why a folder cannot be listed; empty if it can."""
    try:
        with os.scandir(path):
            return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)


def _written(place: Path, named: Sequence[Path]) -> list[Path]:
    """The folders of which the first one is written to."""
    given = list(named) or [
        Path(path) for path in os.environ.get(REGISTRY, "").split(os.pathsep) if path
    ]
    folders = [Path(os.path.realpath(_expanded(path))) for path in given]
    return folders or [project_of(place) / "registry"]


def sources_of(root: Path) -> list[Path]:
    """The folders that a registry folder lists as its sources, whether they are there or not."""
    return [path for _, path in _listed(root)]


def missing_sources(root: Path) -> list[tuple[str, str]]:
    """What to say of each source that cannot be read on this machine, and the way out."""
    try:
        _text_of_sources(root)
    except SourcesUnreadable as error:
        return [(error.what, error.fix)]
    return [
        (
            f"{root / SOURCES}:{line}: the registry {str(path)!r} cannot be read ({why}), so "
            "nothing that it holds is found.",
            "clone it there, or take the line out.",
        )
        for line, path in _listed(root)
        if (why := unreadable(path))
    ]


def _listed(root: Path) -> Iterator[tuple[int, Path]]:
    """Each source with its line in the file that lists them."""
    try:
        lines = _text_of_sources(root).splitlines()
    except SourcesUnreadable:
        return
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line and not line.startswith("#") and "\0" not in line:
            yield number, Path(os.path.realpath(root / _expanded(Path(line))))


def _text_of_sources(root: Path) -> str:
    """The file that lists the sources; empty where there is none."""
    try:
        return (root / SOURCES).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise SourcesUnreadable(root / SOURCES, error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise SourcesUnreadable(root / SOURCES, f"byte {error.start} is not UTF-8") from None


def add_source(root: Path, source: Path) -> bool:
    """Read the pages of `source` with those of `root` from now on; False if that was so.

    Raises:
        NoRegistryThere: `source` is no folder.
        SourcesUnreadable: the file that lists the sources is no text.
        CannotWrite: the system refused.
    """
    source = _expanded(source).resolve()
    if not source.is_dir():
        raise NoRegistryThere(source)
    with writing(root):
        if source in sources_of(root) or source == root.resolve():
            return False
        path = root / SOURCES
        before = _text_of_sources(root) or _HEAD
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
