"""Skills of the registry and specs of the project, for clients that read resources."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp_types import Resource
from pydantic import Field

from mcp_server.project import root
from mcp_server.tools.skill import skill_read
from techspec.errors import TechspecError

SKILL = "skill://{name}/SKILL.md"
SPEC = "spec://{+path}"
LISTED = 100
"""Skills in the listing, at most: a registry is searched with advise, not scrolled."""


def skill(name: Annotated[str, Field(description="Name of the skill.")]) -> str:
    """A page of the registry, marked as data."""
    try:
        return skill_read(name)
    except TechspecError as error:
        raise ResourceNotFoundError(str(error)) from error


def spec(path: Annotated[str, Field(description="From the project's folder.")]) -> str:
    """A TECHSPEC.md of the project, as it stands."""
    from techspec.spec.files import paths
    from techspec.spec.reader import read_file

    try:
        for found in paths(root()):
            if str(found.relative_to(root())) == path and not found.is_symlink():
                return read_file(found).text
    except TechspecError as error:
        raise ResourceNotFoundError(str(error)) from error
    raise ResourceNotFoundError(f"There is no spec at {path!r}.")


def listed() -> Iterator[Resource]:
    """The project's specs, then the registry's skills, as they are now."""
    from techspec.skill.page import label, visible
    from techspec.skill.places import registry_for
    from techspec.skill.untrusted import NOTE
    from techspec.spec.files import specs

    for path, read in specs(root()):
        name = str(path.relative_to(root()))
        yield Resource(
            uri=f"spec://{quote(name)}",
            name=name,
            description=visible(read.objective or read.title)[:200],
            mime_type="text/markdown",
        )
    seen: set[str] = set()
    for page in registry_for(root()).skills():
        if label(page) in seen or len(seen) == LISTED:
            continue  # a name that repeats is the first folder's, as for skill_read
        seen.add(label(page))
        yield Resource(
            uri=f"skill://{quote(label(page), safe='')}/SKILL.md",
            name=label(page),
            description=f"{NOTE} {visible(page.description)[:200]}",
            mime_type="text/markdown",
        )
