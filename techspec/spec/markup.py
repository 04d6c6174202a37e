"""Markdown inside one paragraph or cell in, the words a reader sees out."""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 20_000
"""Characters of one paragraph that are looked at for markup; prose is far below."""
_MOST_BRACKETS = 100
"""Opening brackets from which links stay as written: looking for their ends takes the square."""


def _inline() -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


_INLINE = _inline()
_WITHOUT_LINKS = _inline().disable(["link", "image"])
_MARKED = re.compile(r"[`*_\[<\\&]")
_FORMATTING = re.compile(r"</?(?:b|i|u|s|em|strong|sub|sup|small|kbd|code|a|span)(?:\s[^>]*)?>")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, or one code span. `row` counts the lines of the source above it."""

    text: str
    is_code: bool
    row: int


def plain(content: str) -> str:
    """The text without emphasis, links, backticks and HTML comments; line breaks stay.

    >>> plain("**91.5%** of `a` <!-- TS201 -->")
    '91.5% of a'
    """
    return "".join(piece.text for piece in pieces(content)).strip()


def pieces(content: str) -> list[Piece]:
    """The text cut into runs of prose and code spans, in order."""
    if len(content) > LONGEST or not _MARKED.search(content):
        return [Piece(content, False, 0)]
    found: list[Piece] = []
    flat = content.replace("\n", " ")
    position = row = 0
    for token in _children(content):
        if token.type == "code_inline":
            # The parser keeps no offsets: find the span in the source for its line.
            start = max(position, flat.find(token.content, position))
            row += content.count("\n", position, start)
            found.append(Piece(token.content.strip(), True, row))
            row += content.count("\n", start, start + len(token.content))
            position = start + len(token.content)
        else:
            found.append(Piece(_seen(token), False, row))
    return found


def _children(content: str) -> list[Token]:
    parser = _WITHOUT_LINKS if content.count("[") > _MOST_BRACKETS else _INLINE
    return [child for token in parser.parseInline(content) for child in token.children or []]


def _seen(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    if token.type == "html_inline":
        if _BREAK.fullmatch(token.content):
            return " "
        hidden = token.content.startswith("<!--") or _FORMATTING.fullmatch(token.content)
        return "" if hidden else token.content
    if token.type in ("text", "text_special", "image"):
        return token.content
    return ""
