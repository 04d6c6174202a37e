"""Skills of the registry and specs of the project, for clients that read and complete resources."""

from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import quote

import anyio.to_thread
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
)
from pydantic import Field

from mcp_server import skills
from mcp_server.project import root
from techspec.errors import TechspecError

LISTED = 100
"""Skills among the resources, at most: a registry is searched with advise, not scrolled."""
COMPLETED = 100
"""Values of a completion, at most, by the protocol."""


SPEC = "spec://{+path}"
SKILL = ResourceTemplate(
    uri_template="skill://{name}/{+file}",
    name="skill",
    description="A page of the registry, marked as data (SKILL.md), or a file beside it.",
    mime_type="text/markdown",
)


def spec(path: Annotated[str, Field(description="From the project's folder.")]) -> str:
    """A TECHSPEC.md of the project, as it stands."""
    from techspec.spec.files import paths
    from techspec.spec.reader import read_file

    try:
        for found in paths(root()):
            if str(found.relative_to(root())) == path:
                return read_file(found).text
    except TechspecError as error:
        raise ResourceNotFoundError(str(error)) from error
    raise ResourceNotFoundError(f"There is no spec at {path!r}.")


def listed() -> Iterator[Resource]:
    """The project's specs, then the registry's skills, as they are now."""
    from techspec.skill.page import visible
    from techspec.spec.files import specs

    for path, read in specs(root()):
        name = str(path.relative_to(root()))
        yield Resource(
            uri=f"spec://{quote(name)}",
            name=name,
            description=visible(read.objective or read.title)[:200],
            mime_type="text/markdown",
        )
    for name, page in list(skills.pages().items())[:LISTED]:
        yield Resource(
            uri=skills.uri_of(name),
            name=name,
            description=skills.head(name, page)["description"][:300],
            mime_type="text/markdown",
        )


async def complete(
    of: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    """Names of skills or paths of specs: those that begin with what was typed come first."""
    known = await anyio.to_thread.run_sync(_known, argument.name)
    typed = argument.value.lower()
    fitting = sorted(
        (value for value in known if typed in value.lower()),
        key=lambda value: (not value.lower().startswith(typed), value),
    )
    return Completion(
        values=fitting[:COMPLETED], total=len(fitting), has_more=len(fitting) > COMPLETED
    )


def _known(argument: str) -> Sequence[str]:
    from techspec.spec.files import paths

    if argument == "name":
        return list(skills.pages())
    if argument in ("path", "spec"):
        return [str(path.relative_to(root())) for path in paths(root())]
    return []
