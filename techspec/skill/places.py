"""Where a project's skills are: named folders, else its own registry, and the shipped one."""

import os
from collections.abc import Sequence
from pathlib import Path

from techspec.shipped import folder
from techspec.skill.registry import Registry

REGISTRY = "TECHSPEC_REGISTRY"
"""Environment variable: registry folders, separated as in PATH; the first is written to."""


def registry_for(place: Path, named: Sequence[Path] = ()) -> Registry:
    """The registry for a spec or a session in the folder `place`.

    Pages are written to the first of: `named`, `$TECHSPEC_REGISTRY`, the folder `registry` of the
    project. They are read from all of these and from the registry that ships with techspec.
    """
    given = list(named) or [
        Path(path) for path in os.environ.get(REGISTRY, "").split(os.pathsep) if path
    ]
    folders = [path.expanduser().resolve() for path in given] or [project_of(place) / "registry"]
    shipped = folder("registry")
    return Registry([*folders, shipped] if shipped not in folders else folders)


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
