"""Which project is served, and that no path an agent names leads out of it."""

import os
from pathlib import Path

from techspec.errors import TechspecError

PROJECT = ("TECHSPEC_PROJECT", "CLAUDE_PROJECT_DIR")
"""Environment variables that name the project's folder, the first one first; else it is the cwd."""


class LeadsOutOfProject(TechspecError):
    """A path of a spec that lies elsewhere, by itself or by a link."""

    def __init__(self, path: str, project: Path) -> None:
        super().__init__(
            f"{path[:200]!r} is not a file inside the project {str(project)!r}.",
            "pass a path from the project's folder, such as 'TECHSPEC.md'; to work on a spec "
            f"elsewhere, start the server there or set {PROJECT[0]}.",
        )


def root() -> Path:
    """The project's folder, links resolved."""
    named = (os.environ.get(variable) for variable in PROJECT)
    return Path(next(filter(None, named), "")).resolve()


def spec_file(path: str) -> Path:
    """The file that an agent means by `path`, links resolved; it need not be there.

    Raises:
        LeadsOutOfProject: it is not below the project's folder.
    """
    project = root()
    try:
        found = (project / path).resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a circle of links
        raise LeadsOutOfProject(path, project) from None
    if not found.is_relative_to(project):
        raise LeadsOutOfProject(path, project)
    return found


def shown(path: Path) -> str:
    """A path as an agent names it: from the project's folder if it lies there."""
    return str(path.relative_to(root()) if path.is_relative_to(root()) else path)
