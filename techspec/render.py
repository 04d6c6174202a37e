"""A template and values in, text out. A value that a template asks for and nobody gave is an error.

Shipped templates are ours; a template that a user can edit is rendered in a sandbox.
"""

import functools
import json

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from techspec import shipped
from techspec.errors import TechspecError


class BadTemplate(TechspecError):
    """A user's template that cannot be rendered."""

    def __init__(self, error: jinja2.TemplateError | Exception) -> None:
        line = getattr(error, "lineno", None)
        place = f" in line {line}" if line else ""
        super().__init__(
            f"The template cannot be rendered{place}: {error}",
            "change that line, or take the shipped template.",
        )


def render(template_name: str, **values: object) -> str:
    """The shipped template of that name, filled in; values are escaped in `.html` only."""
    return _shipped().get_template(template_name).render(**values)


def render_sandboxed(source: str, **values: object) -> str:
    """A user's template, filled in; it can read the values and nothing else.

    Raises:
        BadTemplate: it asks for what is not given, or for what it may not have.
    """
    environment = ImmutableSandboxedEnvironment(**_options(), autoescape=False)
    environment.filters.update(_FILTERS)
    try:
        return environment.from_string(source).render(**values)
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise BadTemplate(error) from error


def cell(text: object) -> str:
    r"""A text as one cell of a markdown table.

    >>> cell("a | b\nc")
    'a \\| b c'
    """
    return " ".join(str(text).replace("|", "\\|").split())


def quoted(text: object) -> str:
    """A text as a double-quoted YAML value on one line."""
    return json.dumps(" ".join(str(text).split()), ensure_ascii=False)


_FILTERS = {"cell": cell, "quoted": quoted}


def _options() -> dict[str, object]:
    return {
        "undefined": jinja2.StrictUndefined,
        "keep_trailing_newline": True,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }


@functools.cache
def _shipped() -> jinja2.Environment:
    environment = jinja2.Environment(
        **_options(),  # type: ignore[arg-type]
        loader=jinja2.FileSystemLoader(shipped.folder("templates")),
        autoescape=lambda name: name is not None and name.removesuffix(".j2").endswith(".html"),
    )
    environment.filters.update(_FILTERS)
    return environment
