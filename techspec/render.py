"""A template and values in, text out. A value that a template asks for and nobody gave is an error.

Only templates that ship are rendered: they are ours, and no user's text is ever one.
"""

import functools
import json

import jinja2

from techspec import shipped


def render(template_name: str, **values: object) -> str:
    """The shipped template of that name, filled in; values are escaped in `.html` only."""
    return _shipped().get_template(template_name).render(**values)


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
