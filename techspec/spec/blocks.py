"""Markdown in, a flat list of headings, texts, code blocks and tables out, each with its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from techspec.spec import markup
from techspec.spec.tables import Table, table

# Quotes are left out so that `- >95%` is a list item about 95 %, not a quotation in a list.
# Inline parsing is done by `markup`, for the sections that are read.
_BLOCKS = MarkdownIt("commonmark").enable("table").disable(["blockquote", "reference"])
_BLOCKS.core.ruler.disable(["inline", "text_join"])
_ENDING = re.compile(r"\r\n|\n|\r")
_NUMBERING = re.compile(r"^\d+(?:\.\d+)*[.)]\s+")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `end` is the line after it."""

    line: int
    end: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or a paragraph of a list item: then `item` is the line of the outermost item."""

    line: int
    content: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A code block; `line` is that of its first content line."""

    line: int
    end: int
    info: str
    content: str
    is_closed: bool = True


Block = Heading | Text | Code | Table


def split_lines(text: str) -> list[str]:
    """The lines as markdown counts them, without their endings."""
    return _ENDING.split(text)


def blocks(text: str) -> list[Block]:
    """Everything in the text but HTML, in the order of the file."""
    lines = split_lines(text)
    return list(_blocks(_BLOCKS.parse(text.removeprefix("\ufeff")), lines))


def _blocks(tokens: list[Token], lines: list[str]) -> Iterator[Block]:
    item: int | None = None
    heading: Token | None = None
    opening: int | None = None
    for index, token in enumerate(tokens):
        start, end = token.map or (0, 0)
        if opening is not None:
            if token.type == "table_close":
                yield table(tokens[opening:index], lines)
                opening = None
        elif token.type == "table_open":
            opening = index
        elif token.type == "list_item_open" and token.level == 1:
            item = start + 1
        elif token.type == "list_item_close" and token.level == 1:
            item = None
        elif token.type == "heading_open":
            heading = token if token.level == 0 else None
        elif token.type in ("fence", "code_block"):
            fenced = token.type == "fence"
            closed = not fenced or _is_closed(token, lines)
            yield Code(start + 1 + fenced, end, token.info.strip(), token.content, closed)
        elif token.type == "inline" and heading is not None:
            yield Heading(start + 1, end + 1, int(heading.tag[1:]), title_of(token.content))
            heading = None
        elif token.type == "inline":
            yield Text(start + 1, token.content, item)


def title_of(content: str) -> str:
    """A heading without markup, numbering and the colon some people put behind it."""
    return _NUMBERING.sub("", " ".join(markup.plain(content).split())).rstrip(":").strip()


def _is_closed(token: Token, lines: list[str]) -> bool:
    """Whether a fence has its closing line. Without one it runs to the end of the text.

    The content of a closed fence is two lines shorter than the fence. A blank last line without
    a newline would look the same, so the line has to be one of fence characters too.
    """
    start, end = token.map or (0, 0)
    if end < len(lines) - 1:
        return True
    last = lines[end - 1].strip() if end - 1 > start else ""
    fits = len(last) >= len(token.markup) and not last.strip(token.markup[:1])
    whole = not token.content or token.content.endswith("\n")
    return fits and whole and token.content.count("\n") == end - start - 2
