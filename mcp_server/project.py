"""Which project is served, and that no path an agent names leads out of it."""

import os
from operator import itemgetter
from pathlib import Path

from techspec.errors import TechspecError

PROJECT = ("TECHSPEC_PROJECT", "CLAUDE_PROJECT_DIR")
"""Environment variables that name the project's folder, the first one first; else it is the cwd."""


class LeadsOutOfProject(TechspecError):
    """A path of a spec that lies elsewhere, by itself or by a link."""

    def __init__(self, path: str, project: Path) -> None:
        super().__init__(
            f"{path[:200]!r} is not a markdown file inside the project {str(project)!r}.",
            "pass a path from the project's folder, such as 'TECHSPEC.md'; to work on a spec "
            f"elsewhere, start the server there or set {PROJECT[0]}.",
        )


class CampaignElsewhere(TechspecError):
    """The campaign of a spec is a link out of the project."""

    def __init__(self, path: Path, project: Path) -> None:
        super().__init__(
            f"{str(path)!r} is a link out of the project {str(project)!r}.",
            "use the techspec command for it, or start the server with a "
            f"{PROJECT[0]} that holds both ends of the link.",
        )


def root() -> Path:
    """The project's folder, links resolved, whether it is there or not."""
    return Path(_named()[1]).resolve()


def project() -> Path:
    """As `root`, for an answer that would be empty without it.

    Raises:
        NoProject: the environment names a folder that is not there.
    """
    if not root().is_dir():
        from techspec.commands.serve import NoProject

        why = "it is no folder" if root().exists() else "it is not there"
        raise NoProject(root(), f"${_named()[0]}", why)
    return root()


def _named() -> tuple[str, str]:
    """The variable that names the project, and its value; empty if none does."""
    named = ((variable, os.environ.get(variable, "")) for variable in PROJECT)
    return next(filter(itemgetter(1), named), ("", ""))


def spec_file(path: str) -> Path:
    """The spec that an agent means by `path`, links resolved; it need not be there.

    Raises:
        LeadsOutOfProject: it is not below the project's folder, or no markdown.
        CampaignElsewhere: what was run for it is not.
        NoProject: the project is not there.
    """
    home = project()
    try:
        found = (home / path).resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a circle of links
        raise LeadsOutOfProject(path, home) from None
    if not found.is_relative_to(home) or found.suffix.lower() != ".md":
        raise LeadsOutOfProject(path, home)
    _campaign_inside(found, home)
    return found


def shown(path: Path) -> str:
    """A path as an agent names it: from the project's folder if it lies there."""
    return str(path.relative_to(root()) if path.is_relative_to(root()) else path)


def _campaign_inside(spec: Path, project: Path) -> None:
    from techspec.ledger.folder import of_spec

    folder = of_spec(spec)
    for path in (folder.ledger, folder.plan, folder.path / "runs"):
        if not path.resolve().is_relative_to(project):
            raise CampaignElsewhere(path.relative_to(project), project)
